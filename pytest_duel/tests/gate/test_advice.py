"""What would help where a gate comes to no verdict."""

import pytest

from pytest_duel.gate.findings import judge
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.sampling import Sampled
from pytest_duel.statistics.paired import Verdict, estimate
from simulated_gate import SETTINGS, TITLE, plan_of

NAME = "step[rust-uniform-5]"


@pytest.mark.parametrize("width", [0.0, 0.01])
def test_a_threshold_of_zero_and_no_change_at_all_are_told(width: float) -> None:
    differences = [-width, 0.0, width] * 8
    measured = Measurements(
        differences={NAME: differences}, seconds={NAME: [1e-3] * 24}, drifts={NAME: [0.0] * 24},
        blocks=24, compared=True, own_modules=1,
    )  # fmt: skip
    found = {NAME: estimate(differences)}
    assert found[NAME].median == 0.0
    sampled = Sampled(
        found, {NAME: Verdict.INCONCLUSIVE}, {}, (), measured, seconds=90.0, blocks=24, late=True
    )
    plan = plan_of([NAME], thresholds={NAME: 0.0})
    (only,) = judge(plan, sampled, TITLE, SETTINGS).rows
    assert "too noisy to tell: --budget " in only.note
