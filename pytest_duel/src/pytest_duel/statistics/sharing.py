"""What benchmarks tell each other of the spread of runs: pure functions on arrays.

Two runs of a benchmark say little of how far its runs lie apart. Those of a hundred others, on
the same machine at the same time, say more: what they have in common is the usual spread, and how
much they differ in it says how far it holds for one of them.

References
----------
Smyth, "Linear models and empirical Bayes methods for assessing differential expression in
microarray experiments", *Statistical Applications in Genetics and Molecular Biology* 3 (2004).
The line through the variances is that of Law, Chen, Shi and Smyth, "voom", *Genome Biology* 15
(2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy  # whose parts are imported when they are needed
from numpy.typing import ArrayLike, NDArray

TAILS = 3.0
"""Degrees of freedom of Student's t for what lies between two processes of the same code.

Three processes of this project's sweep: half of the cases agree within 2 %, some are 20 % apart.
It is also what the others may say at most of a benchmark's own spread. What disturbs a run
disturbs benchmarks that follow each other in it, so hundreds of them are no hundreds of witnesses.
"""
ENOUGH = 6
"""Fewer benchmarks than this tell nothing about a spread."""
ENOUGH_FOR_A_LINE = 20
"""Fewer benchmarks than this do not tell whether the spread depends on the duration."""
_SMALLEST = 1e-5
"""Of the usual variance; what is below it, nothing at all for example, counts as this."""
_PLENTY = 1000.0
"""Degrees of freedom beyond which more make no difference."""
_SURE = 1.645
"""Standard errors above an estimate: it is lower in 95 of 100 cases."""
_MIDDLE, _WIDE = 0.5, 0.9
"""The shares of deviations whose ratio tells how heavy their tails are."""


class Spread(NamedTuple):
    """How far the runs of a benchmark lie apart."""

    variance: float
    """Of the logarithm of one run's time."""
    freedom: float
    """Degrees of freedom with which it is known."""


@dataclass(frozen=True)
class Tails:
    """How far apart two processes of the same code are."""

    scale: float
    """Of Student's t, as a logarithm."""
    freedom: float = TAILS


def shared(own: Sequence[Spread], levels: ArrayLike, most: float = TAILS) -> list[Spread]:
    """Return the spread of each benchmark, its own and that of all others taken together.

    Parameters
    ----------
    own
        What each benchmark's own runs say.
    levels
        The logarithm of the time of each: long benchmarks may spread more than short ones.
    most
        Degrees of freedom that the others add, at most.
    """
    variances = np.array([one.variance for one in own], np.float64)
    freedom = np.array([one.freedom for one in own], np.float64)
    if np.count_nonzero(variances) < ENOUGH:
        return list(own)
    usual, known = _usual(variances, freedom, np.asarray(levels, np.float64))
    known = min(known, most, _PLENTY)
    total = freedom + known
    posterior = (freedom * variances + known * usual) / total
    return [Spread(float(one), float(of)) for one, of in zip(posterior, total, strict=True)]


def _usual(
    variances: NDArray[np.float64], freedom: NDArray[np.float64], levels: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Return the usual variance at each level, and with how many degrees of freedom it holds."""
    least = _SMALLEST * np.median(variances[variances > 0])
    half = freedom / 2
    # The logarithm of a variance estimate lies below that of the variance, by its freedom.
    logs = np.log(np.maximum(variances, least)) - scipy.special.digamma(half) + np.log(half)
    has_line = logs.size >= ENOUGH_FOR_A_LINE and np.ptp(levels) > 0
    line = np.polynomial.Polynomial.fit(levels, logs, 1 if has_line else 0)
    middle = line(levels)
    beyond = np.square(logs - middle).sum() / (logs.size - line.degree() - 1)
    beyond -= scipy.special.polygamma(1, half).mean()
    if beyond <= 0:  # they differ no more than such estimates of one variance do
        return np.exp(middle), np.inf
    known = 2 * _inverse_trigamma(beyond)
    usual = np.exp(middle + scipy.special.digamma(known / 2) - np.log(known / 2))
    return usual, known


def _inverse_trigamma(value: float) -> float:
    found = scipy.optimize.brentq(
        lambda at: float(np.log(scipy.special.polygamma(1, np.exp(at)) / value)), -30, 30
    )
    return float(np.exp(found))


def tails(deviations: ArrayLike, shrunk: float = 1.0) -> Tails | None:
    """Return the t-distribution that deviations of the same code from their middle come from.

    By the middle nine tenths of them: the others may have changed. The tails are taken to be
    lighter than those of `TAILS` only as far as that is sure. None where there are too few.

    Parameters
    ----------
    deviations
        Of the logarithms, one for each benchmark.
    shrunk
        How many times smaller they are than they were, by taking their middle away.
    """
    sizes = np.sort(np.abs(np.asarray(deviations, np.float64)))
    if sizes.size < ENOUGH:
        return None
    middle = float(np.quantile(sizes, _MIDDLE))
    if middle == 0:
        return Tails(0.0)
    wide = float(np.quantile(sizes, _WIDE))
    error = _SURE * np.sqrt(sizes.size * _WIDE * (1 - _WIDE))
    surely = sizes[min(int(np.ceil(_WIDE * sizes.size + error)), sizes.size) - 1]
    freedom = min(_freedom(wide / middle), max(TAILS, _freedom(surely / middle)))
    return Tails(middle / float(_quantiles(freedom, _MIDDLE)) * shrunk, freedom)


_FREEDOMS = np.array([1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 50, 1000])


def _quantiles(freedom: ArrayLike, share: float) -> NDArray[np.float64]:
    """Return below which size that share of deviations of scale one lies."""
    found: NDArray[np.float64] = scipy.special.stdtrit(freedom, (1 + share) / 2)
    return found


def _freedom(ratio: float) -> float:
    """Return the degrees of freedom at which the wide deviations are so many times the middle."""
    ratios = _quantiles(_FREEDOMS, _WIDE) / _quantiles(_FREEDOMS, _MIDDLE)
    return float(np.interp(-ratio, -ratios, _FREEDOMS))
