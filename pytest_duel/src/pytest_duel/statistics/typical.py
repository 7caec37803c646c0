"""How long does a call take, in any process? Pure functions on the times of several processes.

The sample is the process: where it finds its memory, and what its allocator has been through, is
drawn once for all of its rounds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # whose parts are imported when they are needed
from numpy.typing import ArrayLike, NDArray

from pytest_duel.statistics.bootstrap import CONFIDENCE, Ratio

APART = 1.2
"""Processes whose times have at least this ratio are told of by themselves."""
FEWEST = 2
"""Processes in a group: one alone may be an accident."""
GAP = 3.0
"""Between two groups lies so many times what the processes of either differ by."""
FEWEST_CASES = 3
"""Cases by which the machine's pace can be told: of fewer none is in the middle."""


@dataclass(frozen=True)
class Typical:
    """What processes say of the time of a call, in seconds."""

    time: float
    """The geometric mean over processes, of the median of each one's rounds."""
    low: float
    high: float
    """Its interval; NaN where there is only one process."""
    fastest: float
    slowest: float
    groups: tuple[float, float] | None
    """The medians of two groups that the processes fall into, where they do."""

    @property
    def is_apart(self) -> bool:
        """Tell whether the time depends on the process by more than a fifth."""
        return self.slowest >= APART * self.fastest


def typical(processes: Sequence[ArrayLike], confidence: float = CONFIDENCE) -> Typical:
    """Return what several processes say of the time of a call.

    Student's t on the mean of the logarithms of the medians.

    Parameters
    ----------
    processes
        For each process its rounds, in seconds.
    confidence
        Of the two-sided interval.

    Raises
    ------
    ValueError
        Where there is no process, or a time is no positive finite number.

    References
    ----------
    Kalibera and Jones, "Rigorous benchmarking in reasonable time", *ISMM* (2013), on levels of
    repetition: the highest one at which times vary is the sample.
    """
    rounds = [np.asarray(one, np.float64) for one in processes]
    if not rounds or not all(one.size and np.all((one > 0) & (one < np.inf)) for one in rounds):
        raise ValueError(f"processes must have positive finite times, not {processes!r}")
    medians = np.sort([np.median(one) for one in rounds])
    fastest, slowest = float(medians[0]), float(medians[-1])
    logs = np.log(medians)
    time = fastest * math.exp((logs - logs[0]).mean())  # of one process that is its median itself
    low = high = math.nan
    if medians.size > 1:
        low, high = _interval(logs, confidence)
    return Typical(time, low, high, fastest, slowest, _two_groups(medians))


def ratio(
    slower: Sequence[Sequence[ArrayLike]],
    faster: Sequence[Sequence[ArrayLike]],
    confidence: float = CONFIDENCE,
) -> Ratio:
    """Return how many times faster, as a geometric mean over cases, in any process.

    In a block all cases are timed side by side, so a block gives one ratio. Student's t on the
    logarithms of these.

    Parameters
    ----------
    slower, faster
        For each case its rounds, in seconds, block by block; at least two blocks, and the same
        number everywhere.
    confidence
        Of the two-sided interval.
    """
    cases = zip(slower, faster, strict=True)
    logs = np.mean([_log_medians(one) - _log_medians(other) for one, other in cases], axis=0)
    low, high = _interval(logs, confidence)
    return Ratio(math.exp(logs.mean()), low, high)


def _log_medians(blocks: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Return the logarithm of the median of each block."""
    return np.log([np.median(np.asarray(one, np.float64)) for one in blocks])


def _interval(logs: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Return the interval of the mean of some logarithms, as numbers again."""
    reach = float(scipy.special.stdtrit(logs.size - 1, (1 + confidence) / 2))
    margin = reach * float(logs.std(ddof=1)) / math.sqrt(logs.size)
    return math.exp(logs.mean() - margin), math.exp(logs.mean() + margin)


def paces(cases: Sequence[Sequence[ArrayLike]]) -> NDArray[np.float64]:
    """Return how much slower than usual everything was in each block, as ratios.

    What slows all cases of a block is the machine. It is the middle one of their ratios, so that
    a case which depends on its process has no say. One or two cases do not tell what was the
    machine and what was their process: there every block counts as usual.

    Parameters
    ----------
    cases
        For each case its rounds, in seconds, block by block.
    """
    logs = np.array([_log_medians(one) for one in cases])
    if len(logs) < FEWEST_CASES:
        return np.ones(logs.shape[1])
    found: NDArray[np.float64] = np.exp(
        np.median(logs - np.median(logs, axis=1, keepdims=True), axis=0)
    )
    return found


def _two_groups(medians: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return the middles of two groups of sorted times, where the widest gap parts them."""
    logs = np.log(medians)
    gaps = np.diff(logs)[FEWEST - 1 : logs.size - FEWEST]
    if not gaps.size or gaps.max() < math.log(APART):
        return None
    cut = int(np.argmax(gaps)) + FEWEST
    within = max(float(np.ptp(logs[:cut])), float(np.ptp(logs[cut:])))
    if logs[cut] - logs[cut - 1] < GAP * within:
        return None
    return float(np.median(medians[:cut])), float(np.median(medians[cut:]))
