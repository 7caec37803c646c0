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
import sys
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar, NamedTuple, Protocol

from pytest_duel.paired.client import TIMEOUT, RefusalError, SideError
from pytest_duel.paired.schedule import Budget, Schedule, calibrated, few_rounds, schedule
from pytest_duel.support import system

PATIENCE = 30.0
"""How many times as long as it should take an answer is waited for."""
LEAST_PATIENCE = 10.0
"""The shortest wait, in seconds: a machine may stand still. The longest is `TIMEOUT`."""
MOST_LANES = 4
"""Blocks side by side: each on a core of its own, but the cores share memory and outer caches."""

BOTH = "both sides"
"""Who is named where both arms refuse."""
SKIPPED = "skipped: "
"""How a worker's answer begins that has skipped a test."""
GARBAGE = (LookupError, TypeError, ValueError, ArithmeticError)
"""What an answer that makes no sense leads to."""


@dataclass(frozen=True)
class Arm:
    """The code on one side of a paired measurement."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict, compare=False)
    modules: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Its top-level modules, each with the folder that it comes from."""
    python: str = sys.executable
    """The interpreter that runs it."""
    harness: tuple[str, ...] = ()
    """Where that finds this harness, if it is not installed there."""


class AnswersError(SideError):
    """The arms answer differently; both go on working."""


class Side(Protocol):
    """A worker that measures one arm."""

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        """Ask, and return the answer; `SideError` where there is none."""
        ...

    def close(self) -> None:
        """End it."""
        ...


@dataclass(frozen=True)
class Contest:
    """A benchmark on two arms; the question is whether the second is slower."""

    name: str
    arms: tuple[Arm, Arm]
    extra: float = 0.0
    """Extra work for the second arm, as a share of the calls: what a self-test is to find."""
    cpus: int = 1
    """How many CPUs both arms share: as many as threads work at once in either."""
    alike: bool = True
    """Both arms are asked the same, so their answers must be the same."""
    benchmarks: tuple[str, str] | None = None
    """What the worker of each arm calls it, where that is not its name."""
    file: str = ""
    """Benchmarks of one file run one after the other, so that its fixtures are built once."""
    null: bool = False
    """Both arms are the same code. It has processes of its own, so that state in them is alike."""

    def called(self, slot: int) -> str:
        """Return what the worker of an arm calls it."""
        return self.benchmarks[slot] if self.benchmarks else self.name


class Launched(NamedTuple):
    """A worker that has been started."""

    side: Side
    hello: Mapping[str, Any]
    """To be asked first."""
    limit: float = TIMEOUT
    """Seconds to wait for the answer to that."""


Launch = Callable[[Arm, Sequence[int]], Launched]
"""Starts the worker for an arm, pinned to some CPUs."""


@dataclass
class Measurements:
    """What the blocks gave so far, by contest."""

    differences: dict[str, list[float]] = field(default_factory=dict)
    """One log ratio a block, second arm over first."""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """The first arm's time of a call, once a block."""
    drifts: dict[str, list[float]] = field(default_factory=dict)
    """How much slower the first arm was at the end of a block than at its start: log ratios."""
    errors: dict[str, str] = field(default_factory=dict)
    """Why a contest was given up."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Why both arms skip a contest."""
    unaffordable: dict[str, float] = field(default_factory=dict)
    """The budget that a contest would need, in seconds."""
    blocks: int = 0
    compared: bool = False
    """The first block is in, in which the arms' answers are compared."""
    own_modules: int = 0
    """Modules of the arm that a worker had loaded, at most."""

    @property
    def given_up(self) -> set[str]:
        """Return the contests that nothing more will be known of."""
        return {*self.errors, *self.skipped, *self.unaffordable}

    def add(self, block: "Measurements") -> None:
        """Take what another block gave."""
        self.errors = {**self.errors, **block.errors}
        for mine, its in (
            (self.differences, block.differences),
            (self.seconds, block.seconds),
            (self.drifts, block.drifts),
        ):
            for name, values in its.items():
                mine.setdefault(name, []).extend(values)
            for name in self.given_up:
                mine.pop(name, None)
        self.blocks += block.blocks
        self.compared |= block.compared
        self.own_modules = max(self.own_modules, block.own_modules)


