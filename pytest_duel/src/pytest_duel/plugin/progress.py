"""How far a long measurement is, and how long it will still take."""

import threading
import time
from collections.abc import Callable, Sequence

from pytest_duel.plugin.forecast import Begun, Stage, left
from pytest_duel.support.units import waiting

PERIOD = 45.0
"""Seconds between two lines, at least."""
LINES = 4
"""Into so many parts lines divide what takes long."""
LONGEST = 300.0
"""Seconds without a line, however long it takes."""


class Progress:
    """Tells now and then how far it is. Threads may add to it.

    Parameters
    ----------
    stages
        What is to be done.
    announce
        Shows a line to a person who waits.
    clock
        Gives seconds.
    """

    def __init__(
        self,
        stages: Sequence[Stage],
        announce: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stages = stages
        self.announce = announce
        self._clock = clock
        self._begun: list[list[Begun]] = [[] for _ in stages]
        self._started = self._told = clock()
        self._lock = threading.Lock()

    def begin(self, stage: int) -> Begun:
        """Count a block of a stage, named by its place, that begins."""
        block = Begun()
        with self._lock:
            self._begun[stage].append(block)
        return block

    def add(self, block: Begun, task: str, seconds: float) -> None:
        """Count a task that a block has done."""
        with self._lock:
            block.taken[task] = seconds
            self._tell()

    def end(self, block: Begun) -> None:
        """Count a block that has ended, whatever it has left out."""
        with self._lock:
            block.has_ended = True

    def _tell(self) -> None:
        now = self._clock()
        silent = now - self._told
        if silent < PERIOD:
            return
        rest = left(self.stages, self._begun)
        if rest is None or not rest.seconds:
            return
        whole = now - self._started + rest.seconds
        if silent < min(whole / LINES, LONGEST):
            return
        self._told = now
        share = (now - self._started) / whole
        about = "at least" if rest.is_least else "about"
        self.announce(f"{share:.0%}, {about} {waiting(rest.seconds)} left")
