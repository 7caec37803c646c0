"""``python -m bench repeat``: sweeps of the same code, and where they say different things."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.commands import repeat
from bench.study import repeats
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
