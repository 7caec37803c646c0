"""Code of the repository that is on neither side: both have the working tree's."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pytest_duel.catalogue.project import TABLE
from pytest_duel.paired.arms.modules import suggested
from pytest_duel.paired.arms.recipe import NONE
from pytest_duel.paired.arms.trees import Repository


@dataclass(frozen=True)
class Siblings:
    """Tells which packages beside the project are the working tree's on both sides.

    They are installed in editable mode, and no folder of `packages` has them.
    """

    repository: Repository
    """The user's."""
    roots: tuple[Path, ...]
    """Both trees, of all of the repository. What neither has, git ignores, but for what is
    compiled."""
    packages: tuple[str, ...]
    """The folders to install, relative to the project's."""
    loaded: Mapping[str, str]
    """Files that workers have loaded from neither a tree nor an environment, by module."""

    def warned(self, more: Mapping[str, str] = MappingProxyType({})) -> tuple[str, ...]:
        """Return warnings of them, and of those that were loaded later."""
        told: dict[str, str] = {}
        for name, file in sorted({**self.loaded, **more}.items()):
            path = Path(file)
            if path.is_relative_to(self.repository.root) and self._is_versioned(path):
                folder = _package(path, self.repository)
                told.setdefault(folder, f"{name} is imported from {path}")
        return tuple(
            f"{what}, in your working tree, on both sides: what a change does to it is not "
            f"measured; {_remedy(folder, self.packages)}"
            for folder, what in told.items()
        )

    def _is_versioned(self, path: Path) -> bool:
        own = path.relative_to(self.repository.root)
        return path.suffix != ".py" or any((root / own).exists() for root in self.roots)


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
