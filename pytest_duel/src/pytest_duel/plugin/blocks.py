"""``pytest --benchmark-only --duel-blocks 3``: each benchmark timed in several fresh processes.

The processes are started before the tests run. Each test then runs once, as it would, and its
`benchmark` fixture has the rounds of all processes: pytest-benchmark's tables, saved runs and
comparisons are made of them.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
from pytest_benchmark import plugin as stock

from pytest_duel.paired.cores import usable_cpus
from pytest_duel.paired.measurements import Rounds
from pytest_duel.paired.pytest_worker.names import names
from pytest_duel.plugin.helper import Helper, helping
from pytest_duel.plugin.measuring import Items, Measuring
from pytest_duel.plugin.options import calls_tests
from pytest_duel.plugin.placing import Placing, modules_with_links
from pytest_duel.plugin.timed_elsewhere import TIMES, TimedElsewhere, Times
from pytest_duel.statistics.typical import Typical, typical
from pytest_duel.support import harmless
from pytest_duel.support.units import duration
from pytest_duel.verdicts.apart import apart

SWEEP = "pytest_duel.plugin.sweep"
"""The plugin of sweeps."""
REPEATS = "__pytest_repeat_step_number"
"""The parameter that pytest-repeat gives to a test that it repeats."""


class Blocks:
    """Measures before the tests run, and tells what that gave.

    Parameters
    ----------
    number
        Blocks; each is a fresh process for every benchmark of a group.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.placing = Placing()
        """What was done about the place of native code."""
        self.cases: Items = {}
        """Those of sweeps that will be timed."""
        self._sweep: Measuring | None = None
        """Measures them, once their answers are checked."""
        self._stock: Any = None
        self._shown: dict[str, Typical] = {}
        """What was measured, by node id."""
        self._left_out = ""
        """What pytest-benchmark does with benchmarks, where it does not time them."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Measure what will run; a sweep has its answers checked before, in its first test."""
        own: Any = getattr(session.config, "_benchmarksession", None)
        if own is None or not calls_tests(session.config):
            return
        if own.disabled or own.skip:
            self._left_out = "disabled" if own.disabled else "skipped"
            return
        if session.testsfailed and not session.config.option.continue_on_collection_errors:
            return  # pytest will end here
        items = benchmarks(session.items)
        _check_repeats(items)
        session.config.stash[TIMES] = Times()
        self._stock = vars(stock)["BenchmarkFixture"]
        # pytest-benchmark's fixture makes it, also for a test that gets that only while it runs.
        vars(stock)["BenchmarkFixture"] = TimedElsewhere
        if session.config.pluginmanager.hasplugin(SWEEP):
            self.cases = {
                name: item for name, item in items.items() if item.get_closest_marker("sweep")
            }
        plain = {name: item for name, item in items.items() if name not in self.cases}
        if plain:
            measuring = Measuring(session.config, [plain], self.number, self.placing)
            rounds = self._run(session.config, measuring)
            self._shown = {
                item.nodeid: typical([one.seconds for one in rounds[name]])
                for name, item in plain.items()
                if name in rounds
            }

    def helping(self, config: pytest.Config) -> AbstractContextManager[Helper | None]:
        """Return a context in which a process on another CPU helps to check the cases' answers."""
        may_help = self.cases and len(usable_cpus()) > 1
        return helping(config, self.cases) if may_help else nullcontext()

    def measure_sweep(
        self,
        case: pytest.Item,
        is_refused: Callable[[pytest.Item], bool],
        answers: Callable[[pytest.Item], str | None],
        tell: Callable[[], None],
    ) -> None:
        """Measure a case, and others with it, unless that was done.

        The kernel that comes first is measured by itself, in processes of its own, so that what
        is known of it can be told early; all others together.

        Parameters
        ----------
        case
            The one whose times are needed.
        is_refused
            Tells whether a case must not be timed.
        answers
            Returns a digest of what the first calls of a case return, where they are native code.
        tell
            Tells of the first kernel, before the others are measured.
        """
        if self._sweep is None:
            items = {name: one for name, one in self.cases.items() if not is_refused(one)}
            if modules_with_links():
                told = {name: answers(one) for name, one in items.items()}
                self.placing.answers = {name: own for name, own in told.items() if own}
            self._sweep = Measuring(case.config, _parts(items, case), self.number, self.placing)
        elif not self._sweep.waits(case):
            return
        else:
            tell()
        self._run(case.config, self._sweep)

    def _run(self, config: pytest.Config, measuring: Measuring) -> Mapping[str, Sequence[Rounds]]:
        """Run the blocks of the next part, hand their rounds to the fixture, and return them."""
        ids = {name: item.nodeid for name, item in measuring.left[0].items()}
        found = measuring.run_next()
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


def _parts(items: Items, first: pytest.Item) -> list[Items]:
    """Return the cases of the kernel of one, and all others."""
    own = {name: one for name, one in items.items() if _kernel(one) == _kernel(first)}
    others = {name: one for name, one in items.items() if name not in own}
    return [own, others] if others else [own]


def _kernel(case: pytest.Item) -> object:
    marker = case.get_closest_marker("sweep")
    return marker.args if marker else None


def _check_repeats(items: Mapping[str, pytest.Item]) -> None:
    """Refuse tests that pytest-repeat runs several times: each would be the same benchmark."""
    for name, item in items.items():
        if REPEATS in getattr(getattr(item, "callspec", None), "params", ()):
            raise pytest.UsageError(
                f"{harmless.line(name)} is repeated by pytest-repeat, but a process is one "
                "sample, however often it times a benchmark: leave out its --count or marker, and "
                "ask for more blocks"
            )


def said(found: Mapping[str, Typical], number: int) -> Iterator[str]:
    """Yield the lines of the table."""
    over = "one process" if number == 1 else f"{number} processes"
    yield ""
    yield f"time of a call, in any process: geometric mean over {over} [95 %]"
    shown = {name: interval(one) for name, one in found.items()}
    width, room = (max(map(len, column)) for column in (shown, shown.values()))
    for name, one in found.items():
        line = f"{name:<{width}}  {duration(one.time):>8}  {shown[name]:>{room}}  {apart(one)}"
        yield line.rstrip()


def interval(one: Typical) -> str:
    """Return the interval, in the unit of each end."""
    if math.isnan(one.low):
        return "[unknown: one process]"
    return f"[{duration(one.low)}, {duration(one.high)}]"
