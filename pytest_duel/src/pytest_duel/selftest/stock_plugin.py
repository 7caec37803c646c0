"""The pytest plugin of a run of stock pytest-benchmark on an arm's code; loaded with ``-p``.

It imports the arm's modules as a worker does, leaves out what a worker leaves out, and makes one
benchmark slower where it is told to. Everything else is pytest-benchmark's own.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from pytest_duel.paired import imports
from pytest_duel.paired.pytest_worker.arguments import take_out
from pytest_duel.paired.pytest_worker.names import names
from pytest_duel.paired.pytest_worker.slower import Slower

TASK = "PYTEST_DUEL_STOCK"
"""The variable that tells what to run."""

Runner = Callable[..., Any]


class SlowedFixture(BenchmarkFixture):
    """Times benchmarks as usual, but adds work to some."""

    extra: Mapping[str, float] = {}
    """Extra work by node id; set by the plugin."""

    def _make_runner(self, *args: Any) -> Runner:
        runner: Runner = super()._make_runner(*args)  # type: ignore[no-untyped-call]
        extra = self.extra.get(self.fullname, 0.0)
        slower = Slower(self._timer, may_call_more=self._mode == "benchmark(...)")
        return slowed(runner, slower, extra) if extra else runner


def slowed(runner: Runner, slower: Slower, extra: float) -> Runner:
    """Return what times the same calls and more work.

    A runner times a range of loops; without one it times a call, and returns its result as well.
    """

    def run(loops: range | None, *args: Any) -> Any:
        if not loops:
            seconds, result = runner(loops, *args)
            return seconds + slower.busy(extra * seconds), result
        return slower(lambda calls: float(runner(range(calls), *args)), len(loops), extra)

    return run


class Stock:
    """The plugin of such a run. It reads its task from the environment."""

    def __init__(self) -> None:
        self.task: dict[str, Any] = json.loads(os.environ[TASK])
        self.finder = imports.install(self.task["modules"], self.task["tests"])
        sys.path.insert(0, str(Path.cwd()))  # what is not the arm's is the head's

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(
        self, early_config: pytest.Config, parser: pytest.Parser, args: list[str]
    ) -> Iterator[None]:
        """Take out of `addopts` what would disturb, and save the run."""
        self.finder.load_parents()
        saved = f"--benchmark-json={self.task['saved']}"
        take_out(early_config, parser, args, ["--benchmark-only", saved])
        return (yield)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        """Replace the fixture by one that slows the chosen benchmark."""
        from pytest_benchmark import plugin

        vars(plugin)["BenchmarkFixture"] = SlowedFixture

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the benchmarks that are asked for."""
        found = [one for one in items if "benchmark" in getattr(one, "fixturenames", ())]
        told = dict(zip(names([one.nodeid for one in found]), found, strict=True))
        wanted = {name: one for name, one in told.items() if name in self.task["benchmarks"]}
        extra = self.task["extra"]
        SlowedFixture.extra = {one.nodeid: extra.get(name, 0.0) for name, one in wanted.items()}
        items[:] = wanted.values()


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> Iterator[None] | None:
    """Begin before any other plugin is loaded, which may be the project's own."""
    pluginmanager.register(Stock(), "pytest-duel-stock")
    return None
