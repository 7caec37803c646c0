"""Thresholds: how users write them, and which of several holds for a benchmark."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_duel.support.patterns import matches, specificity

SHARE = 'a share: a number that is at least 0, below 1, or a text such as "2%" or "150%"'
"""What a threshold must be."""


def share_of(given: object) -> float:
    """Read a share: ``0.02``, ``"0.02"``, ``"2%"``, ``"150%"``.

    From 1 on it takes the percent sign: who writes 5 may well mean 5 %.

    Raises
    ------
    ValueError
        Where it is no share.
    """
    text = given.strip() if isinstance(given, str) else ""
    in_percent = text.endswith("%")
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise ValueError(f"{given!r} is not a share")
    try:
        value = float(text.removesuffix("%") if text else given)
    except (ValueError, OverflowError):
        raise ValueError(f"{given!r} is not a share") from None
    if not 0 <= value < (math.inf if in_percent else 1):
        raise ValueError(f"{given!r} is not a share")
    return value / 100 if in_percent else value


def is_share(given: object) -> bool:
    """Tell whether `share_of` can read it."""
    try:
        share_of(given)
    except ValueError:
        return False
    return True


def decisive(thresholds: Mapping[str, float], name: str) -> float | None:
    """Return the threshold that the most specific of the matching patterns has.

    Parameters
    ----------
    thresholds
        By pattern. Of two as specific the lower counts.
    name
        Of a benchmark, or of a group.

    Returns
    -------
    float or None
        None where no pattern matches.
    """
    own = [one for one in thresholds.items() if matches(one[0], [name])]
    if not own:
        return None
    return max(own, key=lambda one: (specificity(one[0]), -one[1]))[1]


@dataclass(frozen=True)
class Thresholds:
    """The smallest change that matters of single benchmarks and of groups, by pattern."""

    by_name: Mapping[str, float] = field(default_factory=dict)
    by_group: Mapping[str, float] = field(default_factory=dict)
    """Of benchmarks for which no pattern of names has one."""

    def of(self, name: str, group: str | None) -> float | None:
        """Return the threshold of a benchmark; None where it has none of its own."""
        own = decisive(self.by_name, name)
        if own is None and group is not None:
            return decisive(self.by_group, group)
        return own

    def idle(self, benchmarks: Iterable[tuple[str, str | None]]) -> list[str]:
        """Return the patterns that match nothing of some benchmarks, given by name and group."""
        names, groups = zip(*benchmarks, strict=True)
        known = [group for group in groups if group is not None]
        return [
            *(one for one in self.by_name if not matches(one, names)),
            *(one for one in self.by_group if not matches(one, known)),
        ]
