"""From paired measurements to verdicts: pure functions on arrays.

The sample is the block: one fresh pair of processes, and in it the median over quads of the
difference of mean logs. Rounds within a process are not independent, so they never are the
sample (docs/method.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import scipy  # whose parts are imported when they are needed
from numpy.typing import ArrayLike

CONFIDENCE = 0.95
TRIM = 0.2
"""Share of the blocks that is left out at either end."""


class Verdict(StrEnum):
    """The verdict on a case."""

    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    NO_CHANGE = "no change"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Estimate:
    """How much slower the second arm is, as a ratio minus one."""

    blocks: int
    median: float
    """Median over blocks."""
    low: float
    high: float
    """Two-sided interval over blocks."""
    p_slower: float
    p_faster: float
    """One-sided p-values over blocks."""


def estimate(differences: ArrayLike, confidence: float = CONFIDENCE) -> Estimate:
    """Estimate the change from one log ratio (second arm over first) per block.

    Student's t on the trimmed mean: now and then a process is slower from its start to its end,
    wherever the system has placed its code and data, and must neither raise an alarm nor hide
    one. With fewer than two blocks nothing is known.

    Parameters
    ----------
    differences
        Shape (blocks,), natural logarithms.
    confidence
        Of the two-sided interval.

    References
    ----------
    Yuen, "The two-sample trimmed t for unequal population variances", *Biometrika* 61 (1974), for
    one sample; after Tukey and McLaughlin, *Sankhyā A* 25 (1963).
    """
    sample = np.asarray(differences, np.float64)
    if sample.ndim != 1 or not np.isfinite(sample).all():
        raise ValueError(f"differences must be a sequence of finite numbers, not {differences!r}")
    if sample.size < 2:
        median = float(np.expm1(sample[0])) if sample.size else 0.0
        return Estimate(sample.size, median, -1.0, np.inf, 1.0, 1.0)
    cut = int(TRIM * sample.size)
    kept = np.sort(sample)[cut : sample.size - cut]
    mean, freedom = float(kept.mean()), kept.size - 1
    winsorized = np.clip(sample, kept[0], kept[-1])
    error = float(np.sqrt((sample.size - 1) * winsorized.var(ddof=1) / (kept.size * freedom)))
    margin = error * float(scipy.special.stdtrit(freedom, (1 + confidence) / 2))
    slower = _one_sided(mean, error, freedom)
    return Estimate(
        blocks=sample.size,
        median=float(np.expm1(np.median(sample))),
        low=float(np.expm1(mean - margin)),
        high=float(np.expm1(mean + margin)),
        p_slower=slower,
        p_faster=1.0 - slower,
    )


def _one_sided(mean: float, error: float, freedom: int) -> float:
    """Return the p-value of "not slower"; differences that are all alike have no error."""
    if error == 0.0:
        return 0.0 if mean > 0 else 1.0 if mean < 0 else 0.5
    return float(scipy.special.stdtr(freedom, -mean / error))


def holm(p_values: Mapping[str, float], alpha: float) -> set[str]:
    """Return the names whose hypotheses fall at family-wise level `alpha`.

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", *Scandinavian Journal of
    Statistics* 6 (1979).
    """
    rejected: set[str] = set()
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        if p_values[name] > alpha / (len(p_values) - rank):
            break
        rejected.add(name)
    return rejected


def decide(
    estimates: Mapping[str, Estimate], thresholds: Mapping[str, float], alpha: float
) -> dict[str, Verdict]:
    """Return a verdict for each case, corrected for the number of cases.

    Parameters
    ----------
    estimates
        By case.
    thresholds
        By case: the smallest change that matters, as a fraction.
    alpha
        Family-wise level of this look, for regressions; the same again for improvements.
    """
    slower = holm({name: one.p_slower for name, one in estimates.items()}, alpha)
    faster = holm({name: one.p_faster for name, one in estimates.items()}, alpha)
    verdicts = {}
    for name, one in estimates.items():
        threshold = thresholds[name]
        if name in slower and one.median > threshold:
            verdicts[name] = Verdict.REGRESSION
        elif name in faster and one.median < 1 / (1 + threshold) - 1:
            verdicts[name] = Verdict.IMPROVEMENT
        elif one.high < threshold:
            verdicts[name] = Verdict.NO_CHANGE
        else:
            verdicts[name] = Verdict.INCONCLUSIVE
    return verdicts


Decide = Callable[[Mapping[str, Estimate], Mapping[str, float], float], dict[str, Verdict]]
"""(estimates, thresholds, level) → verdicts, by case."""


def decide_both_ways(
    estimates: Mapping[str, Estimate], thresholds: Mapping[str, float], alpha: float
) -> dict[str, Verdict]:
    """Return the same where both directions matter alike.

    There is no change only where the interval excludes one in either direction; a gate is content
    with one.
    """
    verdicts = decide(estimates, thresholds, alpha)
    for name, one in estimates.items():
        may_be_faster = one.low < 1 / (1 + thresholds[name]) - 1
        if verdicts[name] is Verdict.NO_CHANGE and may_be_faster:
            verdicts[name] = Verdict.INCONCLUSIVE
    return verdicts
