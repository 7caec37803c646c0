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


class RefusalError(SideError):
    """A worker has answered that it cannot; it goes on working."""

    def __init__(self, side: str, reason: str) -> None:
        super().__init__(f"{side}: {reason}")
        self.reason = reason


class AnswersError(SideError):
    """The arms answer differently; both go on working."""


def patience(seconds: float) -> float:
    """Return how long to wait for an answer that is expected after `seconds`."""
    return min(TIMEOUT, max(LEAST_PATIENCE, PATIENCE * seconds))


class Openings:
    """How long it took to open each contest; blocks that run side by side share it."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, name: str, seconds: float) -> None:
        """Remember how long it took to open a contest."""
        with self._lock:
            self._seconds[name] = max(seconds, self._seconds.get(name, 0.0))

    def patience(self, name: str) -> float:
        """Return how long to wait until a contest is open; the first time the longest.

        What a process compiles or imports once falls on whichever contest it opens first, another
        one in each block. So the slowest opening of any of them counts.
        """
        with self._lock:
            known = name in self._seconds
            return patience(max(self._seconds.values())) if known else TIMEOUT
