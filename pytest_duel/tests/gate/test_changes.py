"""What a reviewer is told besides the verdicts: settings, lock files, compiled code."""

import importlib.machinery
from pathlib import Path

import pytest

from pytest_duel.gate.changes import (
    Placement,
    about_drivers,
    about_filters,
    about_locks,
    about_placement,
    about_settings,
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
    assert list(about_locks([base], [head])) == []
    (head / "uv.lock").unlink()
    if content:
        (head / "uv.lock").write_text(content)
    (told,) = about_locks([base], [head])
    assert told.startswith("uv.lock differs")


def test_a_conftest_that_differs_is_named(trees: tuple[Path, Path]) -> None:
    base, head = trees
    assert list(about_drivers(base, head)) == []
    (head / "toy/conftest.py").write_text("")
    (told,) = about_drivers(base, head)
    assert told.endswith(": toy/conftest.py")
    (base / "toy/conftest.py").write_text("")
    assert list(about_drivers(base, head)) == []


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
