"""A `benchmark` fixture whose times come from other processes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from pytest_duel.paired.measurements import Rounds
from pytest_duel.results.entries import BLOCKS

UNNAMED = (
    "the test gets `benchmark` by request.getfixturevalue, which nobody can see before it runs: "
    "have it, or a fixture that it uses, name `benchmark` as an argument"
)
"""Why a benchmark was not measured that did not look like one."""


@dataclass(frozen=True)
class Times:
    """What the processes of a pytest gave."""

    blocks: dict[str, Sequence[Rounds]] = field(default_factory=dict)
    """The rounds of a benchmark, by node id."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why there is nothing of a benchmark, by node id."""


TIMES = pytest.StashKey[Times]()
"""Where a pytest configuration keeps them."""


class TimedElsewhere(BenchmarkFixture):
    """Takes the times of other processes; in this one all is called once."""

    def __init__(self, node: pytest.Item, **options: Any) -> None:
        super().__init__(node, **options)  # type: ignore[no-untyped-call]
        self._times = node.config.stash[TIMES]
        is_named = "benchmark" in getattr(node, "fixturenames", ())
        self._unmeasured = "it was not measured" if is_named else UNNAMED

    def _raw(self, *args: Any, **kwargs: Any) -> Any:
        with self._once():
            return super()._raw(*args, **kwargs)  # type: ignore[no-untyped-call]

    def _raw_pedantic(self, *args: Any, **kwargs: Any) -> Any:
        with self._once():
            return super()._raw_pedantic(*args, **kwargs)  # type: ignore[no-untyped-call]

    def take(self, items: int) -> None:
        """Take the times of a call, and call nothing: for plugins that have a loop of their own.

        Parameters
        ----------
        items
            That a call takes; the times are those of one.
        """
        self._mode = "benchmark.take(...)"
        with self._once():
            pass
        if not self.disabled:
            stats: Any = self.stats
            stats.stats.data[:] = [seconds / items for seconds in stats.stats.data]

    @contextmanager
    def _once(self) -> Iterator[None]:
        """Take the times, and let the call be made as if nothing was to be timed."""
        if self.disabled:
            yield
            return
        blocks = self._times.blocks.get(self.fullname)
        if not blocks:
            reason = self._times.reasons.get(self.fullname, self._unmeasured)
            pytest.fail(f"{self.fullname} could not be timed: {reason}", pytrace=False)
        stats = self._make_stats(max(one.calls for one in blocks))  # type: ignore[no-untyped-call]
        stats.stats.data += [seconds for one in blocks for seconds in one.seconds]
        self.extra_info[BLOCKS] = [len(one.seconds) for one in blocks]
        self.disabled = True
        try:
            yield
        finally:
            self.disabled = False
