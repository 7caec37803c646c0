"""What a gate concludes from blocks whose truth is known."""

from dataclasses import replace

import pytest

from pytest_duel.paired import sampling
from pytest_duel.selftest import catalogue_gate as gate
from pytest_duel.selftest.catalogue_gate import NULL, Parity
from pytest_duel.selftest.catalogue_judgement import judge
from pytest_duel.support.exit_codes import Exit
from simulated_gate import SETTINGS, gated, scope_of

RUST = [f"clear[rust-uniform-{n}]" for n in (5, 50, 200)]
NUMBA = [f"clear[numba-uniform-{n}]" for n in (5, 50)]
FIVE, FIFTY, LARGE = RUST
SCOPE = scope_of(RUST, NUMBA)
NULLS = [NULL + name for name in gate.spread([*RUST, *NUMBA], gate.NULLS)]


@pytest.mark.parametrize(("changes", "words", "code"), [
    ({}, ["no change"] * 3, Exit.PASS),
    ({FIVE: 0.10}, ["regression", "no change", "no change"], Exit.REGRESSION),
    ({FIFTY: -0.20}, ["no change", "improvement", "no change"], Exit.PASS),
    ({FIVE: -0.20, LARGE: 0.05}, ["improvement", "no change", "regression"], Exit.REGRESSION),
])  # fmt: skip
def test_a_gate_says_which_cases_are_slower(
    changes: dict[str, float], words: list[str], code: Exit
) -> None:
    found = gated(SCOPE, changes)
    assert [row.word for row in found.rows] == [*words, "control", "control"]
    assert [row.name for row in found.rows] == [*RUST, *NUMBA]
    assert found.exit is code
    assert not found.void
    assert found.warnings == ()


def test_what_nobody_can_tell_is_inconclusive() -> None:
    found = gated(SCOPE, noise={FIVE: 0.3})
    assert [row.word for row in found.rows[:3]] == ["inconclusive", "no change", "no change"]
    assert found.exit is Exit.INCONCLUSIVE
    assert found.data["blocks"] == sampling.LOOKS[-1]


def test_a_case_is_held_to_its_own_threshold() -> None:
    own = replace(SCOPE, thresholds={**SCOPE.thresholds, FIVE: 0.15, FIFTY: 0.08},
                  floors={FIFTY: 0.08})  # fmt: skip
    found = gated(own, {FIVE: 0.10, FIFTY: 0.05, LARGE: 0.10})
    assert [row.word for row in found.rows[:3]] == ["tolerated", "tolerated", "regression"]
    assert all(row.notable for row in found.rows[:3])
    notes = [row.note for row in found.rows[:3]]
    assert notes == [
        "a slowdown counts from 15.0%",
        "a slowdown counts from 8.0%: code placement alone may give less",
        "",
    ]
    assert [row.data["threshold"] for row in found.rows[:3]] == [0.15, 0.08, 0.02]


def test_more_on_a_case_is_said_beside_its_threshold() -> None:
    own = replace(SCOPE, thresholds={**SCOPE.thresholds, FIVE: 0.15})
    found = gated(own, notes={FIVE: "instructions +1.00%", FIFTY: "instructions +0.00%"})
    assert [row.note for row in found.rows[:2]] == [
        "instructions +1.00%; a slowdown counts from 15.0%",
        "instructions +0.00%",
    ]


@pytest.mark.parametrize("changes", [{}, {FIVE: 0.10}])
def test_a_benchmark_that_is_gone_is_never_a_pass(changes: dict[str, float]) -> None:
    found = gated(replace(SCOPE, gone=("train[rust-bidding-5]",)), changes)
    assert found.exit is (Exit.REGRESSION if changes else Exit.ERROR)
    (row,) = [row for row in found.rows if row.word == "gone"]
    assert (row.name, row.exit) == ("train[rust-bidding-5]", Exit.ERROR)
    assert "accept" in row.note


def test_what_is_new_removed_or_the_same_is_told_and_passes() -> None:
    found = gated(replace(SCOPE, new=("a[b-c-1]",), removed=("d[e-f-2]",), same=("g[h-i-3]",)))
    assert found.exit is Exit.PASS
    said = {row.name: row.word for row in found.rows[5:]}
    assert said == {"a[b-c-1]": "new", "d[e-f-2]": "removed", "g[h-i-3]": "same code"}


