"""The pytest side of the harness: options, cases, the fixtures `parity` and `measure`, reports.

A project names what it measures with the hook `pytest_duel_catalogue`, and marks a suite with
``@pytest.mark.sweep("kernel")``; the suite takes `measure`, `backend`, `scenario` and `n`.
"""

import warnings
from collections.abc import Callable, Generator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_benchmark.logger import PytestBenchmarkWarning

from pytest_duel.catalogue.model import Case, Catalogue
from pytest_duel.catalogue.shared_check import Share
from pytest_duel.paired.group_block import ANSWERS_COMPARED
from pytest_duel.plugin.answer import is_brief, tell_early, timed, told
from pytest_duel.plugin.arm import measured_code
from pytest_duel.plugin.entry import BLOCKS_PLUGIN, measure_in_blocks
from pytest_duel.plugin.options import add_options, calls_tests, read_options
from pytest_duel.plugin.saving import SAVING, Saving
from pytest_duel.plugin.session import SESSION, Session, announcer
from pytest_duel.plugin.timing import time_case
from pytest_duel.results import machine
from pytest_duel.results.runs import SCHEMA, SECTION
from pytest_duel.support import harmless

Measure = Callable[[str, str, str, int], None]
"""(kernel, backend, scenario, n): check, then time."""


class Hooks:
    """Hooks that a project implements."""

    @pytest.hookspec(firstresult=True)
    def pytest_duel_catalogue(self) -> Catalogue:
        """Return what the project measures."""
        raise NotImplementedError


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Declare the options, and the hook that a project implements."""
    pluginmanager.add_hookspecs(Hooks)
    add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Decide, before pytest-benchmark does, whether this run measures."""
    config.addinivalue_line("markers", "sweep(kernel): time a kernel over its catalogued cases")
    _check_plugins(config)
    _let_benchmark_warn(config)
    catalogue = config.hook.pytest_duel_catalogue()
    options = read_options(config, catalogue)
    if config.getoption("benchmark_only") and not config.getoption("benchmark_disable"):
        measure_in_blocks(config, catalogue.blocks.get(options.tier.name, 0))
    session = Session(catalogue, options, config.rootpath)
    config.stash[SESSION] = session
    if measured_code(config):
        pass  # the engine decides what is timed, and how often
    elif config.getoption("benchmark_only"):
        if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
            config.args = [path for path in config.args if Path(path).name != "tests"]
    elif not config.getoption("benchmark_enable"):
        config.option.benchmark_disable = True
    config.option.benchmark_save_data = True  # intervals need the raw rounds
    config.stash[SAVING] = Saving(config)


