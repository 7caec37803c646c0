"""Verdicts on simulated blocks whose truth is known.

Seeds are fixed, so a test passes or fails the same way every time; the bounds allow for the
number of simulations.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pytest_duel.statistics.paired import TRIM, Estimate, Verdict, decide, estimate, holm
from simulated import Noise, heavy_tails, normal, outliers, shared_drift

BLOCKS = 18
CASES = 20
SD = 0.015
THRESHOLD = 0.02
GATES = 200


NOISES = (normal, heavy_tails, outliers, shared_drift)


def gates(noise: Noise, slowdown: float, alpha: float = 0.01) -> list[list[Verdict]]:
    """Simulate gates of CASES cases, the first of them slower by `slowdown`."""
    rng = np.random.default_rng(2026)
    results = []
    for _ in range(GATES):
        differences = noise(rng, (CASES, BLOCKS), SD)
        differences[0] += np.log1p(slowdown)
        estimates = {str(case): estimate(row) for case, row in enumerate(differences)}
        verdicts = decide(estimates, dict.fromkeys(estimates, THRESHOLD), alpha)
        results.append([verdicts[str(case)] for case in range(CASES)])
    return results


@pytest.mark.parametrize("noise", NOISES)
def test_a_gate_without_a_change_raises_hardly_an_alarm(noise: Noise) -> None:
    alarms = sum(Verdict.REGRESSION in gate for gate in gates(noise, 0.0))
    assert alarms <= 0.01 * GATES


@pytest.mark.parametrize("noise", NOISES)
def test_unchanged_cases_are_not_blamed_for_a_slow_one(noise: Noise) -> None:
    blamed = sum(Verdict.REGRESSION in gate[1:] for gate in gates(noise, 0.10))
    assert blamed <= 0.01 * GATES


@pytest.mark.parametrize(("noise", "slowdown", "power"), [
    (normal, 0.05, 0.99),
    (normal, 0.035, 0.90),
    (heavy_tails, 0.05, 0.95),
    (shared_drift, 0.05, 0.99),
])  # fmt: skip
def test_a_slow_case_is_caught(noise: Noise, slowdown: float, power: float) -> None:
    caught = sum(gate[0] is Verdict.REGRESSION for gate in gates(noise, slowdown))
    assert caught >= power * GATES


def test_an_improvement_mirrors_a_regression() -> None:
    found = sum(gate[0] is Verdict.IMPROVEMENT for gate in gates(normal, 1 / 1.05 - 1))
    assert found >= 0.99 * GATES


@pytest.mark.parametrize("noise", [normal, heavy_tails])
@pytest.mark.parametrize("truth", [0.0, 0.03, -0.10])
def test_the_interval_covers_the_truth(noise: Noise, truth: float) -> None:
    rng = np.random.default_rng(7)
    trials = 2000
    covered = 0
    for _ in range(trials):
        one = estimate(noise(rng, (1, BLOCKS), SD)[0] + np.log1p(truth))
        covered += one.low <= truth <= one.high
    assert 0.935 <= covered / trials <= 0.975


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=40))
def test_swapping_the_arms_swaps_the_verdict(differences: list[float]) -> None:
    forth = decide({"case": estimate(differences)}, {"case": THRESHOLD}, 0.01)["case"]
    back = decide({"case": estimate(np.negative(differences))}, {"case": THRESHOLD}, 0.01)["case"]
    assert (forth is Verdict.REGRESSION) == (back is Verdict.IMPROVEMENT)
    assert (forth is Verdict.IMPROVEMENT) == (back is Verdict.REGRESSION)


def test_one_block_decides_nothing() -> None:
    assert decide({"case": estimate([0.5])}, {"case": 0.02}, 0.01) == {
        "case": Verdict.INCONCLUSIVE
    }


def test_no_difference_at_all_is_no_change() -> None:
    assert decide({"case": estimate([0.0] * 12)}, {"case": 0.02}, 0.01) == {
        "case": Verdict.NO_CHANGE
    }


def test_a_change_below_the_threshold_is_no_regression_however_sure() -> None:
    sure = estimate(np.random.default_rng(1).normal(0.01, 0.0005, 18))
    assert sure.p_slower < 1e-6
    assert decide({"case": sure}, {"case": 0.02}, 0.01) == {"case": Verdict.NO_CHANGE}


@pytest.mark.parametrize("bad", [[np.nan, 0.0], [np.inf, 0.0], [[0.0, 0.0]]])
def test_bad_differences_are_refused(bad: object) -> None:
    with pytest.raises(ValueError, match="differences must be"):
        estimate(bad)  # type: ignore[arg-type]


def test_holm_steps_down() -> None:
    # The example of Holm's paper's procedure: 0.01/3, 0.01/2, 0.01/1 are the bars in turn.
    assert holm({"a": 0.003, "b": 0.004, "c": 0.2}, 0.01) == {"a", "b"}
    assert holm({"a": 0.004, "b": 0.0001, "c": 0.006}, 0.01) == {"a", "b", "c"}
    assert holm({"a": 0.004, "b": 0.006, "c": 0.007}, 0.01) == set()
    assert holm({}, 0.01) == set()


@pytest.mark.parametrize("blocks", [2, 4, 5, 12, 23, 48])
def test_an_estimate_rests_on_what_scipy_trims_and_draws_in(blocks: int) -> None:
    sample = np.random.default_rng(blocks).normal(0.01, SD, blocks)
    one = estimate(sample)
    mean, kept = stats.trim_mean(sample, TRIM), blocks - 2 * int(TRIM * blocks)
    drawn_in = np.asarray(stats.mstats.winsorize(sample, (TRIM, TRIM)))
    error = np.sqrt((blocks - 1) * drawn_in.var(ddof=1) / (kept * (kept - 1)))
    low, high = stats.t.interval(0.95, kept - 1, mean, error)
    assert (one.low, one.high) == pytest.approx((np.expm1(low), np.expm1(high)))
    assert one.p_slower == pytest.approx(stats.t.sf(mean / error, kept - 1))


def test_an_estimate_is_what_a_textbook_says() -> None:
    one = estimate(np.log1p([0.01, 0.02, 0.03, 0.04]))
    assert isinstance(one, Estimate)
    assert one.median == pytest.approx(0.025, abs=1e-4)
    assert (one.low, one.high) == pytest.approx((0.0044, 0.0456), abs=3e-4)
    assert one.p_slower == pytest.approx(0.0151, abs=5e-4)
