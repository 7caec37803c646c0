"""The self-test of ordinary benchmarks: what is planted, what is tried, what it says."""

import json
import math
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from linked import BUILD, LACKS, built
from places import TESTS
from pytest_duel.cli.main import main
from pytest_duel.gate.collect import Benchmark
from pytest_duel.gate.plan import Plan as GatePlan
from pytest_duel.gate.prepare import Prepared
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.arms.compiled import differing
from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.arms.recipe import Recipe
from pytest_duel.paired.checking import Checked
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.placements import linker_of
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.paired.pytest_worker import slower
from pytest_duel.paired.pytest_worker.slower import (
    REASONS,
    STANDS_STILL,
    TOO_SHORT,
    PlantError,
    Slower,
)
from pytest_duel.selftest import placement, rates, said, trials
from pytest_duel.selftest.placement import Drawn
from pytest_duel.selftest.records import Kind, Rate, Report, SelftestError, Trial
from pytest_duel.selftest.stock_plugin import slowed
from pytest_duel.selftest.trials import Plan, target
from pytest_duel.support.exit_codes import Exit
from strangers import copied, listed, repository

needs_linker = pytest.mark.skipif(bool(LACKS), reason=LACKS)
SILENT = "head did not answer in 120 s"
A, B = "tests/test_a.py::test_a", "tests/test_b.py::test_b"

# What is planted.


class Clock:
    """A timer that moves when it is looked at, and when work is done."""

    def __init__(self, step: float = 1e-7) -> None:
        self.now = 0.0
        self.step = step
        self.calls = 0

    def __call__(self) -> float:
        self.now += self.step
        return self.now

    def work(self, calls: int) -> float:
        """Do so many calls of a microsecond."""
        self.calls += calls
        self.now += calls * 1e-6
        return calls * 1e-6


@given(calls=st.integers(1, 10_000), extra=st.floats(0.001, 0.99), may_call_more=st.booleans())
def test_any_slowdown_can_be_planted(calls: int, extra: float, *, may_call_more: bool) -> None:
    clock = Clock()
    seconds = Slower(clock, may_call_more)(clock.work, calls, extra)
    planted = seconds / (calls * 1e-6) - 1
    assert planted == pytest.approx(extra, abs=2 * clock.step / (calls * 1e-6) + 1e-9)
    assert 0 <= clock.calls - calls <= calls * extra
    if not may_call_more:
        assert clock.calls == calls


def test_without_extra_work_nothing_is_added() -> None:
    clock = Clock()
    slow = Slower(clock)
    assert slow(clock.work, 7, 0.0) == clock.work(7)
    assert clock.calls == 14
    slow.check()


@pytest.mark.parametrize(("step", "calls", "is_told"), [
    (1e-7, 1, True), (1e-7, 1000, False), (1e-9, 1, False),
])  # fmt: skip
def test_what_is_too_short_to_be_waited_for_is_told(
    step: float, calls: int, *, is_told: bool
) -> None:
    clock = Clock(step)
    slow = Slower(clock, may_call_more=False)
    for _ in range(10):
        slow(clock.work, calls, 0.03)
    if not is_told:
        slow.check()
        return
    with pytest.raises(PlantError, match="too short"):
        slow.check()


def test_what_calibration_takes_does_not_count() -> None:
    """It is asked for few calls at first, and a budget may allow a single turn beside it."""
    clock = Clock()
    slow = Slower(clock)
    for calls in (1, 1, 4, 16, 64, 256, 256, 2000, 2000):
        slow(clock.work, calls, 0.03)
    slow.check()
    assert slow.times == 2


def test_a_wait_that_is_disturbed_now_and_then_is_no_reason() -> None:
    clock = Clock(1e-9)
    slow = Slower(clock, may_call_more=False)
    for place in range(10):
        clock.step = 1e-3 if place % 3 == 0 else 1e-9
        slow(clock.work, 100, 0.03)
    slow.check()


def test_a_timer_that_stands_still_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slower, "PATIENCE", 0.0)
    clock = Clock(step=0.0)
    with pytest.raises(PlantError, match="stands still"):
        Slower(clock)(clock.work, 1, 0.5)


def test_a_stock_runner_is_slowed_with_and_without_loops() -> None:
    clock = Clock(step=1e-9)

    def runner(loops: range | None) -> Any:
        return clock.work(len(loops)) if loops else (clock.work(1), "result")

    run = slowed(runner, Slower(clock), 0.25)
    assert run(range(100)) == pytest.approx(125e-6)
    seconds, result = run(None)
    assert seconds == pytest.approx(1.25e-6, rel=0.01)
    assert result == "result"


