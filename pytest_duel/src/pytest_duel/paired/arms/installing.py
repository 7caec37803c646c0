"""Installing an arm: its modules in a folder of their own, from which nothing else is imported."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.paired.arms.builds import compile_all, installer
from pytest_duel.paired.arms.cache import kept_modules
from pytest_duel.paired.arms.modules import modules_in_tree, suggested
from pytest_duel.paired.arms.recipe import NONE, PIP, InstallError, Recipe


@dataclass(frozen=True)
class Installed:
    """Where an arm's modules are."""

    modules: Mapping[str, str]
    """The folder of each top-level module."""
    how: str
    """For people: ``installed with uv``."""


def install(project: Path, recipe: Recipe, cache: Path, root: Path | None = None) -> Installed:
    """Install the project in a folder, or say where it is kept.

    Parameters
    ----------
    project
        Its folder.
    recipe
        How it is installed.
    cache
        Where installs are kept.
    root
        The top of the tree that holds the project, to which its packages may refer.

    Raises
    ------
    InstallError
        Where a build fails, or leaves no module.
    """
    folders = [_package(project, name) for name in recipe.packages]
    if recipe.install == NONE:
        found, how = _modules_in_tree(folders, recipe), "imported from its tree"
    else:
        how = "installed by the command in `install`"
        if recipe.install == PIP:
            _check_buildable(folders, recipe)
            how = f"installed with {installer().name}"
        found = kept_modules(folders, recipe, cache, root)
    if not found:
        raise InstallError(
            f"it has no module to import: {', '.join(recipe.packages)}; modules of tests do not "
            "count, since both sides run the head's tests"
        )
    return Installed(found, how)


def _modules_in_tree(folders: Sequence[Path], recipe: Recipe) -> dict[str, str]:
    found = {name: home for folder in folders for name, home in modules_in_tree(folder).items()}
    places = [Path(home, f"{name}{end}") for name, home in found.items() for end in ("", ".py")]
    compile_all([path for path in places if path.exists()], recipe.python)
    return found


def _package(project: Path, name: str) -> Path:
    folder = project / name
    if not folder.is_dir():
        raise InstallError(f"packages: there is no folder {name!r}")
    return folder


def _check_buildable(folders: Sequence[Path], recipe: Recipe) -> None:
    for folder, name in zip(folders, recipe.packages, strict=True):
        if suggested(folder) is NONE:
            raise InstallError(
                f"{name!r} has neither a pyproject.toml that says how to build it nor a setup.py; "
                'to import from the tree as it is, set install = "none" in [tool.pytest-duel]'
            )
