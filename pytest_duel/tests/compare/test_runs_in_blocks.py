"""Comparisons of runs in blocks: each block is a process, and so a sample."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from pytest_duel.compare.comparison import Comparison, compare
from pytest_duel.compare.judgement import judge
from pytest_duel.results import runs
from pytest_duel.results.runs import Run
from pytest_duel.statistics.paired import Verdict
from recorded_blocks import sweeps
from simulated import CATALOGUE
from stock_files import document, times

CALLED = (Verdict.REGRESSION, Verdict.IMPROVEMENT)
SWEEPS = sweeps()
HIT = SWEEPS[0].results[5].case


def called(found: Comparison) -> set[str]:
    return {key.id for key, one in found.cases.items() if one.verdict in CALLED}


def test_recorded_blocks_of_a_run_differ_as_much_as_runs_do() -> None:
    # This is why a block may be the sample: the machine's state adds little to it.
    logs = np.log([[[r.median for r in p.results] for p in run.processes] for run in SWEEPS])
    logs -= np.median(logs - logs.mean(axis=(0, 1)), axis=2, keepdims=True)
    within = logs.var(axis=1, ddof=1).mean(axis=0)
    between = logs.shape[1] * logs.mean(axis=1).var(axis=0, ddof=1)
    assert between.sum() / within.sum() < 1.5


def test_equal_code_in_recorded_blocks_is_left_alone() -> None:
    for old, new in permutations(SWEEPS, 2):
        found = compare([old], [new], CATALOGUE)
        assert found.processes == (4, 4)
        assert called(found) == set()
        assert Verdict.NO_CHANGE not in {one.verdict for one in found.cases.values()}


def whole(run: Run) -> Run:
    """Return a run as one process would have saved it."""
    return replace(run, results=tuple(replace(one, blocks=()) for one in run.results))


def test_blocks_find_what_a_single_process_does_not() -> None:
    slow = sweeps(lambda case: 2.5 if case == HIT else 1.0)
    assert called(compare(SWEEPS[:1], slow[1:2], CATALOGUE)) == {HIT.id}
    alone = [whole(one) for one in (SWEEPS[0], slow[1])]
    assert called(compare(alone[:1], alone[1:], CATALOGUE)) == set()


def blocks(rng: np.random.Generator, *, slower: float = 1.0, spread: float = 0.002) -> Run:
    """Return a run of ten benchmarks in three blocks, saved by pytest-benchmark."""
    own = []
    for at in range(10):
        data = 1e-6 * (slower if at == 3 else 1.0) * rng.lognormal(0, spread, 12)
        one = times(f"a.py::test_x[{at}]", 1e-6, extra_info={"duel_blocks": [4, 4, 4]})
        one["stats"] |= {
            "median": float(np.median(data)), "mean": float(data.mean()), "min": float(data.min()),
            "max": float(data.max()), "stddev": float(data.std(ddof=1)), "rounds": 12,
            "data": data.tolist(),
        }  # fmt: skip
        own.append(one)
    return runs.from_json(document(*own))


@pytest.mark.parametrize(("slower", "found"), [(1.07, 0), (1.3, 1)])
def test_a_side_of_one_run_shows_no_change_under_ten_per_cent(slower: float, found: int) -> None:
    rng = np.random.default_rng(7)
    old, new = [blocks(rng)], [blocks(rng, slower=slower)]
    comparison = compare(old, new, CATALOGUE)
    assert len(called(comparison)) == found
    said = judge(comparison, old, new, ())
    assert any("one side has a single run" in warning for warning in said.warnings)
    # Two runs a side have seen two.
    several = compare([*old, blocks(rng)], [*new, blocks(rng, slower=slower)], CATALOGUE)
    assert len(called(several)) == 1


def test_what_one_process_timed_beside_the_blocks_is_kept() -> None:
    beside = runs.from_json(document(times("a.py::test_lone", 1e-3))).others
    sides = [replace(one, others=beside) for one in SWEEPS[:2]]
    found = compare(sides[:1], sides[1:], CATALOGUE)
    (lone,) = [one for key, one in found.cases.items() if key.id == "a.py::test_lone"]
    assert lone.note == "only one run of each side has it"
