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
from dataclasses import dataclass, field
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
from pytest_duel.plugin.options import given
from pytest_duel.plugin.progress import Progress
from pytest_duel.plugin.session import announcer
from pytest_duel.plugin.timed_elsewhere import TIMES, TimedElsewhere, Times
from pytest_duel.statistics.typical import Typical, typical
from pytest_duel.support import harmless
from pytest_duel.support.scratch import scratch
from pytest_duel.support.units import count, duration
from pytest_duel.verdicts.apart import apart

SWEEP = "pytest_duel.plugin.sweep"
"""The plugin of sweeps."""
REPEATS = "__pytest_repeat_step_number"
"""The parameter that pytest-repeat gives to a test that it repeats."""
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
        """What was measured, by node id."""
        self._left_out = ""
        """What pytest-benchmark does with benchmarks, where it does not time them."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Measure what will run; a sweep has its answers checked before, in its first test."""
        own: Any = getattr(session.config, "_benchmarksession", None)
        if own is None or session.config.option.collectonly:
            return
        if own.disabled or own.skip:
            self._left_out = "disabled" if own.disabled else "skipped"
            return
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return  # pytest will end here
        items = benchmarks(session.items)
        if not items:
            return
        _check_repeats(items)
        session.config.stash[TIMES] = Times()
        self._stock = vars(stock)["BenchmarkFixture"]
        vars(stock)["BenchmarkFixture"] = TimedElsewhere  # which its own fixture makes
        if session.config.pluginmanager.hasplugin(SWEEP):
            self._sweep = {
                name: item for name, item in items.items() if item.get_closest_marker("sweep")
            }
        plain = {name: item for name, item in items.items() if name not in self._sweep}
        rounds = self._measure(session.config, plain)
        self._shown = {
            item.nodeid: typical([one.seconds for one in rounds[name]])
            for name, item in plain.items()
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
        times = config.stash[TIMES]
        times.blocks.update({ids[name]: rounds for name, rounds in found.rounds.items()})
        times.reasons.update(
            {ids[name]: why for name, why in found.reasons.items() if name in ids}
        )
        return found.rounds

    def pytest_unconfigure(self) -> None:
        """Put pytest-benchmark's own fixture back."""
        if self._stock:
            vars(stock)["BenchmarkFixture"] = self._stock

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what the processes agree on."""
        if self._left_out:
            terminalreporter.write_line(
                f"--duel-blocks: nothing was timed, as benchmarks are {self._left_out} here"
            )
        own: Any = getattr(terminalreporter.config, "_benchmarksession", None)
        timed = {one.fullname for one in own.benchmarks} if own else set()  # not skipped here
        shown = {name: one for name, one in self._shown.items() if name in timed}
        if shown and not terminalreporter.config.getoption("benchmark_quiet"):
            for line in said(shown, self.number):
                terminalreporter.write_line(harmless.line(line))


def benchmarks(items: Sequence[pytest.Item]) -> dict[str, pytest.Item]:
    """Return the tests that use the `benchmark` fixture, by the name that a worker gives them."""
    own = [one for one in items if "benchmark" in getattr(one, "fixturenames", ())]
    return dict(zip(names([one.nodeid for one in own]), own, strict=True))


def _check_repeats(items: Mapping[str, pytest.Item]) -> None:
    """Refuse tests that pytest-repeat runs several times: each would be the same benchmark."""
    for name, item in items.items():
        if REPEATS in getattr(getattr(item, "callspec", None), "params", ()):
            raise pytest.UsageError(
                f"{harmless.line(name)} is repeated by pytest-repeat, but a process is one "
                "sample, however often it times a benchmark: leave that out, and ask for more "
                "blocks"
            )


@dataclass
class Found:
    """What blocks gave, by the name of the benchmark."""

    rounds: dict[str, list[Rounds]] = field(default_factory=dict)
    """One for each block."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why there are none."""

    def add(self, measured: Measurements, groups: Sequence[Contest]) -> None:
        """Add what was measured of some groups."""
        self.rounds |= measured.rounds
        self.reasons |= {name: f"it was skipped: {why}" for name, why in measured.skipped.items()}
        self.reasons |= measured.errors
        for group in groups:
            if group.name in measured.errors:  # it was not begun
                self.reasons |= dict.fromkeys(group.benchmarks or (), measured.errors[group.name])


def measured(
    config: pytest.Config,
    items: Mapping[str, pytest.Item],
    number: int,
    announce: Callable[[str], None],
) -> Found:
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
    announce(
        f"timing {count(len(items), 'benchmark')} in {count(number, 'block')} of fresh "
        "processes ..."
    )
    groups = contests(items)
    progress = Progress(number * sum(map(work, groups)), announce)
    found = Found()
    with scratch() as folder:
        tests = Suite(
            config.invocation_params.dir, folder, arguments(config, items), tuple(items),
            path=tuple(filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))),
        )  # fmt: skip
        # Blocks of groups that need one CPU run side by side.
        for cpus in sorted({one.cpus for one in groups}):
            alike = [one for one in groups if one.cpus == cpus]
            found.add(_run(tests, alike, number, progress), alike)
    return found


def arguments(config: pytest.Config, items: Mapping[str, pytest.Item]) -> tuple[str, ...]:
    """Return the arguments of the workers, which shall import no test file that they do not need.

    Where somebody has named files, those it is. Else the setting that says where tests are: other
    than arguments, it changes neither the root folder nor which settings file counts.
    """
    own = given(config)
    files = dict.fromkeys(str(item.path) for item in items.values())
    is_named = config.args_source is pytest.Config.ArgsSource.ARGS
    if is_named or any(set("[*?") & set(file) or "::" in file for file in files):
        return own  # pytest would read more into such a path
    return ("-o", f"testpaths={shlex.join(files)}", *own)


def _run(tests: Suite, groups: Sequence[Contest], number: int, progress: Progress) -> Measurements:
    """Run the blocks of groups that need as many CPUs."""

    class TellingBlock(GroupBlock):
        def tell(self, group: Contest) -> None:
            progress.add(work(group))

    engine = Engine(
        pytest_workers(tests), groups, time.time_ns(), Budget(blocks=number), TellingBlock, number
    )
    with closing(engine.blocks()) as blocks:
        for _ in blocks:
            pass
    return engine.measured


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
