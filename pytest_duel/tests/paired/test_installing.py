"""Installing an arm: what is kept, and what is in the sources that is no file."""

import json
import os
import shlex
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest
from filelock import FileLock

from pytest_duel.paired.arms import builds, cache, copies
from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.arms.modules import modules_in, modules_in_tree, suggested
from pytest_duel.paired.arms.recipe import NONE, PIP, InstallError, Recipe
from pytest_duel.support.tracing import TRACING
from strangers import copied

COPY = Recipe(install="cp -r toy {target}")


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return copied("flat", tmp_path / "toy")


def home(toy: Path, cache: Path) -> Path:
    """Return where the toy is installed."""
    return Path(install(toy, COPY, cache).modules["toy"])


def test_equal_sources_share_an_install(toy: Path, tmp_path: Path) -> None:
    found = home(toy, tmp_path)
    before = found.stat().st_ino
    assert home(toy, tmp_path) == found
    assert found.stat().st_ino == before
    (toy / "toy/more.py").write_text("")
    assert home(toy, tmp_path) != found


@pytest.mark.parametrize("name", ["CFLAGS", "RUSTC", "RUSTC_WRAPPER", "CARGO_PROFILE_RELEASE_LTO"])
def test_what_a_build_depends_on_makes_another_install(
    name: str, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name, raising=False)
    found = home(toy, tmp_path)
    monkeypatch.setenv(name, "x")
    assert home(toy, tmp_path) != found


def test_a_variable_that_the_sources_read_makes_another_install(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (toy / "setup.py").write_text("import os\nos.environ.get('TOY_COMPILE')\n")
    monkeypatch.delenv("TOY_COMPILE", raising=False)
    plain = home(toy, tmp_path)
    monkeypatch.setenv("TOY_COMPILED", "1")  # of something else
    assert home(toy, tmp_path) == plain
    monkeypatch.setenv("TOY_COMPILE", "1")
    assert home(toy, tmp_path) != plain


@pytest.mark.parametrize("damage", ["changed", "more", "file", "link", "unknown", "broken"])
def test_a_kept_install_that_was_damaged_heals(damage: str, toy: Path, tmp_path: Path) -> None:
    found = home(toy, tmp_path)
    record = found.with_name(f"{found.name}.json")
    elsewhere = tmp_path / "elsewhere"
    match damage:
        case "changed":
            (found / "toy/__init__.py").write_text("")
        case "more":
            (found / "late.py").write_text("")
        case "file" | "link":
            found.rename(elsewhere)
            found.write_text("") if damage == "file" else found.symlink_to(elsewhere)
        case "unknown":
            record.unlink()
        case "broken":
            record.write_text(json.dumps([1]))
    assert home(toy, tmp_path) == found
    assert (found / "toy/__init__.py").read_text() == (toy / "toy/__init__.py").read_text()
    assert not found.is_symlink()
    assert not (found / "late.py").exists()
    if damage == "link":
        assert (elsewhere / "toy").is_dir()


def test_links_to_nothing_and_pipes_are_left_out_of_a_build(toy: Path, tmp_path: Path) -> None:
    (toy / "toy/.#a.py").symlink_to("user@host.1234:5678")
    os.mkfifo(toy / "toy/pipe")
    found = home(toy, tmp_path)
    assert not {".#a.py", "pipe"} & {path.name for path in (found / "toy").iterdir()}


def test_a_link_to_an_endless_device_is_refused(toy: Path, tmp_path: Path) -> None:
    (toy / "toy/data").symlink_to("/dev/zero")
    with pytest.raises(InstallError, match="data is a link to /dev/zero"):
        home(toy, tmp_path)
    assert not [path for path in (tmp_path / "installs").iterdir() if path.is_dir()]


def test_a_link_to_the_folder_that_holds_it_is_no_package(toy: Path, tmp_path: Path) -> None:
    (toy / "here").symlink_to(".")
    (toy / "above").symlink_to("..")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "module.py").touch()
    (toy / "linked").symlink_to(tmp_path / "elsewhere")
    found = modules_in(toy)
    assert "here" not in found
    assert "above" not in found
    assert {"linked", "toy"} <= set(found)


