"""Comparisons of simulated runs: what changed is found, what did not is left alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from pytest_duel.catalogue.model import Case
from pytest_duel.compare.comparison import Comparison, compare
from pytest_duel.compare.judgement import judge
from pytest_duel.results.benchmarks import Key
from pytest_duel.results.runs import Run, RunError
from pytest_duel.statistics.paired import Verdict
from simulated import CASES, CATALOGUE, Factor, run_of, times_of, truth, with_medians

"""Three processes of one build, one after the other on a machine that did nothing else."""
SLOW = Case("clear", "rust", "uniform", 200)
PLAIN = run_of({case: truth(case) for case in CASES})


def same(case: Case) -> float:
    return 1.0


def slower(by: float, *cases: Case) -> Factor:
    return lambda case: 1 + by if case in cases else 1.0


def backend(by: float, *names: str) -> Factor:
    return lambda case: 1 + by if case.backend in names else 1.0


def simulate(
    seed: Sequence[int], count: tuple[int, int], change: Factor = same, *,
    control: Sequence[str] = (), drift: float = 0.1, noise: float = 0.01, heavy: bool = False,
) -> Comparison:  # fmt: skip
    rng = np.random.default_rng(seed)

    def side(size: int, factor: Factor) -> list[Run]:
        return [
            with_medians(
                PLAIN, times_of(rng, factor=factor, drift=drift, noise=noise, heavy=heavy)
            )
            for _ in range(size)
        ]

    return compare(side(count[0], same), side(count[1], change), CATALOGUE, control=control)


def verdicts(comparison: Comparison) -> set[Verdict | None]:
    found = [*comparison.cases.values(), *comparison.means.values()]
    return {change.verdict for change in found}


def slow_cases(comparison: Comparison) -> set[Key]:
    return {case for case, one in comparison.cases.items() if one.verdict is Verdict.REGRESSION}


@pytest.mark.parametrize("count", [(1, 1), (4, 4), (6, 1), (3, 5)])
@pytest.mark.parametrize("heavy", [False, True])
def test_identical_code_is_not_called_slower(count: tuple[int, int], heavy: bool) -> None:
    # All cases and means together: 5 % is the level, whatever the machine's speed does.
    total = 40
    flagged = sum(
        Verdict.REGRESSION in verdicts(simulate([5, i, *count], count, heavy=heavy))
        for i in range(total)
    )
    assert flagged <= 5


def test_a_slow_case_is_found_under_a_drift_that_hides_it() -> None:
    total, change = 30, slower(0.15, SLOW)
    found = [simulate([6, i], (5, 5), change) for i in range(total)]
    assert sum(slow_cases(one) == {SLOW} for one in found) >= 28
    raw = [simulate([6, i], (5, 5), change, control=["none"]) for i in range(total)]
    assert sum(slow_cases(one) == {SLOW} for one in raw) <= 3
    assert all(one.controls["clear"].backend is None for one in raw)


def test_relative_interval_covers_the_truth() -> None:
    covered = []
    for i in range(30):
        found = simulate([7, i], (4, 4), slower(0.3, SLOW)).cases
        for case, one in found.items():
            change = 0.3 if case == SLOW else 0.0
            covered.append(one.trusted.low <= change <= one.trusted.high)
    assert np.mean(covered) >= 0.90


@pytest.mark.parametrize("count", [(1, 1), (5, 5)])
@pytest.mark.parametrize("name", ["numpy", "numba", "rust"])
@pytest.mark.parametrize("by", [0.5, -0.4])
def test_a_backend_that_changes_does_not_drag_the_others(
    count: tuple[int, int], name: str, by: float
) -> None:
    comparison = simulate([8], count, backend(by, name), drift=0.02, noise=0.005)
    assert comparison.controls["clear"].backend != name
    wanted = Verdict.REGRESSION if by > 0 else Verdict.IMPROVEMENT
    assert comparison.means["clear", name].verdict is wanted
    others = [
        one
        for case, one in comparison.cases.items()
        if isinstance(case, Case) and case.backend != name
    ]
    assert {one.verdict for one in others} <= {Verdict.NO_CHANGE, Verdict.INCONCLUSIVE}


def test_most_backends_changing_never_passes() -> None:
    comparison = simulate([9], (5, 5), backend(0.4, "numba", "rust"), drift=0, noise=0.005)
    assert comparison.controls["clear"].disputed
    assert verdicts(comparison) <= {Verdict.INCONCLUSIVE, Verdict.REGRESSION}
    named = simulate(
        [9], (5, 5), backend(0.4, "numba", "rust"), drift=0, noise=0.005, control=["numpy"]
    )
    assert named.means["clear", "rust"].verdict is Verdict.REGRESSION
    assert named.means["clear", "numba"].verdict is Verdict.REGRESSION


def test_a_slower_machine_is_no_regression() -> None:
    rng = np.random.default_rng(10)
    old = [run_of(times_of(rng, noise=0.003)) for _ in range(5)]
    new = [run_of(times_of(rng, noise=0.003, factor=lambda _: 1.4)) for _ in range(5)]
    relative = compare(old, new, CATALOGUE)
    assert relative.controls["clear"].moved == pytest.approx(0.4, abs=0.02)
    assert not relative.controls["clear"].disputed
    assert Verdict.REGRESSION not in verdicts(relative)
    raw = compare(old, new, CATALOGUE, control=["none"])
    assert {one.verdict for one in raw.cases.values()} == {Verdict.REGRESSION}


def test_quiet_runs_show_that_nothing_changed() -> None:
    comparison = simulate([11], (5, 5), noise=0.001)
    assert set(verdicts(comparison)) == {Verdict.NO_CHANGE, None}
    assert comparison.means["clear", str(comparison.controls["clear"].backend)].verdict is None


def test_one_run_a_side_says_nothing_under_ten_per_cent() -> None:
    quiet = simulate([12], (1, 1), slower(0.09, SLOW), drift=0, noise=0)
    assert {one.verdict for one in quiet.cases.values()} == {Verdict.INCONCLUSIVE}
    found = simulate([12], (1, 1), slower(0.2, SLOW), drift=0, noise=0)
    assert slow_cases(found) == {SLOW}
    assert Verdict.NO_CHANGE not in verdicts(found)


def test_one_run_a_side_says_less_where_cases_scatter() -> None:
    found = simulate([13], (1, 1), slower(0.2, SLOW), noise=0.05)
    assert found.cases[SLOW].verdict is Verdict.INCONCLUSIVE
    assert (found.spread["clear"] or 0.0) > 0.02


def test_a_threshold_decides_what_matters() -> None:
    rng = np.random.default_rng(14)
    old, new = (
        [run_of(times_of(rng, noise=0.0005, factor=factor)) for _ in range(5)]
        for factor in (same, slower(0.05, SLOW))
    )
    assert slow_cases(compare(old, new, CATALOGUE)) == {SLOW}
    assert slow_cases(compare(old, new, CATALOGUE, threshold=0.1)) == set()


def only(keep: Callable[[Case], bool]) -> dict[Case, float]:
    return {case: t for case, t in times_of(np.random.default_rng(0)).items() if keep(case)}


def test_gone_and_new_cases_are_named_and_the_rest_compared() -> None:
    old = run_of(only(lambda case: case.n != 5))
    new = run_of(only(lambda case: case != SLOW))
    comparison = compare([old], [new], CATALOGUE)
    assert comparison.gone == (SLOW,)
    assert {case.n for case in comparison.new if isinstance(case, Case)} == {5}
    assert len(comparison.new) == 4
    assert len(comparison.cases) == len(CASES) - 5


def test_two_backends_have_no_control() -> None:
    run = run_of(only(lambda case: case.backend in ("numba", "rust", "floor")))
    comparison = compare([run], [run], CATALOGUE)
    assert comparison.controls["clear"].backend is None
    assert all(one.trusted is one.raw for one in comparison.cases.values())


def test_a_backend_that_does_not_compete_is_control_only_when_named() -> None:
    found = simulate([15], (3, 3), backend(0.5, "floor"))
    assert found.controls["clear"].backend != "floor"
    assert "floor" not in found.controls["clear"].drifts
    named = simulate([15], (3, 3), control=["floor"])
    assert named.controls["clear"].backend == "floor"
    with pytest.raises(RunError, match="no case of both sides is of gpu"):
        simulate([15], (1, 1), control=["gpu"])


def test_sides_without_a_common_case_are_an_error() -> None:
    old = run_of(only(lambda case: case.n == 5))
    new = run_of(only(lambda case: case.n == 10))
    with pytest.raises(RunError, match="no case in common"):
        compare([old], [new], CATALOGUE)


def test_a_case_that_only_some_runs_have_is_judged_by_those() -> None:
    rng = np.random.default_rng(16)
    sides = [[run_of(times_of(rng, noise=0.002)) for _ in range(4)] for _ in range(2)]
    whole = compare(sides[0], sides[1], CATALOGUE)
    for side in sides:
        for number in (0, 2):
            kept = tuple(one for one in side[number].results if one.case != SLOW)
            side[number] = replace(side[number], results=kept)
    part = compare(sides[0], sides[1], CATALOGUE)
    assert part.cases[SLOW].raw.blocks == 4
    assert whole.cases[SLOW].raw.blocks == 8
    assert part.means["clear", "rust"].cases == whole.means["clear", "rust"].cases - 1
    # In one run a side, among several, there is no spread to hold it against.
    for side in sides:
        side[1] = replace(side[1], results=tuple(r for r in side[1].results if r.case != SLOW))
    lone = compare(sides[0], sides[1], CATALOGUE).cases[SLOW]
    assert (lone.verdict, lone.note) == (Verdict.INCONCLUSIVE, "only one run of each side has it")


def test_runs_without_raw_rounds_claim_less() -> None:
    old, new = (
        run_of(times_of(np.random.default_rng(17), factor=factor), raw=False)
        for factor in (same, backend(0.5, "rust"))
    )
    comparison = compare([old], [new], CATALOGUE)
    assert set(comparison.without_rounds) == set(CASES)
    assert comparison.cases[SLOW].verdict is Verdict.REGRESSION
    assert comparison.means["clear", "rust"].verdict is Verdict.INCONCLUSIVE
    assert comparison.means["clear", "rust"].note == "no raw rounds"
    # Over several runs the medians are all that counts.
    several = compare([old] * 2, [new] * 2, CATALOGUE)
    assert several.means["clear", "rust"].verdict is Verdict.REGRESSION


def test_a_case_on_another_pool_gets_no_verdict() -> None:
    rng = np.random.default_rng(18)
    old, new = (run_of(times_of(rng, factor=factor)) for factor in (same, slower(1.0, SLOW)))
    others = tuple(replace(one, distinct=8) if one.case == SLOW else one for one in new.results)
    comparison = compare([old], [replace(new, results=others)], CATALOGUE)
    assert comparison.cases[SLOW].verdict is Verdict.INCONCLUSIVE
    assert comparison.cases[SLOW].note == "timed on different inputs"
    assert comparison.means["clear", "rust"].cases == 7


def test_a_case_that_one_side_has_is_told_with_its_first_time() -> None:
    old = [run_of(only(lambda case: case != SLOW))] * 2
    times = {case: truth(case) for case in CASES}
    new = [run_of(times), run_of(times | {SLOW: 3 * times[SLOW]})]
    found = judge(compare(old, new, CATALOGUE), old, new, ())
    alone = {row.name: row.data for row in found.rows if row.word == "new"}
    assert alone == {SLOW.id: {"old": None, "new": new[0].results[CASES.index(SLOW)].median}}
