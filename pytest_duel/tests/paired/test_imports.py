"""Whose modules an arm imports, whatever else offers them."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from pytest_duel.support import harness

SCRIPT = """
import importlib.util, json, os, sys
from pytest_duel.paired import imports
{before}
finder = imports.install(json.loads(sys.argv[1]), json.loads(sys.argv[2]))
sys.path.insert(0, sys.argv[3])
{body}
"""


def ran(
    body: str,
    modules: dict[str, str],
    elsewhere: Path,
    tests: dict[str, str],
    before: str = "",
    python: Path | str = sys.executable,
) -> str:
    """Run statements in a process whose finder knows an arm; return what they print.

    Those in `before` run earlier. The process is started in the folder `elsewhere`, as workers are
    in the head's tree.
    """
    code = SCRIPT.format(body=body, before=before)
    arguments = [json.dumps(modules), json.dumps(tests), str(elsewhere)]
    path = harness.search_path(*modules.values())
    done = subprocess.run(
        [str(python), "-P", "-c", code, *arguments], capture_output=True, text=True,
        check=False, timeout=60, env={"PYTHONPATH": path}, cwd=elsewhere,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def made(folder: Path, **modules: str) -> Path:
    """Write modules; two underscores in a name part folders, and `init` is a package's own."""
    for name, text in modules.items():
        parts = ["__init__" if part == "init" else part for part in name.split("__")]
        path = folder.joinpath(*parts).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


EDITABLE = """
class Editable:  # as setuptools and meson-python install themselves
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] != "toy":
            return None
        home = sys.argv[3] + "/" + name.replace(".", "/")
        file = home + "/__init__.py" if os.path.isdir(home) else home + ".py"
        return importlib.util.spec_from_file_location(name, file) if os.path.exists(file) else None
sys.meta_path.append(Editable)
"""


def test_the_arm_comes_before_a_path_and_an_editable_install(tmp_path: Path) -> None:
    own = made(tmp_path / "own", toy__init="WHOSE = 'own'", toy__part="WHOSE = 'own'")
    other = made(tmp_path / "other", toy__init="WHOSE = 'other'", toy__part="WHOSE = 'other'",
                 toy__new="")  # fmt: skip
    body = (
        EDITABLE
        + """
import toy, toy.part
try:
    import toy.new
    found = "found"
except ModuleNotFoundError as error:
    found = error.name
print(toy.WHOSE, toy.part.WHOSE, found, finder.foreign(), *finder.loaded())
"""
    )
    said = ran(body, {"toy": str(own)}, other, {})
    assert said == "own own toy.new None toy toy.part"


BUILDING = """
class Building:  # what it is asked for, it compiles first, as meson-python's does
    def find_spec(self, name, path=None, target=None):
        assert name.partition(".")[0] != "toy"
    def find_distributions(self, context):
        return ["found"]
sys.meta_path[:0] = [Building()]
"""


def test_finders_that_were_there_first_are_not_asked_for_the_arms_modules(tmp_path: Path) -> None:
    own = made(tmp_path / "own", toy__init="")
    body = """
import toy
print(importlib.util.find_spec("toy.fast"), importlib.util.find_spec("wave").name)
print(sys.meta_path[1].find_distributions(None))
"""
    said = ran(body, {"toy": str(own)}, tmp_path, {}, before=BUILDING)
    assert said.split("\n") == ["None wave", "['found']"]


