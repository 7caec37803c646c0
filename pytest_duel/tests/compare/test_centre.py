"""Comparisons of benchmarks that have no backends, in runs whose truth is known."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from pytest_duel.catalogue.model import EMPTY
from pytest_duel.compare.centre import Centre
from pytest_duel.compare.comparison import Comparison, compare
from pytest_duel.compare.judgement import Fail, judge
from pytest_duel.results import runs
from pytest_duel.results.benchmarks import Key
from pytest_duel.results.runs import Run, RunError
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement
from stock_files import STATS, document, entry, suite

CALLED = (Verdict.REGRESSION, Verdict.IMPROVEMENT)
NUMBER = 20


def side(
    rng: np.random.Generator, count: int, *, drift: float = 0.1, shift: float = 1.0, **more: Any
) -> list[Run]:
    """Return runs that lie apart as a whole: by chance, and by a factor that all have."""
    return [
        runs.from_json(suite(rng, drift=shift * float(np.exp(rng.normal(0, drift))), **more))
        for _ in range(count)
    ]


def simulate(
    seed: Sequence[int],
    count: tuple[int, int],
    slower: Mapping[int, float] | None = None,
    *,
    control: Sequence[str] = (),
    shift: float = 1.0,
    **more: Any,
) -> Comparison:
    rng = np.random.default_rng(seed)
    old = side(rng, count[0], **more)
    new = side(rng, count[1], slower=slower, shift=shift, **more)
    return compare(old, new, EMPTY, control=control)


def centre(comparison: Comparison) -> Centre:
    assert comparison.centre is not None
    return comparison.centre


def called(comparison: Comparison, *verdicts: Verdict) -> set[int]:
    """Return the numbers of the benchmarks that have such a verdict."""

    def number(key: Key) -> int:
        return int(key.id.partition("[")[2].removesuffix("]"))

    wanted = verdicts or CALLED
    return {number(key) for key, one in comparison.cases.items() if one.verdict in wanted}


@pytest.mark.parametrize("count", [(1, 1), (2, 2), (4, 4), (5, 1), (3, 5)])
@pytest.mark.parametrize("noise", [0.002, 0.05])
def test_identical_code_is_left_alone(count: tuple[int, int], noise: float) -> None:
    found = [called(simulate([1, i, *count], count, noise=noise)) for i in range(50)]
    assert sum(map(bool, found)) <= 4  # 5 % is the level of the simulated noise


def test_a_slow_benchmark_is_found_under_a_drift_that_hides_it() -> None:
    found = [simulate([2, i], (4, 4), {7: 1.3}, drift=0.2) for i in range(20)]
    assert sum(called(one) == {7} for one in found) >= 18
    raw = [simulate([2, i], (4, 4), {7: 1.3}, drift=0.2, control=["none"]) for i in range(20)]
    assert sum(called(one) == {7} for one in raw) <= 10


def test_one_run_a_side_calls_what_stands_out_and_nothing_under_ten_per_cent() -> None:
    assert called(simulate([3], (1, 1), {7: 2.0}, noise=0.01)) == {7}
    small = simulate([3], (1, 1), {7: 1.09}, noise=0.0001)
    assert {one.verdict for one in small.cases.values()} == {Verdict.INCONCLUSIVE}


@pytest.mark.parametrize("number", [1, 2, 6])
def test_one_run_a_side_of_few_benchmarks_calls_nothing(number: int) -> None:
    found = simulate([4], (1, 1), {0: 5.0}, number=number, noise=0.001)
    assert {one.verdict for one in found.cases.values()} == {Verdict.INCONCLUSIVE}
    assert {one.note for one in found.cases.values()} == {"unknown spread"}


def test_few_benchmarks_of_several_runs_are_compared_raw() -> None:
    found = simulate([5], (5, 5), {0: 2.0}, number=2, noise=0.001, drift=0.001)
    assert centre(found).benchmarks == 0
    assert called(found) == {0}
    assert all(one.trusted is one.raw for one in found.cases.values())


HALF = dict.fromkeys(range(12), 2.0)
"""Twelve of twenty are slower: those that stand still look faster than the middle."""


@pytest.mark.parametrize("count", [(1, 1), (4, 4)])
def test_where_most_moved_apart_nothing_is_called(count: tuple[int, int]) -> None:
    found = simulate([6], count, HALF, drift=0.01, noise=0.005)
    assert centre(found).refused
    assert {one.verdict for one in found.cases.values()} == {Verdict.INCONCLUSIVE}
    assert all(one.disputed for one in found.cases.values())


@pytest.mark.parametrize("pattern", ["test_it[1[2-9]]", "nothing*"])
def test_a_control_must_be_in_all_runs(pattern: str) -> None:
    # Brackets are those of a test's name, and no set of characters.
    with pytest.raises(RunError, match="no benchmark that all runs have matches"):
        simulate([7], (3, 3), HALF, control=[pattern])


@pytest.mark.parametrize("pattern", ["test_it[1*", "tests/test_suite.py::test_it[1*"])
def test_a_control_that_is_named_settles_it(pattern: str) -> None:
    slower = dict.fromkeys(range(2, 10), 2.0)
    found = simulate([8], (4, 4), slower, control=[pattern])
    assert centre(found).benchmarks == 11
    assert called(found) == called(found, Verdict.REGRESSION) == {*slower}
    assert called(simulate([8], (1, 1), slower, control=[pattern])) == {*slower}


def test_a_machine_that_is_slower_is_no_regression_and_nothing_passes() -> None:
    found = simulate([9], (5, 5), shift=1.5, drift=0.01, noise=0.003)
    assert centre(found).moved == pytest.approx(0.5, abs=0.03)
    assert centre(found).disputed
    assert {one.verdict for one in found.cases.values()} == {Verdict.INCONCLUSIVE}
    # With one run a side nothing tells how far runs lie apart by themselves.
    assert not centre(simulate([9], (1, 1), shift=1.5, drift=0.01)).disputed


def test_quiet_runs_show_that_nothing_changed() -> None:
    found = simulate([10], (5, 5), noise=0.001, drift=0.01)
    assert {one.verdict for one in found.cases.values()} == {Verdict.NO_CHANGE}


def judged(old: Any, new: Any, *fail_on: Fail) -> Judgement:
    before, after = [runs.from_json(old)], [runs.from_json(new)]
    return judge(compare(before, after, EMPTY), before, after, fail_on)


GOOD = [entry(f"a.py::test_good[{at}]") for at in range(8)]
BAD = entry("a.py::test_bad", stats=None)
ALSO = entry("a.py::test_bad")


@pytest.mark.parametrize(
    ("old", "new", "word", "code"),
    [
        ([ALSO], [BAD], "gone", Exit.ERROR),
        ([BAD], [ALSO], "new", Exit.PASS),
        ([BAD], [BAD], "inconclusive", Exit.PASS),
        ([ALSO, ALSO], [ALSO], "new", Exit.PASS),
        ([ALSO], [ALSO, ALSO], "gone", Exit.ERROR),
        ([BAD], [], "gone", Exit.ERROR),
        ([], [BAD], "new", Exit.PASS),
    ],
)
def test_a_benchmark_that_cannot_be_read_is_told_with_the_reason(
    old: list[Any], new: list[Any], word: str, code: Exit
) -> None:
    found = judged(document(*GOOD, *old), document(*GOOD, *new), Fail.MISSING)
    (row,) = [one for one in found.rows if one.name == "a.py::test_bad"]
    assert (row.word, row.exit) == (word, code)
    assert "cannot be read" in row.note
    assert any("cannot be read: a.py::test_bad" in one for one in found.warnings)
    assert len(found.rows) == len(GOOD) + 1


def test_many_benchmarks_that_cannot_be_read_are_counted() -> None:
    bad = [entry(f"a.py::test_bad[{at}]", stats=None) for at in range(9)]
    found = judged(document(*GOOD, *bad), document(*GOOD))
    (said,) = [one for one in found.warnings if "cannot be read" in one]
    assert said.startswith("old: 9 benchmarks cannot be read: a.py::test_bad[0] (it has no times")
    assert said.endswith("; and 6 more")


def test_a_single_round_a_side_shows_nothing() -> None:
    once = entry("a.py::test_once", stats={**STATS, "rounds": 1, "max": STATS["min"]})
    once["stats"].update(median=1e-3, mean=1e-3, min=1e-3, max=1e-3, stddev=0)
    slow = entry("a.py::test_once")
    slow["stats"].update(median=9e-3, mean=9e-3, min=9e-3, max=9e-3, stddev=0, rounds=1)
    found = judged(document(*GOOD, once), document(*GOOD, slow))
    (row,) = [one for one in found.rows if one.name == "a.py::test_once"]
    assert (row.word, row.note) == ("inconclusive", "a single round on a side")


def test_runs_started_in_other_folders_say_why_they_share_nothing() -> None:
    old, new = entry("tests/a.py::test_x"), entry("a.py::test_x")
    said = r"no benchmark in common: tests/a\.py::test_x is called a\.py::test_x in the new runs"
    with pytest.raises(RunError, match=said):
        judged(document(old), document(new))


def test_rows_stand_under_their_group_or_file() -> None:
    own = [entry("a.py::TestA::test_x", group="parsing"), entry("b.py::test_y"), *GOOD]
    found = judged(document(*own), document(*own))
    places = {one.name: (one.group, one.label) for one in found.rows}
    assert places["a.py::TestA::test_x"] == ("parsing", "TestA::test_x")
    assert places["b.py::test_y"] == ("b.py", "test_y")


def test_large_changes_among_many_are_found_with_one_and_two_runs() -> None:
    slower = dict.fromkeys(range(0, 480, 37), 1.5)
    for count in ((1, 1), (2, 2)):
        found = simulate([11, *count], count, slower, number=480, noise=0.02)
        assert called(found) == {*slower}


def busy(rng: np.random.Generator, run: dict[str, Any], slower: Mapping[int, float]) -> Run:
    """Return a run that other work has disturbed: some benchmarks by half and more."""
    for at, one in enumerate(run["benchmarks"]):
        by = slower.get(at, 1.0) * float(np.exp(np.clip(rng.standard_t(1.5) * 0.1, -0.7, 0.7)))
        one["stats"] |= {
            name: by * one["stats"][name] for name in ("median", "mean", "min", "max", "stddev")
        }
    return runs.from_json(run)


@pytest.mark.parametrize("count", [(1, 1), (1, 2), (2, 2)])
def test_what_stands_out_from_a_busy_machine_is_called(count: tuple[int, int]) -> None:
    calls = []
    for seed in range(20):
        rng = np.random.default_rng([14, seed, *count])
        old, new = (
            [busy(rng, suite(rng, 60), slower) for _ in range(number)]
            for number, slower in zip(count, ({}, {7: 40.0}), strict=True)
        )
        found = compare(old, new, EMPTY)
        calls.append(called(found))
        (slow,) = [one for key, one in found.cases.items() if key.id.endswith("[7]")]
        assert slow.verdict is Verdict.REGRESSION
        # A verdict and its interval say the same.
        assert slow.trusted.low > 0
    assert sum(one == {7} for one in calls) >= 19


def test_what_does_not_stand_out_in_the_fastest_round_as_well_is_not_called() -> None:
    rng = np.random.default_rng(15)
    run = suite(rng, 60)
    run["benchmarks"][7]["stats"] |= {"median": 5e-4, "mean": 5e-4, "max": 6e-4}
    found = compare([runs.from_json(suite(rng, 60))], [runs.from_json(run)], EMPTY)
    assert called(found) == set()


def test_times_that_do_not_differ_at_all_show_no_spread_to_stand_out_from() -> None:
    whole = document(*[entry(f"a.py::test_it[{at}]") for at in range(8)])
    run = runs.from_json(whole)
    assert centre(compare([run], [run], EMPTY)).beyond == np.inf


def test_a_control_of_one_benchmark_is_not_held_against_itself() -> None:
    found = simulate([12], (4, 4), {7: 2.0}, control=["test_it[7]"])
    lone = next(one for key, one in found.cases.items() if key.id.endswith("[7]"))
    assert (lone.verdict, lone.note) == (None, "control")
    assert centre(found).lone is not None
    assert called(found, Verdict.IMPROVEMENT) == {*range(NUMBER)} - {7}


def test_several_controls_are_one_middle() -> None:
    slower = dict.fromkeys(range(2, 10), 2.0)
    patterns = ["test_it[0]", "test_it[1*"]
    found = simulate([8], (4, 4), slower, control=patterns)
    assert centre(found).patterns == ("test_it[0]", "test_it[1*")
    assert centre(found).benchmarks == 12
    assert called(found) == {*slower}
    with pytest.raises(RunError, match="--control none"):
        simulate([8], (4, 4), control=["none", "test_it[0]"])


def test_the_mean_of_a_function_is_judged_and_undecided_changes_are_named() -> None:
    found = simulate([13], (3, 3), dict.fromkeys(range(20), 1.0) | {3: 1.3}, noise=0.1)
    (name,) = found.functions
    assert name == "tests/test_suite.py::test_it"
    assert found.functions[name].cases == NUMBER
    run = [runs.from_json(suite(np.random.default_rng(1)))]
    said = judge(found, run, run, ())
    assert [one.name for one in said.means] == ["tests/test_suite.py::test_it[*]"]
    assert any("undecided, the largest changes first: tests/" in note for note in said.notes)
