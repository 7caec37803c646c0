"""Runs of stock pytest-benchmark on the same tests and machine.

Three runs, each a pytest of its own: the second is the same as the first, in the third one
benchmark does more work. `--benchmark-compare-fail` compares one statistic of two of them.
"""

import json
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import Suite, environment
from pytest_duel.paired.pytest_worker.names import names
from pytest_duel.selftest.stock import Run, StockError
from pytest_duel.selftest.stock_plugin import TASK
from pytest_duel.support import processes

PLUGIN = "pytest_duel.selftest.stock_plugin"
SECONDS = 3600.0
LAST_WORDS = 2000


def run_thrice(
    arm: Arm, tests: Suite, benchmarks: Sequence[str], extra: Mapping[str, float]
) -> list[Run]:
    """Return a run, the same again, and one in which some benchmarks do more.

    Parameters
    ----------
    arm
        What is timed, three times.
    tests
        That hold the benchmarks.
    benchmarks
        Names of those to run.
    extra
        More work in the third run, by name, as a share.

    Raises
    ------
    StockError
        Where a run fails.
    """
    return [_run(arm, tests, benchmarks, one) for one in ({}, {}, extra)]


def _run(arm: Arm, tests: Suite, benchmarks: Sequence[str], extra: Mapping[str, float]) -> Run:
    with tempfile.TemporaryDirectory(prefix="stock-", dir=tests.scratch) as home:
        saved = Path(home) / "run.json"
        task = {
            "modules": dict(arm.modules),
            "tests": dict(tests.inner),
            "benchmarks": list(benchmarks),
            "extra": dict(extra),
            "saved": str(saved),
        }
        command = [arm.python, "-P", "-m", "pytest", "-q", "-p", PLUGIN]
        own_folders = [f"--basetemp={Path(home, 'tmp')}", "-o", f"cache_dir={Path(home, 'cache')}"]
        command += [*own_folders, *tests.arguments]
        own = environment(arm, home, "random") | {TASK: json.dumps(task)}
        try:
            done = processes.run(command, timeout=SECONDS, cwd=tests.folder, env=own)
        except subprocess.TimeoutExpired:
            raise StockError(f"pytest-benchmark did not end in {SECONDS:.0f} s") from None
        if not saved.is_file() or not saved.stat().st_size:
            said = f"{done.stdout}{done.stderr}"[-LAST_WORDS:]
            raise StockError(f"pytest-benchmark saved no run:\n{said}")
        found = json.loads(saved.read_text(encoding="utf-8"))["benchmarks"]
    told = names([one["fullname"] for one in found])
    return {
        name: {key: one["stats"][key] for key in ("min", "mean")}
        for name, one in zip(told, found, strict=True)
    }