class Engine:
    """Runs blocks of contests.

    Parameters
    ----------
    launch
        Starts workers.
    contests
        What to measure; names are distinct.
    seed
        Of the order of contests and quads.
    budget
        Shares the time among contests.
    block
        How a block goes; as `Block` says, unless given.
    """

    def __init__(
        self,
        launch: Launch,
        contests: Sequence[Contest],
        seed: int | str,
        budget: Budget | None = None,
        block: "type[Block] | None" = None,
    ) -> None:
        self.launch = launch
        self.block = block or Block
        self.budget = budget or Budget()
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

    def skip(self, name: str, reason: str) -> None:
        """Leave a contest out that both arms skip."""
        with self._lock:
            self.measured.skipped[name] = reason
            self.drop([name])

    def refuse(self, name: str, seconds: float) -> None:
        """Leave a contest out that needs a budget of so many seconds."""
        with self._lock:
            self.measured.unaffordable[name] = seconds
            self.drop([name])

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
        """Return how long to wait for that; the first time the longest.

        What a process compiles or imports once falls on whichever contest it opens first, another
        one in each block. So the slowest opening of any of them counts.
        """
        with self._lock:
            known = name in self._openings
            return patience(max(self._openings.values())) if known else TIMEOUT

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
        if not self.block.SIDE_BY_SIDE:
            groups = groups[:1]
        others = sorted(set(usable_cpus()) - {cpu for group in groups for cpu in group})
        running: dict[Future[Measurements], Sides] = {}
        begun = 0
        with ThreadPoolExecutor(len(groups)) as pool, pinned(others):
            try:
                while running or not self._stopped:
                    busy = {cpu for sides in running.values() for cpu in sides.cpus}
                    for group in groups:
                        if not busy.intersection(group) and not self._stopped:
                            sides = Sides(self.launch, group)
                            running[pool.submit(self.block(self, sides, begun).run)] = sides
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
    """Every contest once, in fresh processes; both arms live at once."""

    SIDE_BY_SIDE: ClassVar[bool] = True
    """Others may run at the same time."""

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
            self._measure_all(found)
        finally:
            self.sides.close()
        return found

    def _measure_all(self, found: Measurements) -> None:
        for contest in self._order():
            self._attempt(contest, partial(self._measure, contest, found))

    def _attempt(
        self, contest: Contest, measure: Callable[[], None], slots: Sequence[int] = (0, 1)
    ) -> None:
        """Measure a contest, unless it was dropped meanwhile; give it up where that fails.

        Parameters
        ----------
        contest
            The one to measure.
        measure
            Does it.
        slots
            The sides that take part.
        """
        if self.sides.closed or contest not in self.engine.contests:
            return
        try:
            measure()
            return
        except (RefusalError, AnswersError) as error:
            reason, usable = str(error), True
        except (SideError, OSError) as error:
            reason, usable = str(error), False
        except GARBAGE as error:
            reason, usable = f"garbage: {error!r}", False
        if self.sides.closed:
            return  # somebody has ended it, so nobody is to blame
        self.engine.give_up({contest.name: reason})  # no other block shall wait for it
        if not (usable and self._abandoned(contest, slots)):
            self.sides.restart()  # the others go on with fresh ones

    def _order(self) -> list[Contest]:
        """Return files in random order, each forwards or backwards."""
        files: dict[str, list[Contest]] = {}
        for contest in self.contests:
            files.setdefault(contest.file or contest.name, []).append(contest)
        shuffled = self._random.sample(list(files.values()), len(files))
        return [contest for file in shuffled for contest in file[:: self._random.choice((1, -1))]]

    def _abandoned(self, contest: Contest, slots: Sequence[int]) -> bool:
        """Let sides end a contest that one has refused; tell whether all are ready again."""
        for slot in slots:
            try:
                self.sides.of(slot, contest).ask({"do": "close", "name": contest.called(slot)})
            except RefusalError:
                continue  # it has ended, and says how
            except SideError:
                return False
        return True

    def _measure(self, contest: Contest, found: Measurements) -> None:
        """Add what a contest gives."""
        both, opened = self._opened(contest)
        if not both:
            return
        talk = Talk(contest, both, self._random.sample((0, 1), 2))
        plan = self._plan(contest, opened, talk)
        if plan is not None:
            logs, first = self._turns(plan, talk)
            found.differences[contest.name] = [statistics.median(logs)]
            found.seconds[contest.name] = [math.exp(statistics.median(first)) / plan.calls]
            found.drifts[contest.name] = [drift(first)]
        found.own_modules = max(found.own_modules, talk.close())

    def _plan(
        self, contest: Contest, opened: Sequence[Mapping[str, Any]], talk: "Talk"
    ) -> Schedule | None:
        """Return how often to call it; None where the budget does not last."""
        limit = min((one["limit"] for one in opened if one["limit"]), default=None)
        per_call, spent = calibrated(talk.time_each, limit)
        if per_call is None:
            return few_rounds(limit or 1)
        talk.know(per_call)
        cost = 2 * statistics.fmean(per_call)
        if not self.engine.budget.affords(contest.name, cost):
            self.engine.refuse(contest.name, self.engine.budget.needed(cost))
            return None
        left = None if limit is None else limit - spent
        return schedule(per_call[0], per_call[-1], self.engine.budget.share, left)

    def _turns(self, plan: Schedule, talk: "Talk") -> tuple[list[float], list[float]]:
        """Return the log ratio of each turn, and the log of the first arm's time of a batch."""
        logs: list[float] = []
        first: list[float] = []
        for _ in range(plan.turns):
            order = self._random.choice(plan.orders)
            means = [0.0, 0.0]
            for slot in order:
                seconds = talk.time(slot, plan.calls)
                means[slot] += math.log(seconds) * 2 / plan.batches
            logs.append(means[1] - means[0])
            first.append(means[0])
        if not math.isfinite(sum(logs)):
            raise ValueError("a time is no finite number")
        return logs, first

    def _opened(self, contest: Contest) -> tuple[dict[int, Side], list[dict[str, Any]]]:
        """Open a contest on both sides, either first; return nothing where both skip it."""
        both: dict[int, Side] = {}
        replies: list[dict[str, Any]] = []
        refusals: list[RefusalError] = []
        for slot in self._random.sample((0, 1), 2):
            both[slot] = self.sides.of(slot, contest)
            try:
                replies.append(self._open(slot, contest, both[slot]))
            except RefusalError as refusal:
                refusals.append(refusal)
        if self._is_skipped(contest, refusals):
            return {}, []
        check_answers(replies)
        return both, replies

    def _open(self, slot: int, contest: Contest, side: Side) -> dict[str, Any]:
        started, limit = time.monotonic(), self.engine.time_to_open(contest.name)
        digest = self.first and contest.alike
        try:
            return side.ask({"do": "open", "name": contest.called(slot), "digest": digest}, limit)
        finally:
            self.engine.opened(contest.name, time.monotonic() - started)

    def _is_skipped(self, contest: Contest, refusals: Sequence[RefusalError]) -> bool:
        """Tell whether both arms skip a contest; what else they refuse is an error."""
        if not refusals:
            return False
        reasons = [one.reason for one in refusals]
        if len(reasons) > 1 and all(one.startswith(SKIPPED) for one in reasons):
            self.engine.skip(contest.name, reasons[0].removeprefix(SKIPPED))
            return True
        raise refusals[0] if len(refusals) == 1 else RefusalError(BOTH, reasons[0])


