"""Columns of a comparison with what tests have noted: peaks of memory, entries of `extra_info`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pytest_duel.results.runs import Run
from pytest_duel.verdicts import noted
from pytest_duel.verdicts.model import Judgement, Row
from pytest_duel.verdicts.noted import NOTHING, Noted

Side = Mapping[str, Sequence[Noted]]
"""By the name of a benchmark, what each run has."""


def with_columns(
    judgement: Judgement, old: Sequence[Run], new: Sequence[Run], asked: Sequence[str]
) -> Judgement:
    """Return the same with a column for each entry, of both sides; none of them is judged.

    Parameters
    ----------
    judgement
        Of a comparison.
    old, new
        The runs that were compared.
    asked
        Entries of `extra_info`. The peak of memory is shown wherever a run has it.

    Raises
    ------
    NotedError
        Where no benchmark has one of them.
    """
    sides = _noted(old), _noted(new)
    keys = noted.shown((one for side in sides for own in side.values() for one in own), asked)
    if not keys:
        return judgement
    return replace(
        judgement,
        columns=(*judgement.columns, *map(noted.heading, keys)),
        rows=tuple(_row(row, keys, sides) for row in judgement.rows),
        means=tuple(
            replace(row, cells=(*row.cells, *[NOTHING] * len(keys))) for row in judgement.means
        ),
    )


def _noted(runs: Sequence[Run]) -> Side:
    found: dict[str, list[Noted]] = {}
    for run in runs:
        for one in run.benchmarks:
            found.setdefault(one.key.id, []).append(one.benchmark.extra_info)
    return found


def _row(row: Row, keys: Sequence[str], sides: tuple[Side, Side]) -> Row:
    own = [side.get(row.name, ()) for side in sides]
    cells = [list(dict.fromkeys(noted.said(key, side) for side in own)) for key in keys]
    return replace(
        row,
        cells=(*row.cells, *(" → ".join(cell) for cell in cells)),
        data={**row.data, "noted": {key: _values(key, own) for key in keys}},
    )


def _values(key: str, sides: Sequence[Sequence[Noted]]) -> dict[str, Any]:
    """Return what each run has, for machines."""
    values = ([one.get(key) for one in side] for side in sides)
    return dict(zip(("old", "new"), values, strict=True))
