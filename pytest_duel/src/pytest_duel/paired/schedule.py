"""How often a block calls a benchmark: batches, quads, and what a budget or a test allows.

Every number here holds for both arms alike, from the first call on.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Lock

from pytest_duel.paired.client import TimerError

BATCH_SECONDS = 0.002
QUADS = 24
FEW_QUADS = 3
QUAD, PAIR = 4, 2
"""Batches: two of each arm, or one."""
CALIBRATION_SECONDS = 0.0002
"""A batch of this length tells how long a call takes."""
SLOW_SECONDS = 100 * CALIBRATION_SECONDS
"""A call that takes longer is calibrated by itself."""
SETTLED = 0.5
"""A call that takes less than this share of an earlier one shows that the earlier one also did
something else: it compiled or imported, or was disturbed."""
CHEAP_SECONDS = 1.0
"""A call that takes less may be repeated in every block."""
GROWTH = 4
"""The factor by which batches grow until then."""
LEAST_SECONDS = 1e-12
"""No call takes less."""
FEW_ROUNDS = 4
"""If a test allows at most this many, each round is a sample: none is used for calibration."""


@dataclass(frozen=True)
class Schedule:
    """The calls of one benchmark in a block."""

    calls: int
    """Calls of a batch."""
    turns: int
    """The number of quads or pairs."""
    batches: int = QUAD
    """Batches of a turn."""

    @property
    def orders(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the two orders of arms that a turn may have."""
        return ((0, 1, 1, 0), (1, 0, 0, 1)) if self.batches == QUAD else ((0, 1), (1, 0))


def calibrated(
    time_both: Callable[[int], Sequence[float]],
    limit: int | None,
    may_repeat: Callable[[float], bool] = lambda _: True,
) -> tuple[Sequence[float] | None, int]:
    """Return how long a call takes on each arm, in seconds, and the rounds that were spent on it.

    Parameters
    ----------
    time_both
        Times this many calls on each arm.
    limit
        Rounds that the test allows; with few of them nothing is calibrated.
    may_repeat
        Tells whether there is time to repeat a call that took so many seconds, as the mean of
        the arms. Where there is none, a slow first call counts as the time of every call.

    Raises
    ------
    TimerError
        Where no machine makes the calls in the time that was measured.
    """
    if limit is not None and limit <= FEW_ROUNDS:
        return None, 0
    taken, spent = time_both(1), 1  # compiles, imports and fills caches
    if limit is not None:
        return taken, spent
    taken, more = _repeated(time_both, taken, may_repeat)
    spent += more
    if max(taken) > SLOW_SECONDS:
        return taken, spent
    calls = 1
    while True:
        taken = time_both(calls)
        spent += calls
        if max(taken) >= CALIBRATION_SECONDS:
            # The system may have let another process run meanwhile; hardly twice in a row.
            taken = list(map(min, taken, time_both(calls)))
            spent += calls
        if max(taken) >= CALIBRATION_SECONDS:
            return [one / calls for one in taken], spent
        if max(taken) < LEAST_SECONDS * calls:  # more calls would not make its timer move
            raise TimerError(calls)
        calls *= GROWTH


def _repeated(
    time_both: Callable[[int], Sequence[float]],
    taken: Sequence[float],
    may_repeat: Callable[[float], bool],
) -> tuple[Sequence[float], int]:
    """Repeat a call that seems slow, until that makes it no faster.

    Return the least that it took on each arm, and how often it was repeated.
    """
    repeats, is_settled = 0, False
    while max(taken) > SLOW_SECONDS and not is_settled:
        if not may_repeat(statistics.fmean(taken)):
            break
        least = list(map(min, taken, time_both(1)))
        repeats += 1
        is_settled = all(now >= SETTLED * before for now, before in zip(least, taken, strict=True))
        taken = least
    return taken, repeats


