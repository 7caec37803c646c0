"""The paired engine: two arms side by side, in fresh processes on one CPU, block after block.

A block starts a fresh process for every side, times every contest in quads (ABBA or BAAB, drawn
anew) and gives one number for each: the median over quads of the difference of mean logs. Nothing
here knows what is timed, nor judges it; see `bench.verdict`.
"""

import math
import os
import random
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench.sides import Side, SideError

BATCH_SECONDS = 0.002
QUADS = 24


@dataclass(frozen=True)
class Arm:
    """The code on one side of a paired measurement."""

    name: str
    paths: tuple[str, ...]
    """Where it is imported from, before everything else."""
    environment: Mapping[str, str] = field(default_factory=dict, compare=False)
    extra: float = 0.0
    """Extra work, as a share of the calls: what a selftest is to find."""


@dataclass(frozen=True)
class Contest:
    """A case on two arms; the question is whether the second is slower."""

    name: str
    arms: tuple[Arm, Arm]
    cases: tuple[Sequence[Any], Sequence[Any]]
    """What each arm opens: (kernel, backend, scenario, n)."""


@dataclass
class Measurements:
    """What the blocks gave so far, by contest."""

    differences: dict[str, list[float]] = field(default_factory=dict)
    """One log ratio a block, second arm over first."""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """The first arm's time of a call, once a block."""
    errors: dict[str, str] = field(default_factory=dict)
    """Why a contest was given up."""
    blocks: int = 0


class Engine:
    """Runs blocks of contests.

    Parameters
    ----------
    catalogue
        ``module:function`` that returns the catalogue, for the workers.
    contests
        What to measure; names are distinct.
    seed
        Of the order of contests and quads.
    """

    def __init__(self, catalogue: str, contests: Sequence[Contest], seed: int) -> None:
        self.catalogue = catalogue
        self.contests = list(contests)
        self.measured = Measurements()
        self._random = random.Random(seed)  # noqa: S311  a schedule, no secret

    def blocks(self) -> Iterator[Measurements]:
        """Run block after block, for as long as the caller asks for more."""
        cpus = usable_cpus()
        while True:
            cpu = cpus[self.measured.blocks % len(cpus)]
            others = [other for other in cpus if other != cpu]
            with closing(Sides(self.catalogue, [cpu])) as sides, pinned(others):
                for contest in self._random.sample(self.contests, len(self.contests)):
                    if contest.name not in self.measured.errors:
                        self._contest(contest, sides)
            self.measured.blocks += 1
            yield self.measured

    def _contest(self, contest: Contest, sides: "Sides") -> None:
        try:
            difference, seconds = self._quads(contest, sides)
        except SideError as error:
            self.measured.errors[contest.name] = str(error)
            sides.close()  # the others go on with fresh ones
        else:
            self.measured.differences.setdefault(contest.name, []).append(difference)
            self.measured.seconds.setdefault(contest.name, []).append(seconds)

    def _quads(self, contest: Contest, sides: "Sides") -> tuple[float, float]:
        """Return the median over quads of the log ratio, and the first arm's time of a call."""
        both = [sides.get(slot, arm) for slot, arm in enumerate(contest.arms)]
        opened = [
            side.ask({"do": "open", "name": contest.name, "case": list(case)})
            for side, case in zip(both, contest.cases, strict=True)
        ]
        answers = {one["answers"] for one in opened} - {None}
        if len(answers) > 1:
            raise SideError("the arms give different answers, and a wrong answer has no speed")
        calls = max(1, round(BATCH_SECONDS / min(one["seconds"] for one in opened)))
        logs: list[float] = []
        first: list[float] = []
        for quad in range(QUADS):
            order = self._random.choice(((0, 1, 1, 0), (1, 0, 0, 1)))
            means = [0.0, 0.0]
            for slot in order:
                request = {
                    "do": "time",
                    "name": contest.name,
                    "calls": calls,
                    "start": quad * calls,
                }
                took = both[slot].ask(request | {"extra": contest.arms[slot].extra})["seconds"]
                means[slot] += math.log(took) / 2
            logs.append(means[1] - means[0])
            first.append(means[0])
        for side in both:
            side.ask({"do": "close", "name": contest.name})
        return statistics.median(logs), math.exp(statistics.median(first)) / calls


class Sides:
    """The processes of one block, started when first needed."""

    def __init__(self, catalogue: str, cpus: Sequence[int]) -> None:
        self.catalogue = catalogue
        self.cpus = cpus
        self._started: dict[tuple[int, Arm], Side] = {}

    def get(self, slot: int, arm: Arm) -> Side:
        """Return the process for `arm` on this side of a contest."""
        if (slot, arm) not in self._started:
            side = Side(arm.name, arm.environment)
            self._started[slot, arm] = side
            hello = {"do": "hello", "paths": arm.paths, "catalogue": self.catalogue}
            side.ask(hello | {"cpus": list(self.cpus)})
        return self._started[slot, arm]

    def close(self) -> None:
        """End all processes."""
        while self._started:
            self._started.popitem()[1].close()


def usable_cpus() -> list[int]:
    """Return the CPUs that this process may use; one, unknown, where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


@contextmanager
def pinned(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this process off the CPU that is measured, where there is another."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
