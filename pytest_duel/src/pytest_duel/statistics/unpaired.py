"""How much did a time change from some runs to others? Pure functions on logarithms.

The sample is the run, a process: never the rounds within it. Where there is one run on each
side, nothing in them tells how far two processes of the same code lie apart, and the changes of
all cases together have to.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import scipy  # whose parts are imported when they are needed
from numpy.typing import ArrayLike, NDArray

from pytest_duel.statistics.bootstrap import CONFIDENCE
from pytest_duel.statistics.paired import Estimate

MARGIN = 0.10
"""One run a side is one sample a side: closer than this is inconclusive."""
TAILS = 3
"""Degrees of freedom of Student's t for what lies between two processes of the same code.

Three processes of this project's sweep: half of the cases agree within 2 %, some are 20 % apart.
"""
ENOUGH = 6
"""Fewer residuals than this tell nothing about a spread."""


def between_runs(old: ArrayLike, new: ArrayLike) -> Estimate:
    """Estimate the change from the spread of runs, several on at least one side.

    Welch's t-interval on the means of logarithms. A side of one run is taken to spread as the
    other one does, with the tails of a single process.

    Parameters
    ----------
    old, new
        Logarithms of times, one a run, shape (runs,).

    References
    ----------
    Welch, "The generalization of Student's problem when several different population variances
    are involved", *Biometrika* 34 (1947).
    """
    before, after = _moments(old), _moments(new)
    change = after.mean - before.mean
    if min(before.size, after.size) > 1:
        parts = before.variance / before.size, after.variance / after.size
        variance = sum(parts)
        weights = parts[0] ** 2 / (before.size - 1) + parts[1] ** 2 / (after.size - 1)
        freedom = variance**2 / weights if weights > 0 else float(after.size - 1)
    else:
        more = max(before, after, key=lambda side: side.size)
        freedom = float(min(more.size - 1, TAILS))  # no mean tames a single run
        variance = more.variance * (1 / before.size + 1 / after.size)
    return _estimate(change, math.sqrt(variance), freedom, before.size + after.size)


class _Moments(NamedTuple):
    """What a side's logarithms say."""

    size: int
    mean: float
    variance: float
    """NaN of fewer than two."""


def _moments(sample: ArrayLike) -> _Moments:
    # A side has a few runs, and there are thousands of sides: plain Python is faster there.
    values = np.asarray(sample, np.float64).tolist()
    size = len(values)
    mean = math.fsum(values) / size
    squares = math.fsum((one - mean) ** 2 for one in values)
    return _Moments(size, mean, squares / (size - 1) if size > 1 else math.nan)


def between_two(change: float, scale: float, margin: float = MARGIN) -> Estimate:
    """Estimate the change from one run a side.

    Parameters
    ----------
    change
        Of the logarithm.
    scale
        Of Student's t with `TAILS` degrees of freedom: what lies between two processes.
    margin
        The interval is at least this wide on either side, as a fraction.
    """
    reach = max(scale * _quantile(TAILS), float(np.log1p(margin)))
    plain = _estimate(change, scale, TAILS, 2)
    low, high = float(np.expm1(change - reach)), float(np.expm1(change + reach))
    return Estimate(plain.blocks, plain.median, low, high, plain.p_slower, plain.p_faster)


def _estimate(change: float, error: float, freedom: float, blocks: int) -> Estimate:
    if error > 0:
        margin = error * _quantile(freedom)
        slower = float(scipy.special.stdtr(freedom, -change / error))
        faster = float(scipy.special.stdtr(freedom, change / error))
    else:  # all alike
        margin = 0.0
        slower, faster = (0.5 - 0.5 * float(np.sign(sign * change)) for sign in (1, -1))
    low, high = (float(np.expm1(change + side)) for side in (-margin, margin))
    return Estimate(blocks, float(np.expm1(change)), low, high, slower, faster)


def _quantile(freedom: float) -> float:
    """Return the quantile of Student's t that bounds a two-sided interval."""
    return float(scipy.special.stdtrit(freedom, (1 + CONFIDENCE) / 2))


def process_scale(changes: ArrayLike, groups: Sequence[Hashable]) -> float | None:
    """Return how far two processes lie apart on a case, as the scale of a t-distribution.

    From the residuals of all cases around the median of their group (a backend), so that a
    backend that changed as a whole, or a few cases that did, are no noise. None where there are
    too few.

    Parameters
    ----------
    changes
        Of the logarithms, one a case.
    groups
        What each case belongs to.
    """
    values = np.asarray(changes, np.float64)
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    used = [rows for rows in members.values() if len(rows) > 2]
    residuals = [values[rows] - np.median(values[rows]) for rows in used]
    count = sum(len(rows) for rows in used)
    if count - len(used) < ENOUGH:
        return None
    # Each group's own median makes its residuals smaller than they are.
    shrunk = np.sqrt(count / (count - len(used)))
    quartile = scipy.special.stdtrit(TAILS, 0.75)
    return float(np.median(np.abs(np.concatenate(residuals))) / quartile * shrunk)


def median_error(data: ArrayLike) -> float:
    """Return the standard error of the logarithm of a median, from the rounds of one process.

    References
    ----------
    McKean and Schrader, "A comparison of methods for Studentizing the sample median",
    *Communications in Statistics B* 13 (1984).
    """
    logs = np.sort(np.log(np.asarray(data, np.float64)))
    z = float(scipy.special.ndtri((1 + CONFIDENCE) / 2))
    half = int(np.clip(round((logs.size + 1) / 2 - z * np.sqrt(logs.size / 4)), 1, logs.size))
    return float((logs[logs.size - half] - logs[half - 1]) / (2 * z))


def median_error_of_moments(median: float, stddev: float, rounds: int) -> float:
    """Return the same where only the moments were saved, as if the rounds were normal.

    Outliers, which timings have, make it larger than it is.
    """
    return float(np.sqrt(np.pi / 2) * stddev / (median * np.sqrt(rounds)))


def middle(drifts: Mapping[str, float]) -> str | None:
    """Return the name whose change is the middle one.

    Of three or more, one that changed by itself is never in the middle, or is no further from the
    others than they are from each other. Of two, nothing tells which one changed. An even number
    has two in the middle: the one nearer to no change.
    """
    if len(drifts) < 3:
        return None
    order = sorted(drifts, key=lambda name: (drifts[name], name))
    pair = order[(len(order) - 1) // 2 : len(order) // 2 + 1]
    return min(pair, key=lambda name: abs(drifts[name]))


def drift(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each run's mean deviation over a control's cases: logs of shape (runs, cases)."""
    deviations: NDArray[np.float64] = (logs - logs.mean(axis=0)).mean(axis=1)
    return deviations
