"""What processes that the tests start import of the arm, and what they must not.

They are started in the head's tree, and Python looks there first (``-c``, ``-m``), or where their
worker does (`multiprocessing`). So a finder of their own offers the arm's modules before that.
What is not the arm's comes from the head's tree even so: an arm's folder may be a tree as well.
Extension modules that are placed otherwise are placed so in these processes as well. And import
finders that were there first must not offer the arm's modules. The finder of an editable install
offers the user's own copies. Some (meson-python's, scikit-build-core's) compile these first, in
the user's tree, and fail where that fails. So none of them is asked for the arm's modules, neither
in a worker nor in the processes that its tests start.

Each of those processes loads this module. So it imports only what an interpreter loads by itself,
or the import of something else would seem to take less time. It may be another Python than the
worker's.
"""

from __future__ import annotations

import _frozen_importlib_external as external
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

MODULES = "PYTEST_DUEL_MODULES"
"""The variable that tells processes the top-level modules of the arm: on each line a module, a
tab, and the folder that it is imported from."""
TESTS = "PYTEST_DUEL_TESTS"
"""The one that tells them the modules within these that are tests, in the same way."""
PLACED = "PYTEST_DUEL_PLACED"
"""The one that tells them its extension modules that are placed otherwise, each with its file."""
HEAD = "PYTEST_DUEL_HEAD"
"""The one that tells them the folder of the project in the head's tree."""
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


class First:
    """Finds the arm's modules before any folder of `sys.path` is looked into.

    Parameters
    ----------
    modules
        Its top-level modules, each with the folder that it is imported from.
    tests
        Modules within these that are tests, each with the folder that holds it.
    """

    def __init__(self, modules: Mapping[str, str], tests: Mapping[str, str]) -> None:
        self._modules = modules
        self._tests = tests

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of the arm lies, or one of its tests; None for all others."""
        home = self._modules.get(name.partition(".")[0])
        if name in self._tests:
            folders: Sequence[str] = [self._tests[name]]
        elif home is None:
            return None
        else:
            folders = [home, *sys.path] if path is None else own_first(name, path, home)
        spec: ModuleSpec | None = external.PathFinder.find_spec(name, folders, target)
        return spec


class Placed:
    """Finds extension modules that are placed otherwise.

    Parameters
    ----------
    files
        Their files, by module.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where such a module lies; None for every other module."""
        if name not in self._files:
            return None
        spec: ModuleSpec | None = external.spec_from_file_location(name, self._files[name])
        return spec


def own_first(name: str, path: Sequence[str], home: str) -> Sequence[str]:
    """Return the folders of a package, the arm's own first.

    Those of a namespace package stand in the order of `sys.path`, which grows: pytest puts folders
    of tests before all others.

    Parameters
    ----------
    name
        The module that is looked for in the package.
    path
        The folders.
    home
        The folder that the arm's package is imported from.
    """
    own = home + "".join(os.sep + part for part in name.split(".")[:-1])
    folders = list(path)
    return sorted(folders, key=lambda one: one != own) if own in folders else folders


def set_aside(modules: Collection[str]) -> None:
    """Ask the finders that are there for none of these modules. Those of Python itself stay."""
    sys.meta_path[:] = [Aside(one, modules) if _is_strange(one) else one for one in sys.meta_path]


def tell_children(
    modules: Mapping[str, str], tests: Mapping[str, str], placed: Mapping[str, str]
) -> None:
    """Have the Python processes that this one starts do what is needed.

    Parameters
    ----------
    modules
        The arm's top-level modules, each with the folder that it is imported from.
    tests
        Modules within these that are tests, each with the folder that holds it.
    placed
        The files of its extension modules that are placed otherwise.
    """
    told = {MODULES: modules, TESTS: tests, PLACED: placed}
    for variable, places in told.items():
        os.environ.pop(variable, None)
        if places:
            lines = (f"{name}\t{place}" for name, place in places.items())
            os.environ[variable] = "\n".join(lines)
    os.environ[HEAD] = os.getcwd()  # noqa: PTH109  pathlib is not loaded in those processes
    if any(told.values()):
        known = os.environ.get("PYTHONPATH")
        os.environ["PYTHONPATH"] = os.pathsep.join([CHILDREN, *([known] if known else [])])


def do_as_told() -> None:
    """Do, in such a process, what `tell_children` has asked for."""
    if modules := _told(MODULES):
        set_aside(modules)
        sys.meta_path.insert(0, First(modules, _told(TESTS)))
        _put_before(modules.values(), os.environ[HEAD])
    if placed := _told(PLACED):
        sys.meta_path.insert(0, Placed(placed))


def _put_before(homes: Collection[str], head: str) -> None:
    """Put the head's tree before the arm's folders in `sys.path`, where it is not yet."""
    places = [place for place, folder in enumerate(sys.path) if folder in homes]
    if places and head not in sys.path[: places[0] + 1]:
        sys.path.insert(places[0], head)


def _told(variable: str) -> dict[str, str]:
    lines = os.environ.get(variable, "").split("\n")
    return dict(line.split("\t", 1) for line in lines if line)


def _is_strange(finder: Any) -> bool:
    return hasattr(finder, "find_spec") and _home(finder) not in _PLAIN


def _home(finder: Any) -> str:
    """Return the module that a finder comes from."""
    return (finder if isinstance(finder, type) else type(finder)).__module__
