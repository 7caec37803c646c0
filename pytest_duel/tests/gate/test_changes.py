"""What a reviewer is told besides the verdicts: settings, lock files, compiled code."""

import importlib.machinery
from pathlib import Path

import pytest

from pytest_duel.gate.changes import (
    Placement,
    about_code,
    about_dependencies,
    about_drivers,
    about_filters,
    about_install,
    about_placement,
    about_settings,
    about_tests,
    altered,
    is_rebuilt,
)
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.contests import Arm

SUFFIX = importlib.machinery.EXTENSION_SUFFIXES[0]
NAME = "bench/test_clear.py::test_clear[rust-5]"


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("base", "head"):
        (tmp_path / name / "toy").mkdir(parents=True)
        (tmp_path / name / "toy" / f"fast{SUFFIX}").write_bytes(b"code")
        (tmp_path / name / "uv.lock").write_text("1")
    return tmp_path / "base", tmp_path / "head"


def arms(trees: tuple[Path, Path]) -> tuple[Arm, Arm]:
    base, head = (Arm(tree.name, modules={"toy": str(tree)}) for tree in trees)
    return base, head


def test_each_setting_that_a_change_alters_is_named() -> None:
    assert list(about_settings(Settings(), Settings())) == []
    (told,) = about_settings(Settings(), Settings(budget=1.0))
    assert "'budget'" in told
    assert list(about_settings(None, Settings(budget=1.0))) == []


@pytest.mark.parametrize("content", ["2", None])
def test_a_lock_file_that_differs_is_named(trees: tuple[Path, Path], content: str | None) -> None:
    base, head = trees
    assert list(about_dependencies(base, head)) == []
    (head / "uv.lock").unlink()
    if content:
        (head / "uv.lock").write_text(content)
    (told,) = about_dependencies(base, head)
    assert told.startswith("uv.lock differs")


@pytest.mark.parametrize("name", ["requirements-dev.txt", "requirements/base.txt"])
def test_a_file_of_requirements_that_one_side_lacks_is_named(
    trees: tuple[Path, Path], name: str
) -> None:
    for tree in trees:
        (tree / "requirements").mkdir()
    (trees[0] / name).write_text("numpy")
    (told,) = about_dependencies(*trees)
    assert told.startswith(f"{name} differs")


DECLARED = """
[project]
name = "toy"
version = "1"
dependencies = ["numpy>=2", "scipy"]
[project.optional-dependencies]
fast = ["numba"]
"""


@pytest.mark.parametrize(("file", "before", "after", "said"), [
    ("pyproject.toml", DECLARED, DECLARED.replace(">=2", ">=3"), "project.dependencies of"),
    ("pyproject.toml", DECLARED, DECLARED.replace("numba", "numba>=1"), "optional-dependencies"),
    ("pyproject.toml", DECLARED, '[project]\nname = "toy"', "optional-dependencies"),
    ("setup.cfg", "[options]\ninstall_requires =\n  a\n", "[options]\nx = 1", "install_requires"),
    ("setup.cfg", "[options.extras_require]\nx = a\n", "", "options.extras_require of"),
    ("setup.py", "setup(install_requires=['a'])", "setup(install_requires=['a>2'])",
     "install_requires of"),
    ("setup.py", "N = ['a']\nsetup(extras_require={'x': N})",
     "N = ['b']\nsetup(extras_require={'x': N})", "extras_require of"),
])  # fmt: skip
def test_a_declared_dependency_that_differs_is_named(
    trees: tuple[Path, Path], file: str, before: str, after: str, said: str
) -> None:
    for tree in trees:
        (tree / "inner").mkdir()
        (tree / "inner" / file).write_text(before)
    assert list(about_dependencies(*trees, [".", "inner"])) == []
    (trees[1] / "inner" / file).write_text(after)
    assert list(about_dependencies(*trees)) == []
    told = list(about_dependencies(*trees, [".", "inner"]))
    assert any(said in one and f"inner/{file} differs" in one for one in told)


def test_the_order_of_dependencies_and_what_else_a_file_says_is_nothing(
    trees: tuple[Path, Path],
) -> None:
    other = DECLARED.replace('"numpy>=2", "scipy"', '"scipy", "numpy>=2"').replace('"1"', '"2"')
    for tree, text in zip(trees, (DECLARED, other), strict=True):
        (tree / "pyproject.toml").write_text(text)
    assert list(about_dependencies(*trees)) == []
    (trees[1] / "pyproject.toml").write_text("no TOML")  # what reads the settings says so
    assert any("project.dependencies" in one for one in about_dependencies(*trees))


def test_a_conftest_that_differs_is_named(trees: tuple[Path, Path]) -> None:
    base, head = trees
    assert list(about_drivers(base, head)) == []
    (head / "toy/conftest.py").write_text("")
    (told,) = about_drivers(base, head)
    assert told.endswith(": toy/conftest.py")
    (base / "toy/conftest.py").write_text("")
    assert list(about_drivers(base, head)) == []


