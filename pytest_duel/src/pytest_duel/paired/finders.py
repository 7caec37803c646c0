"""Keeping import finders that were there first from offering the arm's modules.

The finder of an editable install offers the user's own copies. Some (meson-python's,
scikit-build-core's) compile these first, in the user's tree, and fail where that fails. So none
of them is asked for the arm's modules, neither in a worker nor in the processes that its tests
start.

Each of those processes loads this module. So it imports only what an interpreter loads by itself,
or the import of something else would seem to take less time.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

MODULES = "PYTEST_DUEL_MODULES"
"""The variable that tells processes the top-level modules of the arm."""
CHILDREN = __file__.rpartition(os.sep)[0] + os.sep + "children"
"""A folder for PYTHONPATH: Python loads the `sitecustomize` in it when it starts."""
_PLAIN = ("_frozen_importlib", "_frozen_importlib_external", "_distutils_hack")
"""The modules of finders that offer nothing of a project."""


class Aside:
    """A finder that is not asked for the arm's modules."""

    def __init__(self, finder: Any, modules: Collection[str]) -> None:
        self._finder = finder
        self._modules = modules

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return what the finder knows of a module; None for those of the arm."""
        if name.partition(".")[0] in self._modules:
            return None
        spec: ModuleSpec | None = self._finder.find_spec(name, path, target)
        return spec

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)


def set_aside(modules: Collection[str]) -> None:
    """Ask the finders that are there for none of these modules. Those of Python itself stay."""
    sys.meta_path[:] = [Aside(one, modules) if _is_strange(one) else one for one in sys.meta_path]


def set_aside_in_children(modules: Collection[str]) -> None:
    """Have the Python processes that this one starts do the same, where it is needed."""
    if any(_is_strange(one) and not _home(one).startswith("_pytest.") for one in sys.meta_path):
        os.environ[MODULES] = ",".join(sorted(modules))
        known = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([CHILDREN, *([known] if known else [])])


def _is_strange(finder: Any) -> bool:
    return hasattr(finder, "find_spec") and _home(finder) not in _PLAIN


def _home(finder: Any) -> str:
    """Return the module that a finder comes from."""
    return (finder if isinstance(finder, type) else type(finder)).__module__
