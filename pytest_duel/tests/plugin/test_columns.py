"""What users of pytest-benchmark ask of its tables, and what they get here.

Columns from `extra_info` (its issues 94, 209, 233), a baseline of one's choice beside others (24),
several alternatives in one table (48, 166), and units (27, 38).
"""

import re
from collections.abc import Callable

import pytest

from loaded import LOADED
from pytest_duel.plugin.columns import aligned
from pytest_duel.support.harness import search_path
from pytest_duel.support.units import duration
from pytest_duel.verdicts.noted import PEAK, said_value

TESTS = """
import itertools
import os

import pytest


class Clock:
    \"\"\"Goes on by what the work costs.\"\"\"

    now = 0.0

    def __call__(self):
        Clock.now += 1e-9
        return Clock.now


@pytest.mark.parametrize("method", ["plain", "fast", "slow"])
@pytest.mark.parametrize("kind", ["list", "dict"])
@pytest.mark.benchmark(timer=Clock())
def test_read(benchmark, method, kind):
    costs = {"plain": 2e-3, "fast": 1e-3, "slow": 6e-3}

    def work():
        Clock.now += costs[method] * float(os.environ["FACTOR"])

    benchmark.pedantic(work, rounds=3)
    benchmark.extra_info["queries"] = 12  # noted after the run
    if method == "fast":
        benchmark.extra_info["accuracy"] = 0.1 + 0.2
    benchmark.extra_info["version"] = os.environ["FACTOR"]
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PYTHONPATH", search_path())
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("FACTOR", "1")
    pytester.makepyfile(test_toy=TESTS)

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(
            *LOADED, "-p", "no:hypothesispytest", *arguments, timeout=120
        )

    return run


def table(done: pytest.RunResult) -> str:
    """Return what stands behind pytest-benchmark's own tables."""
    return str(done.stdout).partition("OPS: Operations")[2].partition("\n")[2]


def row(done: pytest.RunResult, name: str) -> list[str]:
    """Return the cells of a row."""
    (line,) = [line for line in table(done).splitlines() if line.startswith(f"{name} ")]
    return re.split(r"  +", line)


def test_what_a_test_has_noted_is_a_column(run: Run) -> None:
    done = run("--duel-columns", "queries, accuracy")
    assert row(done, "all benchmarks")[1:] == ["median", "queries", "accuracy"]
    assert row(done, "test_read[list-fast]")[1:] == ["1.00 ms", "12", "0.3"]
    assert row(done, "test_read[list-slow]")[1:] == ["6.00 ms", "12", "-"]


def test_a_baseline_of_ones_choice_stands_beside_others(run: Run) -> None:
    done = run("--duel-baseline", "*-plain]", "--benchmark-group-by=func,param:kind")
    assert row(done, "test_read kind=list")[1:] == ["median", "ratio"]
    for kind in "list", "dict":
        assert row(done, f"test_read[{kind}-plain]")[2] == "1.00×"
        assert row(done, f"test_read[{kind}-fast]")[2] == "0.500×"
        assert row(done, f"test_read[{kind}-slow]")[2] == "3.00×"
    assert "--duel-blocks 9" in table(done)


def test_groups_by_several_parameters_have_a_baseline_each(run: Run) -> None:
    """As asked in issue 195: pytest-benchmark has it, and our table has its groups."""
    done = run("--duel-baseline", "test_read[list-*", "--benchmark-group-by=param:method,func")
    for method in "plain", "fast", "slow":
        assert row(done, f"method={method} test_read")
        assert f"ratio: to test_read[list-{method}]" in table(done)
    assert row(done, "test_read[dict-slow]")[2] == "1.00×"


def test_where_several_match_there_is_no_ratio(run: Run) -> None:
    done = run("--duel-baseline", "*-plain]")
    assert row(done, "all benchmarks")[1:] == ["median"]
    assert "no ratio: 2 benchmarks match '*-plain]' here" in table(done)


def test_a_baseline_that_is_none_is_told_before_anything_is_timed(run: Run) -> None:
    done = run("--duel-baseline", "*-plian]")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines("*--duel-baseline: no benchmark matches '[*]-plian]'")
    assert "Legend" not in str(done.stdout)


def test_a_saved_run_may_be_the_baseline_and_has_its_own_columns(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--benchmark-save=before", "-k", "list-plain").assert_outcomes(passed=1, deselected=5)
    monkeypatch.setenv("FACTOR", "2")
    asked = (
        "--duel-columns=version",
        "--duel-baseline=*(0001_before)",
        "--benchmark-compare=0001",
    )
    done = run(*asked, "-k", "list-plain")
    assert row(done, "test_read[list-plain] (0001_before)")[1:] == ["2.00 ms", "1.00×", "1"]
    assert row(done, "test_read[list-plain] (NOW)")[1:] == ["4.00 ms", "2.00×", "2"]


def test_the_unit_that_was_asked_for_is_used(run: Run) -> None:
    done = run("--duel-columns", "queries", "--benchmark-time-unit=us")
    assert row(done, "test_read[list-slow]")[1] == "6000 µs"


@pytest.mark.parametrize("keys", ["", "a,", "a,,b"])
def test_a_key_that_is_missing_is_told(run: Run, keys: str) -> None:
    done = run(f"--duel-columns={keys}")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "a key is missing between the commas" in str(done.stderr)


def test_nothing_is_shown_where_nothing_is_timed(run: Run) -> None:
    done = run("--duel-columns=queries", "--benchmark-disable")
    done.assert_outcomes(passed=6)
    assert "median" not in str(done.stdout)


@pytest.mark.parametrize(("key", "value", "said"), [
    ("n", 1_000_000, "1000000"), ("n", 0.1 + 0.2, "0.3"), ("n", float("nan"), "nan"),
    ("n", True, "True"), ("n", None, "None"), ("n", "a\x1b[31m", "a\\x1b[31m"),
    ("n", "x" * 100, "x" * 39 + "…"), (PEAK, 3 << 20, "3.00 MiB"),
])  # fmt: skip
def test_a_value_stays_in_its_cell(key: str, value: object, said: str) -> None:
    assert said_value(key, value) == said


def test_times_have_their_unit() -> None:
    assert duration(1.5e-3) == duration(1.5e-3, "auto") == "1.50 ms"
    assert duration(1.5e-3, "s") == "0.00150 s"


def test_columns_are_aligned() -> None:
    assert list(aligned([["a", "bb"], ["ccc", "d"]])) == ["a    bb", "ccc   d"]
