"""What saved runs tell of a benchmark: which one it is, and its times."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from pytest_duel.catalogue.model import Case
from pytest_duel.support.patterns import matches


@dataclass(frozen=True)
class Benchmark:
    """A test that was timed. In two runs it is the same if its id is."""

    id: str
    """pytest's node id, which pytest-benchmark saves as the full name."""
    group: str | None = field(default=None, compare=False)
    param: str | None = field(default=None, compare=False)
    """The id of its parameters: ``200-numpy``."""
    params: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Its parameters by name."""
    extra_info: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """What the test has put there."""

    @property
    def place(self) -> str:
        """Return the file that it is in; empty where its id tells none."""
        file, parted, _ = self.id.partition("::")
        return file if parted else ""

    @property
    def label(self) -> str:
        """Return its id without the file."""
        return self.id.partition("::")[2] or self.id

    @property
    def name(self) -> str:
        """Return the last part of its id, with its parameters."""
        test, bracket, parameters = self.id.partition("[")
        return f"{test.rpartition('::')[2]}{bracket}{parameters}"

    def is_called(self, pattern: str) -> bool:
        """Tell whether a pattern is of its id, in full or without the file or class."""
        return bool(matches(pattern, {self.id, self.label, self.name}))


Key = Benchmark | Case
"""What is compared with its like in another run: a sweep's case, or any other benchmark."""


@dataclass(frozen=True, kw_only=True)
class SavedTimes:
    """The times of one benchmark in a run, in seconds for each iteration."""

    benchmark: Benchmark
    median: float
    mean: float
    stddev: float
    min: float
    rounds: int
    data: tuple[float, ...] = ()
    """The raw rounds; empty where the run was saved without them."""
    blocks: tuple[tuple[float, ...], ...] = ()
    """The rounds of each process, where several timed it; empty where one did."""

    @property
    def key(self) -> Key:
        """Return what is compared with its like in another run."""
        return self.benchmark

    def of_process(self, block: int) -> Self:
        """Return what one of several processes gave."""
        data = self.blocks[block]
        return replace(
            self,
            median=statistics.median(data),
            mean=statistics.fmean(data),
            min=min(data),
            stddev=statistics.stdev(data) if len(data) > 1 else 0.0,
            rounds=len(data),
            data=data,
            blocks=(),
        )


@dataclass(frozen=True, kw_only=True)
class Result(SavedTimes):
    """The times of a sweep's case, in seconds per item."""

    case: Case
    distinct: int
    """How many distinct items the case cycled through."""
    seed: int | None = None
    """The seed of those items."""

    @property
    def key(self) -> Case:
        """Return the case."""
        return self.case


@dataclass(frozen=True)
class Unread:
    """A benchmark of a saved run whose times cannot be read."""

    id: str | None
    """As `Benchmark.id`; None where the file does not tell it."""
    place: str
    """In the file: ``benchmarks[3]``."""
    reason: str
    is_ambiguous: bool = False
    """Its times are whole, but others of the run have its name."""

    def __str__(self) -> str:
        return f"{self.id or self.place} ({self.reason})"
