"""Geometric means of a gate find what slows all benchmarks, at a level of their own."""

import numpy as np
import pytest

from pytest_duel.gate.findings import judge
from pytest_duel.gate.plan import null_name
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.sampling import ALPHA, MEANS_ALPHA, Looks, Sampled
from pytest_duel.statistics.paired import estimate
from simulated_gate import SETTINGS, TITLE, plan_of

NAMES = [f"clear[rust-uniform-{size}]" for size in (5, 20, 50, 200)]
SHIFT = 0.012
"""Less than a benchmark may change by, and more than their mean may."""


def blocks_at(level: float) -> list[float]:
    """Return twelve blocks that differ from zero at just this level."""
    spreads = np.geomspace(1e-4, 1.0, 2000)
    found = [[SHIFT + spread * step for step in range(-6, 7) if step] for spread in spreads]
    return next(one for one in found if estimate(one).p_slower >= level)


@pytest.mark.parametrize(("level", "word"), [
    (0.9 * MEANS_ALPHA, "regression"), (1.5 * MEANS_ALPHA, "no change"), (ALPHA / 2, "no change"),
])  # fmt: skip
def test_a_mean_is_called_at_the_means_part_of_the_level(level: float, word: str) -> None:
    blocks = blocks_at(level)
    plan = plan_of(NAMES)
    nulls = [null_name(name) for name in plan.nulls]
    names = [*NAMES, *nulls]
    measured = Measurements(
        differences=dict.fromkeys(names, blocks), seconds=dict.fromkeys(names, [1e-6] * 12),
        blocks=12, compared=True, own_modules=1,
    )  # fmt: skip
    looks = Looks(plan.thresholds)
    assert looks.alpha + MEANS_ALPHA == pytest.approx(ALPHA)
    looks.take(measured.differences)
    sampled = Sampled(
        looks.estimates, looks.verdicts, dict.fromkeys(nulls, estimate(blocks)), (), measured,
        seconds=9.0, blocks=12, late=False,
    )  # fmt: skip
    (mean,) = judge(plan, sampled, TITLE, SETTINGS).means
    assert mean.word == word
