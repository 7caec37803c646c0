"""Blocks in which benchmarks that answer one question take turns, each in its own process.

A group is a contest with a benchmark in each slot. All its benchmarks are open at once, and their
rounds come in one random order, so what disturbs the machine disturbs all of them. One that fails
leaves its group; the others go on.
"""

import math
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, ClassVar

from pytest_duel.paired.block import SKIPPED, Block
from pytest_duel.paired.client import AnswersError, RefusalError, SideError
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.measurements import Measurements, Rounds
from pytest_duel.paired.schedule import BATCH_SECONDS
from pytest_duel.paired.sides import Place
from pytest_duel.paired.talk import Talk

MOST_ROUNDS = 300
"""That are kept of a benchmark, of all blocks together."""


ANSWERS_COMPARED = 100
"""The first calls of a benchmark whose answers are compared, where it is known what they are."""


@dataclass(frozen=True)
class Plan:
    """How often a block calls a benchmark."""

    rounds: int
    calls: int
    """In a round. Where the test has rounds of its own (`pedantic`), so many of those."""


@dataclass
class Member:
    """A benchmark of a group, open in a block."""

    slot: int
    talk: Talk
    plan: Plan
    iterations: int
    """Calls that a round of the test's own has."""
    seconds: list[float] = field(default_factory=list)
    """That a call took, round by round."""

    def time_round(self) -> None:
        """Take one round."""
        calls = self.plan.calls
        self.seconds.append(self.talk.time(self.slot, calls) / calls / self.iterations)

    def close(self) -> Rounds:
        """End it, and return what it gave."""
        self.talk.close()
        return Rounds(tuple(self.seconds), self.plan.calls * self.iterations)


class GroupBlock(Block):
    """Every group once, in fresh processes: one for each slot."""

    ANSWERS: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Digests of what the first calls of benchmarks must return, by name."""

    def _measure_all(self, found: Measurements) -> None:
        with self.timed(None):
            self._start_processes()
        for group in self._order():
            with self.timed(group):
                self._measure_group(group, found)

    def timed(self, group: Contest | None) -> AbstractContextManager[None]:
        """Surround a group, or the start of the processes; blocks side by side may call it."""
        del group
        return nullcontext()

    def _start_processes(self) -> None:
        """Start the processes that the groups need, as many at a time as there are CPUs."""
        needed = {
            Place.of(slot, group): (slot, group)
            for group in self.contests
            for slot in range(len(group.arms))
        }

        def start(place: tuple[int, Contest]) -> None:
            with suppress(SideError, RefusalError, OSError):  # whoever asks it will hear of that
                self.sides.of(*place)

        with ThreadPoolExecutor(max(1, len(self.sides.cpus))) as pool:
            list(pool.map(start, needed.values()))

    def _measure_group(self, group: Contest, found: Measurements) -> None:
        members: dict[int, Member] = {}
        slots = range(len(group.arms))
        for slot in self._random.sample(slots, len(slots)):
            if group.called(slot) not in self.roster.measured.given_up:
                self._is_well(group, slot, partial(self._join, group, slot, members))
        rounds = {slot: member.plan.rounds for slot, member in members.items()}
        for slot in interleaved(rounds, self._random):
            if slot in members and not self._is_well(group, slot, members[slot].time_round):
                del members[slot]
        for slot, member in members.items():
            self._is_well(group, slot, partial(self._leave, group.called(slot), member, found))

    def _is_well(self, group: Contest, slot: int, do: Callable[[], None]) -> bool:
        """Do something with one benchmark; give it up, in all blocks, where that fails."""
        if self.sides.closed:
            return False
        fault = self._fault_of(do)
        if fault is None:
            return True
        if not self.sides.closed:  # else somebody has ended it, so nobody is to blame
            self.roster.give_up({group.called(slot): fault.reason})
            if not (fault.usable and self._abandoned(group, (slot,))):
                self.sides.end(slot, group)
        return False

    def _join(self, group: Contest, slot: int, members: dict[int, Member]) -> None:
        """Open a benchmark, and see how long it takes."""
        side = self.sides.of(slot, group)
        expected = self.ANSWERS.get(group.called(slot))
        try:
            opened = self._open(slot, group, side, ANSWERS_COMPARED if expected else None)
        except RefusalError as refusal:
            if not refusal.reason.startswith(SKIPPED):
                raise
            self.roster.skip(group.called(slot), refusal.reason.removeprefix(SKIPPED))
            return
        if expected not in (None, opened["answers"]):
            raise AnswersError("linked again, it gives other answers, and these have no speed")
        talk = Talk(group, {slot: side}, (slot,), self.roster.waits)
        per_call, spent = self._calibrated(group.called(slot), talk, opened["limit"])
        if per_call is None:
            plan = Plan(opened["limit"], 1)
        else:
            plan = planned(per_call[0], opened, spent, self.roster.budget.blocks)
        members[slot] = Member(slot, talk, plan, opened["calls"])

    def _leave(self, name: str, member: Member, found: Measurements) -> None:
        found.rounds[name] = [member.close()]


def planned(per_call: float, opened: Mapping[str, Any], spent: int, blocks: int) -> Plan:
    """Return how often to call a benchmark, as pytest-benchmark's options have it for all blocks.

    Parameters
    ----------
    per_call
        Seconds that a call takes.
    opened
        What its worker says: `seconds` to spend in all, the fewest `rounds` in all, and the
        `limit` to the calls that the test allows in a process, or None.
    spent
        Calls that were made to learn that.
    blocks
        That share them.
    """
    calls = max(1, round(BATCH_SECONDS / per_call))
    affordable = int(opened["seconds"] / (calls * per_call))
    rounds = math.ceil(max(opened["rounds"], min(MOST_ROUNDS, affordable)) / blocks)
    if opened["limit"] is None:
        return Plan(rounds, calls)
    left = opened["limit"] - spent
    calls = max(1, min(calls, left // rounds))
    return Plan(min(rounds, left // calls), calls)


def interleaved(rounds: Mapping[int, int], rng: random.Random) -> list[int]:
    """Return slots in a random order: each as often as it has rounds, spread over the whole."""
    places = [
        ((turn + rng.random()) / number, slot)
        for slot, number in rounds.items()
        for turn in range(number)
    ]
    return [slot for _, slot in sorted(places)]
