"""What a self-test takes from the gate's settings: ``[tool.pytest-duel]`` of pyproject.toml.

There a benchmark is a node id, ``bench/test_sum.py::test_sum[plain-5]``; here it is a case,
``sum[plain-5]``.
"""

import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from pytest_duel.catalogue.project import TABLE
from pytest_duel.support.errors import DuelError
from pytest_duel.support.patterns import matches, specificity


class SettingsError(DuelError):
    """The gate's settings are wrong; the message says what is expected."""


@dataclass(frozen=True)
class Settings:
    """What the gate measures, and how large a slowdown matters."""

    benchmarks: tuple[str, ...]
    """Patterns of case ids, in which only * is special: ``clear[rust-uniform-*]``."""
    threshold: float = 0.02
    """The smallest slowdown that matters, as a share."""
    budget: float = 180.0
    """Seconds of measuring."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Other thresholds, by pattern; see `resolve`."""
    removed: tuple[str, ...] = ()
    """Ids of cases that are meant to be gone."""
    selftest: str | None = None
    """The saved self-test of this gate, relative to pyproject.toml."""
    project: str | None = None
    """``module:name`` of the `Project`; see `catalogue.project`."""


def read(text: str, where: str) -> Settings:
    """Return the settings in the text of a pyproject.toml.

    Parameters
    ----------
    text
        All of the file.
    where
        What messages call it.

    Raises
    ------
    SettingsError
        Where the table is missing, or something in it is not as it must be.
    """
    table = _table(text, where)
    try:
        for key, value in table.items():
            _check(key, value)
        if "benchmarks" not in table:
            raise SettingsError(f"benchmarks is missing: it must be {_RULES['benchmarks'][1]}")
    except SettingsError as error:
        raise SettingsError(f"{where}: [{TABLE}]: {error}") from None
    return Settings(**{key: _plain(value) for key, value in table.items() if key not in _ARMS})


def resolve(settings: Settings, ids: Iterable[str]) -> dict[str, float]:
    """Return the threshold of each case that the gate measures, by id.

    Of several patterns in `Settings.thresholds` the most specific one decides: that with the
    most characters besides *, then that with the fewest *, then that with the least threshold.

    Raises
    ------
    SettingsError
        Where a pattern matches no case, or one for a threshold none that is measured.
    """
    gated = matching(settings.benchmarks, ids)
    _select(settings.thresholds, gated, "thresholds: no case that is measured matches")
    return {case_id: _threshold(settings, case_id) for case_id in gated}


def matching(patterns: Iterable[str], ids: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that match, each once, in the order of patterns, then of ids.

    Raises
    ------
    SettingsError
        Where a pattern matches nothing.
    """
    return _select(patterns, ids, "benchmarks: no case matches")


def _select(patterns: Iterable[str], ids: Iterable[str], complaint: str) -> tuple[str, ...]:
    candidates = tuple(ids)
    found = {pattern: matches(pattern, candidates) for pattern in patterns}
    idle = [repr(pattern) for pattern, own in found.items() if not own]
    if idle:
        raise SettingsError(f"[{TABLE}]: {complaint} {', '.join(idle)}")
    return tuple(dict.fromkeys(one for own in found.values() for one in own))


def _threshold(settings: Settings, case_id: str) -> float:
    own = [one for one in settings.thresholds.items() if matches(one[0], [case_id])]
    return max(own, key=_precedence)[1] if own else settings.threshold


def _precedence(entry: tuple[str, float]) -> tuple[int, int, float]:
    pattern, threshold = entry
    return *specificity(pattern), -threshold


def _table(text: str, where: str) -> Mapping[str, Any]:
    try:
        table: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is no valid TOML: {error}") from None
    for key in TABLE.split("."):
        table = table.get(key) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        raise SettingsError(f"{where} has no table [{TABLE}], which says what the gate measures")
    return table


def _check(key: str, value: object) -> None:
    if key in _ARMS:
        return
    if key not in _RULES:
        known = ", ".join(one.name for one in fields(Settings))
        raise SettingsError(f"unknown key {key!r}: choose from {known}")
    is_right, expected = _RULES[key]
    if not is_right(value):
        raise SettingsError(f"{key} is {value!r}: it must be {expected}")
    if isinstance(value, dict):
        is_right, expected = _RULES["threshold"]
        for pattern, threshold in value.items():
            if not is_right(threshold):
                raise SettingsError(
                    f"{key}: that of {pattern!r} is {threshold!r}: it must be {expected}"
                )


def _plain(value: Any) -> Any:
    """Return a checked value as `Settings` has it."""
    match value:
        case list():
            return tuple(map(_case, value))
        case dict():
            return {_case(key): float(one) for key, one in value.items()}
        case int():
            return float(value)
    return value


def _case(pattern: str) -> str:
    return re.sub(r"^.*::(test_)?", "", pattern)


def _is_number(value: object) -> bool:
    # A bool is an int to Python; nan compares false, and so does what a float cannot hold.
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return numeric and 0 <= value <= sys.float_info.max  # type: ignore[operator]


def _is_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and one for one in value)


_ARMS = ("packages", "install")
"""How arms are installed is the gate's affair."""
_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "benchmarks": (
        lambda value: _is_names(value) and len(value) > 0,
        'a list of at least one pattern of case ids, such as "clear[rust-uniform-*]"',
    ),
    "threshold": (
        lambda value: _is_number(value) and value < 1,
        "a share: a number that is at least 0 and below 1",
    ),
    "budget": (
        lambda value: _is_number(value) and value > 0,
        "seconds: a number above 0",
    ),
    "thresholds": (
        lambda value: isinstance(value, dict),
        'a table of thresholds by pattern, such as "clear[rust-*]" = 0.05',
    ),
    "removed": (
        lambda value: _is_names(value) and not any("*" in one for one in value),
        "a list of case ids, each in full and without *",
    ),
    "selftest": (
        lambda value: isinstance(value, str) and value != "",
        "a path relative to this file",
    ),
    "project": (
        lambda value: isinstance(value, str) and ":" in value,
        'a text such as "benchmarks.project:project"',
    ),
}
"""What each value must be: how to tell, and how to say it."""
