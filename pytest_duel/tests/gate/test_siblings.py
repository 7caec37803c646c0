"""Packages beside the project that are installed in editable mode, and that no side has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_duel.gate import prepare
from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.gate.siblings import about_siblings
from pytest_duel.paired.arms.trees import Repository
from repositories import commit, git

TEST = """
import app, core.part, ignored, helper, other, vendored

def test_run(benchmark):
    benchmark(app.run)
"""
FILES = {
    "app/app.py": "from core import N\ndef run(): return N\n",
    "app/benchmarks/test_app.py": TEST,
    "app/benchmarks/helper.py": "",
    "app/pytest.ini": "[pytest]\n",
    "core/pyproject.toml": "[project]\n",
    "core/core/__init__.py": "N = 1\n",
    "core/core/part.py": "",
    "core/.gitignore": "ignored.py\n",
    "core/ignored.py": "",
    ".venv/lib/site-packages/vendored.py": "",
}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository of two packages, one of which workers find in the working tree."""
    root = tmp_path / "root"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    commit(root, "one", 1)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/other.py").touch()
    found = root / "core", root / ".venv/lib/site-packages", tmp_path / "elsewhere"
    monkeypatch.setattr(prepare, "path_of", lambda *_: tuple(map(str, found)))
    return root


def warned(root: Path, **asked: Any) -> Sequence[str]:
    """Return the warnings of a gate before it measures."""
    question = Question(root / "app", **asked, overrides={"install": "none"})
    with prepared(question, lambda _: None) as ready:
        assert not {*ready.shared} - {*ready.own.warnings}
        return ready.shared


def test_a_package_that_is_the_working_trees_on_both_sides_is_named(root: Path) -> None:
    """But neither tests, nor what an environment has, nor what git ignores."""
    assert warned(root, base="main") == (
        f"core is imported from {root}/core/core/__init__.py, in your working tree, on both "
        "sides: what a change does to it is not measured; to measure it, set "
        '`packages = [".", "../core"]` in [tool.pytest-duel]',
    )


def test_that_is_right_where_both_sides_are_the_working_tree(root: Path) -> None:
    assert warned(root, base=None) == ()


def test_what_an_installed_folder_lacks_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "app/_fast.so"
    file.parent.mkdir()
    (file.parent / "pyproject.toml").write_text("[project]\n")
    own = Repository(tmp_path, Path("app"))
    (said,) = about_siblings({"_fast": str(file)}, own, [], ["."])
    assert said.endswith("not measured; what is installed of '.' in `packages` lacks it")