@pytest.mark.parametrize("null", [*NULLS, *NUMBA])
@pytest.mark.parametrize("change", [0.10, -0.10])
def test_a_machine_that_tells_differences_where_there_are_none_voids_the_gate(
    null: str, change: float
) -> None:
    found = gated(SCOPE, {null: change})
    assert found.void
    assert (found.word, found.exit) == ("void", Exit.INCONCLUSIVE)
    (warning,) = found.warnings
    assert null.removeprefix(NULL) in warning
    assert "void" in warning


def test_a_void_gate_never_passes_whatever_its_rows_say() -> None:
    for changes in ({FIVE: 0.1}, {FIVE: -0.5}):
        found = gated(SCOPE, {**changes, NULLS[0]: 0.1})
        assert found.word == "void"
        assert found.exit is not Exit.PASS
    found = gated(replace(SCOPE, gone=("a[b-c-1]",)), {NULLS[0]: 0.1})
    assert found.exit is Exit.ERROR


def test_a_control_that_trips_is_no_regression_of_the_change() -> None:
    found = gated(SCOPE, {NUMBA[0]: 0.10})
    assert {row.word for row in found.rows} == {"no change", "control"}


def test_a_gate_whose_base_was_not_held_against_itself_is_void() -> None:
    found = gated(SCOPE, wrong=dict.fromkeys(NULLS, "base died with exit code -9"))
    assert (found.word, found.exit) == ("void", Exit.INCONCLUSIVE)
    assert all(f"{name} could not be measured: base died" in said
               for name, said in zip(NULLS, found.warnings, strict=True))  # fmt: skip
    assert "the base against itself: not measured" in found.notes


def test_one_null_is_enough() -> None:
    found = gated(SCOPE, wrong={NULLS[0]: "base died with exit code -9"})
    assert (found.void, found.exit) == (False, Exit.PASS)
    assert len(found.warnings) == 1


def test_a_case_that_is_wrong_is_an_error_with_its_reason() -> None:
    found = gated(SCOPE, wrong={FIFTY: "head: price differs in the last bit"})
    assert found.rows[1].word == "error"
    assert found.rows[1].note == "head: price differs in the last bit"
    assert [row.word for row in found.rows if row is not found.rows[1]] == [
        "no change", "no change", "control", "control",
    ]  # fmt: skip
    assert (found.word, found.exit) == ("error", Exit.ERROR)
    assert gated(SCOPE, {FIVE: 0.1}, wrong={FIFTY: "x"}).exit is Exit.REGRESSION


def test_a_control_that_is_wrong_is_an_error_too() -> None:
    found = gated(SCOPE, wrong={NUMBA[0]: "head: price differs in the last bit"})
    assert (found.rows[3].word, found.exit) == ("error", Exit.ERROR)


def test_where_nothing_was_measured_it_says_so_and_passes() -> None:
    idle = replace(scope_of([]), same=tuple(RUST))
    found = judge(idle, None, Parity(0, {}), "a title", 0.02, {}, "")
    assert (found.word, found.exit) == ("no change", Exit.PASS)
    assert any("nothing was measured" in note for note in found.notes)
    assert {row.word for row in found.rows} == {"same code"}
    checked = judge(idle, None, Parity(912), "a title", 0.02, {}, "")
    assert checked.notes[-1] == "parity: 912 calls compared bit for bit, head only"
    assert checked.data["parity_calls"] == 912
    assert checked.exit is Exit.PASS
    gone = judge(replace(idle, gone=("a[b-c-1]",)), None, Parity(0, {}), "a title", 0.02, {}, "")
    assert gone.exit is Exit.ERROR


def test_a_budget_that_ends_early_is_warned_of() -> None:
    found = gated(SCOPE, settings=replace(SETTINGS, budget=1e-9))
    assert found.exit is Exit.INCONCLUSIVE
    (warning,) = found.warnings
    assert "the budget ended at block 3, before the last look" in warning
    assert "undecided: 1 of 3" in warning
    assert "--budget" in warning


def test_notes_say_how_much_was_measured_and_quote_the_selftest() -> None:
    found = gated(SCOPE, quote="self-test: 0 of 100")
    assert found.notes[0].startswith("measured for 87 s; blocks: 12,")
    assert "a regression is called at a level of 1% for all cases and looks" in found.notes[0]
    assert found.notes[1].startswith("change [95 %]: the median over blocks, and the interval of")
    assert found.notes[2].startswith("parity: 3,912 calls")
    assert all(name.removeprefix(NULL) in found.notes[3] for name in NULLS)
    assert found.notes[-1] == "self-test: 0 of 100"
    assert set(found.data["nulls"]) == {*NULLS, *NUMBA}
