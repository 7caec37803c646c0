"""Projects of strangers, measured by real workers."""

import shutil
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from places import TESTS
from pytest_duel.paired.block import Block
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.pytest_client import COLLECTING, PytestSide, Suite, pytest_workers
from repositories import commit, git

PROJECTS = TESTS / "projects"


def copied(project: str, folder: Path) -> Path:
    """Copy a project, which then may be changed."""
    ignored = shutil.ignore_patterns("__pycache__", ".pytest_cache", "build", "*.egg-info")
    return Path(shutil.copytree(PROJECTS / project, folder, ignore=ignored))


def repository(project: str, folder: Path, inside: str = ".") -> Path:
    """Return a repository of one commit, on branch main, with a project in one of its folders."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    copied(project, folder / inside) if inside != "." else shutil.copytree(
        PROJECTS / project, folder, dirs_exist_ok=True,
        ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache", "build", "*.egg-info"),
    )  # fmt: skip
    git(folder, "add", "--all")
    commit(folder, "one", 1)
    return folder / inside


def arm(name: str, folder: Path, *modules: str) -> Arm:
    """Return an arm whose modules are imported from a folder."""
    return Arm(name, modules=dict.fromkeys(modules or ("toy",), str(folder)))


def listed(own: Arm, tests: Suite) -> list[str]:
    """Return the names of the benchmarks that a worker collects."""
    side = PytestSide(own, tests)
    try:
        found = side.ask(side.hello, COLLECTING)
    finally:
        side.close()
    assert not found["errors"], found["errors"]
    return [one["name"] for one in found["benchmarks"]]


def one_block(
    arms: tuple[Arm, Arm], tests: Suite, names: Sequence[str], block: type[Block] = Block
) -> Measurements:
    """Return what one block gives."""
    contests = [Contest(name, arms, file=name.partition("::")[0], alike=False) for name in names]
    engine = Engine(pytest_workers(tests), contests, seed=1, most=1, block=block)
    with closing(engine.blocks()) as blocks:
        for _ in blocks:
            pass
    return engine.measured
