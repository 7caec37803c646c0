"""The processes of a block: one for each arm, or more where contests cannot share one."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from pytest_duel.paired.client import TIMEOUT, SideError
from pytest_duel.paired.contests import Arm, Contest


class Side(Protocol):
    """A worker that measures one arm."""

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        """Ask, and return the answer; `SideError` where there is none."""
        ...

    def close(self) -> None:
        """End it."""
        ...


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
        with self._lock:
            side = self._started.pop(Place.of(slot, contest), None)
        if side:
            side.close()

    def restart(self) -> None:
        """End all processes. New ones are started when they are needed."""
        with self._lock:
            while self._started:
                self._started.popitem()[1].close()

    def close(self) -> None:
        """End all processes for good."""
        self.closed = True
        self.restart()
