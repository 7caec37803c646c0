"""Code of the repository that is on neither side: both have the working tree's."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_duel.catalogue.project import TABLE
from pytest_duel.paired.arms.modules import suggested
from pytest_duel.paired.arms.recipe import NONE
from pytest_duel.paired.arms.trees import Repository


def about_siblings(
    loaded: Mapping[str, str],
    repository: Repository,
    roots: Sequence[Path],
    packages: Sequence[str],
) -> Iterator[str]:
    """Yield which packages beside the project are the working tree's on both sides.

    They are installed in editable mode, and no folder of `packages` has them.

    Parameters
    ----------
    loaded
        Files that workers have loaded from neither a tree nor an environment, by module.
    repository
        The user's.
    roots
        Both trees, of all of the repository. What neither has, git ignores, but for what is
        compiled.
    packages
        The folders to install, relative to the project's.
    """
    told: dict[str, str] = {}
    for name, file in sorted(loaded.items()):
        path = Path(file)
        if not path.is_relative_to(repository.root):
            continue
        own = path.relative_to(repository.root)
        if path.suffix != ".py" or any((root / own).exists() for root in roots):
            told.setdefault(_package(path, repository), f"{name} is imported from {path}")
    for folder, what in told.items():
        yield (
            f"{what}, in your working tree, on both sides: what a change does to it is not "
            f"measured; {_remedy(folder, packages)}"
        )


def _package(file: Path, repository: Repository) -> str:
    """Return the folder that installs a file, relative to the project's."""
    within = [one for one in file.parents if one.is_relative_to(repository.root)]
    found = next((one for one in within if suggested(one) != NONE), file.parent)
    return Path(os.path.relpath(found, repository.root / repository.project)).as_posix()


def _remedy(folder: str, packages: Sequence[str]) -> str:
    if folder in map(os.path.normpath, packages):
        return f"what is installed of {folder!r} in `packages` lacks it"
    listed = ", ".join(f'"{one}"' for one in (*packages, folder))
    return f"to measure it, set `packages = [{listed}]` in [{TABLE}]"
