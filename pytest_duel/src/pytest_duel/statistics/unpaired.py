"""How much did a time change from some runs to others? Pure functions on logarithms.

The sample is the run, a process: never the rounds within it. How far two of them lie apart is
what few runs of a benchmark say themselves, and what all benchmarks say together (`sharing`).
Where there is one run on each side, only the latter is left.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import scipy  # whose parts are imported when they are needed
from numpy.typing import ArrayLike, NDArray

from pytest_duel.statistics.bootstrap import CONFIDENCE
from pytest_duel.statistics.paired import Estimate
from pytest_duel.statistics.sharing import ENOUGH, TAILS, Spread, Tails, shared, tails

Floats = NDArray[np.float64]

MARGIN = 0.10
"""One run a side is one sample a side: closer than this is inconclusive."""


class Sides(NamedTuple):
    """Logarithms of a benchmark's times, one a run."""

    old: Floats
    new: Floats


def together(samples: Sequence[Sides]) -> list[Estimate]:
    """Estimate the changes of several benchmarks, each by what all of them tell of the spread.

    Parameters
    ----------
    samples
        Of each benchmark, with several runs on at least one side.
    """
    found = _measured(samples, most=TAILS)
    lone = [at for at, one in enumerate(samples) if min(one.old.size, one.new.size) == 1]
    # How far a single run may lie off is seen in all of them together, so that the others' word on
    # the spread need not be doubted beforehand.
    whole = _measured(samples, most=np.inf) if len(lone) >= ENOUGH else found
    ratios = np.array([whole[at].change / whole[at].error for at in lone if whole[at].error > 0])
    wide = tails(ratios - np.median(ratios)) if ratios.size else None
    if wide:
        for at in lone:
            own = whole[at]
            freedom = min(own.known, wide.freedom)
            found[at] = own._replace(error=own.error * max(1.0, wide.scale), freedom=freedom)
    return [_estimate(*one[:4]) for one in found]


def _measured(samples: Sequence[Sides], most: float) -> "list[_Measured]":
    """Return the changes, for which others say at most so much of a benchmark's own spread."""
    olds, news = (_spreads([one[side] for one in samples], most) for side in (0, 1))
    return [_measure(*one) for one in zip(samples, olds, news, strict=True)]


def _spreads(sides: Sequence[Floats], most: float) -> list[Spread | None]:
    """Return the spread of each benchmark on one side; None where a single run has it."""
    told = {at: _moments(one) for at, one in enumerate(sides) if one.size > 1}
    own = [Spread(one.variance, one.size - 1.0) for one in told.values()]
    spreads = shared(own, [one.mean for one in told.values()], most)
    found = dict(zip(told, spreads, strict=True))
    return [found.get(at) for at in range(len(sides))]


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
    (found,) = together([Sides(np.asarray(old, np.float64), np.asarray(new, np.float64))])
    return found


class _Moments(NamedTuple):
    """What a side's logarithms say."""

    size: int
    mean: float
    variance: float
    """NaN of fewer than two."""


def _moments(sample: Floats) -> _Moments:
    # A side has a few runs, and there are thousands of sides: plain Python is faster there.
    values = sample.tolist()
    size = len(values)
    mean = math.fsum(values) / size
    squares = math.fsum((one - mean) ** 2 for one in values)
    return _Moments(size, mean, squares / (size - 1) if size > 1 else math.nan)


class _Measured(NamedTuple):
    change: float
    error: float
    freedom: float
    runs: int
    known: float
    """Degrees of freedom with which the spread is known."""


def _measure(sample: Sides, old: Spread | None, new: Spread | None) -> _Measured:
    change = _moments(sample.new).mean - _moments(sample.old).mean
    runs = sample.old.size + sample.new.size
    if old and new:
        sides = zip(sample, (old, new), strict=True)
        parts = [(own.variance / side.size, own.freedom) for side, own in sides]
        variance = sum(part for part, _ in parts)
        weights = sum(part**2 / freedom for part, freedom in parts)
        freedom = variance**2 / weights if weights > 0 else new.freedom
        return _Measured(change, float(np.sqrt(variance)), freedom, runs, freedom)
    more = old or new
    if more is None:
        raise ValueError("one run on each side tells no spread")
    variance = more.variance * (1 / sample.old.size + 1 / sample.new.size)
    # No mean tames a single run.
    freedom = min(more.freedom, TAILS)
    return _Measured(change, float(np.sqrt(variance)), freedom, runs, more.freedom)


def between_two(change: float, apart: Tails, margin: float = MARGIN) -> Estimate:
    """Estimate the change from one run a side.

    Parameters
    ----------
    change
        Of the logarithm.
    apart
        What lies between two processes.
    margin
        The interval is at least this wide on either side, as a fraction.
    """
    reach = max(apart.scale * _quantile(apart.freedom), float(np.log1p(margin)))
    plain = _estimate(change, apart.scale, apart.freedom, 2)
    low, high = float(np.expm1(change - reach)), float(np.expm1(change + reach))
    return Estimate(plain.blocks, plain.median, low, high, plain.p_slower, plain.p_faster)


def no_further(estimate: Estimate, reach: float) -> Estimate:
    """Return the same with an interval that reaches no further than so much of the logarithm."""
    change = math.log1p(estimate.median)
    return replace(
        estimate,
        low=max(estimate.low, math.expm1(change - reach)),
        high=min(estimate.high, math.expm1(change + reach)),
    )


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


def process_tails(changes: ArrayLike) -> Tails | None:
    """Return how far two processes lie apart, from what lies around the middle of all changes.

    None where there are too few.

    Parameters
    ----------
    changes
        Of the logarithms, one for each benchmark.
    """
    values = np.asarray(changes, np.float64)
    if values.size <= ENOUGH:
        return None
    return tails(values - np.median(values), np.sqrt(values.size / (values.size - 1)))


def process_scale(changes: ArrayLike, groups: Sequence[Hashable]) -> float | None:
    """Return how far two processes lie apart on a case, as the scale of `TAILS`' t-distribution.

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
