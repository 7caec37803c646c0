"""``pytest --benchmark-only --duel-columns KEYS --duel-baseline PATTERN``: a table of its own.

It has pytest-benchmark's groups: of each benchmark the median, its ratio to a baseline that the
user has chosen, and what the test has put into `extra_info`.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import pytest

from pytest_duel.results.entries import BLOCKS
from pytest_duel.support import harmless
from pytest_duel.support.patterns import matches
from pytest_duel.support.units import AUTO, duration, figures
from pytest_duel.verdicts.noted import said_value

NOTHING = "-"
"""Stands where a benchmark has no such entry."""
ONE_PROCESS = (
    "ratios from one process do not show small differences: --duel-blocks 9 takes nine processes"
)

Benchmark = Mapping[str, Any]
"""As pytest-benchmark hands it to its own tables."""


class Columns:
    """Shows the table when the tests have run.

    Parameters
    ----------
    keys
        Of `extra_info`, in order.
    baseline
        A pattern of names or node ids; None compares with nothing.
    """

    def __init__(self, keys: Sequence[str], baseline: str | None) -> None:
        self.keys = keys
        self.baseline = baseline

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Refuse a baseline that no benchmark is, unless it may be one of a saved run."""
        options = session.config.option
        if self.baseline is None or options.collectonly or options.benchmark_compare:
            return
        items = [one for one in session.items if "benchmark" in getattr(one, "fixturenames", ())]
        names = [name for one in items for name in (one.nodeid, one.name)]
        if items and not matches(self.baseline, names):
            raise pytest.UsageError(f"--duel-baseline: no benchmark matches {self.baseline!r}")

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show it."""
        config = terminalreporter.config
        own: Any = getattr(config, "_benchmarksession", None)
        if own is None or not own.groups or config.getoption("benchmark_quiet"):
            return
        unit = config.getoption("benchmark_time_unit", default=None) or AUTO
        lines = [
            line
            for group, members in own.groups
            for line in self._group(group, members, own, unit)
        ]
        in_blocks = any(BLOCKS in one.extra_info for one in own.benchmarks)
        if self.baseline is not None and not in_blocks:
            lines.append(f"  {ONE_PROCESS}")
        for line in lines:
            terminalreporter.write_line(harmless.line(line))

    def _group(
        self, group: str | None, members: Sequence[Benchmark], own: Any, unit: str
    ) -> Iterator[str]:
        """Yield the lines of a group."""
        ordered = sorted(members, key=itemgetter(own.sort))
        baselines = [one for one in ordered if self._is_baseline(one)]
        shown = ["median", *(["ratio"] if len(baselines) == 1 else []), *self.keys]
        rows = [[group or "all benchmarks", *shown]]
        for one in ordered:
            cells = [duration(one["median"], unit)]
            if len(baselines) == 1:
                cells.append(f"{figures(one['median'] / baselines[0]['median'])}×")
            noted = _noted(one, own)
            cells += [
                said_value(key, noted[key]) if key in noted else NOTHING for key in self.keys
            ]
            rows.append([one["name"], *cells])
        yield ""
        yield from aligned(rows)
        if len(baselines) == 1:
            yield f"  ratio: to {baselines[0]['name']}"
        elif self.baseline is not None:
            what = f"{len(baselines)} benchmarks match" if baselines else "no benchmark matches"
            yield f"  no ratio: {what} {self.baseline!r} here"

    def _is_baseline(self, one: Benchmark) -> bool:
        names = one["name"], one["fullname"]
        return self.baseline is not None and bool(matches(self.baseline, names))


def _noted(one: Benchmark, own: Any) -> Mapping[str, Any]:
    """Return `extra_info`, of the saved run where the times are of one."""
    if one["path"] is None:
        return dict(one["extra_info"])
    saved = {str(path): run for path, run in own.compared_mapping.items()}
    return saved[one["path"]][one["fullname"]].get("extra_info") or {}


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield lines: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *rest in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True)]
        yield "  ".join([f"{first:<{widths[0]}}", *cells])
