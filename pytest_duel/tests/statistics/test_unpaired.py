"""The statistics of a comparison, on exact cases and on simulated data with known truth."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pytest_duel.statistics import unpaired
from pytest_duel.statistics.sharing import TAILS, Tails

LOGS = st.lists(st.floats(-20, 5), min_size=2, max_size=8)


@given(LOGS, LOGS)
@settings(max_examples=50)
def test_several_runs_agree_with_scipys_welch(old: list[float], new: list[float]) -> None:
    if np.ptp(old) < 1e-3 or np.ptp(new) < 1e-3:
        return
    ours = unpaired.between_runs(old, new)
    theirs = stats.ttest_ind(new, old, equal_var=False, alternative="greater")
    assert ours.p_slower == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)
    interval = stats.ttest_ind(new, old, equal_var=False).confidence_interval(0.95)
    assert np.log1p(ours.median) == pytest.approx(np.mean(new) - np.mean(old), abs=1e-6)
    if abs(interval.low) < 10 and abs(interval.high) < 10:
        assert np.log1p([ours.low, ours.high]) == pytest.approx(list(interval), abs=1e-6)


@given(LOGS, LOGS)
@settings(max_examples=50)
def test_exchanging_the_sides_mirrors_the_change(old: list[float], new: list[float]) -> None:
    there, back = unpaired.between_runs(old, new), unpaired.between_runs(new, old)
    assert there.p_slower == pytest.approx(back.p_faster, abs=1e-9)
    assert np.log1p(there.median) == pytest.approx(-np.log1p(back.median), abs=1e-6)


def test_one_run_is_held_against_the_spread_of_the_other_side() -> None:
    old = [0.0, 0.01, -0.01, 0.02, -0.02]
    one = unpaired.between_runs(old, [0.2])
    error = np.std(old, ddof=1) * np.sqrt(1 + 1 / 5)
    assert one.p_slower == pytest.approx(stats.t.sf(0.2 / error, TAILS))
    assert unpaired.between_runs([0.2], old).p_faster == pytest.approx(one.p_slower)


def test_runs_that_are_all_alike_have_no_error() -> None:
    slower = unpaired.between_runs([1.0, 1.0], [1.5, 1.5])
    assert (slower.p_slower, slower.p_faster) == (0.0, 1.0)
    assert slower.low == slower.high == pytest.approx(np.expm1(0.5))
    same = unpaired.between_runs([1.0, 1.0], [1.0, 1.0])
    assert (same.p_slower, same.p_faster, same.median) == (0.5, 0.5, 0.0)


@pytest.mark.parametrize(("first", "second"), [(3, 3), (5, 5), (3, 8), (1, 6), (6, 1)])
@pytest.mark.parametrize("heavy", [False, True])
def test_interval_over_runs_covers_the_truth(first: int, second: int, heavy: bool) -> None:
    rng = np.random.default_rng([1, first, second])

    def sample(size: int) -> np.ndarray:
        return 0.02 * (rng.standard_t(3, size) if heavy else rng.normal(size=size))

    count = 1500
    found = [unpaired.between_runs(sample(first), 0.05 + sample(second)) for _ in range(count)]
    covered = np.mean([one.low <= np.expm1(0.05) <= one.high for one in found])
    # A single run has no mean to tame its tails; its interval is the wider for it.
    assert 0.93 <= covered <= (0.985 if min(first, second) > 1 else 1.0)
    wrong = np.mean([unpaired.between_runs(sample(first), sample(second)).p_slower < 0.01
                     for _ in range(count)])  # fmt: skip
    assert wrong <= 0.02


def test_unequal_spreads_keep_the_coverage() -> None:
    rng = np.random.default_rng(2)
    found = [
        unpaired.between_runs(rng.normal(0, 0.01, 6), rng.normal(0, 0.08, 4)) for _ in range(1500)
    ]
    assert 0.93 <= np.mean([one.low <= 0 <= one.high for one in found]) <= 0.97


def test_one_run_a_side_never_claims_more_than_the_margin() -> None:
    quiet = unpaired.between_two(np.log(1.09), Tails(0.0))
    assert quiet.low < 0 < quiet.high
    assert unpaired.between_two(np.log(1.11), Tails(0.0)).low > 0
    noisy = unpaired.between_two(np.log(1.11), Tails(0.05))
    assert noisy.low < 0
    assert noisy.p_slower > quiet.p_slower == 0.0
    assert unpaired.between_two(-0.3, Tails(0.02)).p_faster < 0.01


def test_the_spread_of_processes_is_found_among_cases() -> None:
    rng = np.random.default_rng(3)
    groups = [name for name in "abc" for _ in range(40)]
    noise = 0.02 * rng.standard_t(3, len(groups))
    moved = noise + np.repeat([0.0, 0.5, -0.2], 40)  # whole backends that changed
    moved[5] += 3.0  # and a case
    for sample in noise, moved:
        scale = unpaired.process_scale(sample, groups)
        assert scale is not None
        assert 0.014 < scale < 0.027
    assert unpaired.process_scale([0.1] * 6, list("aabbcc")) is None
    assert unpaired.process_scale([], []) is None
    assert unpaired.process_scale([0.0] * 12, ["a"] * 12) == 0.0


@pytest.mark.parametrize("rounds", [5, 30, 300])
def test_error_of_a_median_is_what_simulation_gives(rounds: int) -> None:
    rng = np.random.default_rng([4, rounds])
    sample = rng.lognormal(0, 0.1, (2000, rounds))
    true = np.log(np.median(sample, axis=1)).std()
    found = np.median([unpaired.median_error(one) for one in sample[:500]])
    assert 0.7 <= found / true <= 1.6
    moments = unpaired.median_error_of_moments(1.0, 0.1, rounds)
    assert 0.8 <= moments / true <= 1.4


def test_error_of_a_single_round_is_zero() -> None:
    assert unpaired.median_error([2.0]) == 0.0


NAMES = st.dictionaries(st.text(min_size=1, max_size=3), st.floats(-1, 1), min_size=3, max_size=7)


@given(NAMES)
def test_the_middle_one_is_within_the_others(drifts: dict[str, float]) -> None:
    name = unpaired.middle(drifts)
    assert name is not None
    below = sum(one < drifts[name] for one in drifts.values())
    above = sum(one > drifts[name] for one in drifts.values())
    assert max(below, above) <= len(drifts) / 2


@pytest.mark.parametrize("far", [-3.0, 3.0])
@pytest.mark.parametrize("count", [3, 4, 5])
def test_one_that_changed_is_not_the_middle_one(far: float, count: int) -> None:
    drifts = {f"b{i}": 0.001 * i for i in range(count)}
    assert all(unpaired.middle(drifts | {name: far}) != name for name in drifts)


def test_of_two_none_is_in_the_middle() -> None:
    assert unpaired.middle({"a": 0.0, "b": 0.2}) is None
    assert unpaired.middle({}) is None


def test_drift_is_what_the_cases_share() -> None:
    levels, shared = np.array([1.0, 5.0, -2.0]), np.array([0.1, -0.3, 0.2])
    assert unpaired.drift(levels + shared[:, None]) == pytest.approx(shared)
    steps = [b - a for a, b in pairwise(unpaired.drift(levels + shared[:, None] + 7.0))]
    assert steps == pytest.approx([-0.4, 0.5])