# What is tried.


def plan(**trials: int) -> Plan:
    measured = {one: Benchmark(one, one.partition("::")[0], "", {}, {}) for one in (A, B)}

    class Ready:
        own = GatePlan(measured=measured, thresholds={})

    numbers = {kind: trials.get(str(kind), 0) for kind in Kind}
    return Plan(Ready(), "toy", numbers, 0.03)  # type: ignore[arg-type]


def test_floors_come_before_what_is_judged_by_them() -> None:
    steps = plan(same=2, placement=3, rebuilt=2).steps()
    assert steps[:3] == [(Kind.PLACEMENT, 0), (Kind.PLACEMENT, 1), (Kind.PLACEMENT, 2)]
    assert sorted(kind for kind, _ in steps[3:]) == [Kind.REBUILT] * 2 + [Kind.SAME] * 2


def test_builds_that_are_judged_by_floors_took_no_part_in_them() -> None:
    assert placement.names(Kind.SAME, 0) == placement.names(Kind.STOCK, 0) == ()
    bounds = {name for index in range(20) for name in placement.names(Kind.PLACEMENT, index)}
    assert len(bounds) == 20
    for kind in (Kind.REBUILT, Kind.REBUILT_SLOWED):
        pairs = [placement.names(kind, index) for index in range(12)]
        assert len(set(pairs)) == 12
        assert all(len(set(pair)) == 2 and not bounds & {*pair} for pair in pairs)


MOVED = (0.01, 0.03, 0.02, -0.01, 0.0, 0.04, 0.02)
"""What the place of code has done to A; to B nothing."""


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Any, ...]]]:
    """Return what makes trials without measuring, and returns the arms, limits and slowdowns."""

    def tried(
        placements: Drawn = Drawn.ONE, patience: float = math.inf, **numbers: int
    ) -> list[tuple[Any, ...]]:
        own = replace(plan(**numbers), placements=placements, patience=patience)
        ready = Prepared(
            Arm("base"), Arm("head"), Suite(Path(), Path()),
            GatePlan(measured=own.ready.own.measured, thresholds={A: 0.02, B: 0.02}),
            Settings(), "", 1.0, Recipe(),
        )  # fmt: skip
        report = Report(None, {}, {}, {})
        found: list[tuple[Any, ...]] = []

        def gate(plan: Plan, seed: str, extra: dict[str, float]) -> dict[str, Any]:
            arms = plan.ready.base.name, plan.ready.head.name
            bounds = dict(plan.ready.own.placement_bounds)
            found.append((seed.partition(" ")[0], arms, bounds, extra))
            changes = {A: MOVED[(len(found) - 1) % len(MOVED)], B: 0.0}
            cases = {name: {"change": one} for name, one in changes.items()}
            return {"word": "pass", "cases": cases, "unmeasured": {}}

        monkeypatch.setattr(trials, "_gate", gate)
        monkeypatch.setattr(placement, "built", lambda ready, name: Arm(name))
        monkeypatch.setattr(placement, "drawn", lambda ready, how, seed: nullcontext(ready))
        monkeypatch.setattr(trials, "checked_answers", lambda *_: Checked())
        trials.run(replace(own, ready=ready), report, lambda _: None)
        return found

    return tried


def test_builds_are_judged_by_what_other_builds_have_shown(
    tried: Callable[..., list[tuple[Any, ...]]],
) -> None:
    found = {kind: (arms, bounds, extra) for kind, arms, bounds, extra in tried(
        same=1, slowed=1, placement=len(MOVED), rebuilt=1, **{"rebuilt-slowed": 1}
    )}  # fmt: skip
    assert found["same"] == (("base", "head"), {}, {})
    assert found["slowed"] == (("base", "head"), {}, {A: 0.03})
    assert found["placement"] == (("base", "placement-6"), {}, {})
    arms, bounds, extra = found["rebuilt"]
    assert arms == ("fresh-0", "fresh-1")
    assert set(bounds) == {A}  # nothing moved B, so that its threshold counts
    assert bounds[A] > max(MOVED)
    assert extra == {}
    _, bounds, extra = found["rebuilt-slowed"]
    assert extra[A] > bounds[A]