def test_files_of_tests_are_named_where_others_import_them(trees: tuple[Path, Path]) -> None:
    base, head = trees
    texts = {
        "test_bench.py": "from test_shared import make_data",
        "test_shared.py": "from .inner import test_deep",
        "test_deep.py": "",
        "test_named.py": "",
        "test_idle.py": "import test_idle",
        "helper.py": "pytest_plugins = ['toy.test_named']",
    }
    for tree in trees:
        for name, text in texts.items():
            (tree / name).write_text(text)
    loaded = [str(head / name) for name in texts]
    tests = [str(head / name) for name in texts if name.startswith("test_")]
    measured = str(head / "test_bench.py")
    assert list(about_drivers(base, head, loaded, tests, [measured])) == []
    for name in texts:
        (head / name).write_text(f"{texts[name]}\nSIZE = 1")
    (told,) = about_drivers(base, head, loaded, tests, [measured])
    assert told.endswith(": helper.py, test_deep.py, test_named.py, test_shared.py")
    # What imports nothing is named by nobody, nor is what cannot be read.
    (head / "test_bench.py").write_text("no Python (")
    (told,) = about_drivers(base, head, loaded, tests, [measured])
    assert told.endswith(": helper.py, test_named.py")


def test_another_way_to_install_is_named() -> None:
    assert list(about_install("pip", "pip")) == []
    (told,) = about_install("pip", "cp -r old {target}")
    assert "from 'pip' to 'cp -r old {target}'" in told


def test_a_setting_of_the_head_or_given_by_hand() -> None:
    after = Settings(placements="place {seed} {target}", budget=1.0)
    (told,) = about_settings(Settings(), after, ("budget",), given=("budget",))
    assert "'placements'; what the head says holds for both sides" in told


TESTS = """
import pytest
from toy import busy as work

SIZE = 3


@pytest.fixture
def data():
    return make(SIZE)


def make(size):
    return [1] * size


@pytest.fixture(autouse=True)
def calm():
    pass


@pytest.mark.parametrize("size", [1])
def test_plain(benchmark, size):
    benchmark(len, ())


class TestInner:
    def test_inner(self, benchmark, data):
        benchmark(self.go, data)

    def go(self, data):
        return work(data)
"""
PLAIN, INNER, MADE = "t.py::test_plain[1]", "t.py::TestInner::test_inner", "t.py::test_made"


@pytest.mark.parametrize(("change", "found"), [
    (("", ""), []),
    (("import pytest", "import os\nimport pytest"), [MADE]),
    (("import pytest", "import  pytest  # again"), [MADE]),
    (("SIZE = 3", "SIZE = 30"), [INNER, MADE]),
    (("return make(SIZE)", "return make(9)"), [INNER, MADE]),
    (("return [1] * size", "return [0] * size"), [INNER, MADE]),
    (("return work(data)", "return work(data[:1])"), [INNER, MADE]),
    (("busy as work", "idle as work"), [INNER, MADE]),
    (("import pytest", "try:\n    import toy\nexcept ImportError:\n    work = 1\nimport pytest"),
     [INNER, MADE]),
    (("    pass", "    import time"), [PLAIN, INNER, MADE]),
    (('"size", [1]', '"size", [1, 2]'), [MADE]),
    (("size):\n    benchmark(len, ())", "size):\n    benchmark(max, (1,))"), [PLAIN, MADE]),
    (("self, benchmark, data):\n", "self, benchmark, data):\n        return\n"), [INNER, MADE]),
    (("import pytest", "import pytest ("), [PLAIN, INNER, MADE]),
])  # fmt: skip
def test_a_benchmark_that_is_rewritten_is_named(
    trees: tuple[Path, Path], change: tuple[str, str], found: list[str]
) -> None:
    (trees[0] / "t.py").write_text(TESTS)
    (trees[1] / "t.py").write_text(TESTS.replace(*change, 1))
    paths = dict.fromkeys((PLAIN, INNER, MADE), str(trees[1] / "t.py"))
    assert altered(paths, *trees) == found
    assert list(about_tests([], [])) == []
    told = list(about_tests([PLAIN], [INNER]))
    assert [PLAIN in told[0], INNER in told[1]] == [True, True]


def test_that_both_sides_have_the_same_code_is_told(trees: tuple[Path, Path]) -> None:
    assert len(list(about_code(*arms(trees)))) == 1
    (trees[1] / "toy" / "__pycache__").mkdir()
    (trees[1] / "toy" / "__pycache__/plain.cpython-313.pyc").write_bytes(b"0")
    assert len(list(about_code(*arms(trees)))) == 1
    (trees[1] / "toy" / "plain.py").write_text("x = 1")
    assert list(about_code(*arms(trees))) == []


def test_files_that_filters_changed_are_named() -> None:
    assert list(about_filters("base", [])) == []
    (told,) = about_filters("base", ["a", "b", "c", "d"])
    assert told.endswith("a, b, c and 1 more")


def test_code_is_rebuilt_where_an_extension_differs(trees: tuple[Path, Path]) -> None:
    assert not is_rebuilt(*arms(trees))
    (trees[1] / "toy" / "plain.py").write_text("x = 1")
    assert not is_rebuilt(*arms(trees))
    (trees[1] / "toy" / f"fast{SUFFIX}").write_bytes(b"other")
    assert is_rebuilt(*arms(trees))


def test_a_floor_is_found_by_the_name_or_by_its_last_part() -> None:
    placement = Placement({"clear[rust-5]": 0.03, "a.py::test_b": 0.2})
    assert placement.bound(NAME) == 0.03
    assert placement.bound("a.py::test_b") == 0.2
    assert placement.bound("a.py::test_c") == 0.0


def test_what_is_known_of_placement_is_told() -> None:
    limits = {NAME: 0.02}
    assert len(list(about_placement(limits, None))) == 1
    assert list(about_placement(limits, Placement({NAME: 0.03}))) == []
    (told,) = about_placement(limits, Placement({NAME: 0.06}))
    assert NAME in told
    (told,) = about_placement(limits, Placement({NAME: 0.03}, elsewhere=True))
    assert "another machine" in told