FIRST = """
import importlib.util, sys
class Editable:  # as scikit-build-core and meson-python install themselves
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "toy":
            return importlib.util.spec_from_file_location(name, {file!r})
sys.meta_path.insert(0, Editable)
"""
CHILD = """
import subprocess
asked = "import sys, toy, sitecustomize; print(toy.WHOSE, sitecustomize.WHOSE, *sys.path[1:2])"
print(subprocess.check_output([sys.executable, "-c", asked], text=True))
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """Return the interpreter of an environment in which nothing is installed."""
    home = tmp_path / "env"
    venv.create(home, symlinks=os.name != "nt")
    return home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def test_children_of_a_worker_import_the_arms_modules_too(tmp_path: Path, python: Path) -> None:
    own = made(tmp_path / "own", toy="WHOSE = 'own'", sitecustomize="WHOSE = 'still there'")
    other = made(tmp_path / "other", toy="WHOSE = 'other'")
    site = next(python.parents[1].rglob("site-packages"))
    made(site, _editable=FIRST.format(file=str(other / "toy.py")))
    (site / "_editable.pth").write_text("import _editable\n")
    assert ran(CHILD, {"toy": str(own)}, other, {}, python=python) == f"own still there {other}"


def test_children_of_a_worker_import_extension_modules_from_where_they_are_placed(
    tmp_path: Path, python: Path
) -> None:
    """As a pool of processes that a benchmark starts."""
    own = made(
        tmp_path / "own", pack__init="", pack__core="WHOSE = 'as it was built'",
        sitecustomize="WHOSE = 'still there'",
    )  # fmt: skip
    placed = made(tmp_path / "placed", core="WHOSE = 'placed'")
    child = CHILD.replace("toy, ", "pack.core as toy, ")
    given = {"pack.core": str(placed / "core.py")}
    body = f"imports.finders.tell_children({{}}, {{}}, {given!r})\n{child}"
    said = ran(body, {"pack": str(own)}, tmp_path, {}, python=python)
    assert said == f"placed still there {own}"


def test_children_are_left_alone_where_there_is_no_code_to_measure(
    tmp_path: Path, python: Path
) -> None:
    said = ran("print(os.environ['PYTHONPATH'])", {}, tmp_path, {}, python=python)
    assert said == harness.search_path()


COMMAND = """
import subprocess
command = [sys.executable, {options}]
print(subprocess.check_output(command, text=True, cwd=sys.argv[3]).strip())
"""
POOL = """
import multiprocessing
with multiprocessing.get_context({kind!r}).Pool(1) as pool:
    print(pool.apply(eval, ["__import__('toy').WHOSE"]))
"""
WAYS = {
    "-c": COMMAND.format(options="'-c', 'import toy; print(toy.WHOSE)'"),
    "-m": COMMAND.format(options="'-m', 'toy'"),
    "script": COMMAND.format(options="'script.py'"),
    "spawn": POOL.format(kind="spawn"),
    "forkserver": POOL.format(kind="forkserver"),
}


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    """Return the trees of both sides. The second is the head's, in which tests run."""
    for name in ("base", "head"):
        whose = f"WHOSE = {name!r}"
        folder = made(tmp_path / name, toy__init=whose, toy__tests__init="",
                      toy__tests__shared=whose, helper=whose,
                      script="import toy\nprint(toy.WHOSE)")  # fmt: skip
        shutil.copy(folder / "script.py", folder / "toy/__main__.py")
    return tmp_path / "base", tmp_path / "head"


@pytest.mark.parametrize("way", WAYS)
def test_children_import_their_sides_modules_wherever_they_are_started(
    way: str, sides: tuple[Path, Path]
) -> None:
    base, head = sides
    assert ran(WAYS[way], {"toy": str(base)}, head, {}) == "base"


def test_children_of_an_interpreter_without_the_harness_do_too(
    sides: tuple[Path, Path], python: Path
) -> None:
    base, head = sides
    body = COMMAND.format(options="'-c', 'import toy; print(toy.WHOSE)'")
    body = body.replace("sys.executable", repr(str(python)))
    lost = "os.environ['PYTHONPATH'] = os.environ['PYTHONPATH'].replace({!r}, '')"
    body = f"{lost.format(os.pathsep + str(harness.HOME))}\n{body}"
    assert ran(body, {"toy": str(base)}, head, {}) == "base"


def test_children_take_tests_within_the_package_from_the_head(sides: tuple[Path, Path]) -> None:
    base, head = sides
    asked = "import toy, toy.tests.shared as one; print(toy.WHOSE, one.WHOSE)"
    body = COMMAND.format(options=f"'-c', {asked!r}")
    said = ran(body, {"toy": str(base)}, head, {"toy.tests": str(head / "toy")})
    assert said == "base head"


def test_children_load_nothing_more_at_their_start(sides: tuple[Path, Path]) -> None:
    """What they import might load the same, and would seem to take less time."""
    base, head = sides
    asked = "import sys; print(*sorted({*sys.modules} - {'__future__'}))"
    body = COMMAND.format(options=f"'-c', {asked!r}")
    plain = f"own = os.environ.pop('PYTHONPATH')\n{body}os.environ['PYTHONPATH'] = own\n"
    first, second = ran(plain + body, {"toy": str(base)}, head, {}).splitlines()
    assert first == second


