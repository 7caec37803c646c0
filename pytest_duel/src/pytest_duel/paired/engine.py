"""The paired engine: two arms side by side, in fresh processes on one CPU, block after block.

A block starts a fresh process for every side, times every contest in quads (ABBA or BAAB, drawn
anew) and gives one number for each: the median over quads of the difference of mean logs. Blocks
run side by side, one on each core. Nothing here knows what is timed, nor judges it; see
`pytest_duel.statistics.paired`.
"""

import math
import os
import random
import statistics
import threading
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pytest_duel.paired.client import TIMEOUT, Side, SideError
from pytest_duel.support import system

BATCH_SECONDS = 0.002
QUADS = 24
FEW_QUADS = 3
PATIENCE = 30.0
"""So many times as long as it should take is an answer waited for."""
LEAST_PATIENCE = 10.0
"""But this long, in seconds: now and then a machine stands still. The most is `TIMEOUT`."""
MOST_LANES = 4
"""Blocks side by side: each on a core of its own, but the cores share memory and outer caches."""

GARBAGE = (LookupError, TypeError, ValueError, ArithmeticError)
"""What an answer that makes no sense leads to."""


@dataclass(frozen=True)
class Arm:
    """The code on one side of a paired measurement."""

    name: str
    paths: tuple[str, ...]
    """Where it is imported from, before everything else."""
    environment: Mapping[str, str] = field(default_factory=dict, compare=False)
    own: tuple[str, ...] = ()
    """Modules that must come from the first of `paths`, or it is other code that is measured."""


@dataclass(frozen=True)
class Contest:
    """A case on two arms; the question is whether the second is slower."""

    name: str
    arms: tuple[Arm, Arm]
    cases: tuple[Sequence[Any], Sequence[Any]]
    """What each arm opens: (kernel, backend, scenario, n)."""
    extra: float = 0.0
    """Extra work for the second arm, as a share of the calls: what a self-test is to find."""
    cpus: int = 1
    """So many CPUs both arms share: as many as threads work at once in either."""
    alike: bool = True
    """Both cases are the same question, so the answers must be the same."""


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
    compared: bool = False
    """The first block is in, in which the arms' answers are compared."""

    def add(self, block: "Measurements") -> None:
        """Take what another block gave."""
        self.errors = {**self.errors, **block.errors}
        for mine, its in (
            (self.differences, block.differences),
            (self.seconds, block.seconds),
        ):
            for name, values in its.items():
                mine.setdefault(name, []).extend(values)
            for name in self.errors:
                mine.pop(name, None)
        self.blocks += block.blocks
        self.compared |= block.compared


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

    def __init__(self, catalogue: str, contests: Sequence[Contest], seed: int | str) -> None:
        self.catalogue = catalogue
        self.contests = list(contests)
        self.measured = Measurements()
        self.seed = seed
        self._stopped = False
        self._lock = threading.RLock()  # blocks give contests up, too
        self._openings: dict[str, float] = {}

    def drop(self, names: Collection[str]) -> None:
        """Measure some contests no more, in no block."""
        with self._lock:
            self.contests = [one for one in self.contests if one.name not in names]

    def give_up(self, errors: Mapping[str, str]) -> None:
        """Leave contests out for a reason."""
        with self._lock:
            self.measured.errors = {**self.measured.errors, **errors}
            self.drop(errors)

    def stop(self) -> None:
        """Begin nothing more; `blocks` ends once what has begun is in, faults included."""
        with self._lock:
            self.contests = []
            self._stopped = True

    def opened(self, name: str, seconds: float) -> None:
        """Remember how long it took to open a contest."""
        with self._lock:
            self._openings[name] = max(seconds, self._openings.get(name, 0.0))

    def time_to_open(self, name: str) -> float:
        """Return how long to wait for that; the first time, when it may compile, the longest."""
        return patience(self._openings.get(name, TIMEOUT))

    def blocks(self) -> Generator[Measurements]:
        """Run blocks until it is stopped, one on each core, or on as many as a contest needs."""
        cpus = lanes()
        self.give_up(
            {
                one.name: f"it needs {one.cpus} cores, and can be pinned to {len(cpus)}"
                for one in self.contests
                if one.cpus > len(cpus)
            }
        )
        width = max((one.cpus for one in self.contests), default=1)
        groups = [cpus[place : place + width] for place in range(0, len(cpus) - width + 1, width)]
        others = sorted(set(usable_cpus()) - {cpu for group in groups for cpu in group})
        running: dict[Future[Measurements], Sides] = {}
        begun = 0
        with ThreadPoolExecutor(len(groups)) as pool, pinned(others):
            try:
                while running or not self._stopped:
                    busy = {cpu for sides in running.values() for cpu in sides.cpus}
                    for group in groups:
                        if not busy.intersection(group) and not self._stopped:
                            sides = Sides(self.catalogue, group)
                            running[pool.submit(Block(self, sides, begun).run)] = sides
                            begun += 1
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        del running[future]
                        with self._lock:
                            self.measured.add(future.result())
                        yield self.measured
            finally:
                for sides in running.values():
                    sides.close()  # what waits for them gets an error, and ends