def test_builds_whose_code_is_placed_anew_have_no_limits(
    tried: Callable[..., list[tuple[Any, ...]]],
) -> None:
    found = {kind: (bounds, extra) for kind, _, bounds, extra in tried(
        Drawn.COMMON, placement=len(MOVED), rebuilt=1, **{"rebuilt-slowed": 1}
    )}  # fmt: skip
    assert found["rebuilt"] == ({}, {})
    assert found["rebuilt-slowed"] == ({}, {A: 0.03})


@needs_linker
def test_where_another_word_changes_nothing_native_code_is_linked_again(tmp_path: Path) -> None:
    project = copied("extension", tmp_path / "toy")
    arm = built("head", project, tmp_path)
    ready = Prepared(
        arm, arm, Suite(project, tmp_path), GatePlan(measured={}, thresholds={}), Settings(), "",
        1.0, Recipe(install=BUILD),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DUEL_CACHE", str(tmp_path))
        one, other = (placement.built(ready, f"fresh-{number}") for number in range(2))
    assert differing(one.modules, other.modules) == {"toy.so"}
    pair = replace(ready, base=one, head=other)
    with placement.drawn(pair, Drawn.COMMON, "1") as drawn:
        base, head = (Path(drawn.in_block(own, 0).placed["toy"]) for own in (one, other))
        assert base.read_bytes() == head.read_bytes()  # they are one source
    assert not base.exists()
    with placement.drawn(pair, Drawn.INDEPENDENT, "1") as drawn:
        base, head = (Path(drawn.in_block(own, 0).placed["toy"]) for own in (one, other))
        assert base.read_bytes() != head.read_bytes()


@needs_linker
def test_the_toy_of_native_kernels_is_linked_again(tmp_path: Path) -> None:
    project = copied("native", tmp_path / "toy")
    build = Recipe(install=BUILD.replace("toy", "kernels"))  # setuptools takes longer
    arm = Arm("toy", modules=install(project, build, tmp_path).modules)
    placed = linker_of(arm, {"kernels.so"}).place("1", tmp_path / "placed")
    found = listed(replace(arm, placed=placed), Suite(project, tmp_path))
    assert [name.partition("[")[2] for name in found] == [
        "sorted]", "hashed]", "parsed]", "walked]",
    ]  # fmt: skip


def test_two_builds_need_native_code(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "toy")
    arm = Arm("head", modules={"toy": str(project)})
    ready = Prepared(
        arm, arm, Suite(project, tmp_path), GatePlan(measured={}, thresholds={}), Settings(), "",
        1.0, Recipe(install="none"),
    )  # fmt: skip
    with pytest.raises(SelftestError, match="no native module"):
        placement.built(ready, "fresh-0")


def test_a_self_test_ends_in_time_and_goes_on_later(
    tried: Callable[..., list[tuple[Any, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(1000))
    monkeypatch.setattr(trials, "time", SimpleNamespace(monotonic=lambda: next(now)))
    assert len(tried(same=20)) == 20
    assert 0 < len(tried(patience=6.0, same=20)) < 10


@given(same=st.integers(1, 30), slowed=st.integers(0, 30), stock=st.integers(0, 30))
def test_every_trial_is_made_once_and_more_are_added(same: int, slowed: int, stock: int) -> None:
    steps = plan(same=same, slowed=slowed, stock=stock).steps()
    assert len(set(steps)) == len(steps) == same + slowed + stock
    more = plan(same=same + 5, slowed=slowed, stock=stock + 1).steps()
    assert set(steps) <= set(more)


def test_a_trial_of_equal_code_comes_first() -> None:
    assert plan(same=3, slowed=3, stock=3).steps()[0] == (Kind.SAME, 0)


def gate(kind: Kind, index: int, exit_code: Exit, **parts: Any) -> Trial:
    trial = {
        "kind": kind, "index": index, "extra": {}, "exit": exit_code, "void": False, "means": {},
        "unmeasured": {}, "seconds": 10.0, "cases": {A: case(), B: case()},
    }  # fmt: skip
    return trial | parts


def case(verdict: str = "no change", extra: float = 0.0) -> dict[str, Any]:
    return {"verdict": verdict, "extra": extra, "seconds": 1e-5}


def test_benchmarks_take_turns_unless_nothing_can_be_planted() -> None:
    assert [target([A, B], index, []) for index in range(3)] == [A, B, A]
    never = gate(Kind.SAME, 0, Exit.ERROR, cases={B: case()}, unmeasured={A: "it fails"})
    assert {target([A, B], index, [never]) for index in range(3)} == {B}
    once = [never, gate(Kind.SAME, 1, Exit.PASS)]
    assert target([A, B], 0, once) == A
    stuck = gate(Kind.SLOWED, 0, Exit.ERROR, extra={A: 0.03}, unmeasured={A: STANDS_STILL})
    assert {target([A, B], index, [*once, stuck]) for index in range(3)} == {B}
    slow = gate(Kind.SLOWED, 0, Exit.ERROR, extra={A: 0.03}, unmeasured={A: SILENT})
    assert [target([A, B], index, [*once, slow]) for index in range(3)] == [A, B, A]
    with pytest.raises(SelftestError, match="it fails"):
        target([A], 0, [never])


# What it says.

SLOW = {"extra": {A: 0.03}}
TRIALS = [
    gate(Kind.SAME, 0, Exit.PASS),
    gate(Kind.SAME, 1, Exit.REGRESSION, cases={A: case(), B: case("regression")}),
    gate(Kind.SAME, 2, Exit.INCONCLUSIVE, void=True),
    gate(Kind.SAME, 3, Exit.INCONCLUSIVE),
    gate(Kind.SLOWED, 0, Exit.REGRESSION, cases={A: case("regression", 0.03), B: case()}, **SLOW),
    gate(
        Kind.SLOWED, 1, Exit.REGRESSION,
        cases={A: case("regression", 0.03), B: case("regression")}, **SLOW,
    ),
    gate(
        Kind.SLOWED, 2, Exit.REGRESSION, means={"all": "regression"},
        cases={A: case("inconclusive", 0.03), B: case()}, **SLOW,
    ),
    gate(Kind.SLOWED, 3, Exit.PASS, cases={A: case("no change", 0.03), B: case()}, **SLOW),
    gate(
        Kind.SLOWED, 4, Exit.INCONCLUSIVE, void=True,
        cases={A: case("regression", 0.03), B: case()}, **SLOW,
    ),
    {
        "kind": Kind.STOCK, "index": 0, **SLOW,
        "runs": [
            {A: {"min": 1.0, "mean": 1.0}, B: {"min": 1.0, "mean": 1.0}},
            {A: {"min": 1.0, "mean": 1.0}, B: {"min": 1.0, "mean": 1.07}},
            {A: {"min": 1.03, "mean": 1.03}, B: {"min": 1.0, "mean": 1.07}},
        ],
    },
]  # fmt: skip
KEY = {
    "project": "toy", "benchmarks": [A, B], "threshold": 0.02, "budget": 180.0, "slowdown": 0.03,
}  # fmt: skip
MACHINE = {"cores": 2, "usable_cores": 2, "versions": {"python": "3.11.7"}}


def builds(kind: Kind, change: float, exit_code: Exit, **parts: Any) -> Trial:
    cases = {A: {**case(), "change": change}, B: {**case(), "change": 0.0}}
    return gate(kind, 0, exit_code, cases=cases, **parts)


OF_BUILDS = [
    builds(Kind.REBUILT, 0.02, Exit.PASS),
    builds(Kind.REBUILT, -0.02, Exit.REGRESSION),
    builds(Kind.REBUILT_SLOWED, 0.03, Exit.REGRESSION, **SLOW),
]


def saved(path: Path, trials: list[Trial] | None = None, **key: Any) -> dict[str, Any]:
    """Write a file of trials, and return what it holds."""
    report = Report(path, KEY | key, MACHINE, {"id": "0123456789"})
    for one in TRIALS if trials is None else trials:
        report.add(one)
    return rates.load(path)


@pytest.mark.parametrize(("kind", "what", "expected"), [
    (Kind.SAME, rates.EQUAL, [1, 1, 1, 1, 0]),
    (Kind.SLOWED, rates.SLOWED, [2, 1, 2, 1, 1, 0, 0]),
])  # fmt: skip
def test_gates_are_counted_by_what_they_say(
    kind: Kind, what: dict[str, Callable[[Trial], bool]], expected: list[int]
) -> None:
    assert [rates.rate(TRIALS, kind, told).happened for told in what.values()] == expected


def test_a_gate_into_which_nothing_could_be_planted_tells_nothing() -> None:
    for why in (
        TOO_SHORT,
        STANDS_STILL,
        f"{REASONS[-1]} to be waited for: it took 3 times as long",
    ):
        stuck = gate(Kind.SLOWED, 5, Exit.ERROR, cases={B: case()}, unmeasured={A: why}, **SLOW)
        for told in rates.SLOWED.values():
            assert rates.rate([*TRIALS, stuck], Kind.SLOWED, told).of == 5


def test_a_slowed_benchmark_that_fails_for_another_reason_counts(tmp_path: Path) -> None:
    silent = gate(Kind.SLOWED, 5, Exit.ERROR, cases={B: case()}, unmeasured={A: SILENT}, **SLOW)
    assert rates.rate([*TRIALS, silent], Kind.SLOWED, rates.is_named) == Rate(2, 6)
    assert rates.rate([*TRIALS, silent], Kind.SLOWED, rates.is_error) == Rate(1, 6)
    data = saved(tmp_path / "saved.json", [*TRIALS, silent])
    told = {one.title: cells(one) for one in rates.tables(data)}
    assert told[rates.UNMEASURED] == {A: (SILENT,)}
    assert rates.UNPLANTED not in told
    assert next(own for title, own in told.items() if "by benchmark" in title)[A][1] == "6 times"
    assert f"{A}: {SILENT}" in said.terminal(data)


def cells(table: rates.RateTable) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for row in table.rows}


def test_stock_rules_are_judged_on_the_same(tmp_path: Path) -> None:
    equal, slow, *_ = rates.tables(saved(tmp_path / "saved.json"))
    assert cells(equal)["pytest-benchmark, mean:5%: alarm"][0] == "1 of 1"
    assert cells(equal)["pytest-benchmark, min:5%: alarm"][0] == "0 of 1"
    assert cells(slow)["pytest-benchmark, mean:5%: caught"][0] == "0 of 1"
    assert cells(slow)["pytest-benchmark, mean:2%: caught"][0] == "1 of 1"


def test_each_benchmark_is_told(tmp_path: Path) -> None:
    by_benchmark = cells(rates.tables(saved(tmp_path / "saved.json"))[2])
    assert by_benchmark[A][1:] == ("5 times", "2", "0 of 4")
    assert by_benchmark[B][1:] == ("0 times", "0", "2 of 9")


@pytest.mark.parametrize("trials", [[], TRIALS[:1], TRIALS[:5], TRIALS])
@pytest.mark.parametrize("name", said.FORMATS)
def test_every_format_says_any_trials(name: str, trials: list[Trial], tmp_path: Path) -> None:
    path = tmp_path / "saved.json"
    data = saved(path, trials) if trials else {**saved(path), "trials": []}
    assert "toy" in said.FORMATS[name](data)


def test_what_cannot_be_slowed_is_named_with_why(tmp_path: Path) -> None:
    stuck = gate(Kind.SLOWED, 0, Exit.ERROR, cases={B: case()}, unmeasured={A: TOO_SHORT}, **SLOW)
    data = saved(tmp_path / "saved.json", [gate(Kind.SAME, 0, Exit.PASS), stuck])
    for form in said.FORMATS.values():
        assert A in form(data).partition(rates.UNPLANTED)[2]
        assert "too short to be" in form(data)


# In a document.


@pytest.fixture
def document(tmp_path: Path) -> Path:
    saved(tmp_path / "runs.json")
    saved(tmp_path / "other.json", project="other")
    path = tmp_path / "README.md"
    path.write_text(
        "before\n\n<!-- selftest: runs.json other.json -->\n<!-- end selftest -->\n\nafter\n"
    )
    return path


def test_a_document_gets_a_row_for_each_file_and_stays_so(document: Path) -> None:
    assert said.update(document)
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows[2:]] == ["| toy (2)", "| other (2)"]
    assert not said.update(document)


def test_a_document_has_a_table_of_gates_of_two_builds(tmp_path: Path) -> None:
    saved(tmp_path / "one.json", OF_BUILDS)
    saved(tmp_path / "common.json", OF_BUILDS[:1], placements="common")
    document = tmp_path / "method.md"
    document.write_text(
        "<!-- selftest of builds: one.json common.json -->\n<!-- end selftest -->\n"
    )
    assert said.update(document)
    one, common = document.read_text().splitlines()[5:7]
    assert "where it was built to lie" in one
    assert "1 of 2" in one
    assert "0.0% to 2.8%" in one
    assert "alike on both sides" in common
    assert "0 of 1" in common
    assert not said.update(document)


def test_trials_of_one_self_test_count_together(tmp_path: Path) -> None:
    """Those of several versions of the code that measures, and of no other benchmarks."""
    saved(tmp_path / "1.json", OF_BUILDS)
    saved(tmp_path / "2.json", OF_BUILDS, code="other")
    saved(tmp_path / "3.json", OF_BUILDS, code="other", slowdown=0.05)
    document = tmp_path / "method.md"
    document.write_text(
        "<!-- selftest of builds: 1.json 2.json 3.json -->\n<!-- end selftest -->\n"
    )
    assert said.update(document)
    rows = [line for line in document.read_text().splitlines() if line.startswith("| toy")]
    assert ["2 of 4" in row for row in rows] == [True, False]
    assert ["1 of 2" in row for row in rows] == [False, True]


def test_a_document_names_gates_of_two_builds_that_are_still_to_be_made(tmp_path: Path) -> None:
    document = tmp_path / "method.md"
    document.write_text(
        "<!-- selftest of builds: one.json common.json -->\n<!-- end selftest -->\n"
    )
    assert said.update(document)
    text = document.read_text()
    assert "Not measured yet: there is no `one.json`, `common.json`." in text
    assert "|" not in text
    saved(tmp_path / "one.json", OF_BUILDS)
    assert said.update(document)
    text = document.read_text()
    assert "Not measured yet: there is no `common.json`." in text
    assert "where it was built to lie" in text


@pytest.mark.parametrize(("text", "reason"), [
    ("no markers\n", "has no place"),
    ("<!-- selftest: runs.json -->\n", "has no place"),
    (
        "<!-- selftest: runs.json -->\n<!-- end selftest -->\n<!-- end selftest -->\n",
        "no partner",
    ),
    ("<!-- selftest: -->\n<!-- end selftest -->\n", "names no file"),
    ("<!-- selftest: none.json -->\n<!-- end selftest -->\n", "cannot be read"),
    ("<!-- selftest: catalogue.json -->\n<!-- end selftest -->\n", "of a catalogue"),
])  # fmt: skip
def test_a_document_that_cannot_be_updated_is_left_alone(
    text: str, reason: str, document: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    Report(document.with_name("catalogue.json"), {}, MACHINE, {}).add(TRIALS[0])
    monkeypatch.chdir(document.parent)
    document.write_text(text)
    assert main(["selftest", "--update", str(document)]) == 2
    assert reason in capsys.readouterr().err
    assert document.read_text() == text


def test_the_readme_says_what_was_saved() -> None:
    path = TESTS.parent / "README.md"
    text = path.read_text(encoding="utf-8")
    assert said.BEGIN not in text or said.refreshed(text, path) == text


# A real one.


SETTINGS = """
[tool.pytest-duel]
install = "none"

[tool.pytest.ini_options]
addopts = "--benchmark-max-time=0.1 -p no:hypothesispytest"
"""
OPTIONS = (
    "selftest", "benchmarks", "-k", "busy", "--trials", "1", "--slowdown", "50%",
    "--threshold", "20%", "--budget", "2", "--output", "saved.json",
)  # fmt: skip


@pytest.mark.slow
def test_a_self_test_of_real_benchmarks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository("flat", tmp_path / "toy")
    with (folder / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write(SETTINGS)
    monkeypatch.chdir(folder)
    assert main(OPTIONS) == 0
    said_on_the_way = capsys.readouterr().err
    assert "self-test of 1 benchmark: 3 trials, about " in said_on_the_way
    assert said_on_the_way.count("installing the head") == 1
    path = folder / "saved.json"
    data = json.loads(path.read_text())
    by_kind = {one["kind"]: one for one in data["trials"]}
    assert set(by_kind) == {"same", "slowed", "stock"}
    busy = "benchmarks/test_toy.py::test_busy"
    assert by_kind["slowed"]["extra"] == {busy: 0.5}
    # By the toy's own clock, which a busy machine does not change.
    assert by_kind["slowed"]["cases"][busy]["change"] == pytest.approx(0.5, rel=0.01)
    assert by_kind["same"]["cases"][busy]["change"] == pytest.approx(0.0, abs=0.001)
    assert [set(one) for one in by_kind["stock"]["runs"]] == [{busy}] * 3
    # It goes on with what there is, and says the same again.
    assert main(OPTIONS) == 0
    assert "0 trials" in capsys.readouterr().err
    assert json.loads(path.read_text()) == data
    assert main(["selftest", "--show", "--output", "saved.json", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["key"]["benchmarks"] == data["key"]["benchmarks"]
