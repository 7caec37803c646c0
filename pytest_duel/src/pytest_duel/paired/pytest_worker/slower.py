"""Making a benchmark slower on purpose, by a known share: what a self-test is to find."""

import time
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE = 1.0
"""Seconds, and `TIMES` what is to be waited, after which a timer is said to stand still."""
TIMES = 100


class PlantError(Exception):
    """The benchmark cannot be made slower."""


@dataclass(frozen=True)
class Slower:
    """Times calls, and so much more work.

    The work is further calls. What is less than a whole call is spent in a loop that does nothing
    else; so is all of it where a test says how often its function may be called.
    """

    extra: float
    """More work, as a share of what is timed."""
    timer: Callable[[], float]
    """What the benchmark is timed with."""
    may_call_more: bool = True

    def __call__(self, seconds_of: Callable[[int], float], calls: int) -> float:
        """Return the seconds of so many calls and of the work on top of them."""
        wanted = calls * self.extra
        more = int(wanted) if self.may_call_more else 0
        seconds = seconds_of(calls + more)
        return seconds + self.busy((wanted - more) * seconds / (calls + more))

    def busy(self, seconds: float) -> float:
        """Keep the processor busy for so long, by the timer; return how long it was.

        Raises
        ------
        PlantError
            Where the timer stands still.
        """
        if seconds <= 0.0:
            return 0.0
        given_up = time.perf_counter() + PATIENCE + TIMES * seconds
        begun = self.timer()
        while (passed := self.timer() - begun) < seconds:
            if time.perf_counter() > given_up:
                raise PlantError(
                    "no slowdown can be planted: the benchmark's timer stands still while it is "
                    "waited for"
                )
        return passed
