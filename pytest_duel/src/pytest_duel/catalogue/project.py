"""The data of a project with a catalogue, and how the harness finds it."""

import pkgutil
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.model import EMPTY, Catalogue
from pytest_duel.support.errors import DuelError
from pytest_duel.support.findings import Probe

FILE = "pyproject.toml"
TABLE = "tool.pytest-duel"
KEY = "project"


@dataclass(frozen=True)
class Project:
    """A project with a catalogue of benchmarks."""

    root: Path
    """The root of its source tree: the folder of its pyproject.toml."""
    catalogue: Catalogue
    packages: tuple[str, ...]
    """Its own modules: their versions tell nothing of what else is installed."""
    suites: str = "bench"
    """The folder of a source tree that holds its benchmarks."""
    probes: Sequence[Probe] = ()
    """Further probes before a measurement."""
    studied: Callable[[], list[Path]] = list
    """Returns the saved runs of a report for which none is named."""


class ProjectError(DuelError):
    """There is no project here, or it does not load; the message says why."""


def find(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, whose pyproject.toml has settings of ours.

    Raises
    ------
    ProjectError
        Where there is none.
    """
    for folder in (start, *start.parents):
        if _settings(folder / FILE) is not None:
            return folder
    raise ProjectError(f"no {FILE} with a table [{TABLE}] in {start} or above it")


def has_catalogue(start: Path) -> bool:
    """Tell whether the settings of a folder, or of one above it, name a `Project`."""
    folders = (start, *start.parents)
    return any(KEY in (_settings(folder / FILE) or {}) for folder in folders)


def load(start: Path) -> Project:
    """Return the project of a folder, as `project` in its settings names it.

    Raises
    ------
    ProjectError
        Where there are no settings, or they name no project.
    """
    root = find(start.resolve())
    name = (_settings(root / FILE) or {}).get(KEY)
    if not isinstance(name, str) or ":" not in name:
        given = "missing" if name is None else repr(name)
        raise ProjectError(
            f"{root / FILE}: [{TABLE}]: {KEY} is {given}: it must be a text such as "
            '"benchmarks.project:project", which names a Project or a function that returns one'
        )
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    found = pkgutil.resolve_name(name)
    found = found() if callable(found) else found
    if not isinstance(found, Project):
        raise ProjectError(f"{root / FILE}: [{TABLE}]: {KEY} {name!r} is no Project")
    return found


def catalogue_of(start: Path) -> Catalogue:
    """Return the catalogue of the project of a folder: an empty one where it has no sweeps.

    Raises
    ------
    ProjectError
        Where there are settings, and they are wrong.
    """
    return load(start).catalogue if has_catalogue(start) else EMPTY


def _settings(path: Path) -> Mapping[str, Any] | None:
    """Return our table in a pyproject.toml; nothing where there is no such file or table."""
    try:
        table: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        return None
    except ValueError as error:
        raise ProjectError(f"{path} is not valid TOML: {error}") from None
    for key in TABLE.split("."):
        table = table.get(key) if isinstance(table, dict) else None
    return table if isinstance(table, dict) else None
