"""Making a benchmark slower on purpose, by a known share, for a self-test to find."""

from collections.abc import Callable
from dataclasses import dataclass

from pytest_duel.paired.pytest_worker.clocks import perf_counter

PATIENCE = 1.0
"""Seconds. A timer that takes longer than this, and `TIMES` the wanted time, stands still."""
TIMES = 100
ROUNDING = 0.1
"""The planted slowdown may differ from the wanted one by this share of it."""
STANDS_STILL = "the benchmark's timer stands still while it is waited for"
TOO_SHORT = (
    "that share of a call, or of the few calls that the test allows, is too short to be waited for"
)
REASONS = (
    STANDS_STILL, TOO_SHORT, "it may not be called more often, and a part of a round is too short",
)  # fmt: skip
"""How the text of a `PlantError` begins. Saved self-tests hold these texts, so each must stay
here; the last one is of earlier versions."""


class PlantError(Exception):
    """The benchmark cannot be made slower by this share."""


@dataclass
class Slower:
    """Times calls, with extra work added.

    The extra work is further calls. A rest of less than a call is spent in a busy loop. So is all
    of it where a test limits how often its function may be called.
    """

    timer: Callable[[], float]
    """The timer of the benchmark."""
    may_call_more: bool = True
    most: int = 0
    """The most calls that it was asked to time at once. Fewer are calibration: no time counts that
    their work took."""
    times: int = 0
    """How often it has added work to so many."""
    wrong: int = 0
    """How often that was more than wanted."""

    def __call__(self, seconds_of: Callable[[int], float], calls: int, extra: float) -> float:
        """Return the seconds of the calls, with the extra work.

        Parameters
        ----------
        seconds_of
            Makes this many calls and returns their seconds.
        calls
            How many.
        extra
            More work, as a share of them.
        """
        if calls > self.most:
            self.most, self.times, self.wrong = calls, 0, 0
        wanted = calls * extra
        more = int(wanted) if self.may_call_more else 0
        seconds = seconds_of(calls + more)
        a_call = seconds / (calls + more)
        return seconds + self.busy((wanted - more) * a_call, besides=more * a_call)

    def busy(self, seconds: float, besides: float = 0.0) -> float:
        """Keep the processor busy for a time, by the timer; return how long it was.

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
        if seconds + besides <= 0.0:
            return 0.0
        passed = self._waited(seconds) if seconds > 0.0 else 0.0
        self.times += 1
        self.wrong += passed + besides > (seconds + besides) * (1 + ROUNDING)
        return passed

    def _waited(self, seconds: float) -> float:
        given_up = perf_counter() + PATIENCE + TIMES * seconds
        begun = self.timer()
        while (passed := self.timer() - begun) < seconds:
            if perf_counter() > given_up:
                raise PlantError(STANDS_STILL)
        return passed

    def check(self) -> None:
        """Refuse what mostly came out as another slowdown than was meant.

        Raises
        ------
        PlantError
            Where a loop that waits takes longer than it should, because that is so short. Now and
            then the system lets another process run meanwhile: that is no reason.
        """
        if self.wrong > self.times / 2:
            raise PlantError(TOO_SHORT)