@pytest.mark.parametrize("text", [
    "def test_it(benchmark):\n    benchmark(list)\n",
    "class TestIt:\n    pass\n",
    "import x\n\n\nasync def test_it():\n    pass\n",
])  # fmt: skip
def test_a_file_of_tests_beside_the_modules_is_none_of_them(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.py").touch()
    (tmp_path / "test_mine.py").write_text(text)
    (tmp_path / "bench_tools.py").write_text("def prepared():\n    pass\n")  # called like tests
    assert sorted(modules_in_tree(tmp_path)) == ["bench_tools", "mine"]


@pytest.mark.parametrize(("files", "how"), [
    ({"setup.cfg": "[flake8]\n"}, NONE),
    ({"setup.cfg": "[metadata]\n", "pyproject.toml": ""}, PIP),
    ({"setup.py": ""}, PIP),
    ({"pyproject.toml": "[tool.pytest-duel]\n"}, NONE),
    ({"pyproject.toml": "[project]\n"}, PIP),
])  # fmt: skip
def test_what_pip_would_call_no_project_is_not_built(
    files: dict[str, str], how: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert suggested(tmp_path) == how


def test_sources_that_change_while_they_are_built(toy: Path, tmp_path: Path) -> None:
    more = Recipe(install=f"sh -c 'cp -r toy {{target}}; echo >> {toy}/toy/__init__.py'")
    with pytest.raises(InstallError, match="changed while"):
        install(toy, more, tmp_path)
    assert not [path for path in (tmp_path / "installs").iterdir() if path.is_dir()]


@pytest.mark.parametrize("folder", ["target", "dist", "tests", "benches", "build"])
def test_sources_count_whatever_their_folder_is_called(
    folder: str, toy: Path, tmp_path: Path
) -> None:
    keys = set()
    (toy / "toy" / folder).mkdir()
    for text in ("1", "2"):
        (toy / "toy" / folder / "code.py").write_text(text)
        keys.add(cache._key(copies.Sources(toy, toy), COPY))
    assert len(keys) == 2


def test_a_folder_that_a_link_leads_to_counts_and_comes_along(toy: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (toy / "toy/shared").symlink_to("../../shared")
    found = set()
    for text in ("1", "2"):
        (shared / "code.py").write_text(text)
        found.add(home(toy, tmp_path))
        assert (home(toy, tmp_path) / "toy/shared/code.py").read_text() == text
    assert len(found) == 2


def test_what_a_killed_build_left_goes_with_the_next(toy: Path, tmp_path: Path) -> None:
    left = tmp_path / "installs/building-0"
    (left / "source").mkdir(parents=True)
    home(toy, tmp_path)
    assert not left.exists()


def test_builds_share_a_place_unless_another_process_holds_it(toy: Path, tmp_path: Path) -> None:
    recipe = Recipe(install="sh -c 'cp -r toy {target} && pwd > {target}/toy/told.txt'")
    places = []
    for text in ("one", "two", "three"):
        (toy / "toy/more.py").write_text(text)
        held = (
            FileLock(tmp_path / "installs/building-0.lock") if text == "three" else nullcontext()
        )
        with held:
            (folder,) = install(toy, recipe, tmp_path).modules.values()
        places.append(Path(folder, "toy/told.txt").read_text())
    assert places[0] == places[1] != places[2]


def test_a_build_leaves_nothing_where_temporary_files_lie(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    script = "mktemp && mktemp -d && cp -r toy {target}"
    recipe = Recipe(install=f"sh -c {shlex.quote(script)}")
    assert install(toy, recipe, tmp_path / "cache").modules.keys() == {"toy"}
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.parametrize(
    ("names", "stays_behind"),
    [
        (["lib"], True),
        (["lib.linux-x86_64-cpython-311", "temp.linux-x86_64-cpython-311"], True),
        (["bdist.linux-x86_64", "lib"], True),
        (["lib", "own"], False),
        (["library"], False),
        ([], False),
    ],
)
def test_what_setuptools_has_built_before_stays_behind(
    names: list[str], stays_behind: bool, toy: Path, tmp_path: Path
) -> None:
    for name in names:
        (toy / "build" / name / "toy").mkdir(parents=True)
        (toy / "build" / name / "toy/gone.py").touch()
    (toy / "build").mkdir(exist_ok=True)
    (toy / "toy/build/lib").mkdir(parents=True)  # a package of this name is no such folder
    copies.copy(toy, tmp_path / "copy")
    assert (tmp_path / "copy/build").exists() != stays_behind
    assert (tmp_path / "copy/toy/build/lib").is_dir()


@pytest.mark.parametrize("given", builds.SHARED)
def test_builds_share_no_folder_with_what_was_compiled(
    given: str, toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in builds.SHARED:
        monkeypatch.delenv(name, raising=False)
    script = f"cp -r toy {{target}} && echo ${given} > {{target}}/toy/told.txt"
    recipe = Recipe(install=f"sh -c {shlex.quote(script)}")

    def told(text: str) -> str:
        (toy / "toy/more.py").write_text(text)
        (folder,) = install(toy, recipe, tmp_path / "cache").modules.values()
        return Path(folder, "toy/told.txt").read_text().strip()

    # A command of the user's own may count on the usual place.
    assert told("one") == ""
    monkeypatch.setenv(given, str(tmp_path / "shared"))
    places = {told("two"), told("three"), str(tmp_path / "shared")}
    assert len(places) == 3


def test_what_was_compiled_of_newer_files_is_not_taken_for_older_ones(
    toy: Path, tmp_path: Path
) -> None:
    # As cargo does where its settings name a folder for all projects.
    kept, source = tmp_path / "kept", toy / "toy/__init__.py"
    script = (
        f"if ! [ {kept}/toy/__init__.py -nt toy/__init__.py ]; then cp -r toy {kept}; fi; "
        f"cp -r {kept}/toy {{target}}"
    )
    recipe = Recipe(install=f"sh -c {shlex.quote(script)}")
    kept.mkdir()
    for seconds, text in enumerate(("NEWER = 1", "OLDER = 1")):
        source.write_text(text)
        os.utime(source, (1_700_000_000 - seconds, 1_700_000_000 - seconds))
        (folder,) = install(toy, recipe, tmp_path / "cache").modules.values()
        assert Path(folder, "toy/__init__.py").read_text() == text


def test_a_project_whose_modules_are_called_as_pips_are_installs(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)  # no uv
    (toy / "pip.py").write_text("raise SystemExit('not this one')\n")
    builds.run_build([*builds.installer().program, "--version"], toy, Recipe())


def test_builds_are_not_traced(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in TRACING:
        monkeypatch.setenv(name, "1")
    script = f"import os; assert not {{*os.environ}} & {{*{TRACING}}}, [*os.environ]"
    builds.run_build([sys.executable, "-c", script], toy, Recipe())


def test_commands_of_two_gates_do_not_run_at_the_same_time(toy: Path, tmp_path: Path) -> None:
    # As where cargo's settings name one folder for all projects: what the one has compiled there
    # must still be there when it is copied.
    other = copied("flat", tmp_path / "other")
    kept = tmp_path / "kept"
    kept.mkdir()
    script = (
        f"mkdir {kept}/busy && cp toy/__init__.py {kept} && sleep 0.2 && cp -r toy {{target}} && "
        f"cp {kept}/__init__.py {{target}}/toy && rmdir {kept}/busy"
    )
    recipe = Recipe(install=f"sh -c {shlex.quote(script)}")
    for folder in (toy, other):
        (folder / "toy/__init__.py").write_text(f"WHOSE = {folder.name!r}")
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda one: install(one, recipe, tmp_path / "cache"), (toy, other)))
    for folder, one in zip((toy, other), found, strict=True):
        text = Path(one.modules["toy"], "toy/__init__.py").read_text()
        assert text == f"WHOSE = {folder.name!r}"


@pytest.mark.parametrize(("said", "is_offline"), [
    ("Temporary failure in name resolution", True),
    ("failed to lookup address information: Name or service not known", True),
    ("no such compiler", False),
])  # fmt: skip
def test_where_there_is_no_network_an_install_that_fails_says_what_helps(
    said: str, is_offline: bool, toy: Path, tmp_path: Path
) -> None:
    recipe = Recipe(install=f"sh -c 'echo {said} >&2; exit 1 # {{target}}'")
    with pytest.raises(InstallError, match=said) as caught:
        install(toy, recipe, tmp_path)
    assert ("BUILD_ISOLATION" in str(caught.value)) == is_offline
