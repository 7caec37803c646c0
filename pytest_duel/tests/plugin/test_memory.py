"""Memory beside time: what users of pytest-benchmark ask for in its issue 28.

The peak is a second measure. It is off unless asked for, and what is timed is never traced.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loaded import LOADED
from pytest_duel.support import memory
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.harness import search_path
from pytest_duel.verdicts.noted import PEAK, TRACER

TESTS = """
import sys
import tracemalloc

import pytest

LARGE = 3_000_000


def note(traced, calls=[]):
    calls.append(traced)
    return calls


def make(size=LARGE, function=None):
    note(tracemalloc.is_tracing())
    return bytearray(size)


def test_plain(benchmark):
    assert len(benchmark(make, LARGE, function="any name")) == LARGE


def test_only_the_last_call_is_traced(benchmark):
    calls = []
    benchmark(lambda: calls.append(tracemalloc.is_tracing()))
    assert calls.pop()
    assert not any(calls)


class TestOfAClass:
    def test_decorated(self, benchmark):
        @benchmark
        def made():
            return bytearray(LARGE)

        assert len(made) == LARGE


@pytest.fixture
def own(benchmark):
    return benchmark


def test_through_another_fixture(own):
    own(make)


def test_setup_and_teardown(benchmark):
    done = []

    def setup():
        done.append("setup")
        return (LARGE,), {}

    def target(size):
        done.append("call")
        return bytearray(size), len(done)

    made, number = benchmark.pedantic(
        target, setup=setup, teardown=lambda size: done.append("teardown"), rounds=4
    )
    assert done == ["setup", "call", "teardown"] * 4
    assert number == 11  # of the last call
    assert benchmark.stats.stats.rounds == 3


def test_iterations(benchmark):
    calls = []
    benchmark.pedantic(calls.append, args=(1,), rounds=3, iterations=2, warmup_rounds=1)
    assert len(calls) <= 9  # what pytest-benchmark makes of it


def test_one_round(benchmark):
    calls = []
    benchmark.pedantic(calls.append, args=(1,), rounds=1)
    assert calls == [1]


def test_fails_when_traced(benchmark):
    def fragile():
        if tracemalloc.is_tracing():
            raise RuntimeError("not with a tracer")

    benchmark(fragile)


def test_stops_the_tracer(benchmark):
    benchmark(tracemalloc.stop)


def test_import(benchmark_import):
    benchmark_import("this")
"""
REASONS = {
    "test_one_round": "pedantic(rounds=1) allows one call, and that was timed",
    "test_fails_when_traced": "called once more it fails: RuntimeError: not with a tracer",
    "test_stops_the_tracer": "it has stopped tracemalloc itself",
    "test_import": "the import is made in other processes",
}
LARGE = 3_000_000


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("PYTHONPATH", search_path())
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makepyfile(test_toy=TESTS)

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(
            *LOADED, "-p", "no:hypothesispytest", "--benchmark-max-time=0.05",
            "--benchmark-json=run.json", *arguments, timeout=120,
        )  # fmt: skip

    return run


def saved() -> dict[str, dict[str, Any]]:
    run = json.loads(Path("run.json").read_text())
    return {one["name"]: one["extra_info"] for one in run["benchmarks"]}


def test_the_peak_of_each_benchmark_is_told_and_saved(run: Any) -> None:
    done = run("--duel-memory")
    done.assert_outcomes(passed=10)
    found = saved()
    traced = {
        "test_plain", "test_decorated", "test_through_another_fixture", "test_setup_and_teardown",
    }  # fmt: skip
    for name in traced:
        assert LARGE <= found[name][PEAK] < 1.1 * LARGE
        assert found[name][TRACER] == "tracemalloc"
    table = str(done.stdout).partition("memory of a call at its peak, by tracemalloc")[2]
    assert table.count("2.86 MiB") == len(traced)
    for name, reason in REASONS.items():
        assert PEAK not in found[name], "what is unknown is never zero"
        assert f"::{name} " in table
        assert f"unknown: {reason}" in table
    assert "does not see what native code allocates" in table


def test_nothing_is_traced_unless_asked(run: Any) -> None:
    done = run("-k", "plain or one_round")
    done.assert_outcomes(passed=2, deselected=8)
    assert "memory of a call" not in str(done.stdout)
    assert not any(saved().values())


def test_where_benchmarks_are_disabled_it_says_so(run: Any) -> None:
    done = run("--duel-memory", "--benchmark-disable", "-k", "plain")
    done.assert_outcomes(passed=1, deselected=9)
    done.stdout.fnmatch_lines("--duel-memory: nothing was traced, as benchmarks are disabled here")


def test_times_of_several_processes_have_a_peak_beside_them(run: Any) -> None:
    done = run("--duel-memory", "--duel-blocks=2", "-k", "plain or one_round")
    done.assert_outcomes(passed=2, deselected=8)
    found = saved()
    assert found["test_plain"][PEAK] >= LARGE
    assert found["test_plain"]["duel_blocks"]
    assert PEAK not in found["test_one_round"]


def test_a_sweep_is_timed_as_ever_and_says_that_nothing_is_traced(
    toy: Callable[..., pytest.RunResult],
) -> None:
    done = toy("--benchmark-only", "--bench-tier=smoke", "--bench-backends=plain", "--duel-memory")
    done.assert_outcomes(passed=1, deselected=2)
    assert "unknown: a case of a sweep" in str(done.stdout)


def test_a_gate_refuses_what_it_does_not_measure(run: Any) -> None:
    done = run("--duel-memory", "--duel", "main")
    assert done.ret == Exit.ERROR
    done.stderr.fnmatch_lines("*--duel cannot do *--duel-memory: it times both sides *")


def test_a_tracer_that_is_not_there_names_the_extra_that_has_it(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("memray").mkdir()
    Path("memray/__init__.py").write_text("raise ModuleNotFoundError('no', name='memray')")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path.cwd()), search_path()]))
    done = run("--duel-memory-by=memray")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines("*of the extra `memory`: install pytest-duel[[]memory]")


@pytest.mark.parametrize("tracer", memory.TRACERS)
def test_a_tracer_tells_the_peak_not_what_is_left(tracer: str) -> None:
    pytest.importorskip(tracer)

    def call() -> None:
        first = bytearray(LARGE)
        del first
        bytearray(LARGE // 2)

    assert LARGE <= memory.peak(tracer, call) < 1.2 * LARGE


def test_no_round_is_lost_where_the_tracer_does_not_start(run: Any) -> None:
    Path("memray.py").write_text(
        "class Tracker:\n"
        "    def __init__(self, *_, **__):\n"
        "        raise RuntimeError('another one is active')\n"
    )
    done = run("--duel-memory-by=memray", "-k", "setup_and_teardown")
    done.assert_outcomes(passed=1, deselected=9)
    assert "unknown: memray: another one is active" in str(done.stdout)
    assert PEAK not in saved()["test_setup_and_teardown"]


def test_a_tracer_that_runs_already_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import tracemalloc

    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        kept = bytearray(LARGE)
        assert memory.peak("tracemalloc", lambda: bytearray(1000)) < LARGE
        assert tracemalloc.is_tracing()
        del kept
    finally:
        if not was_tracing:
            tracemalloc.stop()
