"""How long an answer of a worker is waited for, and what the engine is told where none comes."""

import threading

from pytest_duel.support.errors import DuelError

TIMEOUT = 120.0
"""Seconds to wait for an answer, at most, where nothing else is said."""
PATIENCE = 30.0
"""How many times as long as it should take an answer is waited for."""
LEAST_PATIENCE = 10.0
"""The shortest wait, in seconds: a machine may stand still. The longest is `TIMEOUT`."""

BOTH = "both sides"
"""Who is named where both arms refuse."""
GARBAGE = (LookupError, TypeError, ValueError, ArithmeticError)
"""What an answer that makes no sense leads to."""


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
    """Return how long to wait for an answer that should take so many seconds."""
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
