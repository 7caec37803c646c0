"""Importing the arm's own modules from its folder, even if they are installed elsewhere too.

The project's working tree (flat layout), an editable install and `sys.path` all offer other copies
of the code to measure. `ArmFinder` stands before every other finder, those that were there first
are not asked for the arm's modules at all (`finders`), and `foreign` checks afterwards. Imports
nothing beyond the standard library: workers load it before the code that they measure.
"""

import contextlib
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path
from types import MappingProxyType, ModuleType

from pytest_duel.paired import finders


class ArmFinder(MetaPathFinder):
    """Finds the modules of one arm.

    Parameters
    ----------
    modules
        The arm's top-level modules, each with the folder that it is imported from.
    tests
        Modules that belong to the tests although they lie within one of these packages, each with
        the folder that holds it: both arms take them, and what is below them, from the head.
    placed
        Extension modules of the arm that come from a file of their own.
    """

    def __init__(
        self,
        modules: Mapping[str, str],
        tests: Mapping[str, str],
        placed: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.modules = modules
        self.tests = tests
        self.placed = placed
        self._first = finders.First(modules, tests)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of the arm lies; None for every other module."""
        if name in self.placed:
            return importlib.util.spec_from_file_location(name, self.placed[name])
        found = self._first.find_spec(name, path, target)
        home = self.modules.get(name.partition(".")[0])
        if found or path is None or home is None or name in self.tests:
            return found
        return self._elsewhere(name, finders.own_first(name, path, home), target)

    def _elsewhere(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None
    ) -> ModuleSpec | None:
        """Ask the other finders; refuse a file that is not the arm's, and pass on all the rest."""
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is self or find is None or finder is PathFinder:
                continue
            spec = find(name, path, target)
            if spec is None:
                continue
            if self._misplaced(name, spec):
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return spec  # type: ignore[no-any-return]
        return None

    def _misplaced(self, name: str, spec: ModuleSpec | None) -> bool:
        """Tell whether a module of the arm was loaded from elsewhere."""
        if spec is None or not spec.has_location or not spec.origin:
            return False
        return not self._is_home(name, spec.origin)

    def _is_home(self, name: str, file: str) -> bool:
        if name in self.placed:
            return file == self.placed[name]
        path = Path(file).resolve()
        homes = [self.modules[name.partition(".")[0]]]
        homes += [
            folder for test, folder in self.tests.items() if f"{name}.".startswith(f"{test}.")
        ]
        return any(path.is_relative_to(Path(home).resolve()) for home in homes)

    @property
    def homes(self) -> list[Path]:
        """Return the folders that its modules, and their tests, are imported from."""
        return [Path(one) for one in (*self.modules.values(), *self.tests.values())]

    def loaded(self) -> list[str]:
        """Return the arm's modules that are loaded, those of its tests left out."""
        return [
            name
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] in self.modules
            and not any(f"{name}.".startswith(f"{test}.") for test in self.tests)
            and getattr(module, "__file__", None)
        ]

    def load_parents(self) -> None:
        """Import the packages that hold tests.

        With `importlib` as its import mode, pytest would load them from the tests' own tree.
        """
        for name in {test.rpartition(".")[0] for test in self.tests} - {""}:
            with contextlib.suppress(Exception):  # the tests will say it, and be told apart
                importlib.import_module(name)

    def foreign_entry_points(self, group: str) -> Iterator[str]:
        """Yield the names of entry points that only another copy of the project has.

        The one that is installed for the user tells of the user's code. What it offers, an arm
        may not have.
        """
        homes = list(dict.fromkeys(self.modules.values()))
        own = list(distributions(path=homes))
        projects = {_project(one) for one in own}
        offered = {point.name for one in own for point in _points(one, group)}
        for one in distributions(path=[folder for folder in sys.path if folder not in homes]):
            for point in _points(one, group):
                if point.name not in offered and (_project(one) in projects or self._lacks(point)):
                    yield point.name

    def _lacks(self, point: EntryPoint) -> bool:
        """Tell whether an entry point stands for a module that the arm should have and has not."""
        module = point.value.partition(":")[0].strip()
        if module.partition(".")[0] not in self.modules:
            return False
        try:
            return importlib.util.find_spec(module) is None
        except ModuleNotFoundError:
            return True
        except Exception:  # of the arm's own code: whoever loads it is told
            return False

    def foreign(self) -> str | None:
        """Return an error message if a module of the arm was loaded from elsewhere."""
        for name in self.loaded():
            module = sys.modules.get(name)
            spec = getattr(module, "__spec__", None)
            if spec is not None and not spec.has_location:
                continue  # made in memory
            if self._is_namespace_part(name):
                continue
            file = str(getattr(module, "__file__", ""))
            if not self._is_home(name, file):
                home = self.modules[name.partition(".")[0]]
                return f"{name} was imported from {file}, not from {home}"
        return None

    def _is_namespace_part(self, name: str) -> bool:
        """Tell whether it stands in a namespace package that others share."""
        top = sys.modules.get(name.partition(".")[0])
        return top is not None and getattr(top, "__file__", None) is None


def _points(found: Distribution, group: str) -> list[EntryPoint]:
    """Return the entry points of a group; most distributions have none, and are not parsed."""
    if f"[{group}]" not in (found.read_text("entry_points.txt") or ""):
        return []
    return [one for one in found.entry_points if one.group == group]


def _project(found: Distribution) -> str:
    """Return the name of a distribution, in the spelling in which all ways to write it are one."""
    return re.sub(r"[-_.]+", "-", found.metadata["Name"] or "").lower()


def install(
    modules: Mapping[str, str],
    tests: Mapping[str, str],
    placed: Mapping[str, str] = MappingProxyType({}),
) -> ArmFinder:
    """Put the arm's finder before every other, and its folders before the rest of `sys.path`."""
    finder = ArmFinder(modules, tests, placed)
    finders.tell_children(modules, tests, placed)
    finders.set_aside(modules)
    sys.meta_path.insert(0, finder)
    sys.path[:0] = list(dict.fromkeys(modules.values()))
    importlib.invalidate_caches()
    return finder
