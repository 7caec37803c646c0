"""What tests have noted of their benchmarks besides times, in `extra_info`: values for columns."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pytest_duel.support import harmless
from pytest_duel.support.errors import DuelError
from pytest_duel.support.schema import NUMBER, TALLY
from pytest_duel.support.units import size

PEAK, TRACER = "duel_peak_bytes", "duel_peak_by"
"""The keys of the peak of a benchmark's memory, and of what has traced it. Where the peak is
unknown, there is neither."""
LONGEST = 40
"""Characters of a value."""
NOTHING = "–"
"""Stands where a benchmark has no such entry."""
OFFERED = 12
"""Entries that are offered where one is asked for that is not there."""

Noted = Mapping[str, Any]
"""The `extra_info` of a benchmark."""


class NotedError(DuelError):
    """What is asked for is no entry that a benchmark has; the message says what there is."""


def keys_of(text: str) -> tuple[str, ...]:
    """Read a list of entries, separated by commas.

    Raises
    ------
    NotedError
        Where one is empty.
    """
    keys = tuple(one.strip() for one in text.split(","))
    if not all(keys):
        raise NotedError(f"{text!r}: a key is missing between the commas")
    return keys


def shown(noted: Iterable[Noted], asked: Sequence[str]) -> list[str]:
    """Return the entries that become columns: the peak where there is one, and what is asked for.

    Raises
    ------
    NotedError
        Where no benchmark has one of these.
    """
    known = {key: None for one in noted for key in one}
    for key in asked:
        if key not in known:
            there = ", ".join([*known][:OFFERED]) or "nothing"
            raise NotedError(f"no benchmark has {key!r} in its extra_info; there is {there}")
    return list(dict.fromkeys([PEAK] * (PEAK in known) + [*asked]))


def heading(key: str) -> str:
    """Return the name of a column."""
    return "peak" if key == PEAK else harmless.line(key)


def said(key: str, noted: Iterable[Noted]) -> str:
    """Return an entry of one benchmark, as several runs have noted it: of numbers, the range."""
    values = [one[key] for one in noted if key in one]
    numbers = [one for one in values if NUMBER.tell(one)]
    if len(numbers) == len(values) > 1:
        values = [min(numbers), max(numbers)]
    texts = list(dict.fromkeys(said_value(key, one) for one in values))
    if len(texts) > 2 or (len(texts) > 1 and not numbers):
        return f"{len(texts)} values"
    return " – ".join(texts) or NOTHING


def said_value(key: str, value: object) -> str:
    """Return what a test has noted, in short."""
    if key == PEAK and isinstance(value, int) and TALLY.tell(value):
        return size(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    text = harmless.line(str(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
