"""Making a benchmark slower on purpose, by a known share: what a self-test is to find."""

import time
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE = 1.0
"""Seconds, and `TIMES` what is to be waited, after which a timer is said to stand still."""
TIMES = 100
ROUNDING = 0.1
"""What is planted must be as much as is meant, to within this share of it."""


class PlantError(Exception):
    """The benchmark cannot be made slower by so much."""


@dataclass
class Slower:
    """Times calls, and so much more work.

    The work is further calls. What is less than a whole call is spent in a loop that does nothing
    else; so is all of it where a test says how often its function may be called.
    """

    timer: Callable[[], float]
    """What the benchmark is timed with."""
    may_call_more: bool = True
    meant: float = 0.0
    """Seconds of more work so far that there should be."""
    done: float = 0.0
    """And those that there are."""

    def __call__(self, seconds_of: Callable[[int], float], calls: int, extra: float) -> float:
        """Return the seconds of so many calls and of the work on top of them.

        Parameters
        ----------
        seconds_of
            Does so many calls and returns their seconds.
        calls
            How many.
        extra
            More work, as a share of them.
        """
        wanted = calls * extra
        more = int(wanted) if self.may_call_more else 0
        seconds = seconds_of(calls + more)
        a_call = seconds / (calls + more)
        return seconds + self.busy((wanted - more) * a_call, besides=more * a_call)

    def busy(self, seconds: float, besides: float = 0.0) -> float:
        """Keep the processor busy for so long, by the timer; return how long it was.

        Parameters
        ----------
        seconds
            For how long.
        besides
            Seconds of more work that have been done already.

        Raises
        ------
        PlantError
            Where the timer stands still.
        """
        passed = self._waited(seconds) if seconds > 0.0 else 0.0
        self.meant += seconds + besides
        self.done += passed + besides
        return passed

    def _waited(self, seconds: float) -> float:
        given_up = time.perf_counter() + PATIENCE + TIMES * seconds
        begun = self.timer()
        while (passed := self.timer() - begun) < seconds:
            if time.perf_counter() > given_up:
                raise PlantError("the benchmark's timer stands still while it is waited for")
        return passed

    def check(self) -> None:
        """Refuse what came out as another slowdown than was meant.

        Raises
        ------
        PlantError
            Where a loop that waits takes longer than it should, because that is so short.
        """
        if self.done > self.meant * (1 + ROUNDING):
            raise PlantError(
                "it may not be called more often, and a part of a round is too short to be waited "
                f"for: it took {self.done / self.meant:.2g} times as long as it should"
            )
