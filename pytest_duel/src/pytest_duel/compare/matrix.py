"""The results of two sides, by benchmark and run, as arrays of log times."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Case
from pytest_duel.results.benchmarks import Benchmark, Key, Result, SavedTimes
from pytest_duel.results.runs import Run

Drifts = NDArray[np.float64]
"""What to subtract from the log times of each run, old runs first: shape (runs,)."""
AnyKey = TypeVar("AnyKey", Case, Benchmark)


def median(result: SavedTimes) -> float:
    """Return what a benchmark usually took."""
    return result.median


def fastest(result: SavedTimes) -> float:
    """Return the fastest round, which other work of the machine disturbs least."""
    return result.min


class SideMatrix:
    """The results of both sides, by benchmark and run.

    Parameters
    ----------
    old, new
        The runs of each side.
    time
        The one time that stands for a benchmark in a run.
    """

    def __init__(
        self,
        old: Sequence[Run],
        new: Sequence[Run],
        time: Callable[[SavedTimes], float] = median,
    ) -> None:
        self.time = time
        self.sizes = len(old), len(new)
        self.single = self.sizes == (1, 1)
        self.ambiguous = {one.id for run in (*old, *new) for one in run.unread if one.is_ambiguous}
        """Names that several benchmarks of one run have: which is which nothing tells."""
        self.results = self._by_key(old), self._by_key(new)
        self.both = [key for key in self.results[0] if key in self.results[1]]
        self.cases = [key for key in self.both if isinstance(key, Case)]
        self.ordinary = [key for key in self.both if isinstance(key, Benchmark)]
        """Benchmarks of both sides that belong to no sweep."""

    def _by_key(self, runs: Sequence[Run]) -> dict[Key, dict[int, SavedTimes]]:
        """Return the results by benchmark and by the number of the run."""
        found: dict[Key, dict[int, SavedTimes]] = {}
        for number, run in enumerate(runs):
            for result in run.benchmarks:
                if result.key.id not in self.ambiguous:
                    found.setdefault(result.key, {})[number] = result
        return found

    def of(self, key: Key) -> tuple[list[SavedTimes], list[SavedTimes]]:
        """Return the results of a benchmark on each side."""
        before, after = (list(side[key].values()) for side in self.results)
        return before, after

    def has_rounds(self, key: Key) -> bool:
        """Tell whether all results of a benchmark were saved with their raw rounds."""
        return all(one.data for side in self.of(key) for one in side)

    def same_pool(self, key: Key) -> bool:
        """Tell whether all results of a benchmark are on the same inputs, as far as is known."""
        pools = {
            (one.distinct, one.seed)
            for side in self.of(key)
            for one in side
            if isinstance(one, Result)
        }
        return len(pools) <= 1

    def whole(self, keys: Iterable[AnyKey]) -> list[AnyKey]:
        """Return those benchmarks that every run has, on the same pool."""
        return [
            key
            for key in keys
            if tuple(len(side) for side in self.of(key)) == self.sizes and self.same_pool(key)
        ]

    def of_kernel(self, kernel: str, backend: str | None = None) -> list[Case]:
        """Return the cases of a kernel, or of a backend in it, that every run has."""
        return self.whole(
            case
            for case in self.cases
            if case.kernel == kernel and backend in (None, case.backend)
        )

    def logs(self, keys: Iterable[Key]) -> NDArray[np.float64]:
        """Return log times of what every run has: shape (runs, benchmarks), old runs first."""
        columns = [[self.time(one) for side in self.of(key) for one in side] for key in keys]
        logs: NDArray[np.float64] = np.log(np.array(columns, np.float64)).T
        return logs

    def sides(self, drifts: Drifts) -> tuple[Drifts, Drifts]:
        """Return what there is of each run, side by side."""
        return drifts[: self.sizes[0]], drifts[self.sizes[0] :]

    def split(self, key: Key, drifts: Drifts) -> list[NDArray[np.float64]]:
        """Return a benchmark's log times on each side, less each run's drift."""
        shifts = self.sides(drifts)
        return [
            np.array([math.log(self.time(one)) - shift[run] for run, one in side[key].items()])
            for side, shift in zip(self.results, shifts, strict=True)
        ]

    def change(self, keys: Iterable[Key]) -> NDArray[np.float64]:
        """Return the change of each: the difference of the sides' mean log times."""
        logs, count = self.logs(keys), self.sizes[0]
        difference: NDArray[np.float64] = logs[count:].mean(axis=0) - logs[:count].mean(axis=0)
        return difference
