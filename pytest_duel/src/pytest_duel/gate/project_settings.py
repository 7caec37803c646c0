"""What a project says of its gate: ``[tool.pytest-duel]`` of its pyproject.toml, all optional."""

import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from pytest_duel.support.errors import DuelError
from pytest_duel.support.patterns import matches, specificity

FILE = "pyproject.toml"
TABLE = "tool.pytest-duel"


class SettingsError(DuelError):
    """A setting is wrong; the message names the key, what it is, and what it must be."""


@dataclass(frozen=True)
class ProjectSettings:
    """How a project's benchmarks are gated."""

    benchmarks: tuple[str, ...] = ("*",)
    """Patterns of the names to measure, in which only * is special."""
    threshold: float = 0.02
    """The smallest slowdown that matters, as a share."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Others, by pattern; the most specific decides."""
    budget: float = 180.0
    """Seconds of measuring."""
    removed: tuple[str, ...] = ()
    """Names of benchmarks that are meant to be gone."""
    packages: tuple[str, ...] = (".",)
    """Folders to install."""
    install: str | None = None
    """``pip``, ``none``, or a command with ``{target}``; None decides by what is there."""

    def gated(self, names: Iterable[str]) -> list[str]:
        """Return the names that are measured, in their order."""
        known = list(names)
        chosen = {name for pattern in self.benchmarks for name in matches(pattern, known)}
        return [name for name in known if name in chosen]

    def idle(self, names: Iterable[str]) -> list[str]:
        """Return the patterns that match no name."""
        known = list(names)
        patterns = (*self.benchmarks, *self.thresholds)
        return [one for one in patterns if one != "*" and not matches(one, known)]

    def threshold_of(self, name: str) -> float:
        """Return the threshold of a benchmark; of two patterns as specific, the lower."""
        own = [one for one in self.thresholds.items() if matches(one[0], [name])]
        if not own:
            return self.threshold
        return max(own, key=lambda one: (specificity(one[0]), -one[1]))[1]


def read(project: Path, where: str) -> ProjectSettings:
    """Return the settings of a project; the defaults where it has none.

    Parameters
    ----------
    project
        Its folder.
    where
        What messages call the file.

    Raises
    ------
    SettingsError
        Where the file is no TOML, or a value is not as it must be.
    """
    path = project / FILE
    if not path.is_file():
        return ProjectSettings()
    try:
        document: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{where} is no valid TOML: {error}") from None
    table = document.get("tool", {}).get("pytest-duel", {})
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: [{TABLE}] is {table!r}: it must be a table")
    for key, value in table.items():
        fault = _fault(key, value)
        if fault:
            raise SettingsError(f"{where}: [{TABLE}]: {fault}")
    return ProjectSettings(**{key: _plain(value) for key, value in table.items()})


class _Rule(NamedTuple):
    holds: Callable[[Any], bool]
    expected: str


def _is_number(value: object) -> bool:
    # A bool is an int to Python; nan compares false, and so does what a float cannot hold.
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return numeric and 0 <= value <= sys.float_info.max  # type: ignore[operator]


def _is_share(value: object) -> bool:
    return _is_number(value) and value < 1  # type: ignore[operator]


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


def _is_install(value: object) -> bool:
    return isinstance(value, str) and (value in ("pip", "none") or "{target}" in value)


_RULES: Mapping[str, _Rule] = {
    "benchmarks": _Rule(
        lambda value: _is_names(value) and len(value) > 0,
        'a list of at least one pattern of names, such as "tests/bench/*::test_parse*"',
    ),
    "threshold": _Rule(_is_share, "a share: a number that is at least 0 and below 1"),
    "thresholds": _Rule(
        lambda value: isinstance(value, dict) and all(map(_is_share, value.values())),
        'a table of shares (at least 0, below 1) by pattern, such as "*test_parse*" = 0.05',
    ),
    "budget": _Rule(lambda value: _is_number(value) and value > 0, "seconds: a number above 0"),
    "removed": _Rule(
        lambda value: _is_names(value) and not any("*" in one for one in value),
        "a list of names of benchmarks, each in full and without *",
    ),
    "packages": _Rule(
        lambda value: _is_names(value) and len(value) > 0,
        'a list of at least one folder, relative to this file, such as [".", "extension"]',
    ),
    "install": _Rule(_is_install, '"pip", "none", or a command that installs into {target}'),
}


def _fault(key: str, value: object) -> str | None:
    """Return what is wrong with a setting."""
    if key not in _RULES:
        known = ", ".join(one.name for one in fields(ProjectSettings))
        return f"there is no setting {key!r}: choose from {known}"
    rule = _RULES[key]
    return None if rule.holds(value) else f"{key} is {value!r}: it must be {rule.expected}"


def _plain(value: Any) -> Any:
    match value:
        case list():
            return tuple(value)
        case dict():
            return {key: float(one) for key, one in value.items()}
        case int():
            return float(value)
    return value
