"""The settings of a gate: ``[tool.pytest-duel]`` in pyproject.toml, all optional."""

import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.project import FILE, TABLE
from pytest_duel.support import schema
from pytest_duel.support.errors import DuelError
from pytest_duel.support.patterns import matches
from pytest_duel.support.schema import Each, Is
from pytest_duel.support.thresholds import SHARE, decisive, is_share, share_of


class SettingsError(DuelError):
    """A setting is wrong; the message names the key, what it is, and what it must be."""


@dataclass(frozen=True)
class Settings:
    """How a project's benchmarks are gated."""

    benchmarks: tuple[str, ...] = ("*",)
    """Patterns of the names to measure, in which only * is special."""
    threshold: float = 0.02
    """The smallest slowdown that matters, as a share."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Others, by pattern; the most specific decides."""
    group_thresholds: Mapping[str, float] = field(default_factory=dict)
    """Those of benchmarks for which no pattern has one, by pattern of their group."""
    budget: float = 180.0
    """Seconds of measuring."""
    removed: tuple[str, ...] = ()
    """Names of benchmarks that are meant to be gone."""
    packages: tuple[str, ...] = (".",)
    """Folders to install."""
    install: str | None = None
    """``pip``, ``none``, or a command with ``{target}``; None decides by what is there."""
    placements: str | None = None
    """A command that places native code otherwise, with ``{seed}`` and ``{target}`` in it."""
    in_turns: bool = False
    """No two processes of the arms live at once."""
    selftest: str | None = None
    """The saved self-test, with what code placement alone may give; relative to pyproject.toml."""
    project: str | None = None
    """``module:name`` of the `Project`; see `catalogue.project`."""

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files of the benchmarks; nothing where a pattern leaves its file open."""
        found = [one.partition("::") for one in self.benchmarks]
        if any("*" in file or not test for file, _, test in found):
            return ()
        return tuple(dict.fromkeys(file for file, _, _ in found))

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

    def threshold_of(self, name: str, given: float | None = None) -> float:
        """Return the threshold of a benchmark; of two patterns as specific, the lower.

        Where no pattern decides it is the one that was given by hand, or else that of all.
        """
        own = decisive(self.thresholds, name)
        if own is not None:
            return own
        return self.threshold if given is None else given


def read(project: Path, where: str = FILE) -> Settings:
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
        return Settings()
    try:
        document: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{where} is not valid TOML: {error}") from None
    tools = document.get("tool", {})
    if not isinstance(tools, dict):
        raise SettingsError(f"{where}: tool is {tools!r}: it must be a table")
    table = tools.get("pytest-duel", {})
    if not isinstance(table, dict):
        raise SettingsError(f"{where}: [{TABLE}] is {table!r}: it must be a table")
    _check(table, f"{where}: [{TABLE}]")
    return Settings(**{key: _plain(key, value) for key, value in table.items()})


def _check(table: Mapping[str, Any], where: str) -> None:
    known = [one.name for one in fields(Settings)]
    for key in table:
        if key not in known:
            raise SettingsError(
                f"{where}: there is no setting {key!r}: choose from {', '.join(known)}"
            )
    try:
        schema.check(table, _SHAPE)
    except schema.SchemaError as error:
        raise SettingsError(f"{where}: {error}") from None


def _is_number(value: object) -> bool:
    # A bool is an int to Python; nan compares false, and so does what a float cannot hold.
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return numeric and 0 <= value <= sys.float_info.max  # type: ignore[operator]


def is_absolute(folder: str) -> bool:
    """Tell whether a folder is the same one for both sides, and so of neither."""
    return Path(folder).is_absolute()


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


_SHARE = Is(is_share, SHARE)
_SHAPE = {
    "benchmarks?": Is(
        lambda value: _is_names(value) and len(value) > 0,
        'a list of at least one pattern of names, such as "tests/bench/*::test_parse*"',
    ),
    "threshold?": _SHARE,
    "thresholds?": Each(_SHARE, 'a table of patterns, such as { "*test_parse*" = 0.05 }'),
    "group_thresholds?": Each(_SHARE, 'a table of patterns, such as { "disk*" = "150%" }'),
    "budget?": Is(lambda value: _is_number(value) and value > 0, "seconds: a number above 0"),
    "removed?": Is(
        lambda value: _is_names(value) and not any("*" in one for one in value),
        "a list of names of benchmarks, each in full and without *",
    ),
    "packages?": Is(
        lambda value: _is_names(value) and len(value) > 0 and not any(map(is_absolute, value)),
        'a list of at least one folder, relative to this file, such as [".", "extension"]',
    ),
    "install?": Is(
        lambda value: isinstance(value, str) and (value in ("pip", "none") or "{target}" in value),
        '"pip", "none", or a command that installs into {target}',
    ),
    "placements?": Is(
        lambda value: isinstance(value, str) and "{target}" in value and "{seed}" in value,
        "a command that writes native modules into {target}, placed by {seed}",
    ),
    "in_turns?": Is(lambda value: isinstance(value, bool), "true or false"),
    "selftest?": Is(
        lambda value: isinstance(value, str) and value != "", "a path relative to this file"
    ),
    "project?": Is(
        lambda value: isinstance(value, str) and ":" in value,
        'a text such as "benchmarks.project:project"',
    ),
}
"""The type of each value."""


def _plain(key: str, value: Any) -> Any:
    match value:
        case list():
            return tuple(value)
        case dict():
            return {pattern: share_of(one) for pattern, one in value.items()}
        case int() if not isinstance(value, bool):
            return float(value)
    return share_of(value) if key == "threshold" else value
