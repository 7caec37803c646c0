"""Which modules a worker has loaded from neither a tree nor an environment.

Such as those of a package beside the project that is installed in editable mode: both arms have
them from the user's working tree.
"""

import os
import sys
import sysconfig
from collections.abc import Collection
from pathlib import Path

from pytest_duel.support import harness

INSTALLED = {"site-packages", "dist-packages"}
"""Folders of environments, which may lie within a repository."""


class Elsewhere:
    """Tells such modules once.

    Parameters
    ----------
    homes
        The folders of the arm's modules, and one that holds the trees.
    """

    def __init__(self, homes: Collection[Path]) -> None:
        known = {harness.HOME / "pytest_duel", *homes}
        known |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
        self._known = {path.resolve() for path in known}
        self._seen: set[str] = set()
        self._told: set[str] = set()

    def new(self) -> dict[str, str]:
        """Return the files of those loaded since, without what is within a package that is one."""
        found: dict[str, str] = {}
        for name in sorted({*sys.modules} - self._seen):
            self._seen.add(name)
            file = getattr(sys.modules.get(name), "__file__", None)
            if isinstance(file, str) and not self._is_within_told(name) and self._is_strange(file):
                self._told.add(name)
                found[name] = os.path.realpath(file)
        return found

    def _is_within_told(self, name: str) -> bool:
        return any(name.startswith(f"{one}.") for one in self._told)

    def _is_strange(self, file: str) -> bool:
        path = Path(os.path.realpath(file))
        return not self._known & {*path.parents} and not INSTALLED & {*path.parts}
