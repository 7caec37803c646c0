"""Counting instructions: the same number every time, and a reason where there is none."""

import shutil
import sys
from pathlib import Path

import pytest

from pytest_duel.paired import callgrind
from pytest_duel.paired.callgrind import Counted, CountError, compare, per_call, unavailable
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.pytest_client import Suite
from strangers import arm, copied

BUSY, OTHER = "benchmarks/test_toy.py::test_busy", "benchmarks/test_toy.py::test_upper"


@pytest.fixture
def toy(tmp_path: Path) -> Suite:
    for name in ("head", "base"):
        copied("flat", tmp_path / name)
    (tmp_path / "scratch").mkdir()
    return Suite(tmp_path / "head", tmp_path / "scratch", ("benchmarks",))


def test_a_change_is_a_share_of_the_base() -> None:
    assert Counted(200.0, 250.0).change == pytest.approx(0.25)


def test_missing_valgrind_is_a_reason_for_every_benchmark(
    toy: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    own = arm("head", toy.folder)
    both = [Contest(name, (own, own)) for name in (BUSY, OTHER)]
    counted, errors = compare((own, own), toy, both, lambda _: None)
    assert counted == {}
    assert set(errors) == {BUSY, OTHER}
    assert all("valgrind is not installed" in why for why in errors.values())


def test_other_systems_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "on Linux only" in str(unavailable())


@pytest.mark.parametrize(("script", "reason"), [
    ("#!/bin/sh\necho no such tool >&2\nexit 1\n", "valgrind does not work here: no such tool"),
    ("no program", "Exec format error"),
])  # fmt: skip
def test_a_valgrind_that_does_not_work_here_is_a_reason(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "valgrind"
    program.write_text(script, encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(shutil, "which", lambda _: str(program))
    assert reason in str(unavailable())


@pytest.mark.slow
def test_instructions_are_counted_on_both_sides(toy: Suite) -> None:
    if reason := unavailable():
        pytest.skip(reason)
    work = toy.folder / "toy/work.py"
    text = work.read_text(encoding="utf-8")
    work.write_text(text.replace("range(ROUNDS)", "range(2 * ROUNDS)"), encoding="utf-8")
    arms = arm("base", toy.folder.parent / "base"), arm("head", toy.folder)
    told: list[str] = []
    pair = Contest("a pair", arms, benchmarks=(BUSY, OTHER))
    asked = [Contest(BUSY, arms), pair, Contest("benchmarks/test_toy.py::test_none", arms)]
    counted, errors = compare(arms, toy, asked, told.append)
    assert counted[BUSY].change == pytest.approx(1.0, abs=0.2)  # large numbers cost more
    assert "a pair" in counted
    assert list(errors) == ["benchmarks/test_toy.py::test_none"]
    assert len(told) == 3


@pytest.mark.parametrize("contents", [[], ["totals: 5"], ["totals: 5", ""], ["totals: 5", "\0"]])
def test_files_of_callgrind_without_sense_are_a_reason(
    contents: list[str], tmp_path: Path
) -> None:
    for number, content in enumerate(contents, 1):
        (tmp_path / f"counts.{number}").write_text(content, encoding="utf-8")
    with pytest.raises(CountError, match="callgrind did not see the loops"):
        per_call(tmp_path, 10)


def test_the_last_two_loops_count_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number, total in {1: 9, 2: 50, 9: 100, 10: 300}.items():
        (tmp_path / f"counts.{number}").write_text(f"totals: {total}\n", encoding="utf-8")
    assert callgrind.per_call(tmp_path, 10) == 20.0
