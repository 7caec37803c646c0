"""Runs of this project that are alike, compared with each other."""

from itertools import permutations

from bench.catalogue import catalogue
from places import DATA
from pytest_duel.compare.comparison import Comparison, compare
from pytest_duel.results import runs
from pytest_duel.results.benchmarks import Key
from pytest_duel.statistics.paired import Verdict

ALIKE = sorted((DATA / "alike").glob("study-*.json.gz"))


def slow_cases(comparison: Comparison) -> set[Key]:
    return {case for case, one in comparison.cases.items() if one.verdict is Verdict.REGRESSION}


def test_runs_of_this_project_that_are_alike() -> None:
    # One case in one pair lies 43 % apart by itself.
    loaded = [runs.load(path) for path in ALIKE]
    flagged = [
        len(slow_cases(compare([one], [other], catalogue())))
        for one, other in permutations(loaded, 2)
    ]
    assert sorted(flagged)[:-1] == [0] * 5
    assert max(flagged) <= 1