class Block:
    """Every contest once, in fresh processes."""

    def __init__(self, engine: Engine, sides: "Sides", number: int) -> None:
        self.engine = engine
        self.contests = list(engine.contests)
        self.sides = sides
        self.first = number == 0
        self._random = random.Random(f"{engine.seed} {number}")  # noqa: S311  a schedule, no secret

    def run(self) -> Measurements:
        """Measure all contests in an order of the block's own."""
        found = Measurements(blocks=1, compared=self.first)
        try:
            for contest in self._random.sample(self.contests, len(self.contests)):
                if contest not in self.engine.contests:
                    continue  # it was dropped meanwhile
                try:
                    difference, seconds = self._quads(contest)
                except (SideError, OSError) as error:
                    reason = str(error)
                except GARBAGE as error:
                    reason = f"garbage: {error!r}"
                else:
                    found.differences[contest.name] = [difference]
                    found.seconds[contest.name] = [seconds]
                    continue
                if self.sides.closed:
                    break  # somebody has ended it, so nobody is to blame
                self.engine.give_up({contest.name: reason})  # no other block shall wait for it
                self.sides.restart()  # the others go on with fresh ones
        finally:
            self.sides.close()
        return found

    def _quads(self, contest: Contest) -> tuple[float, float]:
        """Return the median over quads of the log ratio, and the first arm's time of a call."""
        both, seconds = self._opened(contest)
        calls, quads = schedule(*seconds)
        shares = (0.0, contest.extra)
        logs: list[float] = []
        first: list[float] = []
        for quad in range(quads):
            order = self._random.choice(((0, 1, 1, 0), (1, 0, 0, 1)))
            means = [0.0, 0.0]
            for slot in order:
                request = {"do": "time", "calls": calls, "start": quad * calls}
                reply = both[slot].ask(
                    request | {"name": contest.name, "extra": shares[slot]},
                    patience(calls * (1 + shares[slot]) * seconds[slot]),
                )
                means[slot] += math.log(reply["seconds"]) / 2
            logs.append(means[1] - means[0])
            first.append(means[0])
        if not math.isfinite(sum(logs)):
            raise ValueError("a time is no finite number")
        for side in both:
            side.ask({"do": "close", "name": contest.name}, LEAST_PATIENCE)
        return statistics.median(logs), math.exp(statistics.median(first)) / calls

    def _opened(self, contest: Contest) -> tuple[list[Side], list[float]]:
        """Open a contest on both sides, either first; return their times of a call."""
        digest = self.first and contest.alike
        request = {"do": "open", "name": contest.name, "digest": digest}
        both = {}
        replies = {}
        for slot in self._random.sample((0, 1), 2):
            both[slot] = self.sides.get(slot, contest.arms[slot], contest.cpus)
            started, limit = time.monotonic(), self.engine.time_to_open(contest.name)
            replies[slot] = both[slot].ask(request | {"case": list(contest.cases[slot])}, limit)
            self.engine.opened(contest.name, time.monotonic() - started)
        if len({reply["answers"] for reply in replies.values()} - {None}) > 1:
            raise SideError("the arms give different answers, and a wrong answer has no speed")
        return [both[0], both[1]], [replies[0]["seconds"], replies[1]["seconds"]]


class Sides:
    """The processes of one block, started when first needed."""

    def __init__(self, catalogue: str, cpus: Sequence[int]) -> None:
        self.catalogue = catalogue
        self.cpus = cpus
        self._started: dict[tuple[int, Arm, int], Side] = {}
        self._lock = threading.Lock()  # who closes may not be who measures
        self.closed = False

    def get(self, slot: int, arm: Arm, cpus: int) -> Side:
        """Return the process for `arm` on this side of a contest, on so many CPUs."""
        key = slot, arm, cpus
        with self._lock:
            if self.closed:
                raise SideError("the measurement was ended")
            if key in self._started:
                return self._started[key]
            side = self._started[key] = Side(arm.name, arm.environment)
        hello = {"do": "hello", "catalogue": self.catalogue, "paths": arm.paths, "own": arm.own}
        side.ask(hello | {"cpus": list(self.cpus[:cpus])})
        return side

    def restart(self) -> None:
        """End all processes; whoever needs one gets a fresh one."""
        with self._lock:
            while self._started:
                self._started.popitem()[1].close()

    def close(self) -> None:
        """End all processes for good."""
        self.closed = True
        self.restart()


def schedule(one: float, other: float) -> tuple[int, int]:
    """Return the calls in a batch, and the quads, for arms that take so many seconds a call.

    A batch of the faster arm takes some `BATCH_SECONDS`. Where the other is many times slower,
    its batches are held to twice that, and the quads to few, or a block would take minutes: so
    plain a difference needs neither.
    """
    faster, slower = sorted((one, other))
    calls = max(1, round(min(BATCH_SECONDS / faster, 2 * BATCH_SECONDS / slower)))
    return calls, QUADS if calls * slower <= 4 * BATCH_SECONDS else FEW_QUADS


def patience(seconds: float) -> float:
    """Return how long to wait for an answer that should take so many seconds."""
    return min(TIMEOUT, max(LEAST_PATIENCE, PATIENCE * seconds))


def usable_cpus() -> list[int]:
    """Return the CPUs that this process may use; one, unknown, where the system does not tell."""
    return sorted(system.usable_cpus() or {0})


def lanes() -> list[int]:
    """Return the CPUs to measure on: one of each core, whose threads slow each other down."""
    return list(system.cores(system.HERE, usable_cpus()).values())[:MOST_LANES]


@contextmanager
def pinned(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this process off the CPUs that are measured on, where there are others."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
