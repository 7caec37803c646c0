"""What the engine is told where a worker does not do what it was asked."""

from pytest_duel.support.errors import DuelError

TIMEOUT = 120.0
"""Seconds to wait for an answer, at most, where nothing else is said."""


class SideError(DuelError):
    """A worker did not do what it was asked; the message says what happened."""


class RefusalError(SideError):
    """A worker has answered that it cannot; it goes on working."""

    def __init__(self, side: str, reason: str) -> None:
        super().__init__(f"{side}: {reason}")
        self.reason = reason