def check_answers(replies: Sequence[Mapping[str, Any]]) -> None:
    """Refuse arms that give different answers to the same question."""
    if len({reply.get("answers") for reply in replies} - {None}) > 1:
        raise AnswersError("the arms give different answers, and a wrong answer has no speed")


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
    """

    def __init__(self, contest: Contest, sides: Mapping[int, Side], order: Sequence[int]) -> None:
        self._contest = contest
        self._sides = sides
        self._order = order
        self.seconds: dict[int, float] = {}
        """That a call takes on each side, once that is known."""
        self.calibration: list[int] = []
        """The numbers of calls that `time_each` was asked for."""

    def know(self, per_call: Sequence[float]) -> None:
        """Remember how long a call takes on each side."""
        self.seconds = dict(zip(sorted(self._sides), per_call, strict=True))

    def time(self, slot: int, calls: int) -> float:
        """Return the seconds of so many calls on a side."""
        extra = self._contest.extra if slot else 0.0
        request = {
            "do": "time", "name": self._contest.called(slot), "calls": calls, "extra": extra,
        }  # fmt: skip
        limit = TIMEOUT
        if self.seconds:
            expected = calls * (1 + extra) * self.seconds[slot]
            limit = max(patience(expected), 3 * expected)
        seconds = float(self._sides[slot].ask(request, limit)["seconds"])
        if not seconds > 0.0:
            raise ValueError("its timer did not move")
        return seconds

    def time_each(self, calls: int) -> list[float]:
        """Return the seconds of so many calls on each side."""
        self.calibration.append(calls)
        taken = {slot: self.time(slot, calls) for slot in self._order}
        return [taken[slot] for slot in sorted(taken)]

    def close(self) -> int:
        """Let all sides end it; return how many modules of its own an arm has loaded."""
        faults, own = [], []
        for slot, side in sorted(self._sides.items()):
            request = {"do": "close", "name": self._contest.called(slot)}
            try:
                own.append(int(side.ask(request).get("own", 0)))
            except RefusalError as refusal:
                faults.append(refusal)
        if faults:
            raise faults[0] if len(faults) == 1 else RefusalError(BOTH, faults[0].reason)
        return min(own)


def drift(first: Sequence[float]) -> float:
    """Return how much the last third of some logs of times lies above the first third."""
    third = len(first) // 3
    if not third:
        return 0.0
    return statistics.median(first[-third:]) - statistics.median(first[:third])


class Place(NamedTuple):
    """What contests must have in common to run in one process."""

    slot: int
    arm: Arm
    cpus: int
    null: bool

    @classmethod
    def of(cls, slot: int, contest: Contest) -> "Place":
        """Return that of a side of a contest."""
        return cls(slot, contest.arms[slot], contest.cpus, contest.null)


class Sides:
    """The processes of one block, started when first needed."""

    def __init__(self, launch: Launch, cpus: Sequence[int]) -> None:
        self.launch = launch
        self.cpus = cpus
        self._started: dict[Place, Side] = {}
        self._lock = threading.Lock()  # who closes may not be who measures
        self.closed = False

    def of(self, slot: int, contest: Contest) -> Side:
        """Return the process for this side of a contest."""
        key = Place.of(slot, contest)
        with self._lock:
            if self.closed:
                raise SideError("the measurement was ended")
            if key in self._started:
                return self._started[key]
            side, hello, limit = self.launch(key.arm, self.cpus[: key.cpus])
            self._started[key] = side
        side.ask(hello, limit)
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
