"""The contests that are still measured, and why others are not. All blocks share it."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence

from pytest_duel.paired.client import BOTH, Waits
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.schedule import Budget

Tell = Callable[[str, str], None]
"""Is told the name of a contest, and why it was given up."""
Instead = Callable[[Contest, Measurements], Contest | None]
"""Returns what to measure in place of a contest that cannot be; None for nothing."""


class Roster:
    """The contests that are still measured. Blocks that run side by side may all change it.

    Parameters
    ----------
    contests
        What to measure; names are distinct.
    budget
        Shares the time among contests.
    tell
        Told of a contest that is given up, and why, when that happens.
    instead
        Says what to measure in place of a contest that cannot be, from the next block on.
    """

    def __init__(
        self,
        contests: Sequence[Contest],
        budget: Budget,
        tell: Tell | None = None,
        instead: Instead | None = None,
    ) -> None:
        self.contests = list(contests)
        self.budget = budget
        self.measured = Measurements()
        self.waits = Waits()
        self._tell = tell
        self._instead = instead
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
        """Leave contests out for a reason; one that is of one side stays, as it tells more."""
        with self._lock:
            known = self.measured.errors
            errors = {
                name: why if name not in known or not why.startswith(BOTH) else known[name]
                for name, why in errors.items()
            }
            new = {name: why for name, why in errors.items() if name not in self.measured.errors}
            self.measured.errors = {**self.measured.errors, **errors}
            self._leave_out(errors)
        if self._tell:
            for name, why in new.items():
                self._tell(name, why)

    def skip(self, name: str, reason: str) -> None:
        """Leave a contest out that both arms skip."""
        with self._lock:
            self.measured.skipped[name] = reason
            self._leave_out([name])

    def refuse(self, name: str, seconds: float, per_call: Sequence[float]) -> None:
        """Leave a contest out for which the budget is too small.

        It needs `seconds`. A call has taken `per_call` on each arm that was asked.
        """
        with self._lock:
            self.measured.unaffordable[name] = seconds
            self.measured.slow_calls[name] = tuple(per_call)
            self._leave_out([name])

    def _leave_out(self, names: Collection[str]) -> None:
        """Measure some contests no more, and others in place of them, where there are any."""
        left = [one for one in self.contests if one.name in names]
        self.drop(names)
        if self._instead:
            others = [self._instead(one, self.measured) for one in left]
            self.contests = [*self.contests, *filter(None, others)]
