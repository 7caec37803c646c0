"""How long does a call take, in any process? Pure functions on the times of several processes.

The sample is the process: where it finds its memory, and what its allocator has been through, is
drawn once for all of its rounds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from pytest_duel.statistics.paired import CONFIDENCE

APART = 1.2
"""Processes whose times have at least this ratio are told of by themselves."""
FEWEST = 2
"""Processes in a group: one alone may be an accident."""
GAP = 3.0
"""Between two groups lies so many times what the processes of either differ by."""


@dataclass(frozen=True)
class Typical:
    """What processes say of the time of a call, in seconds."""

    median: float
    """Over processes, of the median of each one's rounds."""
    low: float
    high: float
    """Interval for the typical process; NaN where there is only one."""
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
    low = high = math.nan
    if medians.size > 1:
        logs = np.log(medians)
        reach = float(special.stdtrit(logs.size - 1, (1 + confidence) / 2))
        margin = reach * float(logs.std(ddof=1)) / math.sqrt(logs.size)
        low, high = math.exp(logs.mean() - margin), math.exp(logs.mean() + margin)
    return Typical(
        float(np.median(medians)), low, high, float(medians[0]), float(medians[-1]),
        _two_groups(medians),
    )  # fmt: skip


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
