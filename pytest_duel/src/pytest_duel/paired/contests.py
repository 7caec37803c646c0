"""Contests: benchmarks that are compared on two arms, or several that take turns on one."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Arm:
    """The code on one side of a paired measurement."""

    name: str
    environment: Mapping[str, str] = field(default_factory=dict, compare=False)
    modules: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Its top-level modules, each with the folder that it comes from."""
    placed: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Its extension modules whose code has been placed otherwise, each with its file."""
    python: str = sys.executable
    """The interpreter that runs it."""
    harness: tuple[str, ...] = ()
    """Where that finds this harness, if it is not installed there."""


@dataclass(frozen=True)
class Contest:
    """A benchmark on two arms; the question is whether the second is slower.

    Or a group of benchmarks that take turns (`group_block`): an arm, often the same, for each.
    """

    name: str
    arms: tuple[Arm, ...]
    extra: float = 0.0
    """Extra work for the second arm, as a share of the calls. A self-test adds it."""
    cpus: int = 1
    """How many CPUs both arms share: the number of threads that work at once."""
    alike: bool = True
    """Both arms are asked the same, so their answers must be the same."""
    benchmarks: tuple[str, ...] | None = None
    """Its name in the worker of each arm, where that differs."""
    file: str = ""
    """Benchmarks of one file run one after the other, so that its fixtures are built once."""
    null: bool = False
    """Both arms are the same code. It has processes of its own, so that state in them is alike."""

    def called(self, slot: int) -> str:
        """Return its name in the worker of an arm."""
        return self.benchmarks[slot] if self.benchmarks else self.name
