"""How long to wait for a worker's answer, and the errors where none comes."""

import threading

from pytest_duel.support.errors import DuelError

TIMEOUT = 120.0
"""The longest wait for an answer, in seconds."""
PATIENCE = 30.0
"""An answer may take this many times as long as expected."""
LEAST_PATIENCE = 10.0
"""The shortest wait, in seconds: a machine may stand still. The longest is `TIMEOUT`."""

BOTH = "both sides"
"""The name to use where both arms refuse."""
GARBAGE = (LookupError, TypeError, ValueError, ArithmeticError)
"""Errors that come of an answer that makes no sense."""


class SideError(DuelError):
    """A worker did not do what it was asked; the message says what happened."""


class HangError(SideError):
    """A worker has not answered in time."""


class RefusalError(SideError):
    """A worker has answered that it cannot; it goes on working."""

    def __init__(self, side: str, reason: str) -> None:
        super().__init__(f"{side}: {reason}")
        self.side = side
        self.reason = reason


class TimerError(SideError):
    """A benchmark's timer is too coarse; its worker goes on working.

    Parameters
    ----------
    calls
        During which the timer did not move.
    """

    def __init__(self, calls: int) -> None:
        during = "a call" if calls == 1 else f"{calls} calls"
        super().__init__(
            f"the benchmark's timer did not move during {during}: a finer timer helps, or more "
            "work in a call"
        )


class AnswersError(SideError):
    """The arms answer differently; both go on working."""


def patience(seconds: float) -> float:
    """Return how long to wait for an answer that is expected after `seconds`."""
    return min(TIMEOUT, max(LEAST_PATIENCE, PATIENCE * seconds))


class Waits:
    """How long to wait for answers, as blocks that run side by side have learnt it.

    A first answer may take long: something is compiled, or imported. But once one has not come at
    all, the measurement will end with an error whatever the others do. From then on no first
    answer is waited for much longer than the slowest that has come: a change that makes ten
    benchmarks hang must not cost ten times the longest wait.
    """

    def __init__(self) -> None:
        self._opened: dict[str, float] = {}
        """The seconds that it took to open a contest."""
        self._slowest = 0.0
        """The seconds until the slowest first answer came."""
        self._has_hung = False
        self._lock = threading.Lock()

    def opened(self, name: str, seconds: float) -> None:
        """Remember how long it took to open a contest."""
        with self._lock:
            self._opened[name] = max(seconds, self._opened.get(name, 0.0))
            self._slowest = max(seconds, self._slowest)

    def called(self, seconds: float) -> None:
        """Remember how long the first calls of a contest took."""
        with self._lock:
            self._slowest = max(seconds, self._slowest)

    def hung(self) -> None:
        """Remember that an answer has not come."""
        self._has_hung = True

    def opening(self, name: str) -> float:
        """Return how long to wait until a contest is open; the first time the longest.

        What a process compiles or imports once falls on whichever contest it opens first, another
        one in each block. So the slowest opening of any of them counts.
        """
        with self._lock:
            known = name in self._opened
            return patience(max(self._opened.values())) if known else self._first()

    def calling(self) -> float:
        """Return how long to wait for the first calls of a contest."""
        with self._lock:
            return self._first()

    def _first(self) -> float:
        return patience(self._slowest) if self._has_hung else TIMEOUT
