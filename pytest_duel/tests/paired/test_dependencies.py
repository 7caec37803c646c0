"""PYTHONPATH as the way to dependencies: no checkout of the user stands for an arm."""

import os
from contextlib import closing
from pathlib import Path

import pytest

from pytest_duel.paired.arms.dependencies import search_path
from pytest_duel.paired.pytest_client import PytestSide, Suite
from pytest_duel.support import harness
from strangers import arm, copied


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a checkout, beside the tree of it that was exported, and a folder of dependencies."""
    for home in ("root", "tree"):
        copied("flat", tmp_path / home)
        (tmp_path / home / "helpers").mkdir()
        (tmp_path / home / "helpers/other").mkdir()
    (tmp_path / "root/untracked").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/needed.py").write_text("NUMBER = 5\n")
    return tmp_path / "root"


def kept(root: Path, *folders: Path | str) -> list[str]:
    value = os.pathsep.join(map(str, folders))
    return [*search_path(value, root, root.parent / "tree", {"toy"})]


def test_folders_elsewhere_stay_and_relative_ones_are_made_whole(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    other = root.parent / "elsewhere"
    assert kept(root, "elsewhere", "", other, root.parent / "nowhere") == [str(other)]
    assert kept(root, harness.HOME) == [str(harness.HOME)]


def test_the_checkout_is_left_out_and_helpers_come_from_the_tree(root: Path) -> None:
    assert kept(root, root, root / "helpers", root / "untracked") == [
        str(root.parent / "tree/helpers")
    ]


@pytest.mark.skipif(os.name != "posix", reason="links as POSIX systems have them")
def test_a_link_that_leads_nowhere_is_left_out(root: Path, tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    assert kept(root, tmp_path / "circle") == []


def test_another_harness_is_left_out(root: Path) -> None:
    (root / "helpers/pytest_duel").mkdir()
    assert kept(root, root / "helpers") == []


def test_workers_find_dependencies_there_and_the_arm_in_its_own_folder(root: Path) -> None:
    shadow = root.parent / "elsewhere"
    copied("flat", root.parent / "copy").joinpath("toy").rename(shadow / "toy")
    test = root / "benchmarks/test_toy.py"
    test.write_text("import needed\n" + test.read_text())
    own = copied("flat", root.parent / "own")
    tests = Suite(root, root.parent, ("benchmarks/test_toy.py",), path=(str(shadow),))
    with closing(PytestSide(arm("head", own), tests)) as side:
        found = side.ask(side.hello)
        assert not found["errors"]
        side.ask({"do": "open", "name": found["benchmarks"][0]["name"]})
        assert side.ask({"do": "close"})["own"] > 0  # no module came from elsewhere
