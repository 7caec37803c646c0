"""What sweeps of the same code say of each kernel and scenario, and where they differ."""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import Any

from pytest_duel.catalogue.model import Catalogue
from pytest_duel.results.leads import compared_time
from pytest_duel.results.runs import Run
from pytest_duel.results.summary import Size, Summary, competitors, summarise
from pytest_duel.support.schema import ANY, COUNT, NUMBER, TEXT, Each, Is
from pytest_duel.verdicts.text import recommendation

SHAPE = {
    "when": TEXT,
    "seconds": NUMBER,
    "parity_seconds": NUMBER,
    "table_seconds?": NUMBER,
    "load?": NUMBER,
    "lines": COUNT,
    "blocks": COUNT,
    "questions": Each(
        {
            "winners": Each(ANY),
            "relative": Each(
                Each(Is(lambda value: NUMBER.tell(value) and value >= 1, "a number, 1 or more"))
            ),
            "advice": TEXT,
        }
    ),
}
"""Of a sweep."""
SELDOM = 0.5
"""A size that fewer of the sweeps call is told by itself."""

Said = Mapping[str, Any]
"""What one sweep says of a kernel and scenario."""


def said(run: Run, catalogue: Catalogue) -> dict[str, Said]:
    """Return what a sweep says of each kernel and scenario: winners by size, and the advice."""
    return {
        f"{one.kernel}, {one.scenario}": {
            "winners": {str(size.n): size.leaders.winner for size in one.sizes if size.leaders},
            "relative": {str(size.n): _relative(size) for size in one.sizes if size.leaders},
            "advice": recommendation(one),
        }
        for one in summarise(run, catalogue)
        if _is_advice(one)
    }


def _is_advice(summary: Summary) -> bool:
    return bool(summary.overall) and not summary.diagnostic


def _relative(size: Size) -> dict[str, float]:
    """Return how many times as long as the fastest each backend took, the fastest first."""
    rows = [row.result for row in competitors(size)]
    least = compared_time(rows[0])
    return {one.case.backend: round(compared_time(one) / least, 4) for one in rows}


@dataclass(frozen=True)
class Crossover:
    """Where another backend becomes the fastest: somewhere between two sizes that are called."""

    before: str
    after: str
    low: int
    """The place among all sizes of the last one at which `before` is the fastest."""
    high: int
    """The place of the first one at which `after` is."""

    def apart(self, other: "Crossover") -> int:
        """Return by how many sizes another one lies elsewhere, at least.

        Where sizes between are too close to call, it may be at any of them.
        """
        return max(0, other.low - self.high + 1, self.low - other.high + 1)


class Question:
    """What several sweeps say of one kernel and scenario.

    Parameters
    ----------
    name
        Kernel and scenario.
    sweeps
        Of each sweep its `said` of this question.
    """

    def __init__(self, name: str, sweeps: Sequence[Said]) -> None:
        self.name = name
        self.sweeps = sweeps
        self.sizes = list(sweeps[0]["winners"])

    @property
    def called(self) -> int:
        """Return how often a winner was called, over sizes and sweeps."""
        return sum(self.winners(size).total() for size in self.sizes)

    @property
    def seldom(self) -> dict[str, int]:
        """Return the sizes that few of the sweeps call, and how many do."""
        calls = {size: self.winners(size).total() for size in self.sizes}
        return {size: own for size, own in calls.items() if own < SELDOM * len(self.sweeps)}

    def winners(self, size: str) -> Counter[str]:
        """Return how often each backend was called the winner at a size."""
        found = (sweep["winners"][size] for sweep in self.sweeps)
        return Counter(one for one in found if one is not None)

    def leader(self, size: str) -> str:
        """Return the backend that is ahead in most sweeps, called or not."""
        first: Iterator[str] = (next(iter(one["relative"][size])) for one in self.sweeps)
        return statistics.mode(first)

    def leads(self, size: str, first: str, other: str) -> list[float]:
        """Return how many times as fast as another backend one was, in each sweep that tells."""
        found = (one["relative"][size] for one in self.sweeps)
        return [own[other] / own[first] for own in found if first in own and other in own]

    @property
    def opposed(self) -> list[str]:
        """Return the sizes at which two sweeps call different winners."""
        return [size for size in self.sizes if len(self.winners(size)) > 1]

    @property
    def crossovers(self) -> Counter[str]:
        """Return how often each set of crossovers was found."""
        return Counter(self._told(one) for one in self.sweeps)

    def _told(self, sweep: Said) -> str:
        sizes = [f"{int(size):,}" for size in self.sizes]
        told = (
            f"{one.before} → {one.after} between {sizes[one.low]} and {sizes[one.high]}"
            for one in self._crossovers(sweep)
        )
        return "; ".join(told) or "none"

    @property
    def moved(self) -> int:
        """Return by how many sizes a crossover lies elsewhere in another sweep, at most."""
        found = [[*self._crossovers(one)] for one in self.sweeps]
        return max((_apart(one, other) for one, other in permutations(found, 2)), default=0)

    def _crossovers(self, sweep: Said) -> Iterator[Crossover]:
        winners = (sweep["winners"][size] for size in self.sizes)
        called = [(place, one) for place, one in enumerate(winners) if one is not None]
        for (low, before), (high, after) in pairwise(called):
            if before != after:
                yield Crossover(before, after, low, high)

    @property
    def advice(self) -> Counter[str]:
        """Return how often each advice was given, without remarks, which some commits have."""
        return Counter(sweep["advice"].partition(" (")[0] for sweep in self.sweeps)


def _apart(found: Sequence[Crossover], others: Sequence[Crossover]) -> int:
    """Return how far a crossover is from the nearest of the same backends, where that is most."""
    return max(
        (
            min(one.apart(other) for other in same)
            for one in found
            if (same := [each for each in others if _between(each) == _between(one)])
        ),
        default=0,
    )


def _between(one: Crossover) -> tuple[str, str]:
    return one.before, one.after


def questions(data: Mapping[str, Any]) -> list[Question]:
    """Return what saved sweeps say, question by question."""
    sweeps = [one["questions"] for one in data["sweeps"]]
    return [Question(name, [one[name] for one in sweeps]) for name in sweeps[0]]
