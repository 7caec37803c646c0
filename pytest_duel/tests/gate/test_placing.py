"""What a gate does about the place of native code, and what it says of it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from linked import INCLUDED, LACKS, built
from pytest_duel.gate.placing import Placing, placing
from pytest_duel.paired import placements
from pytest_duel.paired.arms.links import LINKS
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import Suite
from strangers import copied

pytestmark = pytest.mark.skipif(bool(LACKS), reason=LACKS)

Both = tuple[Path, Path]


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Return the sources of a toy extension, and of another that works longer."""
    home = tmp_path_factory.mktemp("trees")
    base, head = (copied("extension", home / name) for name in ("base", "head"))
    source = head / "toy.c"
    source.write_text(source.read_text().replace("ROUNDS 20000", "ROUNDS 60000"))
    return base, head


@pytest.fixture(scope="module")
def arms(trees: Both, tmp_path_factory: pytest.TempPathFactory) -> tuple[Arm, Arm]:
    cache = tmp_path_factory.mktemp("cache")
    return built("base", trees[0], cache), built("head", trees[1], cache)


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placements, "BATCH", 2)


def placed(
    arms: tuple[Arm, Arm], trees: Both, scratch: Path, command: str | None = None
) -> Placing:
    return placing(arms, trees, Suite(trees[1], scratch), command, 1, lambda _: None)


def test_native_code_that_is_the_same_on_both_sides_stays_where_it_is(
    arms: tuple[Arm, Arm], trees: Both, tmp_path: Path
) -> None:
    same = placed((arms[0], replace(arms[0], name="head")), trees, tmp_path)
    assert same == Placing()
    assert same.said() == same.warned() == []


def test_benchmarks_that_are_not_the_same_are_placed_although_the_code_is(
    arms: tuple[Arm, Arm], trees: Both, tmp_path: Path
) -> None:
    both = arms[0], replace(arms[0], name="head")
    suite = Suite(trees[1], tmp_path)
    found = placing(both, trees, suite, None, 1, lambda _: None, apart=True)
    assert found.placements is not None
    assert found.said()[0].startswith("each side has a benchmark of its own, so native code")
    files = [found.placements.of(arm, block).placed["toy"] for arm in both for block in (0, 1)]
    base, again, head, _ = (Path(one).read_bytes() for one in files)
    assert base == head != again


def test_a_report_says_what_was_done_and_what_it_took(
    arms: tuple[Arm, Arm], trees: Both, tmp_path: Path
) -> None:
    found = placed(arms, trees, tmp_path)
    (said,) = found.said()
    assert said.count(". ") == 2
    assert "6 links" in said
    assert found.warned() == []
    assert found.placements is not None
    found.placements.failed = "no room"
    assert "no room" in found.warned()[0]


def test_a_report_says_why_nothing_was_done(
    arms: tuple[Arm, Arm], trees: Both, tmp_path: Path
) -> None:
    folder = tmp_path / "installed"
    shutil.copytree(arms[0].modules["toy"], folder, ignore=shutil.ignore_patterns(LINKS))
    unknown = replace(arms[0], modules={"toy": str(folder)})
    found = placed((unknown, arms[1]), trees, tmp_path)
    assert found.placements is None
    assert found.why_not.startswith("toy.so: how it was linked is not known")


def test_a_command_works_in_a_copy_of_each_sides_sources(
    arms: tuple[Arm, Arm], trees: Both, tmp_path: Path
) -> None:
    before = [sorted(path.name for path in tree.iterdir()) for tree in trees]
    build = f"cc -shared -fPIC -I{INCLUDED} toy.c -o {{target}}/toy.so -DSEED={{seed}} -MD"
    found = placed(arms, trees, tmp_path, build)
    assert found.placements is not None, found.why_not
    assert found.placements.number == 4  # a command may take its time: it is not tried before
    assert [sorted(path.name for path in tree.iterdir()) for tree in trees] == before
    wrong = placed(arms, trees, tmp_path / "placed", "true {seed} {target}")
    assert "did not write toy.so" in wrong.why_not
