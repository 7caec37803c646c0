"""The pytest plugin that makes a pytest process a worker; loaded with ``-p``, never by itself.

The engine says hello with the arm's modules, pytest collects once, and then each benchmark runs
when the engine names it.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytest_duel.paired import channel, imports
from pytest_duel.paired.pytest_worker import FIXTURE, POSITIONAL, SHOWN_AS, WORKER, clocks
from pytest_duel.paired.pytest_worker.arguments import take_out
from pytest_duel.paired.pytest_worker.elsewhere import Elsewhere
from pytest_duel.paired.pytest_worker.names import described, names
from pytest_duel.paired.pytest_worker.requests import EndedError, Requests

LONGEST = 2000
"""Characters of a failure that are told, from its end."""


class Worker:
    """Answers the engine's requests in this process."""

    def __init__(self) -> None:
        self.requests = Requests(channel.inherited())
        hello = self.requests.next()
        if hello["cpus"] and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, hello["cpus"])
        self.finder = imports.install(hello["modules"], hello["tests"], hello["placed"])
        sys.path.insert(0, str(Path.cwd()))  # what is not the arm's is the head's
        self.errors: dict[str, str] = {}
        """Collection errors by node id."""
        self.failure = ""
        """Why the benchmark that runs has failed."""
        self.fixtures: dict[str, str] = {}
        """The fixture that failed, by its error message."""
        self.names: dict[pytest.Item, str] = {}
        self.items: dict[str, pytest.Item] = {}
        self.wanted = frozenset(hello["benchmarks"])
        """Names of the benchmarks that will be asked for; nothing is any."""
        self.tests: set[Path] = set()
        """Files that hold a test."""
        self.scratch = Path(hello["scratch"])
        """The trees that are measured lie in it."""
        self.elsewhere = Elsewhere([self.scratch, *self.finder.homes])
        self.checks = bool(hello["checks"])
        """Answers are checked in this process, and nothing is timed."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        """Import what holds the tests before pytest does."""
        self.finder.load_parents()

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self) -> None:
        """Refuse a clock that a plugin or a conftest.py has replaced."""
        if wrong := clocks.replaced():
            raise pytest.UsageError(wrong)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Serve the `benchmark` fixture."""
        from pytest_benchmark import plugin

        from pytest_duel.paired.pytest_worker.fixture import ServedFixture

        self.served = ServedFixture
        session = vars(config).get("_benchmarksession")
        module, _, name = str(config.getoption("benchmark_timer", "")).rpartition(".")
        if session and module == "time" and name in clocks.GENUINE:  # not what has its name now
            session.options["timer"].target = clocks.GENUINE[name]
        ServedFixture.requests = self.requests
        vars(plugin)["BenchmarkFixture"] = ServedFixture  # which its own fixture makes
        own = "marker of pytest-duel: duel(threshold=SHARE, skip=REASON, check=True, cpus=NUMBER)"
        config.addinivalue_line("markers", f"duel(threshold, skip, check, cpus): {own}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember what could not be collected."""
        if report.failed:
            self.errors[report.nodeid] = report.longreprtext[-LONGEST:]

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the benchmarks."""
        self.tests = {item.path for item in items}
        found = [one for one in items if "benchmark" in getattr(one, "fixturenames", ())]
        told = dict(zip(found, names([one.nodeid for one in found]), strict=True))
        items[:] = [one for one in found if not self.wanted or told[one] in self.wanted]
        self.names = {one: told[one] for one in items}
        for item in items:
            for node in item.listchain():
                node.own_markers[:] = [own for own in node.own_markers if own.name != "timeout"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Tell what there is, then run what is asked for."""
        self.items = {self.names[item]: item for item in session.items}
        benchmarks = [_told(self.names[item], item) for item in session.items]
        config = session.config
        self.requests.answer(
            {
                "benchmarks": benchmarks,
                "errors": self.errors,
                "rootdir": str(config.rootpath),
                "inifile": str(config.inipath or ""),
                "settings": _settings(config),
                "drivers": self._drivers(config),
                "tests": sorted(map(str, self.tests)),
                "elsewhere": self.elsewhere.new(),
            }
        )
        try:
            while True:
                self._run(session, self.requests.next())
        except EndedError:
            self._end(session)
            return True

    def _end(self, session: pytest.Session) -> None:
        """Tear down what is still set up; then pytest ends as always, but sums nothing up.

        For its summaries plugins import what they did without, and nobody reads them.
        """
        vars(session.config.hook)["pytest_terminal_summary"] = _no_summary
        if benchmarks := vars(session.config).get("_benchmarksession"):
            benchmarks.benchmarks.clear()
        session._setupstate.teardown_exact(None)

    def _drivers(self, config: pytest.Config) -> list[str]:
        """Return the files near the tests that run here, tests too, and are not measured."""
        plugins = [
            one for one in config.pluginmanager.get_plugins() if isinstance(one, ModuleType)
        ]
        others = [
            module
            for name, module in list(sys.modules.items())
            if name.partition(".")[0] not in self.finder.modules
        ]
        files = {Path(file) for one in (*plugins, *others) if (file := _file(one))}
        homes = config.rootpath, Path.cwd()
        found = (one for one in files if any(map(one.is_relative_to, homes)))
        return sorted(map(str, found))

    def _run(self, session: pytest.Session, request: dict[str, Any]) -> None:
        """Run one benchmark from its start to its end, and say how it went."""
        if request["do"] != "open":
            self.requests.answer({})  # it has ended by itself
            return
        item = self.items.get(request["name"])
        if item is None:
            self.requests.answer({"error": self._missing(request["name"])})
            return
        self.failure = ""
        session._setupstate.teardown_exact(item)  # what the last one shares with it stays
        # The parent as the next item keeps all fixtures but the test's own.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=item.parent)
        if self.requests.waiting == "close" and not self.failure:
            wrong = self.finder.foreign() or clocks.replaced(self.served.timer)
            told = {"own": len(self.finder.loaded()), "elsewhere": self.elsewhere.new()}
            self.requests.answer({"error": wrong} if wrong else told)
        elif self.requests.waiting:
            unused = "skipped: the test did not use its benchmark fixture"
            self.requests.answer({"error": self.failure or unused})

    def _missing(self, name: str) -> str:
        file = name.partition("::")[0]
        reason = self.errors.get(file) or next(iter(self.errors.values()), "")
        return f"it is not among the tests collected here{': ' if reason else ''}{_last(reason)}"

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Iterator[None]:
        """Remember which fixture fails: what pytest reports is the line within it."""
        try:
            return (yield)
        except Exception as error:
            self.fixtures[f"{type(error).__name__}: {error}"] = fixturedef.argname
            raise

    def _failed(self, report: pytest.TestReport) -> str:
        reason = _last(report.longreprtext)
        fixture = self.fixtures.get(reason) if report.when == "setup" else None
        return (
            f"{FIXTURE} {fixture!r} failed: {reason}"
            if fixture
            else (f"{report.when} failed: {reason}")
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember why a test fails, or is skipped."""
        if report.failed:
            self.failure = self.failure or self._failed(report)
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
            reason = reason.removeprefix("Skipped: ")
            if hasattr(report, "wasxfail"):
                reason = f"it fails, as its mark xfail expects: {report.wasxfail}"
            self.failure = f"skipped: {reason}"


class Beginning:
    """Looks at a worker's settings before any other plugin acts on them.

    Parameters
    ----------
    scratch
        The folder in which the trees that are measured lie.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(
        self, early_config: pytest.Config, parser: pytest.Parser, args: list[str]
    ) -> Iterator[None]:
        """Refuse settings from elsewhere, and take out of `addopts` what would disturb.

        It wraps the others, for those that ask to be first come before it, as pytest-cov does.
        """
        _check_place(early_config, self.scratch)
        take_out(early_config, parser, args)
        return (yield)


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> Iterator[None] | None:
    """Begin before any other plugin is loaded, which may be the project's own."""
    worker = Worker()
    pluginmanager.register(worker, WORKER)
    pluginmanager.register(Beginning(worker.scratch), f"{WORKER}-beginning")
    for name in worker.finder.foreign_entry_points("pytest11"):  # pytest would load each
        pluginmanager.set_blocked(name)
    return None


def _no_summary(**_: object) -> None:
    """Take the place of the hook in which plugins sum a session up."""


def _check_place(config: pytest.Config, scratch: Path) -> None:
    """Refuse to begin where pytest would run a conftest.py of a folder that all users share.

    Without settings in the project it looks for them in all folders above.
    """
    root = config.rootpath
    if root == scratch or root in scratch.parents:
        cause = config.inipath or root / "setup.py"
        raise pytest.UsageError(
            f"pytest would take its settings from {cause}, which is no part of the project: "
            "give the project settings of its own, such as an empty pytest.ini, or set TMPDIR to "
            "another folder"
        )


def _settings(config: pytest.Config) -> dict[str, str]:
    """Return pytest's settings from any file, without those of this process."""
    own = {one.partition("=")[0] for one in config.known_args_namespace.override_ini or ()}
    known = vars(config)  # to ask by the public name is a warning from pytest 9 on
    found = known["_inicfg"] if "_inicfg" in known else known["inicfg"]
    return {
        name: str(getattr(one, "value", one))  # pytest 9 has them in records
        for name, one in found.items()
        if name not in own
    }


def _file(module: object) -> str | None:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) and Path(file).is_absolute() else None


def _last(text: str) -> str:
    """Return the line of a failure that says what was wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("E ").strip() for line in lines if line.startswith("E ")]
    return (errors or lines or [""])[-1 if not errors else 0]


def _told(name: str, item: pytest.Item) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("duel"))):  # the closest one last: it counts
        settings |= marker.kwargs
        settings |= {POSITIONAL: True} if marker.args else {}
    callspec = getattr(item, "callspec", None)
    return {
        "name": name,
        "file": name.partition("::")[0],
        "path": str(item.path),
        "parameters": described(callspec.params) if callspec else {},
        "marker": {key: _sent(key, value) for key, value in settings.items()},
    }


def _sent(key: str, value: object) -> object:
    """Return an argument of the marker, or where it is no plain value, what it is shown as."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return {SHOWN_AS: described({key: value})[key]}
