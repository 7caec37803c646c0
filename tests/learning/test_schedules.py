"""Who learns when, and against whom."""

import pytest

from easy_marl.learning import SCHEDULES
from easy_marl.learning.schedules import Turn, check_schedule, turns


def test_all_learn_at_once() -> None:
    assert turns("simultaneous", [0, 1, 2]) == [Turn((0, 1, 2), True)]


def test_iterated_best_responses_are_to_what_others_do_by_then() -> None:
    assert turns("ibr", [0, 2]) == [Turn((0,), True), Turn((2,), True)]


def test_simultaneous_best_responses_are_to_what_others_did_before() -> None:
    assert turns("sbr", [0, 2]) == [Turn((0,), False), Turn((2,), False)]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_where_nobody_learns_there_is_no_turn(schedule: str) -> None:
    assert turns(schedule, []) == []


@pytest.mark.parametrize("given", ["fictitious", "IBR", 3, None])
def test_there_are_no_other_schedules(given: object) -> None:
    with pytest.raises(ValueError, match=r"^schedule is .*: schedule must be one of 'simul"):
        check_schedule(given)
