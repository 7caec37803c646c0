"""What several processes say of the time of a call."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_duel.statistics.typical import APART, paces, ratio, typical

TIMES = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=9)


@given(st.lists(TIMES, min_size=1, max_size=9))
def test_what_is_told_lies_among_the_processes(processes: list[list[float]]) -> None:
    found = typical(processes)
    medians = [float(np.median(one)) for one in processes]
    assert found.fastest == min(medians)
    assert found.slowest == max(medians)
    assert found.fastest <= found.time <= found.slowest * (1 + 1e-9)
    assert math.isnan(found.low) == math.isnan(found.high) == (len(processes) == 1)
    if len(processes) > 1:
        assert found.low <= found.time * (1 + 1e-9)
        assert found.time <= found.high * (1 + 1e-9)
    if found.groups:
        assert found.is_apart
        assert found.groups[1] >= APART * found.groups[0]


@given(TIMES)
def test_more_rounds_of_a_process_are_no_more_processes(rounds: list[float]) -> None:
    once = typical([rounds, [2.0 * one for one in rounds]])
    often = typical([rounds * 5, [2.0 * one for one in rounds * 5]])
    assert once == often


def test_the_interval_holds_the_typical_process_as_often_as_it_says() -> None:
    rng = np.random.default_rng(16)
    trials = 2000
    held = 0
    for medians in np.exp(rng.normal(0.0, 0.1, (trials, 3))):
        found = typical([[one] for one in medians])
        held += found.low <= 1.0 <= found.high
    assert 0.93 < held / trials < 0.97


def test_the_time_of_one_process_is_its_median() -> None:
    assert typical([[0.3, 0.1, 0.2]]).time == 0.2


def test_the_interval_holds_the_time_that_is_told_where_processes_fall_into_two_groups() -> None:
    found = typical([[340.0]] * 13 + [[626.0]] * 11)
    assert found.time == pytest.approx((340.0**13 * 626.0**11) ** (1 / 24))
    assert 340.0 < found.low < found.time < found.high  # the median process is outside


def test_two_groups_are_told() -> None:
    found = typical([[0.340], [0.626], [0.342], [0.630], [0.338]])
    assert found.groups == (0.340, 0.628)


@pytest.mark.parametrize("medians", [
    [1.0, 1.0, 1.0, 1.0],
    [1.0, 1.1, 1.2, 1.3],  # spread, and not parted
    [1.0, 1.01, 1.02, 2.0],  # one alone may be an accident
    [1.0, 1.15, 1.3, 1.6],
    [1.0, 2.0],
])  # fmt: skip
def test_what_is_no_two_groups(medians: list[float]) -> None:
    assert typical([[one] for one in medians]).groups is None


@pytest.mark.parametrize(
    "processes", [[], [[]], [[0.0]], [[-1.0]], [[math.nan]], [[1.0], [math.inf]]]
)
def test_what_is_no_time_is_refused(processes: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="positive finite times"):
        typical(processes)


CASES = [[[1.0], [1.5], [1.0]], [[20.0], [30.0], [20.0]], [[3.0], [4.5], [6.0]]]


def test_a_pace_is_what_all_cases_share() -> None:
    assert paces(CASES) == pytest.approx([1.0, 1.5, 1.0])


@pytest.mark.parametrize("cases", [CASES[2:], CASES[1:]])
def test_one_case_or_two_tell_no_pace(cases: list[list[list[float]]]) -> None:
    """The middle of two would be half of what one does by itself, and blame the other for it."""
    assert paces(cases).tolist() == [1.0, 1.0, 1.0]


def test_a_ratio_knows_what_slows_both() -> None:
    found = ratio([CASES[1]], [CASES[0]])
    assert (found.value, found.low, found.high) == pytest.approx((20.0, 20.0, 20.0))
    wide = ratio([CASES[2]], [CASES[0]])
    assert wide.low < 3.0 < wide.value < 6.0 < wide.high
    assert ratio([CASES[2]], [CASES[0]], 0.99).high > wide.high


def test_a_ratio_over_cases_is_their_geometric_mean() -> None:
    both = ratio([CASES[1], CASES[0]], [CASES[0], CASES[1]])
    assert both.value == pytest.approx(1.0)
