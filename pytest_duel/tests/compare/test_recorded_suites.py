"""Comparisons of recorded runs of public projects.

Equal code is left alone, however the runs are put on two sides: in the order of their measurement,
in turn, or at random. Benchmarks that were slowed are found, as far as a person would find them.
More of them, and the figures for the docs, are counted by `calls`.
"""

import json
from functools import cache

import pytest

from calls import OUT, SIDES, false_calls, false_leads, far_apart, power
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


def test_suites_that_the_method_was_not_chosen_by_are_left_alone() -> None:
    # What docs/method.md says of the counts in its tables.
    counted = json.loads(OUT.read_text(encoding="utf-8"))
    assert set(counted["left_out"]) == {"pluggy", "cattrs", "pint"}
    for one in counted["left_out"].values():
        assert one["false"] <= RATE * one["compared"]
        assert one["false_leads"] <= RATE
    for one in counted["strangers"].values():
        assert sum(side["false"] for side in one["sides"]) <= RATE * sum(
            side["compared"] for side in one["sides"]
        )
    for one in counted["suites"].values():
        assert one["any_apart"]["1.5"] > 0.5


def test_a_benchmark_that_takes_three_times_as_long_is_found_in_real_noise() -> None:
    found, slowed = power(recorded("cattrs")[SAME], 5, 5, 3.0)
    assert found >= slowed / 2


def test_of_identical_alternatives_hardly_any_is_called_faster() -> None:
    runs = recorded("pluggy")[SAME]
    assert far_apart(runs) <= RATE
    for processes in (1, 2, 3):
        leads = false_leads(runs, processes, 10)
        assert sum(leads) <= RATE * 10 * len(runs[0].others)