def schedule(
    one: float, other: float, share: float = math.inf, left: int | None = None
) -> Schedule:
    """Return how often to call arms whose calls take these times.

    A batch of the faster arm takes about `BATCH_SECONDS`. Where the other is many times slower,
    its batches take at most twice that, and there are few quads. Otherwise a block would take
    minutes, and so large a difference shows anyway.

    Parameters
    ----------
    one, other
        Seconds a call.
    share
        Seconds that a block may spend on it.
    left
        Rounds that the test still allows; None for any number.
    """
    faster, slower = sorted((one, other))
    if not LEAST_SECONDS < faster <= slower < math.inf:
        raise ValueError(f"a call cannot take {faster!r} or {slower!r} seconds")
    calls = max(1, round(min(BATCH_SECONDS / faster, 2 * BATCH_SECONDS / slower)))
    quads = QUADS if calls * slower <= 4 * BATCH_SECONDS else FEW_QUADS
    quads = max(1, int(min(quads, share / (QUAD / 2 * calls * (faster + slower)))))
    if left is not None:
        calls = max(1, min(calls, left // (2 * quads)))
        quads = min(quads, left // (2 * calls))
    if quads < 1 or (quads == 1 and QUAD / 2 * calls * (faster + slower) > share):
        return Schedule(calls, 1, PAIR)
    return Schedule(calls, quads)


def few_rounds(limit: int) -> Schedule:
    """Return what to do where the test allows few rounds: each is a sample."""
    return Schedule(1, limit, PAIR)


@dataclass
class Budget:
    """Shares the seconds of measuring among benchmarks.

    Parameters
    ----------
    seconds
        To spend in all.
    lanes
        Blocks that run side by side.
    blocks
        How many the first verdict needs.
    least
        How many are taken even if the budget is spent.
    benchmarks
        How many pairs there are to measure.
    overhead
        Seconds that a block takes besides timing.
    """

    seconds: float = math.inf
    lanes: int = 1
    blocks: int = 1
    least: int = 1
    benchmarks: int = 1
    overhead: float = 0.0
    _slow: dict[str, float] = field(default_factory=dict)
    _calls: dict[str, float] = field(default_factory=dict)
    """The seconds that a call takes, as another block has found."""
    _lock: Lock = field(default_factory=Lock)

    @property
    def share(self) -> float:
        """Return the seconds that a block has for one benchmark."""
        block = self.seconds * self.lanes / self.blocks - self.overhead
        return max(block / max(1, self.benchmarks), 2 * BATCH_SECONDS)

    def affords(self, name: str, seconds: float) -> bool:
        """Tell whether there is time for a benchmark. `seconds` is a call on both arms together.

        The least that a block does is a call to begin with, one to measure and one to end.
        """
        cost = 3 * seconds
        if cost <= self.share:
            return True
        with self._lock:
            spent = sum(own for other, own in self._slow.items() if other != name) + cost
            if spent * self.least / self.lanes > self.seconds:
                return False
            self._slow[name] = cost
            return True

    def repeats(self, name: str, seconds: float) -> bool:
        """Tell whether a block may repeat a call that took so long, to see whether all do.

        `seconds` is the mean of the arms. A call of a second or more is not repeated where another
        block has found that all take about so long. Nor is it where two calls on both arms, in as
        many blocks as there must be, would take longer than the budget: with 180 s and two lanes
        30 s are the longest. What is not repeated for that is too slow for the budget anyway.
        """
        if seconds < CHEAP_SECONDS:
            return True
        if SETTLED * seconds <= self._calls.get(name, 0.0):
            return False
        return 2 * 2 * seconds * self.least / self.lanes <= self.seconds

    def learn(self, name: str, seconds: float) -> None:
        """Remember for other blocks how long a call takes, as the mean of the arms."""
        self._calls[name] = seconds

    def needed(self, seconds: float) -> float:
        """Return the budget with which such a benchmark could be judged."""
        return 3 * seconds * self.blocks / self.lanes
