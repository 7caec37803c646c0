"""Sample more where undecided, up to a budget; the level is split over looks fixed in advance."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from pytest_duel.paired.engine import Engine
from pytest_duel.paired.measurements import Measurements
from pytest_duel.statistics.paired import Decide, Estimate, Verdict, decide, estimate

LOOKS = (12, 24, 48)
"""Block counts. At the first most cases can be decided, at the last nearly all."""
LEAST = 3
"""Blocks that are taken even if the budget is spent. If one takes minutes, the change is so large
that this many show it."""
ALPHA = 0.01
"""The level of all that may fail a gate: its benchmarks, at all looks, and their means."""
MEANS_ALPHA = ALPHA / 10
"""The means' part of the level. It is small, as the noise of a mean over many benchmarks is."""
NULL_ALPHA = ALPHA / 2
"""The level of all nulls together, in each direction: one gate in a hundred is void by chance. So
far out the test may have up to twice its level: two gates in a hundred at most."""


@dataclass
class Looks:
    """Verdicts on cases whose blocks come in, judged at few block counts only.

    Every look has an equal share of the level, which by Bonferroni's inequality bounds the chance
    of a false alarm over all looks and cases. The test is not exact so far out, up to twice its
    level for blocks that are normal; the median that a verdict needs beyond the threshold makes
    more than up for it (see the tests, and the self-test). What is decided stays so.
    """

    thresholds: Mapping[str, float]
    """The smallest change that matters, by case."""
    looks: Sequence[int] = LOOKS
    alpha: float = ALPHA - MEANS_ALPHA
    judge: Decide = decide
    taken: int = 0
    estimates: dict[str, Estimate] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    @property
    def settled(self) -> set[str]:
        """Return the cases that are decided."""
        return {name for name, one in self.verdicts.items() if one is not Verdict.INCONCLUSIVE}

    @property
    def next(self) -> int | None:
        """Return the block count of the next look, if there is one."""
        return self.looks[self.taken] if self.taken < len(self.looks) else None

    def take(self, differences: Mapping[str, Sequence[float]]) -> None:
        """Judge every case that is not yet decided on all its blocks."""
        settled = self.settled
        for name in self.thresholds:
            if name in differences and name not in settled:
                self.estimates[name] = estimate(differences[name])
        level = self.alpha / len(self.looks)
        for name, verdict in self.judge(self.estimates, self.thresholds, level).items():
            if name not in settled:
                self.verdicts[name] = verdict
        self.taken += 1


@dataclass(frozen=True)
class Sampled:
    """The result of a sequential measurement."""

    estimates: Mapping[str, Estimate]
    verdicts: Mapping[str, Verdict]
    nulls: Mapping[str, Estimate]
    """Estimates of contests with equal code on both arms."""
    tripped: tuple[str, ...]
    """The nulls that show a difference."""
    measured: Measurements
    seconds: float
    blocks: int
    """How many blocks were complete at the end. Of those still running only the errors count."""
    late: bool
    """The budget ended it, before the last look."""


@dataclass(frozen=True)
class Progress:
    """The progress of a measurement."""

    blocks: int
    undecided: int
    elapsed: float
    left: float
    """The seconds left, if undecided benchmarks stay undecided."""


def sample(
    engine: Engine,
    thresholds: Mapping[str, float],
    nulls: Mapping[str, float],
    budget: float,
    announce: Callable[[Progress], None],
    judge: Decide = decide,
) -> Sampled:
    """Run blocks until every case is decided, the last look is taken, or the budget is spent.

    Parameters
    ----------
    engine
        Its contests are the cases and the nulls.
    thresholds, nulls
        The smallest change that matters, by contest.
    budget
        Seconds.
    announce
        Told after every block how far it is.
    judge
        Makes verdicts of estimates.
    """
    looks = Looks(thresholds, judge=judge)
    started, elapsed, taken, over, late = time.monotonic(), 0.0, 0, False, False
    with closing(engine.blocks()) as blocks:
        for measured in blocks:
            if over:
                continue  # of what had begun, only the faults count
            elapsed, taken = time.monotonic() - started, measured.blocks
            pace = elapsed / taken
            if not measured.compared:
                continue  # nothing is known as long as the answers may differ
            late = elapsed + pace > budget and taken >= LEAST
            if late or taken >= (looks.next or 0):
                looks.take(measured.differences)
                engine.drop(looks.settled)
            undecided = set(thresholds) - measured.given_up - looks.settled
            over = late or not undecided or looks.next is None
            if over:
                engine.stop()
            else:
                left = max(0.0, min(budget - elapsed, (looks.looks[-1] - taken) * pace))
                announce(Progress(taken, len(undecided), elapsed, left))
    late = late and taken < looks.looks[-1]
    return _sampled(looks, nulls, engine.measured, (elapsed, taken), late=late)


def _sampled(
    looks: Looks,
    nulls: Mapping[str, float],
    measured: Measurements,
    ended: tuple[float, int],
    *,
    late: bool,
) -> Sampled:
    alive = {name: own for name, own in measured.differences.items() if name in nulls}
    found = {name: estimate(own) for name, own in alive.items()}
    verdicts = decide(found, nulls, NULL_ALPHA)
    odd = (Verdict.REGRESSION, Verdict.IMPROVEMENT)
    return Sampled(
        estimates=looks.estimates,
        verdicts=looks.verdicts,
        nulls=found,
        tripped=tuple(name for name, verdict in verdicts.items() if verdict in odd),
        measured=measured,
        seconds=ended[0],
        blocks=ended[1],
        late=late,
    )
