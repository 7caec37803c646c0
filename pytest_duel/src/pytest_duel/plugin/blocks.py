"""``pytest --benchmark-only --duel-blocks 3``: each benchmark timed in several fresh processes.

The processes are started before the tests run. Each test then runs once, as it would, and its
`benchmark` fixture has the rounds of all processes: pytest-benchmark's tables, saved runs and
comparisons are made of them.
"""

import math
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest
from pytest_benchmark import plugin as stock

from pytest_duel.gate.collect import CollectError, cpus_of
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.group_block import GroupBlock
from pytest_duel.paired.measurements import Measurements, Rounds
from pytest_duel.paired.pytest_client import Suite, pytest_workers
from pytest_duel.paired.pytest_worker.names import names
from pytest_duel.paired.schedule import Budget
from pytest_duel.plugin.progress import Progress
from pytest_duel.plugin.session import announcer
from pytest_duel.plugin.timed_elsewhere import TimedElsewhere
from pytest_duel.statistics.typical import Typical, typical
from pytest_duel.support import harmless
from pytest_duel.support.scratch import scratch
from pytest_duel.support.units import duration
from pytest_duel.verdicts.apart import apart

SWEEP = "pytest_duel.plugin.sweep"
"""The plugin of sweeps."""
ARM = Arm("a process of its own")
"""The code as the tests import it."""


class Blocks:
    """Measures before the tests run, and tells what that gave.

    Parameters
    ----------
    number
        Blocks; each is a fresh process for every benchmark of a group.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self._sweep: dict[str, pytest.Item] = {}
        """Cases that are left to be measured."""
        self._stock: Any = None
        self._shown: dict[str, Typical] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Measure what will run; a sweep has its answers checked before, in its first test."""
        own: Any = getattr(session.config, "_benchmarksession", None)
        if own is None or own.disabled or own.skip or session.config.option.collectonly:
            return
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return  # pytest will end here
        items = benchmarks(session.items)
        if not items:
            return
        self._stock = vars(stock)["BenchmarkFixture"]
        vars(stock)["BenchmarkFixture"] = TimedElsewhere  # which its own fixture makes
        if session.config.pluginmanager.hasplugin(SWEEP):
            self._sweep = {
                name: item for name, item in items.items() if item.get_closest_marker("sweep")
            }
        plain = {name: item for name, item in items.items() if name not in self._sweep}
        rounds = self._measure(session.config, plain)
        self._shown = {
            name: typical([one.seconds for one in rounds[name]])
            for name in plain
            if name in rounds
        }

    def measure_sweep(
        self, config: pytest.Config, is_refused: Callable[[pytest.Item], bool]
    ) -> None:
        """Measure all cases of sweeps, the first time that it is called.

        Parameters
        ----------
        config
            Of this pytest.
        is_refused
            Tells whether a case must not be timed.
        """
        items = {name: one for name, one in self._sweep.items() if not is_refused(one)}
        self._sweep = {}
        self._measure(config, items)

    def _measure(
        self, config: pytest.Config, items: Mapping[str, pytest.Item]
    ) -> Mapping[str, Sequence[Rounds]]:
        """Run the blocks, hand their rounds to the fixture, and return them."""
        if not items:
            return {}
        found = measured(config, items, self.number, announcer(config))
        ids = {name: item.nodeid for name, item in items.items()}
        TimedElsewhere.blocks |= {ids[name]: rounds for name, rounds in found.rounds.items()}
        skipped = {name: f"it was skipped: {why}" for name, why in found.skipped.items()}
        TimedElsewhere.reasons |= {
            ids[name]: why for name, why in (skipped | found.errors).items() if name in ids
        }
        return found.rounds

    def pytest_unconfigure(self) -> None:
        """Put pytest-benchmark's own fixture back."""
        if self._stock:
            vars(stock)["BenchmarkFixture"] = self._stock

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what the processes agree on."""
        if self._shown and not terminalreporter.config.getoption("benchmark_quiet"):
            for line in said(self._shown, self.number):
                terminalreporter.write_line(harmless.line(line))


def benchmarks(items: Sequence[pytest.Item]) -> dict[str, pytest.Item]:
    """Return the tests that use the `benchmark` fixture, by the name that a worker gives them."""
    own = [one for one in items if "benchmark" in getattr(one, "fixturenames", ())]
    return dict(zip(names([one.nodeid for one in own]), own, strict=True))


def measured(
    config: pytest.Config,
    items: Mapping[str, pytest.Item],
    number: int,
    announce: Callable[[str], None],
) -> Measurements:
    """Run the blocks; return what they gave.

    Parameters
    ----------
    config
        Of this pytest, whose arguments the workers get.
    items
        The benchmarks, by name.
    number
        Of blocks.
    announce
        Shows a line to a person who waits.
    """
    arguments = *shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.invocation_params.args
    announce(f"timing {len(items)} benchmarks in {number} blocks of fresh processes ...")
    groups = contests(items)
    progress = Progress(number * sum(map(work, groups)), announce)
    found = Measurements()
    with scratch() as folder:
        tests = Suite(
            config.invocation_params.dir, folder, tuple(map(str, arguments)), tuple(items),
            path=tuple(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))),
        )  # fmt: skip
        for cpus in sorted({one.cpus for one in groups}):
            engine = Engine(
                pytest_workers(tests),
                [one for one in groups if one.cpus == cpus],
                time.time_ns(),
                Budget(blocks=number),
                GroupBlock,
                number,
            )
            engine.roster.when_done = lambda group: progress.add(work(group))
            with closing(engine.blocks()) as blocks:
                for _ in blocks:
                    pass
            found.add(engine.measured)
    return found


def work(group: Contest) -> float:
    """Return how long a group takes a block, in a unit of its own: it keeps other CPUs waiting."""
    return len(group.arms) * group.cpus


def contests(items: Mapping[str, pytest.Item]) -> list[Contest]:
    """Return the groups: benchmarks whose marker names the same one; each other by itself."""
    groups: dict[str, list[str]] = {}
    for name, item in items.items():
        group = next(
            (
                own.kwargs["group"]
                for own in item.iter_markers("benchmark")
                if own.kwargs.get("group")
            ),
            None,
        )
        groups.setdefault(f"group {group}" if group else name, []).append(name)
    return [
        Contest(
            name,
            (ARM,) * len(members),
            cpus=max(_cpus(items[one]) for one in members),
            alike=False,
            benchmarks=tuple(members),
            file=members[0].partition("::")[0],
        )
        for name, members in groups.items()
    ]


def _cpus(item: pytest.Item) -> int:
    marker = item.get_closest_marker("duel")
    try:
        return cpus_of(marker.kwargs if marker else {}, item.nodeid)
    except CollectError as error:
        raise pytest.UsageError(str(error)) from None


def said(found: Mapping[str, Typical], number: int) -> Iterator[str]:
    """Yield the lines of the table."""
    yield ""
    yield f"time of a call, in any process: median over {number} [95 %]"
    shown = {name: interval(one) for name, one in found.items()}
    width, room = (max(map(len, column)) for column in (shown, shown.values()))
    for name, one in found.items():
        line = f"{name:<{width}}  {duration(one.median):>8}  {shown[name]:>{room}}  {apart(one)}"
        yield line.rstrip()


def interval(one: Typical) -> str:
    """Return the interval, in the unit of each end."""
    if math.isnan(one.low):
        return "[unknown: one process]"
    return f"[{duration(one.low)}, {duration(one.high)}]"
