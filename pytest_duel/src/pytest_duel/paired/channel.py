"""JSON lines between the engine and a worker, over two inherited pipes.

Everything that knows how the two processes are connected is in this module: `connect` makes a
channel and what the child needs to find its end; `inherited` is that end. Standard input and
output stay free for the tests. Imports nothing beyond the standard library: workers load it before
the code that they measure.
"""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE = "PYTEST_DUEL_CHANNEL"
"""Tells the child which file descriptors to use."""


class Channel:
    """One end: messages are JSON objects, one a line."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reader = os.fdopen(reads, "r", encoding="utf-8")
        self._writer = os.fdopen(writes, "w", encoding="utf-8")

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; `OSError` if the other end is closed."""
        self._writer.write(json.dumps(message) + "\n")
        self._writer.flush()

    def receive(self) -> str:
        """Wait for the next line and return it, or nothing where the other end is closed."""
        return self._reader.readline()

    def finish(self) -> None:
        """Send nothing more: the other end reads an end of file, and may still be read."""
        with contextlib.suppress(OSError):  # what was not yet sent has no reader
            self._writer.close()

    def close(self) -> None:
        """Close this end; the other reads an end of file."""
        for stream in (self._writer, self._reader):
            with contextlib.suppress(OSError):  # what was not yet sent has no reader
                stream.close()


@dataclass(frozen=True)
class ChildEnd:
    """The data with which a child process finds its end of a channel."""

    descriptors: tuple[int, int]
    """The descriptors to inherit: one to read, one to write."""

    @property
    def environment(self) -> dict[str, str]:
        """Return the variable to set; its length is the same for every process."""
        return {VARIABLE: ",".join(f"{one:05d}" for one in self.descriptors)}

    def close(self) -> None:
        """Close this process's copies, once the child has its own."""
        for one in self.descriptors:
            os.close(one)


def connect() -> tuple[Channel, ChildEnd]:
    """Return a new channel and what a child needs to use the other end.

    Raises
    ------
    OSError
        On Windows, where a child does not inherit pipes by their numbers.
    """
    if sys.platform == "win32":
        raise OSError("measuring in processes of its own needs Linux or macOS for now")
    child_reads, writes = os.pipe()
    reads, child_writes = os.pipe()
    return Channel(reads, writes), ChildEnd((child_reads, child_writes))


def inherited() -> Channel:
    """Return the child's end, which grandchildren do not inherit.

    Raises
    ------
    RuntimeError
        Where no engine has started this process.
    """
    value = os.environ.pop(VARIABLE, None)
    if value is None:
        raise RuntimeError("this plugin is for processes that pytest-duel starts")
    reads, writes = map(int, value.split(","))
    for one in (reads, writes):
        os.set_inheritable(one, False)
    return Channel(reads, writes)