def test_a_module_from_elsewhere_is_named(tmp_path: Path) -> None:
    own = made(tmp_path / "own", toy="")
    other = made(tmp_path / "other", toy="")
    body = """
spec = importlib.util.spec_from_file_location("toy", sys.argv[3] + "/toy.py")
sys.modules["toy"] = importlib.util.module_from_spec(spec)
print(finder.foreign())
"""
    said = ran(body, {"toy": str(own)}, other, {})
    assert said == f"toy was imported from {other / 'toy.py'}, not from {own}"


def test_tests_within_the_package_come_from_the_head(tmp_path: Path) -> None:
    own = made(tmp_path / "own", toy__init="WHOSE = 'own'", toy__tests__init="",
               toy__tests__test_a="WHOSE = 'own'")  # fmt: skip
    head = made(tmp_path / "head", toy__init="WHOSE = 'head'", toy__tests__init="",
                toy__tests__test_a="WHOSE = 'head'")  # fmt: skip
    body = "import toy, toy.tests.test_a as t; print(toy.WHOSE, t.WHOSE, finder.foreign())"
    said = ran(body, {"toy": str(own)}, head, {"toy.tests": str(head / "toy")})
    assert said == "own head None"


def test_a_namespace_has_the_parts_of_others(tmp_path: Path) -> None:
    own = made(tmp_path / "own", space__mine="WHOSE = 'own'")
    other = made(tmp_path / "other", space__mine="WHOSE = 'other'", space__theirs="")
    body = "import space.mine, space.theirs; print(space.mine.WHOSE, finder.foreign())"
    assert ran(body, {"space": str(own)}, other, {}) == "own None"


GROWN = """
import space.theirs
sys.path.insert(0, sys.argv[3])  # as pytest does with a folder of tests
import space.mine
print(space.mine.WHOSE)
"""


def test_a_namespace_has_the_own_part_first_though_the_path_grows(tmp_path: Path) -> None:
    own = made(tmp_path / "own", space__mine="WHOSE = 'own'")
    other = made(tmp_path / "other", space__mine="WHOSE = 'other'", space__theirs="")
    assert ran(GROWN, {"space": str(own)}, other, {}) == "own"
    child = GROWN.replace("sys.argv[3]", repr(str(other)))
    body = COMMAND.format(options=f"'-c', {f'import sys{child}'!r}")
    assert ran(body, {"space": str(own)}, other, {}) == "own"


def test_what_is_looked_for_and_not_there_is_not_there(tmp_path: Path) -> None:
    own = made(tmp_path / "own", toy__init="")
    body = "import toy; print(importlib.util.find_spec('toy.fast'))"
    assert ran(body, {"toy": str(own)}, tmp_path, {}) == "None"


def offering(folder: Path, project: str, **points: str) -> Path:
    """Say in a folder that a project is installed there and has these plugins of pytest."""
    about = folder / f"{project}-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 1\n")
    lines = [f"{name} = {module}" for name, module in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[pytest11]", *lines]))
    return folder


ASKED = "print(*finder.foreign_entry_points('pytest11'))"


def test_what_only_another_copy_of_the_project_offers_is_told(tmp_path: Path) -> None:
    own = made(tmp_path / "own", toy__init="", toy__kept="", toy__plug="")
    offering(own, "the_toy", kept="toy.kept")
    other = offering(tmp_path / "other", "The.Toy", kept="toy.kept", new="toy.plug")
    offering(other, "else", theirs="toy.plug", others="json")
    assert ran(ASKED, {"toy": str(own)}, other, {}) == "new"


def test_what_an_arm_that_is_not_installed_lacks_is_told(tmp_path: Path) -> None:
    own = made(tmp_path / "own", toy__init="", toy__kept="")
    points = {"kept": "toy.kept:Kept", "new": "toy.new", "deep": "toy.new.deep", "json": "json"}
    other = offering(tmp_path / "other", "toy", **points)
    assert ran(ASKED, {"toy": str(own)}, other, {}).split() == ["new", "deep"]
