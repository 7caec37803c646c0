"""The processes of a block: one for each arm, or more where contests cannot share one."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pytest_duel.paired.client import TIMEOUT, SideError
from pytest_duel.paired.contests import Arm, Contest

ENDING = 10.0
"""Seconds that workers have to tear down their fixtures, once they are not needed any more."""
GRACE = 1.0
"""The same where the measurement is interrupted."""


class Side(Protocol):
    """A worker that measures one arm."""

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        """Ask, and return the answer; `SideError` where there is none."""
        ...

    def dismiss(self) -> None:
        """Let it end by itself; do not wait for it."""
        ...

    def close(self, seconds: float = ENDING) -> None:
        """End it. It has some seconds to do so by itself."""
        ...


def end(sides: Collection[Side], seconds: float = ENDING) -> None:
    """End workers, which tear down at the same time and have some seconds for it together."""
    for side in sides:
        side.dismiss()
    until = time.monotonic() + seconds
    for side in sides:
        side.close(max(0.0, until - time.monotonic()))


class Launched(NamedTuple):
    """A worker that has been started."""

    side: Side
    hello: Mapping[str, Any]
    """The first request to it."""
    limit: float = TIMEOUT
    """Seconds to wait for the answer to that."""


Launch = Callable[[Arm, Sequence[int]], Launched]
"""Starts the worker for an arm, pinned to some CPUs."""


class Place(NamedTuple):
    """Contests with the same values run in one process."""

    slot: int
    arm: Arm
    cpus: int
    null: bool

    @classmethod
    def of(cls, slot: int, contest: Contest) -> "Place":
        """Return that of a side of a contest."""
        return cls(slot, contest.arms[slot], contest.cpus, contest.null)


class Sides:
    """The processes of one block, started when first needed."""

    def __init__(self, launch: Launch, cpus: Sequence[int]) -> None:
        self.launch = launch
        self.cpus = cpus
        self._started: dict[Place, Side] = {}
        self._ending: list[Side] = []
        """Those that tear down."""
        self._lock = threading.Lock()  # who closes may not be who measures
        self.closed = False

    def of(self, slot: int, contest: Contest) -> Side:
        """Return the process for this side of a contest."""
        key = Place.of(slot, contest)
        with self._lock:
            if self.closed:
                raise SideError("the measurement was ended")
            if key in self._started:
                return self._started[key]
            side, hello, limit = self.launch(key.arm, self.cpus[: key.cpus])
            self._started[key] = side
        side.ask(hello, limit)
        return side

    def end(self, slot: int, contest: Contest) -> None:
        """End one process; whoever needs it gets a fresh one."""
        self._end([Place.of(slot, contest)])

    def restart(self) -> None:
        """End all processes. New ones are started when they are needed."""
        self._end(list(self._started))

    def close(self) -> None:
        """End all processes for good."""
        self.closed = True
        self.restart()

    def dismiss(self) -> list[Side]:
        """Let all processes end for good; return those that may still be there."""
        self.closed = True
        with self._lock:
            sides = [*self._started.values(), *self._ending]
        for side in sides:
            side.dismiss()
        return sides

    def _end(self, places: Sequence[Place]) -> None:
        with self._lock:
            sides = [self._started.pop(place) for place in places if place in self._started]
            self._ending += sides
        end(sides)
        with self._lock:
            self._ending = [one for one in self._ending if one not in sides]
