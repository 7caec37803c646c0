"""Where did the level of a series change? Pure functions on logarithms, one number a commit.

The sample is the commit: its build places code and data anew, and what that costs stays for all of
its runs. A level that holds for fewer commits than `SHORTEST` is noise.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy  # whose parts are imported when they are needed
from numpy.typing import ArrayLike, NDArray

SHORTEST = 3
"""Commits on either side of a change point."""
WINDOW = 2 * SHORTEST - 1
"""Commits of the running median. Fewer than `SHORTEST` outliers do not move it."""
REACH = 2.0
"""Standard deviations from the running median beyond which a commit counts no more."""
FINEST = 1e-3
"""The smallest noise that is believed, as a fraction: times are rounded somewhere."""

POWER = 0.8
"""The chance at which a step is found that `visible` says would show."""
TRIALS = 400
"""Simulated series that tell how large a step must be."""

_LEAST, _MOST = 1e-12, 1e-9
"""The probability that the quadrature of `penalty` leaves out at either end."""


@dataclass(frozen=True)
class Step:
    """A change of the level."""

    at: int
    """The first of the new level, as an index."""
    change: float
    """The change of the median, as a ratio minus one."""


def steps(values: ArrayLike, level: float, threshold: float = 0.0) -> tuple[Step, ...]:
    """Return the change points of a series, in order.

    Penalised least squares for the mean, solved exactly by PELT, on values of which the odd ones
    were drawn in: to `REACH` standard deviations of the running median (Hampel's filter). The
    penalty keeps to a false-positive rate that is given.

    Parameters
    ----------
    values
        Logarithms, shape (commits,).
    level
        The chance of one change point or more where there is none.
    threshold
        The smallest change that matters, as a fraction.

    References
    ----------
    Killick, Fearnhead and Eckley, "Optimal detection of changepoints with a linear computational
    cost", *Journal of the American Statistical Association* 107 (2012); Maidstone, Hocking,
    Rigaill and Fearnhead, "On optimal multiple changepoint algorithms for large data", *Statistics
    and Computing* 27 (2017).
    Hampel, "The influence curve and its role in robust estimation", *Journal of the American
    Statistical Association* 69 (1974).
    """
    # Only histories need it; what only measures does without.
    from skchange.detectors import FPOP, PELT
    from skchange.interval_scorers import L2Cost

    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not np.isfinite(sample).all():
        raise ValueError(f"values must be a sequence of finite numbers, not {values!r}")
    if sample.size < 2 * SHORTEST:
        return ()
    tame = _tame(sample)[:, np.newaxis]
    cost = penalty(sample.size, level)
    # With segments of any length it finds a change wherever PELT does, in a hundredth of the time.
    if not FPOP(penalty=cost).fit(tame).predict(tame).size:
        return ()
    search = PELT(L2Cost(), penalty=cost, min_segment_length=SHORTEST)
    return _large(sample, [int(at) for at in search.fit(tame).predict(tame)], threshold)


def visible(values: ArrayLike, level: float, threshold: float = 0.0) -> float:
    """Return the smallest step that `steps` would have found here, as a fraction.

    A step in the middle is found with the chance `POWER` at least, where the noise is normal and
    no larger than its upper bound: with the same confidence, that of its estimate's chi-squared.
    Infinite where the series is too short for any.

    Parameters
    ----------
    values, level, threshold
        As for `steps`.
    """
    sample = np.asarray(values, np.float64)
    size = sample.size
    if size < 2 * SHORTEST:
        return float("inf")
    freedom = _freedom(size)
    scale = noise(sample) * float(np.sqrt(freedom / scipy.special.chdtri(freedom, POWER)))
    # Both levels are medians, and their difference must be beyond the threshold as well.
    sides = 1 / (size // 2) + 1 / (size - size // 2)
    error = float(scipy.special.ndtri(POWER) * np.sqrt(np.pi / 2 * sides))
    return float(np.expm1(max(scale * _reach(size, level), np.log1p(threshold) + scale * error)))


@cache
def _reach(size: int, level: float) -> float:
    """Return the step in the middle that is found with the chance `POWER`, in units of noise.

    By simulation: the step adds to the estimate of the noise as well, much in short series.
    """
    drawn = np.random.default_rng(0).normal(0, 1, (TRIALS, size))
    middle, cost = size // 2, penalty(size, level)

    def lacking(step: float) -> float:
        tame = _tame(drawn + np.where(np.arange(size) < middle, 0.0, step))
        change = tame[:, middle:].mean(axis=1) - tame[:, :middle].mean(axis=1)
        gain = np.square(change) * middle * (size - middle) / size
        return POWER - float((gain > cost).mean())

    most = 4.0
    while lacking(most) > 0:
        most *= 2
    return float(scipy.optimize.bisect(lacking, 0.0, most, rtol=0.01))


def _freedom(size: int) -> float:
    """Return the degrees of freedom of the variance that `noise` estimates."""
    return 2 * (size - 2) / 3


def noise(values: NDArray[np.float64]) -> float:
    """Return the standard deviation around a level that may change a few times.

    From differences of neighbours, those beyond three standard deviations drawn in.

    References
    ----------
    von Neumann, "Distribution of the ratio of the mean square successive difference to the
    variance", *Annals of Mathematical Statistics* 12 (1941).
    """
    return float(_noise(values))


def _noise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the same of every series along the last axis."""
    differences = np.abs(np.diff(values))
    usual = np.median(differences, axis=-1, keepdims=True) / scipy.special.ndtri(0.75)
    drawn_in = np.minimum(differences, 3 * usual)
    return np.asarray(np.maximum(FINEST, np.sqrt(np.square(drawn_in).mean(axis=-1) / 2)))


@cache
def penalty(size: int, level: float) -> float:
    """Return the gain that a change point needs, in units of the noise's variance.

    If nothing changed and noise is normal, k change points gain a chi-squared of k degrees of
    freedom; there are at most C(size − 1, k) ways to place them, and PELT takes some where one of
    them gains more than k penalties. The union bound of that, averaged over the error of `noise`,
    is `level`. Its variance is taken to be of 2 (size − 2) / 3 degrees of freedom, as differences
    of neighbours have it.
    """
    special = scipy.special
    freedom = _freedom(size)
    number = np.arange(1, size // SHORTEST)[:, np.newaxis]
    places = special.gammaln(size) - special.gammaln(number + 1) - special.gammaln(size - number)
    low, high = (
        2 * float(special.gammaincinv(freedom / 2, one)) / freedom for one in (_LEAST, 1 - _MOST)
    )
    variances = np.geomspace(low, high, 400)
    weights = np.diff(special.chdtr(freedom, variances * freedom), prepend=0.0)

    def excess(gain: float) -> float:
        with np.errstate(divide="ignore"):  # the thinnest tails are nothing
            tails = places + np.log(special.chdtrc(number, number * gain * variances))
        bounds = np.exp(np.minimum(0.0, special.logsumexp(tails, axis=0)))
        return float(np.log(bounds @ weights) - np.log(level))

    most = 16.0
    while excess(most) > 0:
        most *= 2
    return float(scipy.optimize.brentq(excess, 1e-3, most))


def _tame(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return series along the last axis in units of their noise, the odd values drawn in."""
    scale = _noise(values)[..., np.newaxis]
    window = (*(1,) * (values.ndim - 1), WINDOW)
    middle = scipy.ndimage.median_filter(values, size=window, mode="mirror")
    drawn_in = np.clip(values, middle - REACH * scale, middle + REACH * scale)
    return np.asarray(drawn_in / scale, np.float64)


def _large(values: NDArray[np.float64], at: list[int], threshold: float) -> tuple[Step, ...]:
    """Return the changes beyond the threshold; what a smaller one parts is one level."""
    least = np.log1p(threshold)
    while at:
        levels = [float(np.median(part)) for part in np.split(values, at)]
        changes = np.diff(levels)
        smallest = int(np.argmin(np.abs(changes)))
        if abs(changes[smallest]) > least:
            return tuple(
                Step(place, float(np.expm1(one))) for place, one in zip(at, changes, strict=True)
            )
        del at[smallest]
    return ()
