"""Comparisons of recorded runs of public projects.

Equal code is left alone, however the runs are put on two sides: in the order of their measurement,
in turn, or at random. Benchmarks that were slowed are found, as far as a person would find them.
More of them, and the figures for the docs, are counted by `calls`.
"""

from functools import cache

import pytest

from calls import SIDES, false_calls, false_leads, far_apart, power
from recorded import SAME, variants

SUITES = ("pluggy", pytest.param("cattrs", marks=pytest.mark.slow),
          pytest.param("pint", marks=pytest.mark.slow))  # fmt: skip
RATE = 0.02
"""Of comparisons of equal code, those in which anything is called."""

recorded = cache(variants)


@pytest.mark.parametrize("name", SUITES)
def test_equal_code_is_left_alone(name: str) -> None:
    found = [one for sides in SIDES for one in false_calls(recorded(name)[SAME], *sides, 0)]
    assert len(found) >= 60
    assert sum(found) <= RATE * len(found), f"{sum(found)} of {len(found)}"


def test_a_benchmark_that_takes_three_times_as_long_is_found_in_real_noise() -> None:
    found, slowed = power(recorded("cattrs")[SAME], 5, 5, 3.0)
    assert found >= slowed / 2


def test_of_identical_alternatives_hardly_any_is_called_faster() -> None:
    runs = recorded("pluggy")[SAME]
    assert far_apart(runs) <= RATE
    for processes in (1, 2, 3):
        leads = false_leads(runs, processes, 10)
        assert sum(leads) <= RATE * 10 * len(runs[0].others)
