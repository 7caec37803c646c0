"""Statistics as pure functions on arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
CONFIDENCE = 0.95

Samples = tuple[tuple[float, ...], ...]
"""Times of some cases, in seconds."""


@dataclass(frozen=True)
class Ratio:
    """A ratio of two times with its interval."""

    value: float
    low: float
    high: float

    def exceeds(self, margin: float) -> bool:
        """Tell whether the whole interval lies above 1 + `margin`."""
        return self.low > 1 + margin


def median_ratio(slower: ArrayLike, faster: ArrayLike, *, seed: int = 0) -> Ratio:
    """Return median(slower) / median(faster) with a percentile-bootstrap interval.

    The rounds of one process are the sample, so the interval says what another look at this
    process would give, not what another process would.

    Parameters
    ----------
    slower, faster
        Times, shape (rounds,), all positive.
    seed
        Of the resampling.

    References
    ----------
    Efron and Tibshirani, *An Introduction to the Bootstrap* (1993), section 13.3.
    """
    return geometric_mean_ratio([slower], [faster], seed=seed)


def geometric_mean_ratio(
    slower: Sequence[ArrayLike], faster: Sequence[ArrayLike], *, seed: int = 0
) -> Ratio:
    """Return the geometric mean over cases of `median_ratio`, with its bootstrap interval.

    Parameters
    ----------
    slower, faster
        One array of times per case, in the same order.
    seed
        Of the resampling.
    """
    samples = (tuple(tuple(_sample(one).tolist()) for one in side) for side in (slower, faster))
    return _resample(*samples, seed)


@lru_cache(maxsize=4096)
def _resample(slower: Samples, faster: Samples, seed: int) -> Ratio:
    """Return a ratio with its interval; a report asks for the same ones again and again."""
    rng = np.random.default_rng(seed)
    values, resampled = [], []
    for times in zip(slower, faster, strict=True):
        one, other = map(np.array, times)
        values.append(np.log(np.median(one) / np.median(other)))
        resampled.append(np.log(_medians(one, rng) / _medians(other, rng)))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.mean(resampled, axis=0), [tail, 1 - tail])
    return Ratio(float(np.exp(np.mean(values))), float(np.exp(low)), float(np.exp(high)))


def median_interval(times: ArrayLike, *, seed: int = 0) -> tuple[float, float]:
    """Return the percentile-bootstrap interval of a median.

    Parameters
    ----------
    times
        Shape (rounds,), all positive.
    seed
        Of the resampling.
    """
    tail = (1 - CONFIDENCE) / 2
    medians = _medians(_sample(times), np.random.default_rng(seed))
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)


def _sample(times: ArrayLike) -> NDArray[np.float64]:
    sample = np.asarray(times, np.float64)
    if sample.ndim != 1 or not sample.size or not ((sample > 0) & (sample < np.inf)).all():
        raise ValueError(f"times must be a non-empty sequence of positive numbers, not {times!r}")
    return sample


def _medians(sample: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the medians of bootstrap resamples, shape (RESAMPLES,).

    Nothing is resampled: which numbers are in the middle of a resample is drawn itself. Sorted, as
    many uniform numbers as there are in the sample have one in the middle that is drawn from a
    beta distribution, and those below it are as if drawn up to it.

    References
    ----------
    David and Nagaraja, *Order Statistics* (2003), sections 2.1 and 2.5.
    """
    ordered, size = np.sort(sample), sample.size
    lower, upper = (size + 1) // 2, size // 2 + 1  # the same where the size is odd
    above = rng.beta(upper, size - upper + 1, RESAMPLES)
    below = above * rng.random(RESAMPLES) ** (1 / lower) if lower < upper else above
    picks = (np.minimum((size * place).astype(int), size - 1) for place in (below, above))
    medians: NDArray[np.float64] = np.mean([ordered[one] for one in picks], axis=0)
    return medians
