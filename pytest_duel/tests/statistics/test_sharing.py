"""What benchmarks tell each other of their spread, on simulated data with known truth."""

import numpy as np
import pytest

from pytest_duel.statistics import unpaired
from pytest_duel.statistics.sharing import ENOUGH, TAILS, Spread, shared, tails
from pytest_duel.statistics.unpaired import Sides

ALIKE = np.zeros(200)


def spreads(rng: np.random.Generator, true: np.ndarray, runs: int) -> list[Spread]:
    sample = rng.normal(0, 1, (runs, true.size)) * np.sqrt(true)
    return [Spread(float(one), runs - 1.0) for one in sample.var(axis=0, ddof=1)]


def test_spreads_that_are_alike_become_known() -> None:
    rng = np.random.default_rng(1)
    own = spreads(rng, np.full(200, 4.0), 2)
    found = shared(own, ALIKE)
    assert {one.freedom for one in found} == {1 + TAILS}
    assert np.std([one.variance for one in found]) < 0.4 * np.std([one.variance for one in own])
    assert np.mean([one.variance for one in found]) == pytest.approx(4.0, rel=0.25)


def test_spreads_that_differ_much_are_left_to_each() -> None:
    rng = np.random.default_rng(2)
    found = shared(spreads(rng, np.exp(rng.normal(0, 3, 200)), 4), ALIKE)
    assert all(3 < one.freedom < 3 + TAILS / 2 for one in found)


def test_a_spread_that_grows_with_the_duration_is_followed() -> None:
    rng, levels = np.random.default_rng(3), np.linspace(-14, 0, 200)
    found = shared(spreads(rng, np.exp(levels / 2), 2), levels)
    variances = np.log([one.variance for one in found])
    assert np.polyfit(levels, variances, 1)[0] == pytest.approx(0.5, abs=0.1)


def test_few_benchmarks_and_runs_that_are_all_alike_tell_nothing() -> None:
    few = [Spread(float(at), 1.0) for at in range(ENOUGH)]  # one of which is zero
    assert shared(few, np.zeros(ENOUGH)) == few
    assert tails([0.1] * (ENOUGH - 1)) is None
    assert tails(np.zeros(20)) is not None


@pytest.mark.parametrize("size", [12, 60, 400])
def test_tails_are_as_light_only_as_is_sure(size: int) -> None:
    rng = np.random.default_rng(4)
    light = [tails(rng.normal(0, 0.02, size)) for _ in range(50)]
    heavy = [tails(0.02 * rng.standard_t(2, size)) for _ in range(50)]
    assert sum(one is not None and one.freedom <= TAILS for one in heavy) >= 40
    usual = np.median([one.freedom for one in light if one])
    assert usual > 2 * TAILS if size == 400 else usual >= TAILS


def test_one_in_thirty_that_changed_leaves_the_tails_alone() -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.02, 480)
    noise[::30] += 0.4
    found = tails(noise)
    assert found is not None
    assert found.freedom > 2 * TAILS
    assert found.scale == pytest.approx(0.02, rel=0.15)


@pytest.mark.parametrize(("old", "new"), [(2, 2), (3, 1)])
def test_together_a_change_is_found_that_alone_is_not(old: int, new: int) -> None:
    rng = np.random.default_rng([6, old])
    samples = [
        Sides(rng.normal(0, 0.02, old), rng.normal(0.4 if at == 7 else 0.0, 0.02, new))
        for at in range(200)
    ]
    found = unpaired.together(samples)
    least = min(range(200), key=lambda at: found[at].p_slower)
    assert least == 7
    assert found[7].p_slower < 0.025 / 200
    assert unpaired.between_runs(*samples[7]).p_slower > 0.025 / 200
