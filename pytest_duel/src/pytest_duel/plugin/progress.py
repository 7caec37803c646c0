"""How far a long measurement is, and how long it will still take."""

import threading
import time
from collections.abc import Callable

from pytest_duel.support.units import waiting

PERIOD = 45.0
"""Seconds between two lines."""
ENOUGH = 0.05
"""The share of the work that tells how long the rest will take."""


class Progress:
    """Tells now and then how far it is. Threads may add to it.

    Parameters
    ----------
    total
        The work to be done, in any unit.
    announce
        Shows a line to a person who waits.
    """

    def __init__(self, total: float, announce: Callable[[str], None]) -> None:
        self.total = total
        self.announce = announce
        self._done = 0.0
        self._started = self._told = time.monotonic()
        self._lock = threading.Lock()

    def add(self, work: float) -> None:
        """Count work that is done."""
        with self._lock:
            self._done += work
            now = time.monotonic()
            share = self._done / self.total
            if now - self._told < PERIOD or not ENOUGH <= share < 1:
                return
            self._told = now
            left = (now - self._started) * (self.total - self._done) / self._done
            self.announce(f"{share:.0%}, about {waiting(left)} left")
