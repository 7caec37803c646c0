"""A paired measurement as a row of a judgement."""

import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from pytest_duel.paired.measurements import Measurements
from pytest_duel.statistics.paired import Estimate, Verdict
from pytest_duel.support import units
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import duration
from pytest_duel.verdicts.model import Row

EXITS = {Verdict.REGRESSION: Exit.REGRESSION, Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE}
EMPTY = ("–", "–", "–")
"""The cells of a case that was not measured: two times and their ratio."""


def ratio(found: Estimate) -> str:
    """Return the ratio of the arms' times with its interval."""
    return units.ratio(1 + found.median, 1 + found.low, 1 + found.high)


def change(found: Estimate) -> str:
    """Return how much slower the second arm is, with its interval, in percent."""
    if found.blocks < 2:
        return f"{_percent(found.median)}%"
    return f"{_percent(found.median)}% [{_percent(found.low)}, {_percent(found.high)}]"


def _percent(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:+.1f}"  # no -0.0


def numbers(found: Estimate, seconds: float, blocks: list[float]) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "seconds": seconds,
        "ratio": 1 + found.median,
        "low": 1 + found.low,
        "high": 1 + found.high,
        "blocks": blocks,
    }


def blameless(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Return the rows of a void measurement: nothing in them counts against a change."""
    return tuple(
        replace(one, exit=Exit.INCONCLUSIVE) if one.exit is Exit.REGRESSION else one
        for one in rows
    )


def row(
    name: str,
    place: tuple[str, str],
    measured: Measurements,
    found: tuple[Estimate, Verdict] | None,
    *,
    compared: Callable[[Estimate], str] = change,
    contest: str | None = None,
    note: str = "",
    data: Mapping[str, Any] | None = None,
) -> Row:
    """Return the row of a case.

    Parameters
    ----------
    name
        Of the case.
    place
        The heading that it stands under, and its name there.
    measured
        The results of the blocks. If they hold an error for the contest, the row says so.
    found
        None where nothing is known.
    compared
        Says how the arms compare, in the last cell.
    contest
        The name of the contest, where that differs.
    note, data
        What else there is to say.
    """
    key = contest or name
    if found is None or key in measured.errors or key not in measured.differences:
        reason = measured.errors.get(key, "not measured")
        return Row(name, *place, cells=EMPTY, word="error", exit=Exit.ERROR, note=reason)
    one, verdict = found
    seconds = statistics.median(measured.seconds[key])
    return Row(
        name,
        *place,
        cells=(duration(seconds), duration(seconds * (1 + one.median)), compared(one)),
        word=str(verdict),
        exit=EXITS.get(verdict, Exit.PASS),
        note=note,
        data={**(data or {}), **numbers(one, seconds, measured.differences[key])},
    )
