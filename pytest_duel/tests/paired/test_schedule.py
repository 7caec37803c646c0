"""How often a block calls a benchmark."""

import math
from collections.abc import Sequence

import pytest

from pytest_duel.paired.client import TimerError
from pytest_duel.paired.schedule import (
    FEW_QUADS,
    PAIR,
    QUAD,
    QUADS,
    Budget,
    Schedule,
    calibrated,
    few_rounds,
    schedule,
)  # fmt: skip


class Arms:
    """Two arms whose calls take so many seconds."""

    def __init__(self, one: float, other: float) -> None:
        self.seconds = one, other
        self.asked: list[int] = []

    def both(self, calls: int) -> Sequence[float]:
        self.asked.append(calls)
        return [calls * one for one in self.seconds]


def test_calibration_ends_where_a_timer_hardly_moves() -> None:
    with pytest.raises(
        TimerError, match=r"timer did not move during \d+ calls: a finer timer helps"
    ):
        calibrated(lambda calls: [1e-9, 1e-9], None)


def test_both_arms_are_calibrated_by_the_same_calls() -> None:
    arms = Arms(50e-9, 60e-9)
    per_call, spent = calibrated(arms.both, None)
    assert per_call == pytest.approx([50e-9, 60e-9])
    assert spent == sum(arms.asked)
    assert arms.asked == [1, 1, 4, 16, 64, 256, 1024, 4096, 4096]


def test_a_slow_call_is_repeated_once_where_there_is_time() -> None:
    arms = Arms(30.0, 31.0)
    assert calibrated(arms.both, None, lambda seconds: seconds > 30.5) == ([30.0, 31.0], 1)
    assert calibrated(arms.both, None, lambda seconds: seconds <= 30.5) == ([30.0, 31.0], 2)
    assert calibrated(arms.both, 5) == ([30.0, 31.0], 1)
    assert arms.asked == [1] * 4


@pytest.mark.parametrize("seconds", [0.03, 3.0, 12.0])
def test_a_first_call_that_compiles_is_not_taken_for_the_others(seconds: float) -> None:
    arms = Arms(1e-3, 1e-3)

    def compiling(calls: int) -> Sequence[float]:
        slow = 0.0 if arms.asked else seconds
        return [slow + one for one in arms.both(calls)]

    assert calibrated(compiling, None) == ([1e-3, 1e-3], 4)
    assert arms.asked == [1, 1, 1, 1]


def test_a_repeated_call_that_is_disturbed_is_repeated_again() -> None:
    arms = Arms(1e-6, 1e-6)
    first = [[0.03, 0.03], [0.025, 1e-6]]

    def disturbed(calls: int) -> Sequence[float]:
        taken = arms.both(calls)
        return first.pop(0) if first else taken

    per_call, _ = calibrated(disturbed, None)
    assert per_call == pytest.approx([1e-6, 1e-6])
    assert arms.asked[:4] == [1, 1, 1, 1]


@pytest.mark.parametrize("when", range(1, 9))
def test_a_batch_that_is_disturbed_does_not_stand_for_the_others(when: int) -> None:
    arms = Arms(500e-9, 600e-9)

    def disturbed(calls: int) -> Sequence[float]:
        one, other = arms.both(calls)
        return (one + 5e-3, other) if len(arms.asked) == when else (one, other)

    per_call, spent = calibrated(disturbed, None)
    assert per_call == pytest.approx([500e-9, 600e-9])
    assert spent == sum(arms.asked)


def test_few_rounds_are_not_spent_on_calibration() -> None:
    arms = Arms(1e-3, 1e-3)
    assert calibrated(arms.both, 4) == (None, 0)
    assert arms.asked == []
    assert few_rounds(1) == Schedule(1, 1, PAIR)
    assert calibrated(arms.both, 5) == ([1e-3, 1e-3], 1)


@pytest.mark.parametrize("limit", range(5, 300, 7))
@pytest.mark.parametrize("seconds", [1e-7, 1e-4, 1e-2, 1.0])
def test_rounds_are_never_exceeded(limit: int, seconds: float) -> None:
    plan = schedule(seconds, seconds, left=limit - 1)
    assert 1 <= plan.calls * plan.turns * plan.batches / 2 <= limit - 1


@pytest.mark.parametrize("share", [0.004, 0.02, 0.1, 1.0, math.inf])
@pytest.mark.parametrize("seconds", [5e-8, 1e-5, 1e-3])
def test_a_share_is_kept(share: float, seconds: float) -> None:
    plan = schedule(seconds, seconds, share)
    assert plan.calls * plan.turns * plan.batches * seconds <= max(share, 0.009)


def test_plain_cases_have_all_quads_and_slow_ones_few() -> None:
    assert schedule(1e-5, 1e-5) == Schedule(200, QUADS, QUAD)
    assert schedule(0.5, 0.5) == Schedule(1, FEW_QUADS, QUAD)
    assert schedule(0.5, 0.5, share=0.1) == Schedule(1, 1, PAIR)


def test_a_budget_is_shared_and_refuses_what_it_cannot_pay() -> None:
    budget = Budget(180.0, lanes=2, blocks=12, least=3, benchmarks=10, overhead=2.0)
    assert budget.share == pytest.approx(2.8)
    assert budget.affords("quick", 1e-3)
    assert budget.affords("slow", 30.0)  # 3 blocks of 90 s, two at a time
    assert not budget.affords("too", 30.0)
    assert budget.affords("slow", 30.0)  # it has its share already
    assert budget.needed(60.0) == pytest.approx(1080.0)


def test_a_slow_call_is_repeated_where_that_could_be_news_and_the_budget_pays() -> None:
    budget = Budget(180.0, lanes=2, blocks=12, least=3)
    assert budget.repeats("slow", 30.0)
    assert not budget.repeats("slow", 31.0)
    assert not Budget(180.0, lanes=1, blocks=12, least=3).repeats("slow", 16.0)
    assert Budget().repeats("slow", 600.0)
    budget.learn("slow", 15.0)
    assert not budget.repeats("slow", 16.0)
    assert budget.repeats("other", 16.0)
    budget.learn("slow", 1e-6)  # the first call of another block may compile
    assert budget.repeats("slow", 12.0)
    budget.learn("slow", 0.5)
    assert budget.repeats("slow", 0.5)
