"""Comparisons of recorded runs of public projects.

Equal code is left alone, however the runs are put on two sides: in the order of their measurement,
in turn, or at random. One function that was slowed is found, as far as a person would find it.
"""

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from pytest_duel.catalogue.model import EMPTY
from pytest_duel.compare.comparison import Comparison, compare
from pytest_duel.results.benchmarks import SavedTimes
from pytest_duel.results.runs import Run
from pytest_duel.statistics.paired import Verdict
from recorded import SAME, variants

SUITES = (("pluggy", 25), ("cattrs", 25), pytest.param("pint", 5, marks=pytest.mark.slow))
"""Names, and for each pair of sides how often runs are drawn for them. Pint has 321 benchmarks."""
SIDES = ((1, 1), (2, 2), (3, 3), (4, 4), (1, 3), (3, 1))
"""Runs of each side."""
RATE = 0.02
"""Of comparisons of equal code, those in which anything is called."""

Split = tuple[tuple[int, ...], tuple[int, ...]]

recorded = cache(variants)


def splits(number: int, old: int, new: int, drawn: int) -> Iterator[Split]:
    """Yield ways to take runs for two sides, from as many as there are; some are drawn."""
    both = old + new
    for first in range(number - both + 1):
        one = tuple(range(first, first + both))
        yield one[:old], one[old:]
        if old == new:
            yield one[::2], one[1::2]
    rng = random.Random(17)  # noqa: S311
    for _ in range(drawn):
        picked = tuple(rng.sample(range(number), both))
        yield picked[:old], picked[old:]


def called(comparison: Comparison, *verdicts: Verdict) -> list[str]:
    wanted = verdicts or (Verdict.REGRESSION, Verdict.IMPROVEMENT)
    return [key.id for key, one in comparison.cases.items() if one.verdict in wanted]


@pytest.mark.parametrize(("name", "drawn"), SUITES)
def test_equal_code_is_left_alone(name: str, drawn: int) -> None:
    runs = recorded(name)[SAME]
    tried = false = 0
    for sides in SIDES:
        for old, new in dict.fromkeys(splits(len(runs), *sides, drawn)):
            tried += 1
            sample = [[runs[at] for at in side] for side in (old, new)]
            false += bool(called(compare(sample[0], sample[1], EMPTY)))
    assert tried >= 100
    assert false <= RATE * tried, f"{false} of {tried} comparisons called something"


SLOW = (("pluggy", "test_varnames[*"), ("cattrs", "test_structure_ho*"))
"""Benchmarks of one function in each suite."""


@pytest.mark.parametrize(("name", "pattern"), SLOW)
def test_a_function_that_is_slower_is_found_in_real_noise(name: str, pattern: str) -> None:
    runs = recorded(name)[SAME]
    old, new = runs[0:10:2], [slower(one, pattern, 3.0) for one in runs[1:10:2]]
    found = compare(old, new, EMPTY)
    hit = {one.benchmark.id for one in old[0].others if one.benchmark.is_called(pattern)}
    assert set(called(found)) <= hit
    assert called(found, Verdict.REGRESSION)


def slower(run: Run, pattern: str, by: float) -> Run:
    """Return a run in which some benchmarks took longer."""

    def scaled(one: SavedTimes) -> SavedTimes:
        if not one.benchmark.is_called(pattern):
            return one
        times = {name: by * getattr(one, name) for name in ("median", "mean", "min", "stddev")}
        return replace(one, **times)

    return replace(run, others=tuple(map(scaled, run.others)))
