"""A virtual environment of its own for an arm, with the dependencies that it declares.

For the change that raises a dependency. What the project itself holds still comes from the arm's
folder; the environment only has what that imports, pytest, and pytest-benchmark.
"""

import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from pytest_duel.paired.arms.builds import installer, run_build
from pytest_duel.paired.arms.modules import suggested
from pytest_duel.paired.arms.recipe import NONE, Recipe
from pytest_duel.support import harness

TOOLS = ("pytest", "pytest-benchmark")
"""Both environments have these in the versions installed here, because they measure."""

TOLD = {
    "METADATA": "Metadata-Version: 2.1\nName: pytest-duel\nVersion: 0\n",
    "entry_points.txt": "[pytest11]\nduel = pytest_duel.plugin.entry\n",
}
"""What an installed distribution tells of itself, as far as pytest looks for it."""


def environment(folder: Path, project: Path, recipe: Recipe, more: Sequence[str]) -> str:
    """Make an environment in a new folder, and return its interpreter.

    Parameters
    ----------
    folder
        Where to make it.
    project
        Whose dependencies to install. A package that is not built has none.
    recipe
        Says which folders of it are packages, and for which interpreter.
    more
        Further requirements, such as those of the tests.

    Raises
    ------
    InstallError
        Where that fails.
    """
    tool = installer()
    if tool.name == "uv":
        make = [*tool.program, "venv", "--quiet", "--python", recipe.python]
    else:
        make = [recipe.python, "-P", "-m", "venv", "--without-pip"]
    run_build([*make, str(folder)], project, recipe)
    python = str(folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
    pinned = [f"{name}=={version(name)}" for name in TOOLS]
    folders = [project / name for name in recipe.packages]
    # One without a build declares no dependencies.
    built = [str(folder) for folder in folders if suggested(folder) != NONE]
    run_build([*tool.into(python), *built, *pinned, *more], project, recipe)
    return python


def carried_harness(folder: Path) -> str:
    """Copy this harness, and nothing that lies beside it, into a new folder, and return that.

    A pytest that has the folder on its path loads the plugin, as where the harness is installed.
    """
    shutil.copytree(
        harness.HOME / "pytest_duel", folder / "pytest_duel",
        ignore=shutil.ignore_patterns("__pycache__"),
    )  # fmt: skip
    told = folder / "pytest_duel-0.dist-info"
    told.mkdir()
    for name, text in TOLD.items():
        (told / name).write_text(text, encoding="utf-8")
    return str(folder)
