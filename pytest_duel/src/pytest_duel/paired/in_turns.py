"""Blocks whose arms take turns by process, for tests that need what only one process can have.

One process runs all contests of an arm and ends; then the other arm's does the same calls. Which
arm comes first is drawn anew for each block. The arms are seconds apart, not milliseconds, so a
drift of the machine is in each block's difference.
"""

import math
import statistics
from collections.abc import Iterator
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


class TurnsBlock(Block):
    """Every contest once, in fresh processes of which no two live at once."""

    SIDE_BY_SIDE: ClassVar[bool] = False

    def _measure_all(self, found: Measurements) -> None:
        self._scripts: dict[str, Script] = {}
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
            if contest.name not in self._scripts:
                script = self._written(contest, half, talk)
                if script is None:
                    return
                self._scripts[contest.name] = script
            else:
                self._calibrate_alike(self._scripts[contest.name], half, talk)
        except RefusalError as refusal:
            # Whether the other arm does so too is not yet known.
            self._refusals.setdefault(contest.name, []).append(refusal)
            return
        half.logs = list(_timed(self._scripts[contest.name], slot, talk))
        half.own = talk.close()
        self._halves.setdefault(contest.name, {})[slot] = half

    def _written(self, contest: Contest, half: Half, talk: Talk) -> Script | None:
        """Calibrate the first arm; return what both do, or None where the budget is too small."""
        plan = self._plan(contest, [half.reply], talk)
        if plan is None:
            return None
        return Script(plan, talk.calibration, sum(talk.seconds.values()) * plan.calls)

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


def _timed(script: Script, slot: int, talk: Talk) -> Iterator[float]:
    """Yield the logs of the times of an arm's batches."""
    before = talk.spent
    for number in range(script.batches):
        spent = talk.spent - before
        if number >= LEAST and 0 < LONGEST * script.seconds * script.batches < spent:
            return
        yield math.log(talk.time(slot, script.plan.calls))
