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


def elsewhere(homes: Collection[Path]) -> dict[str, str]:
    """Return the files of such modules, without those within a package that is one.

    Parameters
    ----------
    homes
        The folders of the arm's modules, and one that holds the trees.
    """
    known = {harness.HOME / "pytest_duel", *homes}
    known |= {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    known = {path.resolve() for path in known}
    found: dict[str, str] = {}
    for name, module in sorted(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or any(name.startswith(f"{one}.") for one in found):
            continue
        path = Path(os.path.realpath(file))
        if not known & {*path.parents} and not INSTALLED & {*path.parts}:
            found[name] = str(path)
    return found
