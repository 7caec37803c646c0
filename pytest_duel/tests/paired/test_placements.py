"""Native code that lies elsewhere in each block: what is linked, tried and fallen back to."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from linked import LACKS, built
from pytest_duel.paired import placements
from pytest_duel.paired.arms import links
from pytest_duel.paired.arms.compiled import module_of
from pytest_duel.paired.arms.links import LINKS, LinkError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.placements import Command, Placements, Placer, linker_of, linkers
from pytest_duel.paired.pytest_client import Suite
from strangers import copied, listed

BATCH = 3
needs_linker = pytest.mark.skipif(bool(LACKS), reason=LACKS)


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> tuple[Arm, Arm]:
    """Return the toy extension, and another in which a function is longer."""
    home = tmp_path_factory.mktemp("arms")
    base, head = (copied("extension", home / name) for name in ("base", "head"))
    source = head / "toy.c"
    text = source.read_text()
    more = "volatile long more = rounds * 3; number += more - more;\n    return PyLong"
    source.write_text(text.replace("return PyLong", more))
    return built("base", base, home), built("head", head, home)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placements, "BATCH", BATCH)
    monkeypatch.setattr(placements, "lanes", lambda: [0, 1])


Made = Callable[..., Placements]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Return a function that makes placements by what is given."""

    def made(
        arms: tuple[Arm, Arm], placers: tuple[Placer, Placer], *, common: bool = True
    ) -> Placements:
        folder = tmp_path / f"placed-{common}"
        folder.mkdir()
        return Placements(arms, placers, Suite(tmp_path, tmp_path), "1", folder, common=common)

    return made


def symbols(path: str) -> bytes:
    return Path(path).read_bytes()


@needs_linker
def test_modules_are_linked_anew_for_each_block(arms: tuple[Arm, Arm], made: Made) -> None:
    found = made(arms, linkers(arms, {"toy.so"}))
    found.begin()
    assert found.number == 2 * BATCH + 2  # one for each arm tells how long it takes
    assert not found.failed
    files = [found.of(arm, block).placed["toy"] for arm in arms for block in range(BATCH)]
    assert len({Path(one).read_bytes() for one in files}) == 2 * BATCH
    assert len({len(one) for one in files}) == 1  # paths as long as each other
    assert found.of(arms[0], 2) == replace(arms[0], placed={"toy": files[2]})


@needs_linker
def test_the_only_arm_is_placed_as_well_wherever_its_links_are_kept(
    arms: tuple[Arm, Arm], tmp_path: Path
) -> None:
    site, kept = tmp_path / "site", Path(arms[0].modules["toy"])
    shutil.copytree(kept, site, ignore=shutil.ignore_patterns(LINKS))
    (site / LINKS).symlink_to(kept / LINKS)
    arm, folder = Arm("only", modules={"toy": str(site)}), tmp_path / "placed"
    folder.mkdir()
    linker = linker_of(arm, {"toy.so"})
    tests = Suite(tmp_path, tmp_path)
    found = Placements((arm,), (linker,), tests, "1", folder, at_once=2)
    files = [Path(found.of(arm, block).placed["toy"]) for block in range(3)]
    assert len({one.read_bytes() for one in files}) == 3
    assert found.number == 4


@needs_linker
def test_a_worker_takes_the_module_of_its_block(
    arms: tuple[Arm, Arm], made: Made, tmp_path: Path
) -> None:
    project = copied("extension", tmp_path / "project")
    test = project / "test_extension.py"
    placed = made(arms, linkers(arms, {"toy.so"})).of(arms[0], 2)
    wanted = f"assert toy.__file__ == {placed.placed['toy']!r}\n"
    test.write_text(test.read_text() + wanted)
    assert listed(placed, Suite(project, tmp_path))
    with pytest.raises(AssertionError, match=r"toy\.__file__"):
        listed(arms[0], Suite(project, tmp_path))


@needs_linker
def test_what_would_take_minutes_stays_where_it_is(
    arms: tuple[Arm, Arm], made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placements, "LONGEST", 0.0)
    with pytest.raises(LinkError, match="too long for each block"):
        made(arms, linkers(arms, {"toy.so"})).begin()


