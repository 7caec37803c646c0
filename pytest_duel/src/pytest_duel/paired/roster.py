"""The contests that are still measured, and why others are not. All blocks share it."""

import threading
from collections.abc import Collection, Mapping, Sequence

from pytest_duel.paired.client import Openings
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.schedule import Budget


class Roster:
    """The contests that are still measured. Blocks that run side by side may all change it.

    Parameters
    ----------
    contests
        What to measure; names are distinct.
    budget
        Shares the time among contests.
    """

    def __init__(self, contests: Sequence[Contest], budget: Budget) -> None:
        self.contests = list(contests)
        self.budget = budget
        self.measured = Measurements()
        self.openings = Openings()
        self._lock = threading.RLock()

    def add(self, block: Measurements) -> None:
        """Add the results of a block."""
        with self._lock:
            self.measured.add(block)

    def drop(self, names: Collection[str]) -> None:
        """Measure some contests no more, in no block."""
        with self._lock:
            self.contests = [one for one in self.contests if one.name not in names]

    def clear(self) -> None:
        """Measure no contest any more."""
        with self._lock:
            self.contests = []

    def give_up(self, errors: Mapping[str, str]) -> None:
        """Leave contests out for a reason."""
        with self._lock:
            self.measured.errors = {**self.measured.errors, **errors}
            self.drop(errors)

    def skip(self, name: str, reason: str) -> None:
        """Leave a contest out that both arms skip."""
        with self._lock:
            self.measured.skipped[name] = reason
            self.drop([name])

    def refuse(self, name: str, seconds: float) -> None:
        """Leave a contest out for which the budget is too small; it needs `seconds`."""
        with self._lock:
            self.measured.unaffordable[name] = seconds
            self.drop([name])
