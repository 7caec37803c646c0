"""What pytest-benchmark's own comparison makes of the same machine and the same work.

Three runs, each a pytest of its own: the second is the same as the first, in the third some cases
do extra work. `--benchmark-compare-fail` compares one statistic of two consecutive runs.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

from pytest_benchmark.utils import parse_compare_fail

from pytest_duel.catalogue.model import Case
from pytest_duel.paired.engine import Arm
from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

SUITE = Path(__file__).resolve().parent / "stock_suite.py"
RULES = ("min:5%", "mean:5%")
SECONDS = 600.0
TASK = "BENCH_STOCK"
"""The variable that tells the suite what to time."""

Run = dict[str, dict[str, float]]
"""By case: the statistics that a rule may look at."""


class StockError(DuelError):
    """A run of pytest-benchmark failed; the message says why."""


def run_thrice(
    arm: Arm,
    cases: Mapping[str, Case],
    calls: Mapping[str, int],
    extra: Mapping[str, float],
    catalogue: str,
) -> list[Run]:
    """Return a run, the same again, and one in which some cases do more.

    Parameters
    ----------
    arm
        What is timed, three times.
    cases
        By name.
    calls
        In a round of each case: one number for all runs.
    extra
        The share of them that the third run adds, by name.
    catalogue
        ``module:function`` that returns the catalogue.

    Raises
    ------
    StockError
        Where a run fails.
    """
    more = {name: count + round(extra.get(name, 0.0) * count) for name, count in calls.items()}
    return [_run(arm, cases, counts, catalogue) for counts in (calls, calls, more)]


def _run(arm: Arm, cases: Mapping[str, Case], calls: Mapping[str, int], catalogue: str) -> Run:
    with tempfile.TemporaryDirectory(prefix="stock-") as name:
        home = Path(name)
        (home / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        saved = home / "run.json"
        command = [sys.executable, "-P", "-m", "pytest", str(SUITE), "-q", "--noconftest"]
        command += ["-c", str(home / "pytest.ini"), "-p", "no:cacheprovider"]
        command += ["--benchmark-only", f"--benchmark-json={saved}"]
        task = {
            "catalogue": catalogue,
            "cases": {name: [astuple(case), calls[name]] for name, case in cases.items()},
        }
        paths = os.pathsep.join(arm.paths)
        own = {"PYTHONPATH": paths, "PYTEST_ADDOPTS": "", TASK: json.dumps(task)}
        environment = os.environ | dict(arm.environment) | own
        try:
            done = processes.run(command, timeout=SECONDS, cwd=home, env=environment)
        except subprocess.TimeoutExpired:
            raise StockError(f"pytest-benchmark did not end in {SECONDS:.0f} s") from None
        if done.returncode:
            raise StockError(f"pytest-benchmark failed:\n{done.stdout}{done.stderr}")
        document = json.loads(saved.read_text(encoding="utf-8"))
    return {
        one["params"]["name"]: {key: one["stats"][key] for key in ("min", "mean")}
        for one in document["benchmarks"]
    }


def flagged(before: Run, after: Run, rule: str) -> set[str]:
    """Return the cases that a rule of ``--benchmark-compare-fail`` fails."""
    check = parse_compare_fail(rule)
    return {name for name in before if check.fails(after[name], before[name])}
