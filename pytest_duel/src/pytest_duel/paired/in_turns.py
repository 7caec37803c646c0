"""Blocks whose arms take turns by process, for tests that need what only one process can have.

One process runs all contests of an arm and ends; then the other arm's does the same calls. Which
arm comes first is drawn anew for each block. The arms are seconds apart, not milliseconds, so a
drift of the machine is in each block's difference.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from pytest_duel.paired.block import Block, check_answers
from pytest_duel.paired.client import RefusalError, SideError
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.measurements import Measurements, drift
from pytest_duel.paired.schedule import Schedule
from pytest_duel.paired.sides import Place
from pytest_duel.paired.talk import Talk

LONGEST = 8
"""An arm that takes this many times as long as the first needs no more batches than `LEAST`."""
LEAST = 6
"""Batches, unless a test allows fewer."""


@dataclass
class Half:
    """The result of one arm of a contest in a block."""

    reply: dict[str, Any]
    """The worker's answer when the contest was opened."""
    logs: list[float] = field(default_factory=list)
    """Logs of the times of batches."""
    own: int = 0
    """How many modules of the arm were loaded."""
    elsewhere: dict[str, str] = field(default_factory=dict)
    """The files of modules that came from neither a tree nor an environment."""


@dataclass
class Script:
    """The calls that both arms make, as the first of them has made them."""

    plan: Schedule
    calibration: list[int]
    """The number of calls of each calibration request, in order."""
    seconds: float
    """How long a batch lasts on the first arm."""

    @property
    def batches(self) -> int:
        """Return the number of batches of an arm."""
        return self.plan.turns * self.plan.batches // 2

    @property
    def rounds(self) -> int:
        """Return how often an arm calls the benchmark."""
        return sum(self.calibration) + self.batches * self.plan.calls


@dataclass
class Slow:
    """The calls of a contest for which the budget is too small, by arm."""

    seconds: dict[int, float] = field(default_factory=dict)
    """That one takes."""
    lasted: dict[int, float] = field(default_factory=dict)
    """The same by the clock."""


class TurnsBlock(Block):
    """Every contest once, in fresh processes of which no two live at once."""

    SIDE_BY_SIDE: ClassVar[bool] = False

    def _measure_all(self, found: Measurements) -> None:
        self._scripts: dict[str, Script] = {}
        self._slow: dict[str, Slow] = {}
        self._halves: dict[str, dict[int, Half]] = {}
        self._refusals: dict[str, list[RefusalError]] = {}
        places: dict[Place, list[Contest]] = {}
        for contest in self._order():
            for slot in (0, 1):
                places.setdefault(Place.of(slot, contest), []).append(contest)
        for place in self._random.sample(list(places), len(places)):
            for contest in places[place]:
                sit = partial(self._sit, place.slot, contest)
                self._attempt(contest, sit, (place.slot,))
            self.sides.restart()
        for contest in self.contests:
            self._attempt(contest, partial(self._settle, contest, found), ())

    def _sit(self, slot: int, contest: Contest) -> None:
        """Measure one arm of a contest."""
        side = self.sides.of(slot, contest)
        try:
            half = Half(self._open(slot, contest, side))
            talk = Talk(contest, {slot: side}, (slot,), self.roster.waits)
            if contest.name in self._slow:
                self._learn(contest, half, talk)
            elif contest.name not in self._scripts:
                self._write(contest, half, talk)
            else:
                self._calibrate_alike(self._scripts[contest.name], half, talk)
        except RefusalError as refusal:
            # Whether the other arm does so too is not yet known.
            self._refusals.setdefault(contest.name, []).append(refusal)
            return
        if contest.name in self._slow:
            talk.close()
            return
        half.logs = list(_timed(self._scripts[contest.name], slot, talk))
        half.own = talk.close()
        half.elsewhere = talk.elsewhere
        self._halves.setdefault(contest.name, {})[slot] = half

    def _write(self, contest: Contest, half: Half, talk: Talk) -> None:
        """Calibrate the first arm, and plan what both do, unless the budget is too small."""
        plan = self._plan(contest, [half.reply], talk)
        if plan is not None:
            seconds = sum(talk.seconds.values()) * plan.calls
            self._scripts[contest.name] = Script(plan, talk.calibration, seconds)

    def _refuse(self, contest: Contest, per_call: Sequence[float], talk: Talk) -> None:
        """Remember how long a call takes: that of the other arm is to be told with it."""
        slow = self._slow.setdefault(contest.name, Slow())
        slow.seconds |= dict(zip(talk.seconds, per_call, strict=True))
        slow.lasted |= talk.seconds

    def _learn(self, contest: Contest, half: Half, talk: Talk) -> None:
        """See how long a call takes on the second arm, where the first is too slow to measure."""
        per_call, _ = self._calibrated(
            f"{contest.name} on the other arm", talk, half.reply["limit"]
        )
        if per_call is not None:
            self._refuse(contest, per_call, talk)

    def _calibrate_alike(self, script: Script, half: Half, talk: Talk) -> None:
        """Let the second arm make the calls by which the first was calibrated."""
        limit = half.reply["limit"]
        if limit is not None and script.rounds > limit:
            raise SideError(
                "the arms allow different numbers of rounds, so they cannot take turns"
            )
        for calls in script.calibration:
            taken = talk.time_each(calls)
            talk.know([taken[0] / calls])

    def _settle(self, contest: Contest, found: Measurements) -> None:
        """Add what both arms gave."""
        if self._is_skipped(contest, self._refusals.get(contest.name, ())):
            return
        if slow := self._slow.get(contest.name):
            calls = [slow.seconds[slot] for slot in sorted(slow.seconds)]
            self._leave_out(contest, calls, list(slow.lasted.values()))
            return
        halves = self._halves[contest.name]
        check_answers([one.reply for one in halves.values()])
        first, second = (statistics.median(halves[slot].logs) for slot in (0, 1))
        if not math.isfinite(second - first):
            raise ValueError("a time is no finite number")
        calls = self._scripts[contest.name].plan.calls * halves[0].reply["calls"]
        found.differences[contest.name] = [second - first]
        found.seconds[contest.name] = [math.exp(first) / calls]
        found.drifts[contest.name] = [drift(halves[0].logs)]
        found.own_modules = max(found.own_modules, *(one.own for one in halves.values()))
        for one in halves.values():
            found.elsewhere |= one.elsewhere


def _timed(script: Script, slot: int, talk: Talk) -> Iterator[float]:
    """Yield the logs of the times of an arm's batches."""
    before = talk.spent
    for number in range(script.batches):
        spent = talk.spent - before
        if number >= LEAST and 0 < LONGEST * script.seconds * script.batches < spent:
            return
        yield math.log(talk.time(slot, script.plan.calls))