def _check_plugins(config: pytest.Config) -> None:
    """Hold what pytest has loaded against what a sweep is timed with."""
    known = config.pluginmanager
    if not (known.hasplugin("benchmark") or known.hasplugin("pytest_benchmark.plugin")):
        raise pytest.UsageError(
            "pytest-benchmark, which times the benchmarks here, is not loaded: leave out "
            "-p no:benchmark; where PYTEST_DISABLE_PLUGIN_AUTOLOAD is set, add "
            "-p pytest_benchmark.plugin"
        )
    if config.getoption("codspeed", default=False):
        raise pytest.UsageError(
            "--codspeed puts another fixture in the place of pytest-benchmark's, which times the "
            "benchmarks here: leave it out"
        )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have runs saved whole, each under a number of its own, or say at once why they cannot be."""
    own: Any = getattr(session.config, "_benchmarksession", None)
    if own is not None:
        session.config.stash[SAVING].watch(own)


def _let_benchmark_warn(config: pytest.Config) -> None:
    """Keep pytest-benchmark's warnings from ending a run in a project that makes them errors.

    It warns of another machine, and of nothing to save, in hooks where that would be a crash; a
    case that is refused leaves its fixture unused, of which the failure says enough.
    """
    warnings.simplefilter("default", PytestBenchmarkWarning)
    for rule in "default:", "ignore:Benchmark fixture was not used":
        name = f"{PytestBenchmarkWarning.__module__}.{PytestBenchmarkWarning.__name__}"
        config.addinivalue_line("filterwarnings", f"{rule}:{name}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a suite its cases."""
    marker = metafunc.definition.get_closest_marker("sweep")
    if marker is None:
        return
    cases = metafunc.config.stash[SESSION].cases(*marker.args)
    metafunc.parametrize(
        ("backend", "scenario", "n"),
        [(case.backend, case.scenario, case.n) for case in cases],
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Drop suites of which no case was asked for; time the others without garbage collection.

    A suite times a case once in a process, however often that is collected: one process is one
    sample.
    """
    seen: set[tuple[str, Case]] = set()
    dropped = []
    for item in filter(_is_suite, items):
        case = _case(item)
        if case is None:
            dropped.append(item)
        elif (own := (item.nodeid.partition("[")[0], case)) in seen:
            dropped.append(item)
            config.stash[SESSION].repeated += 1
        else:
            seen.add(own)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in dropped]
    for item in filter(_is_suite, items):
        case = cast("Case", _case(item))
        threads = config.stash[SESSION].catalogue.backends[case.backend].threads
        item.add_marker(pytest.mark.benchmark(disable_gc=True, group=_question(case)))
        item.add_marker(pytest.mark.duel(check=True, case=case.id, cpus=threads))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note the cases that will run: the parity check covers exactly their pools."""
    own = session.config.stash[SESSION]
    own.selected += [case for item in session.items if (case := _case(item))]
    session.config.stash[SAVING].begun |= {item.nodeid for item in session.items}


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note the tests that are through: an interrupt, or --exitfirst, leaves some."""
    done = yield
    item.config.stash[SAVING].ended.add(item.nodeid)
    return done


def _is_suite(item: pytest.Item) -> bool:
    return item.get_closest_marker("sweep") is not None


def _case(item: pytest.Item) -> Case | None:
    """Return the case that an item of a suite times; None for one without parameters."""
    if not _is_suite(item) or not isinstance(item, pytest.Function):
        return None
    params: dict[str, Any] = dict(item.callspec.params)
    if not isinstance(params["n"], int):
        return None
    (kernel,) = item.get_closest_marker("sweep").args  # type: ignore[union-attr]
    return Case(kernel, params["backend"], params["scenario"], params["n"])


def _question(case: Case) -> str:
    """Return what all backends are asked: the group of pytest-benchmark's tables."""
    return f"{case.kernel} {case.scenario} n={case.n}"


def _is_refused(session: Session, item: pytest.Item) -> bool:
    """Tell whether an item is a case that must not be timed."""
    case = _case(item)
    return case is not None and not session.is_timed(case)


def _answers(session: Session, item: pytest.Item) -> str | None:
    """Return a digest of what the first calls of a case return, where a fixture made its code."""
    case = _case(item)
    return session.answers(case, ANSWERS_COMPARED) if case else None


@pytest.fixture(scope="session")
def parity(request: pytest.FixtureRequest) -> Session:
    """Load the backends of the selected cases and hold them against the reference.

    In a gate one worker of each side checks; in the others a backend is loaded when it is timed.
    """
    own = request.config.stash[SESSION]
    code = measured_code(request.config)
    share = Share.given() if code and code.checks else None
    if share:
        own.help(request.getfixturevalue, share)
        pytest.skip("what another process has left of the answers is checked")
    if code is None or code.checks:
        cache: pytest.Cache | None = getattr(request.config, "cache", None)
        folder = cache.mkdir("pytest-duel-answers") if cache and code is None else None
        blocks = request.config.pluginmanager.get_plugin(BLOCKS_PLUGIN)
        with blocks.helping(request.config) if blocks else nullcontext() as helper:
            own.prepare(request.getfixturevalue, announcer(request.config), folder, helper)
    return own


@pytest.fixture
def measure(parity: Session, benchmark: Any, request: pytest.FixtureRequest) -> Measure:
    """Time a case, unless its backend was found wrong."""

    def measure_case(kernel: str, backend: str, scenario: str, n: int) -> None:
        case = Case(kernel, backend, scenario, n)
        parity.load(backend, request.getfixturevalue)
        if omission := parity.omission(case):
            pytest.skip(omission)
        if reason := parity.refusal(case):
            pytest.fail(reason, pytrace=False)
        blocks = request.config.pluginmanager.get_plugin(BLOCKS_PLUGIN)
        if blocks:
            blocks.measure_sweep(
                request.node,
                partial(_is_refused, parity),
                partial(_answers, parity),
                partial(tell_early, request.config),
            )
            parity.placements = blocks.placing.as_dict()
        pool, batch = parity.pool(case)
        benchmark.extra_info.update(parity.describe(case))
        time_case(
            benchmark,
            parity.catalogue.kernels[kernel],
            parity.call(kernel, backend),
            pool,
            batch,
            parity.options.seconds,
        )

    return measure_case


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_generate_commit_info(config: pytest.Config) -> dict[str, Any]:
    """Tell the commit of the code that is measured, wherever pytest was started."""
    return config.stash[SAVING].commit()


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_machine_info(
    config: pytest.Config, machine_info: dict[str, Any]
) -> None:
    """Add what pytest-benchmark does not know and take out what is not the machine's."""
    machine.settle(machine_info)
    machine_info.update(config.stash[SESSION].machine())


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add the harness's own section to a saved run, and keep raw rounds to six figures."""
    for one in output_json["benchmarks"]:
        if "data" in one["stats"]:
            one["stats"]["data"] = [float(f"{value:.6g}") for value in one["stats"]["data"]]
    output_json[SECTION] = {"schema": SCHEMA, **config.stash[SESSION].as_dict()}


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run that could not be saved, and a measuring one that timed nothing."""
    config = session.config
    if is_brief(config):
        vars(config)["_benchmarksession"].quiet = True  # pytest-benchmark's tables
    if session.exitstatus == pytest.ExitCode.OK and config.stash[SAVING].faults:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
    if not config.getoption("benchmark_only") or not calls_tests(config):
        return
    if session.exitstatus == pytest.ExitCode.OK and not timed(config):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what a person came for."""
    own = config.stash[SESSION]
    for line in own.notes():
        terminalreporter.write_line(harmless.lines(line))
    for fault in config.stash[SAVING].faults:
        terminalreporter.write_line(harmless.lines(fault), red=True)
    if timed(config) and not config.getoption("benchmark_quiet"):
        terminalreporter.write_line(told(config))
