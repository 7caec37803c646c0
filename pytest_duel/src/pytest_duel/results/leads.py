"""How many times faster one backend is than another, and when that is certain."""

from collections.abc import Sequence

from pytest_duel.results.benchmarks import Result
from pytest_duel.statistics.bootstrap import CONFIDENCE, Ratio, geometric_mean_ratio
from pytest_duel.statistics.typical import ratio, typical

MARGIN = 0.10
"""One process is one sample: closer than this is too close to call."""
MARGIN_OVER_BLOCKS = 0.02
"""The same where several processes timed both side by side."""


def over_blocks(*results: Result) -> bool:
    """Tell whether several processes have timed all of them side by side."""
    blocks = {len(one.blocks) for one in results}
    return len(blocks) == 1 and blocks != {0}


def compared_time(result: Result) -> float:
    """Return the time that leads compare: two of them have the ratio that `lead` gives.

    Over processes it is the geometric mean of their medians. The median of all rounds would not
    do: where a time has two paces, the process with a round more decides which of them that is.
    """
    return typical(result.blocks).time if result.blocks else result.median


def lead(slower: Sequence[Result], faster: Sequence[Result], tests: float = 1.0) -> Ratio:
    """Return how many times faster, as a geometric mean over cases, with its 95 % interval.

    The interval is over processes where several timed all of them. Else it is what another look
    at the one process would give.

    Parameters
    ----------
    slower, faster
        One result for each case, in the same order.
    tests
        Ratios that are looked at together: the interval over processes holds for all of them, by
        Bonferroni's correction. `comparisons_together` counts them.
    """
    if over_blocks(*slower, *faster):
        confidence = 1 - (1 - CONFIDENCE) / tests
        return ratio([one.blocks for one in slower], [one.blocks for one in faster], confidence)
    return geometric_mean_ratio([one.data for one in slower], [one.data for one in faster])


def is_certain(slower: Sequence[Result], faster: Sequence[Result], tests: float = 1.0) -> bool:
    """Tell whether the lead is beyond doubt, and large enough to matter; see `lead`."""
    margin = MARGIN_OVER_BLOCKS if over_blocks(*slower, *faster) else MARGIN
    return lead(slower, faster, tests).exceeds(margin)


def comparisons_together(backends: int, sizes: int) -> float:
    """Return for how many tests the interval of a lead must hold, so that few winners are wrong.

    A winner has to beat each of the others, so a wrong one has to beat the best. That takes no
    correction for the number of those it beats (an intersection-union test), but any of the
    `backends` - 1 others may be the one that does. Each does so by chance with half of what
    the two-sided interval leaves out, as only one of its ends is asked. Two backends may be
    equally fast, and then either is called by chance; so two count as three do.

    Parameters
    ----------
    backends
        That are compared at a size.
    sizes
        At which they are.

    References
    ----------
    Berger, "Multiparameter hypothesis testing and acceptance sampling", *Technometrics* 24
    (1982), on intersection-union tests. Hsu, *Multiple Comparisons* (1996), chapter 4, on
    comparisons with the best.
    """
    return sizes * max(1.0, (backends - 1) / 2)
