"""What is measured, and why the rest is not."""

import pytest

from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.roster import Roster
from pytest_duel.paired.schedule import Budget

ONE_SIDE = "head: its fixture 'server' failed: OSError: busy"
BOTH_SIDES = "both sides: its fixture 'server' failed: OSError: busy"


@pytest.mark.parametrize("reasons", [(ONE_SIDE, BOTH_SIDES), (BOTH_SIDES, ONE_SIDE)])
def test_the_reason_of_one_side_stays_whichever_block_is_later(reasons: tuple[str, str]) -> None:
    told: list[str] = []
    own = Roster(
        [Contest("one", (Arm("base"), Arm("head")))],
        Budget(),
        lambda name, why: told.append(f"{name}: {why}"),
    )
    for reason in reasons:
        own.give_up({"one": reason})
    assert own.measured.errors == {"one": ONE_SIDE}
    assert own.contests == []
    assert told == [f"one: {reasons[0]}"]
