"""Who learns when, and against whom.

In a round every policy learns, in turns. Who learns in a turn explores; all others are frozen, and
do what they would do without exploring.
"""

from collections.abc import Sequence
from typing import NamedTuple

SIMULTANEOUS, IBR, SBR = SCHEDULES = ("simultaneous", "ibr", "sbr")


class Turn(NamedTuple):
    """Which policies learn at the same time, and whom they meet."""

    learners: tuple[int, ...]
    """Policies that learn, and meet each other as they are."""
    refreezes: bool
    """Whether the others are frozen as they are now; else as they were before the round."""


def turns(schedule: str, learners: Sequence[int]) -> list[Turn]:
    """Return the turns of a round in which these policies learn.

    Parameters
    ----------
    schedule
        One of `SCHEDULES`.
    learners
        Policies, in order.

    Examples
    --------
    >>> turns("simultaneous", [0, 2])
    [Turn(learners=(0, 2), refreezes=True)]
    >>> turns("sbr", [0, 2])
    [Turn(learners=(0,), refreezes=False), Turn(learners=(2,), refreezes=False)]
    """
    if schedule == SIMULTANEOUS:
        return [Turn(tuple(learners), True)] if learners else []
    return [Turn((one,), schedule == IBR) for one in learners]


def check_schedule(schedule: object) -> None:
    """Raise unless there is a schedule of that name."""
    if not isinstance(schedule, str) or schedule not in SCHEDULES:
        known = ", ".join(map(repr, SCHEDULES))
        raise ValueError(f"schedule is {schedule!r}: schedule must be one of {known}")
