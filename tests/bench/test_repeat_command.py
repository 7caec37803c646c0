"""``python -m bench repeat``: sweeps of the same code, and where they say different things."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.__main__ import main
from bench.catalogue import catalogue
from bench.commands import repeat
from bench.study import repeats, winners
from bench.study.winners import Claim, Word
from pytest_duel.paired.measurements import Measurements
from pytest_duel.support.exit_codes import Exit

Winners = dict[str, str | None]


def sweep(*questions: tuple[str, Winners, str]) -> dict[str, Any]:
    """Return what a sweep is saved as."""
    return {
        "when": "2026-01-02T03:04:05+00:00", "seconds": 100.0, "parity_seconds": 9.0,
        "lines": 50, "blocks": 4,
        "questions": {
            name: {
                "winners": winners,
                "leads": {size: [one or "rust", 1.5] for size, one in winners.items()},
                "advice": advice,
            }
            for name, winners, advice in questions
        },
    }  # fmt: skip


def saved(*sweeps: dict[str, Any], beside: int = 0) -> dict[str, Any]:
    return {
        "schema": repeats.SCHEMA,
        "machine": {"cpu": "Some CPU", "usable_cores": 2},
        "commit": {"id": "0123456789abcdef", "dirty": False},
        "beside": beside,
        "sweeps": list(sweeps),
    }


def clear(winners: Sequence[str | None], advice: str = "use rust") -> dict[str, Any]:
    return sweep(("clear, uniform", dict(zip(("5", "50", "500"), winners, strict=True)), advice))


def test_winners_that_differ_are_opposed_and_undecided_ones_are_not() -> None:
    data = saved(
        clear(["rust", "rust", None]),
        clear(["rust", None, "numba"]),
        clear(["rust", "numba", None]),
    )
    (found,) = repeats.questions(data)
    assert found.opposed == ["50"]
    assert found.called == 6
    assert found.winners("50") == {"rust": 1, "numba": 1}
    assert found.crossovers == {
        "none": 1, "rust → numba between 5 and 500": 1, "rust → numba between 5 and 50": 1,
    }  # fmt: skip


def test_the_headline_counts_what_differs_and_names_the_machine() -> None:
    data = saved(clear(["rust"] * 3), clear(["numba", "rust", "rust"], "choose by size"), beside=1)
    said = repeats.headline(data)
    assert "Some CPU, 2 cores, with 1 busy loop beside them" in said
    assert said.endswith("call different winners: 1.")
    (row,) = repeats.rows(data)
    assert row == (
        "clear, uniform", "3", "6 of 6", "5", "none (1×); numba → rust between 5 and 50 (1×)",
        "use rust (1×); choose by size (1×)",
    )  # fmt: skip


@pytest.fixture
def swept(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Have sweeps come from a list, on a clean commit."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(repeat, "_sweep", lambda: found.pop(0))
    return found


def test_sweeps_are_saved_one_by_one_and_added_to(
    swept: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "repeat.json"
    swept += [clear(["rust"] * 3)] * 2
    assert main(["repeat", "2", "--output", str(file)]) == Exit.PASS
    assert "| clear, uniform | 3 | 6 of 6 | – | none | use rust |" in capsys.readouterr().out
    swept += [clear(["numba", "rust", "rust"])]
    assert main(["repeat", "1", "--output", str(file)]) == Exit.REGRESSION
    assert len(repeats.load(file)["sweeps"]) == 3
    capsys.readouterr()
    assert main(["repeat", "0", "--output", str(file)]) == Exit.REGRESSION
    assert capsys.readouterr().out.startswith("3 sweeps of 4 blocks in a row on ")


def calling(winners: Winners, seconds: Sequence[str]) -> dict[str, Any]:
    """Return a sweep that tells which backend comes next, size by size."""
    found = clear(list(winners.values()))
    said = found["questions"]["clear, uniform"]
    for (size, lead), second in zip(said["leads"].items(), seconds, strict=True):
        said["leads"][size] = [*lead, second]
    return found


SWEEPS = [
    calling({"5": "rust", "50": "rust", "500": None}, ("numba", "numba", "numba")),
    calling({"5": "rust", "50": "numba", "500": None}, ("numba", "rust", "numba")),
]


def test_each_winner_that_a_sweep_calls_is_held_against_the_next_backend() -> None:
    found = winners.claims(SWEEPS, catalogue())
    assert [(one.n, one.winner, one.other) for one in found] == [
        (5, "rust", "numba"), (50, "rust", "numba"), (50, "numba", "rust"),
    ]  # fmt: skip
    assert [case.id for case in found[2].cases()] == [
        "clear[numba-uniform-50]", "clear[rust-uniform-50]",
    ]  # fmt: skip
    older = winners.claims([clear(["rust", None, None])], catalogue())  # tells no second
    assert [one.other for one in older] == ["numpy", "numba"]


@pytest.fixture
def duels(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Have duels find rust 1.5 times as fast as numba at 5 units; at 50 only the first works."""
    asked: list[str] = []

    def measured(arrange: Any, blocks: int) -> Measurements:
        logs = np.log([1.5, 1.51] * (blocks // 2))
        at_5, at_50, turned = asked
        return Measurements({at_5: [*logs], at_50: [*logs]}, errors={turned: "it is wrong"})

    def of_cases(cases: Any, _: Any) -> None:
        asked.extend(cases)

    monkeypatch.setattr("pytest_duel.duel.pairs.of_cases", of_cases)
    monkeypatch.setattr(repeat, "measured", measured)
    return asked


def test_duels_are_saved_with_the_sweeps_and_go_with_new_ones(
    swept: list[dict[str, Any]], duels: list[str], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "repeat.json"
    swept += SWEEPS
    main(["repeat", "2", "--output", str(file)])
    assert "Their winners were not held against a duel." in capsys.readouterr().out
    main(["repeat", "0", "--duel", "24", "--output", str(file)])
    said = capsys.readouterr().out
    assert "in a duel of 24 blocks with the next backend on " in said
    assert "2 held, 0 refuted, 1 not measured." in said
    assert "2 held; not measured: numba before rust at 50: it is wrong |" in said
    saved = repeats.load(file)["duels"]
    assert (saved["blocks"], len(saved["found"])) == (24, 3)
    assert saved["found"][0]["ratio"] == pytest.approx(1.505, rel=0.01)
    swept += [clear(["rust"] * 3)]
    main(["repeat", "1", "--output", str(file)])
    assert "duels" not in repeats.load(file)


@pytest.mark.parametrize(("ratios", "word"), [
    ((1.1, 1.12), Word.HELD), ((0.9, 1.1), Word.OPEN), ((0.9, 0.92), Word.REFUTED),
])  # fmt: skip
def test_a_duel_holds_or_refutes_where_its_whole_interval_does(
    ratios: tuple[float, float], word: Word
) -> None:
    claim = Claim("clear, uniform", 5, "rust", "numba")
    logs = [float(one) for one in np.log(ratios * 12)]
    (found,) = winners.judged([claim], Measurements({claim.name: logs}), 24)
    assert winners.word(found) is word


def test_the_intervals_of_many_duels_are_wider() -> None:
    claims = [Claim("clear, uniform", n, "rust", "numba") for n in range(1, 21)]
    logs = [float(one) for one in np.log((1.0, 1.2) * 12)]
    measured = Measurements({one.name: logs for one in claims})
    one, many = (winners.judged(some, measured, 24)[0] for some in (claims[:1], claims))
    assert many["low"] < one["low"] < one["high"] < many["high"]


def test_the_docs_show_quiet_and_busy_sweeps_and_say_which_are_not_saved() -> None:
    quiet, busy = saved(clear(["rust"] * 3)), saved(clear(["rust"] * 3), beside=1)
    both = repeats.render_all([busy, quiet])
    assert both.index("2 cores, commit") < both.index("2 cores, with 1 busy loop")
    assert "are saved" not in both
    assert "No sweeps with a busy process beside them are saved." in repeats.render_all([quiet])
    assert "No sweeps on a quiet machine are saved." in repeats.render_all([busy])


@pytest.mark.parametrize(("key", "value"), [
    ("commit", {"id": "another"}), ("beside", 3), ("machine", {"cpu": "Other", "usable_cores": 1}),
])  # fmt: skip
def test_sweeps_of_something_else_are_not_added_to(
    key: str, value: Any, swept: list[dict[str, Any]], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    file = tmp_path / "repeat.json"
    swept += [clear(["rust"] * 3)] * 2
    assert main(["repeat", "1", "--output", str(file)]) == Exit.PASS
    before = json.dumps(json.loads(file.read_text()) | {key: value})
    file.write_text(before)
    assert main(["repeat", "1", "--output", str(file)]) == Exit.ERROR
    assert f"has sweeps of another {key}" in capsys.readouterr().err
    assert file.read_text() == before


@pytest.mark.parametrize(("content", "reason"), [
    ("{", "cannot be read"),
    ("{}", "holds no repeated sweeps"),
    (json.dumps(saved(clear(["rust"] * 3)) | {"schema": 99}), "has schema 99"),
    (json.dumps(saved(clear(["rust"] * 3)) | {"sweeps": 3}), "sweeps is 3: it must be a list"),
    (json.dumps(saved()), "there is no sweep to show"),
])  # fmt: skip
def test_a_file_of_something_else_is_refused(
    content: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "repeat.json"
    file.write_text(content)
    assert main(["repeat", "0", "--output", str(file)]) == Exit.ERROR
    assert reason in capsys.readouterr().err
    assert file.read_text() == content


@pytest.mark.parametrize(("commit", "said"), [
    ({"id": "0123456789abcdef", "dirty": True}, "commit 0123456789 with changes: "),
    ({"id": None, "dirty": None}, "of no known commit: "),
])  # fmt: skip
def test_what_is_in_no_commit_is_not_told_as_one(commit: dict[str, Any], said: str) -> None:
    data = saved(clear(["rust"] * 3)) | {"commit": commit}
    assert said in repeats.headline(data)


def test_a_sweep_that_fails_says_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = subprocess.CompletedProcess([], 1, "some output\nits last line\n", "")
    monkeypatch.setattr("pytest_duel.support.processes.run", lambda *_, **__: failed)
    assert main(["repeat", "1"]) == Exit.ERROR
    assert "its last line" in capsys.readouterr().err
