"""The engine's end of the talk with a worker: JSON lines over pipes."""

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

if TYPE_CHECKING:
    from pytest_duel.paired.engine import Arm, Launch, Launched

WORKER = Path(__file__).resolve().parent / "worker.py"
TIMEOUT = 120.0
SAID_LINES = 2


class SideError(DuelError):
    """A worker did not do what it was asked; the message says what happened."""


class RefusalError(SideError):
    """A worker has answered that it cannot; it goes on working."""

    def __init__(self, side: str, reason: str) -> None:
        super().__init__(f"{side}: {reason}")
        self.reason = reason


class Side:
    """A worker process.

    Parameters
    ----------
    name
        What messages call it.
    environment
        Variables beyond this process's own.
    command
        What to run instead of the worker, for tests.
    """

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        command: tuple[str, ...] = (sys.executable, "-P", str(WORKER)),
    ) -> None:
        self.name = name
        self._process = processes.start(
            command,
            env=os.environ | dict(environment),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._said: deque[str] = deque(maxlen=SAID_LINES)
        _start(_pump, self._process.stdout, self._lines)
        self._listener = _start(_remember, self._process.stderr, self._said)

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        """Ask, and return the answer.

        Raises
        ------
        SideError
            Where the process died, hung, printed garbage, or answered with an error.
        """
        line = self._exchange(json.dumps(request), timeout)
        try:
            reply = json.loads(line)
        except (ValueError, RecursionError):
            raise SideError(f"{self.name} printed garbage: {line.strip()[:80]!r}") from None
        if not isinstance(reply, dict):
            raise SideError(f"{self.name} printed garbage: {line.strip()[:80]!r}")
        if "error" in reply:
            raise RefusalError(self.name, reply["error"])
        return reply

    def _exchange(self, line: str, timeout: float) -> str:
        try:
            print(line, file=self._process.stdin, flush=True)
            answer = self._lines.get(timeout=timeout)
        except (OSError, ValueError):  # its pipe is broken, or closed
            answer = ""
        except queue.Empty:
            raise SideError(f"{self.name} did not answer in {timeout:.0f} s") from None
        if not answer:
            self._listener.join(timeout=1.0)  # it has said its last words, unless it hangs
            self.close()
            words = "".join(f": {line}" for line in self._said)
            raise SideError(f"{self.name} died with exit code {self._process.returncode}{words}")
        return answer

    def close(self) -> None:
        """End the process and whatever it started."""
        processes.end(self._process)


def catalogue_workers(catalogue: str) -> "Launch":
    """Return what starts workers of a catalogue, which ``module:function`` returns."""

    def launch(arm: "Arm", cpus: Sequence[int]) -> "Launched":
        from pytest_duel.paired.engine import Launched

        hello = {"do": "hello", "catalogue": catalogue, "paths": arm.paths, "own": arm.own}
        return Launched(Side(arm.name, arm.environment), hello | {"cpus": list(cpus)})

    return launch


def _start(target: Callable[..., None], *args: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread


def _remember(stream: IO[str], said: "deque[str]") -> None:
    """Keep the last lines: what a process says of its own death."""
    with contextlib.suppress(ValueError):
        said.extend(line.strip() for line in stream if line.strip())


def _pump(stream: IO[str], lines: "queue.SimpleQueue[str]") -> None:
    """Pass lines on; an empty one says that there are no more."""
    with contextlib.suppress(ValueError):  # whoever ended the process may close the pipe first
        for line in stream:
            lines.put(line)
    lines.put("")
