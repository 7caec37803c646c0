"""The ratio of two medians: exact cases, invariances, and the truth in simulated data."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_duel.statistics.bootstrap import (
    Ratio,
    geometric_mean_ratio,
    median_interval,
    median_ratio,
)

TIMES = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=20)


@given(TIMES, TIMES)
@settings(max_examples=30)
def test_value_is_the_ratio_of_medians_within_its_interval(
    slower: list[float], faster: list[float]
) -> None:
    ratio = median_ratio(slower, faster)
    assert ratio.value == pytest.approx(np.median(slower) / np.median(faster), rel=1e-12)
    largest, least = max(slower) / min(faster), min(slower) / max(faster)
    assert least * (1 - 1e-9) <= ratio.low <= ratio.high <= largest * (1 + 1e-9)


@given(TIMES, TIMES, st.sampled_from([1e-9, 1e-3, 1e6]))
@settings(max_examples=30)
def test_units_do_not_matter(slower: list[float], faster: list[float], unit: float) -> None:
    one = median_ratio(slower, faster)
    other = median_ratio(np.multiply(slower, unit), np.multiply(faster, unit))
    for name in "value", "low", "high":
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-9)


def test_the_interval_of_a_median_holds_it_and_covers_the_truth() -> None:
    rng = np.random.default_rng(40)
    held = 0
    for seed in range(200):
        sample = rng.lognormal(0.0, 0.3, 25)
        low, high = median_interval(sample, seed=seed)
        assert sample.min() <= low <= np.median(sample) <= high <= sample.max()
        held += low <= 1.0 <= high
    assert 0.88 <= held / 200 <= 0.99  # near 95 %
    assert median_interval([3.0] * 7) == (3.0, 3.0)
    with pytest.raises(ValueError, match="positive"):
        median_interval([])


def test_constant_times_give_the_exact_ratio() -> None:
    ratio = median_ratio([3.0] * 7, [1.5] * 9)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2.0, 2.0, 2.0), rel=1e-12)
    one = median_ratio([3.0], [4.0])
    assert (one.value, one.low, one.high) == pytest.approx((0.75, 0.75, 0.75), rel=1e-12)


def test_geometric_mean_over_cases() -> None:
    ratio = geometric_mean_ratio([[8.0] * 5, [1.0] * 5], [[1.0] * 5, [2.0] * 5])
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2.0, 2.0, 2.0), rel=1e-12)


def test_same_times_give_the_same_interval() -> None:
    rng = np.random.default_rng(1)
    slower, faster = rng.lognormal(size=(2, 30))
    assert median_ratio(slower, faster) == median_ratio(slower, faster)


@pytest.mark.parametrize(
    "bad", [[], [0.0], [-1.0], [1.0, np.nan], [[1.0, 2.0]], [1.0, 0.0], 3.0, [np.inf]]
)
def test_bad_times_are_refused(bad: object) -> None:
    for arguments in ((bad, [1.0]), ([1.0], bad)):
        with pytest.raises(ValueError, match="non-empty sequence of positive"):
            median_ratio(*arguments)


def test_different_numbers_of_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        geometric_mean_ratio([[1.0], [2.0]], [[1.0]])


@pytest.mark.parametrize("rounds", [15, 60])
def test_interval_covers_the_truth(rounds: int) -> None:
    # Skewed noise, as timings have it; the truth is the ratio of the medians, 1.3.
    rng = np.random.default_rng([2026, rounds])
    runs = 200
    slower = 1.3e-6 * rng.lognormal(sigma=0.2, size=(runs, rounds))
    faster = 1.0e-6 * rng.lognormal(sigma=0.1, size=(runs, rounds))
    ratios = [
        median_ratio(*pair, seed=i) for i, pair in enumerate(zip(slower, faster, strict=True))
    ]
    covered = sum(ratio.low <= 1.3 <= ratio.high for ratio in ratios)
    # 95 % are meant; the bootstrap of a median is a little off at so few rounds.
    assert 0.88 <= covered / runs <= 0.995
    missed_low = sum(ratio.high < 1.3 for ratio in ratios)
    missed_high = sum(ratio.low > 1.3 for ratio in ratios)
    assert max(missed_low, missed_high) / runs <= 0.08


@pytest.mark.parametrize(
    ("low", "high", "beyond"),
    [
        (1.2, 1.5, True),
        (1.11, 1.12, True),
        (1.1, 1.5, False),
        (1.0, 3.0, False),
        (0.95, 1.05, False),
        (0.5, 0.9, False),  # it is the slower one
    ],
)
def test_a_lead_counts_where_the_whole_interval_is_beyond_the_margin(
    low: float, high: float, beyond: bool
) -> None:
    assert Ratio((low + high) / 2, low, high).exceeds(0.10) is beyond


@pytest.mark.parametrize("rounds", [1, 2, 3, 8, 15, 40])
def test_the_interval_of_a_median_is_that_of_resampling(rounds: int) -> None:
    rng = np.random.default_rng(rounds)
    sample = rng.lognormal(size=rounds)
    resampled = np.median(rng.choice(sample, (20_000, rounds)), axis=1)
    for end, level in zip(median_interval(sample), (0.025, 0.975), strict=True):
        # Much may lie on an end itself, which then belongs to either side.
        assert np.mean(resampled < end) - 0.01 <= level <= np.mean(resampled <= end) + 0.01