@needs_linker
def test_without_knowing_how_it_was_linked_it_stays_where_it_is(
    arms: tuple[Arm, Arm], tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    shutil.copytree(arms[0].modules["toy"], folder, ignore=shutil.ignore_patterns(".links"))
    unknown = replace(arms[0], modules={"toy": str(folder)})
    with pytest.raises(LinkError, match=r"toy\.so: how it was linked is not known"):
        linkers((unknown, arms[1]), {"toy.so"})


def test_what_is_missing_to_link_again_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "on Linux only" in str(links.lacking())
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(links, "linker", lambda folder: None)
    assert "there is no lld" in str(links.lacking())
    monkeypatch.setattr(links, "linker", lambda folder: "ld.lld")
    assert links.lacking() is None


@dataclass
class Written:
    """Writes modules of Python in place of native ones; of some blocks they are wrong."""

    wrong: dict[int, str] = field(default_factory=dict)
    fails: int = sys.maxsize
    """The block from which on nothing can be written."""
    stumbles: set[int] = field(default_factory=set)
    """Blocks that cannot be written the first time."""
    seeds: list[str] = field(default_factory=list)

    def place(self, seed: str, folder: Path) -> dict[str, str]:
        block = len(self.seeds)
        if block >= self.fails or block in self.stumbles:
            self.stumbles.discard(block)
            raise LinkError("no room")
        self.seeds.append(seed)
        folder.mkdir(exist_ok=True)
        path = folder / "toy.py"
        path.write_text(self.wrong.get(block, "__version__ = '1'\n"))
        return {"toy": str(path)}


@pytest.fixture
def plain(tmp_path: Path) -> tuple[Arm, Arm]:
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "toy.py").write_text("__version__ = '1'\n")
    base, head = (Arm(name, modules={"toy": str(folder)}) for name in ("base", "head"))
    return base, head


forks = pytest.mark.skipif(sys.platform == "win32", reason="a process forks for each")


@forks
@pytest.mark.parametrize(("text", "reason"), [
    ("import nothing_of_this_name", "ModuleNotFoundError"),
    ("import os; os.abort()", "dies"),
    ("__version__ = '2'", "another version"),
    ("__version__ = '1'; more = 1", "other names"),
])  # fmt: skip
def test_a_module_that_is_not_as_before_is_not_timed(
    text: str, reason: str, plain: tuple[Arm, Arm], made: Made
) -> None:
    found = made(plain, (Written(), Written({2: text})))
    with pytest.raises(LinkError, match=reason):
        found.begin()


@forks
def test_where_later_ones_fail_no_block_gets_the_placement_of_another(
    plain: tuple[Arm, Arm], made: Made
) -> None:
    found = made(plain, (Written(), Written(fails=BATCH)))
    assert [found.reach(block) for block in range(2 * BATCH)] == [True] * BATCH + [False] * BATCH
    assert found.number == 2 * BATCH
    assert found.failed == "no room"
    with pytest.raises(LinkError, match="no room"):
        found.of(plain[0], BATCH)


@forks
def test_what_fails_once_is_tried_again(plain: tuple[Arm, Arm], made: Made) -> None:
    found = made(plain, (Written(), Written(stumbles={BATCH})))
    assert all(found.reach(block) for block in range(2 * BATCH))
    assert not found.failed


@forks
def test_files_of_blocks_that_are_over_are_removed(plain: tuple[Arm, Arm], made: Made) -> None:
    found = made(plain, (Written(), Written()))
    files = [Path(found.of(plain[0], block).placed["toy"]) for block in range(4 * BATCH)]
    assert [one.exists() for one in files] == [False] * BATCH * 2 + [True] * BATCH * 2


@forks
@pytest.mark.parametrize("common", [True, False])
def test_sides_draw_alike_unless_each_is_to_draw_its_own(
    plain: tuple[Arm, Arm], made: Made, *, common: bool
) -> None:
    placers = Written(), Written()
    made(plain, placers, common=common).begin()
    assert (placers[0].seeds == placers[1].seeds) is common
    assert len(set(placers[0].seeds)) == BATCH


def test_a_command_writes_modules_where_they_belong(tmp_path: Path) -> None:
    command = "sh -c 'mkdir {target}/pack; echo {seed} > {target}/pack/core.so'"
    own = Command(command, tmp_path, ("pack/core.so",))
    first, again, other = (
        own.place(seed, tmp_path / f"{number}")["pack.core"]
        for number, seed in enumerate(("1", "1", "2"))
    )
    assert first == str(tmp_path / "0/pack/core.so")
    assert symbols(first) == symbols(again) != symbols(other)
    assert 0 <= int(symbols(first)) < 2**31


@pytest.mark.parametrize(("command", "reason"), [
    ("true {seed} {target}", "did not write core.so"),
    ("sh -c 'echo bad >&2; exit 3' {seed} {target}", "failed: bad"),
    ("no-such-program {seed} {target}", "No such file"),
])  # fmt: skip
def test_a_command_that_does_not_do_so_is_told(command: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(LinkError, match=reason):
        Command(command, tmp_path, ("core.so",)).place("1", tmp_path / "target")


@pytest.mark.parametrize(("name", "module"), [
    ("toy.abi3.so", "toy"),
    ("pack/inner/core.cpython-311-x86_64-linux-gnu.so", "pack.inner.core"),
])  # fmt: skip
def test_a_file_is_the_module_that_its_name_says(name: str, module: str) -> None:
    assert module_of(name) == module
