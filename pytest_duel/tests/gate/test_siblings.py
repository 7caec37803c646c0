"""Packages beside the project that are installed in editable mode, and that no side has."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from few_blocks import take_few
from pytest_duel.cli.main import main
from pytest_duel.gate import prepare
from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.gate.siblings import Siblings
from pytest_duel.paired.arms.trees import Repository
from pytest_duel.paired.block import Block
from pytest_duel.paired.in_turns import TurnsBlock
from pytest_duel.paired.pytest_client import Suite
from repositories import commit, git
from strangers import arm, listed, one_block

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
        return ready.shared(None)


def test_a_package_that_is_the_working_trees_on_both_sides_is_named(root: Path) -> None:
    """But neither tests, nor what an environment has, nor what git ignores."""
    assert warned(root, base="main") == (warning(root),)


def warning(root: Path) -> str:
    return (
        f"core is imported from {root}/core/core/__init__.py, in your working tree, on both "
        "sides: what a change does to it is not measured; to measure it, set "
        '`packages = [".", "../core"]` in [tool.pytest-duel]'
    )


def test_that_is_right_where_both_sides_are_the_working_tree(root: Path) -> None:
    assert warned(root, base=None) == ()


@pytest.mark.parametrize("block", [Block, TurnsBlock])
def test_what_only_a_benchmark_imports_is_told_when_it_ends(
    block: type[Block], root: Path, tmp_path: Path
) -> None:
    lazy(root)
    tests = Suite(root / "app", tmp_path / "scratch", path=(str(root / "core"),))
    tests.scratch.mkdir()
    own = arm("base", root / "app", "app"), arm("head", root / "app", "app")
    (name,) = listed(own[0], tests)
    assert (
        one_block(own, tests, [name], block).elsewhere["core"] == f"{root}/core/core/__init__.py"
    )


def lazy(root: Path) -> None:
    """Have the project import the other package when it is called."""
    (root / "app/app.py").write_text("def run():\n    from core import N\n    return N\n")
    (root / "app/benchmarks/test_app.py").write_text(
        "import app\n\ndef test_run(benchmark):\n    benchmark(app.run)\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["gate", "duel"])
def test_it_is_named_where_only_a_benchmark_imports_it(
    command: str, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    take_few(monkeypatch)
    lazy(root)
    monkeypatch.chdir(root / "app")
    sides = ["--base", "main"] if command == "gate" else ["main", "."]
    report = root.parent / "report.json"
    main([command, *sides, "--budget", "5", "--output", str(report)])
    assert warning(root) in json.loads(report.read_text())["warnings"], capsys.readouterr()


def test_what_an_installed_folder_lacks_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "app/_fast.so"
    file.parent.mkdir()
    (file.parent / "pyproject.toml").write_text("[project]\n")
    own = Repository(tmp_path, Path("app"))
    (said,) = Siblings(own, (), (".",), {"_fast": str(file)}).warned()
    assert said.endswith("not measured; what is installed of '.' in `packages` lacks it")
