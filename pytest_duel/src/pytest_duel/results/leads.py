"""How many times faster one backend is than another, and when that is certain."""

from collections.abc import Sequence

from pytest_duel.results.benchmarks import Result
from pytest_duel.statistics.bootstrap import CONFIDENCE, Ratio, geometric_mean_ratio
from pytest_duel.statistics.typical import ratio

MARGIN = 0.10
"""One process is one sample: closer than this is too close to call."""
MARGIN_OVER_BLOCKS = 0.02
"""The same where several processes timed both side by side."""


def over_blocks(*results: Result) -> bool:
    """Tell whether several processes have timed all of them side by side."""
    blocks = {len(one.blocks) for one in results}
    return len(blocks) == 1 and blocks != {0}


def lead(slower: Sequence[Result], faster: Sequence[Result], tests: int = 1) -> Ratio:
    """Return how many times faster, as a geometric mean over cases, with its 95 % interval.

    The interval is over processes where several timed all of them. Else it is what another look
    at the one process would give.

    Parameters
    ----------
    slower, faster
        One result for each case, in the same order.
    tests
        Ratios that are looked at together: the interval over processes holds for all of them, by
        Bonferroni's correction.
    """
    if over_blocks(*slower, *faster):
        confidence = 1 - (1 - CONFIDENCE) / tests
        return ratio([one.blocks for one in slower], [one.blocks for one in faster], confidence)
    return geometric_mean_ratio([one.data for one in slower], [one.data for one in faster])


def is_certain(slower: Sequence[Result], faster: Sequence[Result], tests: int = 1) -> bool:
    """Tell whether the lead is beyond doubt, and large enough to matter; see `lead`."""
    margin = MARGIN_OVER_BLOCKS if over_blocks(*slower, *faster) else MARGIN
    return lead(slower, faster, tests).clears(margin)
