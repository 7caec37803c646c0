"""Timing a contest on the sides where it is open, with a limit to each answer."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pytest_duel.paired.client import BOTH, RefusalError, TimerError, Waits, patience
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.sides import Side


@dataclass(frozen=True)
class Taken:
    """What some calls took on a side."""

    seconds: float
    """By the benchmark's own timer, or by its own count: a call of 0.3 s may tell that a step of
    its thousands took 20 µs."""
    lasted: float
    """By the clock; never less."""

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Self:
        """Return what a worker has told."""
        seconds = float(reply["seconds"])
        return cls(seconds, max(seconds, float(reply.get("lasted", 0.0))))


class Talk:
    """One contest that is open on some sides.

    Parameters
    ----------
    contest
        The one that is open.
    sides
        Where it is open: both, or one of them.
    order
        In which to calibrate them.
    waits
        How long to wait until it is known how long a call takes.
    """

    def __init__(
        self, contest: Contest, sides: Mapping[int, Side], order: Sequence[int], waits: Waits
    ) -> None:
        self._contest = contest
        self._sides = sides
        self._order = order
        self._waits = waits
        self.seconds: dict[int, float] = {}
        """How long a call lasts on each side, by the clock, once that is known."""
        self.lasted: dict[int, float] = {}
        """The same of the calls that were made last to find it out."""
        self.spent = 0.0
        """Seconds that all calls have lasted."""
        self.calibration: list[int] = []
        """The numbers of calls that `time_each` was asked for."""
        self.elsewhere: dict[str, str] = {}
        """The files of modules that sides have loaded from neither a tree nor an environment."""

    def know(self, per_call: Sequence[float]) -> None:
        """Remember how long a call lasts on each side."""
        self.seconds = dict(zip(sorted(self._sides), per_call, strict=True))

    def time(self, slot: int, calls: int) -> float:
        """Return the seconds of this many calls on a side."""
        return self._taken(slot, calls).seconds

    def time_each(self, calls: int, *, by_clock: bool = True) -> list[float]:
        """Return how long this many calls last on each side, which is what plans count with.

        Where a test limits its rounds, plans count with what it times (`by_clock` is false). What
        else a round does is set-up, and more of them are wanted all the same.
        """
        self.calibration.append(calls)
        taken: dict[int, Taken] = {}
        refusals: list[RefusalError] = []
        for slot in self._order:
            try:
                taken[slot] = self._taken(slot, calls)
            except RefusalError as refusal:
                refusals.append(refusal)
        _raise_one(refusals)
        self.lasted = {slot: one.lasted / calls for slot, one in sorted(taken.items())}
        return [taken[slot].lasted if by_clock else taken[slot].seconds for slot in sorted(taken)]

    def _taken(self, slot: int, calls: int) -> Taken:
        extra = self._contest.extra if slot else 0.0
        request = {
            "do": "time", "name": self._contest.called(slot), "calls": calls, "extra": extra,
        }  # fmt: skip
        limit = self._waits.calling()
        if self.seconds:
            expected = calls * (1 + extra) * self.seconds[slot]
            limit = max(patience(expected), 3 * expected)
        asked = time.monotonic()
        taken = Taken.of(self._sides[slot].ask(request, limit))
        if not self.seconds:
            self._waits.called(time.monotonic() - asked)
        self.spent += taken.lasted
        if taken.seconds == 0.0:
            raise TimerError(calls)
        if not taken.seconds > 0.0:
            raise ValueError(f"calls cannot take {taken.seconds!r} seconds")
        return taken

    def close(self) -> int:
        """Let all sides end it; return how many modules of its own an arm has loaded."""
        faults, own = [], []
        for slot, side in sorted(self._sides.items()):
            request = {"do": "close", "name": self._contest.called(slot)}
            try:
                reply = side.ask(request)
                own.append(int(reply.get("own", 0)))
                self.elsewhere |= reply.get("elsewhere", {})
            except RefusalError as refusal:
                faults.append(refusal)
        _raise_one(faults)
        return min(own)


def _raise_one(refusals: Sequence[RefusalError]) -> None:
    """Raise what a side has refused; what both have is said of both."""
    if refusals:
        raise refusals[0] if len(refusals) == 1 else RefusalError(BOTH, refusals[0].reason)
