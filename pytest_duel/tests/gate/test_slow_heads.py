"""A head that is too slow to be measured: nothing that is plainly slower may be let pass."""

import pytest

from pytest_duel.gate.findings import judge
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.sampling import Sampled
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Row
from simulated_gate import SETTINGS, TITLE, plan_of

NAME = "step[rust-uniform-5]"
NEEDED = "a call takes too long for the budget: it needs --budget 400, or a smaller input"


def row(*calls: float) -> Row:
    """Return what is said of a benchmark whose calls take this long on either arm."""
    measured = Measurements(
        unaffordable={NAME: 399.5}, slow_calls={NAME: calls}, blocks=1, compared=True
    )
    sampled = Sampled({}, {}, {}, (), measured, seconds=90.0, blocks=1, late=False)
    (only,) = judge(plan_of([NAME]), sampled, TITLE, SETTINGS).rows
    return only


def test_a_head_that_is_far_too_slow_is_an_error() -> None:
    found = row(0.001, 60.0)
    assert (found.word, found.exit) == ("error", Exit.ERROR)
    assert found.note == f"a call took 1.00 ms on the base and 60.0 s on the head; {NEEDED}"


@pytest.mark.parametrize("calls", [(30.0, 32.0), (60.0, 0.001), (60.0,)])
def test_what_is_as_slow_on_the_base_is_inconclusive(calls: tuple[float, ...]) -> None:
    found = row(*calls)
    assert (found.word, found.exit, found.note) == (
        "inconclusive", Exit.INCONCLUSIVE, NEEDED,
    )  # fmt: skip
