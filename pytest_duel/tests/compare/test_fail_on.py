"""What makes ``pytest-duel compare`` end with another code than 0."""

import numpy as np
import pytest

from pytest_duel.cli.compare import DEFAULT_FAILURES
from pytest_duel.compare.comparison import compare
from pytest_duel.compare.judgement import Fail, judge
from pytest_duel.results.runs import Run
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement
from simulated import CATALOGUE, Factor, run_of, times_of

ALL = tuple(Fail)


def slower(**by: float) -> Factor:
    return lambda case: by.get(case.backend, 1.0)


def judged(factor: Factor, *fail_on: Fail, runs: int = 5) -> Judgement:
    rng = np.random.default_rng(7)

    def side(change: Factor) -> list[Run]:
        return [run_of(times_of(rng, factor=change, noise=0.002)) for _ in range(runs)]

    old, new = side(lambda _: 1.0), side(factor)
    return judge(compare(old, new, CATALOGUE), old, new, fail_on)


UNCHANGED = slower()
DISPUTED = slower(numpy=1.3, numba=1.3, rust=1.0)
"""Two of three changed, or the machine and one: no control is to be trusted."""


def test_a_disputed_control_passes_nothing_unless_that_is_asked_for() -> None:
    found = judged(DISPUTED, *DEFAULT_FAILURES)
    assert found.word == Verdict.INCONCLUSIVE
    assert found.exit is Exit.INCONCLUSIVE
    assert all(row.exit is Exit.INCONCLUSIVE for row in found.rows)
    assert judged(DISPUTED, Fail.DISPUTED).exit is Exit.INCONCLUSIVE
    assert judged(DISPUTED, Fail.INCONCLUSIVE).exit is Exit.INCONCLUSIVE
    assert judged(DISPUTED, Fail.REGRESSION, Fail.MISSING).exit is Exit.PASS
    assert judged(DISPUTED).exit is Exit.PASS


def test_a_regression_counts_more_than_a_disputed_control() -> None:
    found = judged(slower(numpy=1.3, numba=1.3, rust=2.0), *DEFAULT_FAILURES)
    assert {row.word for row in found.rows} == {Verdict.INCONCLUSIVE, Verdict.REGRESSION}
    assert found.exit is Exit.REGRESSION


def test_few_runs_are_inconclusive_and_fail_only_where_that_is_asked_for() -> None:
    found = judged(UNCHANGED, *DEFAULT_FAILURES, runs=1)
    assert found.word == Verdict.INCONCLUSIVE
    assert found.exit is Exit.PASS
    assert judged(UNCHANGED, Fail.INCONCLUSIVE, runs=1).exit is Exit.INCONCLUSIVE


@pytest.mark.parametrize("fail_on", [DEFAULT_FAILURES, ALL])
def test_no_change_passes_whatever_fails(fail_on: tuple[Fail, ...]) -> None:
    found = judged(UNCHANGED, *fail_on, runs=12)
    assert found.word == Verdict.NO_CHANGE
    assert found.exit is Exit.PASS
