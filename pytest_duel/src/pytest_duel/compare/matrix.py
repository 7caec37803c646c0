"""The results of two sides, by case and run, as arrays of log times."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Case
from pytest_duel.results.runs import Result, Run

Drifts = NDArray[np.float64]
"""What to subtract from the log times of each run, old runs first: shape (runs,)."""


class SideMatrix:
    """The results of both sides, by case and run."""

    def __init__(self, old: Sequence[Run], new: Sequence[Run]) -> None:
        self.sizes = len(old), len(new)
        self.single = self.sizes == (1, 1)
        self.results = _by_case(old), _by_case(new)
        self.both = [case for case in self.results[0] if case in self.results[1]]

    def of(self, case: Case) -> tuple[list[Result], list[Result]]:
        """Return the results of a case on each side."""
        before, after = (list(side[case].values()) for side in self.results)
        return before, after

    def has_rounds(self, case: Case) -> bool:
        """Tell whether all results of a case were saved with their raw rounds."""
        return all(one.data for side in self.of(case) for one in side)

    def same_pool(self, case: Case) -> bool:
        """Tell whether all results of a case are on the same inputs."""
        pools = {(one.distinct, one.seed) for side in self.of(case) for one in side}
        return len(pools) == 1

    def whole(self, kernel: str, backend: str | None = None) -> list[Case]:
        """Return the cases that every run has, on the same pool."""
        return [
            case
            for case in self.both
            if case.kernel == kernel
            and backend in (None, case.backend)
            and tuple(len(side) for side in self.of(case)) == self.sizes
            and self.same_pool(case)
        ]

    def logs(self, cases: Iterable[Case]) -> NDArray[np.float64]:
        """Return log times of cases that every run has: shape (runs, cases), old runs first."""
        columns = [[one.median for side in self.of(case) for one in side] for case in cases]
        logs: NDArray[np.float64] = np.log(np.array(columns, np.float64)).T
        return logs

    def split(self, case: Case, drifts: Drifts) -> list[NDArray[np.float64]]:
        """Return a case's log times on each side, less each run's drift."""
        shifts = drifts[: self.sizes[0]], drifts[self.sizes[0] :]
        return [
            np.array([np.log(one.median) - shift[run] for run, one in side[case].items()])
            for side, shift in zip(self.results, shifts, strict=True)
        ]

    def change(self, cases: Iterable[Case]) -> NDArray[np.float64]:
        """Return the change of each case: the difference of the sides' mean log times."""
        logs, count = self.logs(cases), self.sizes[0]
        difference: NDArray[np.float64] = logs[count:].mean(axis=0) - logs[:count].mean(axis=0)
        return difference


def _by_case(runs: Sequence[Run]) -> dict[Case, dict[int, Result]]:
    """Return the results by case and by the number of the run."""
    found: dict[Case, dict[int, Result]] = {}
    for number, run in enumerate(runs):
        for result in run.results:
            found.setdefault(result.case, {})[number] = result
    return found
