"""Counting instructions: the same number every time, and a reason where there is none."""

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Self

import pytest

from pytest_duel.paired import callgrind
from pytest_duel.paired.callgrind import (
    Counted,
    CountError,
    SwitchError,
    Way,
    compare,
    per_call,
    unavailable,
)
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.pytest_client import PytestSide, Suite
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


def test_where_nothing_can_be_switched_all_that_runs_is_counted(
    toy: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = arm("head", toy.folder)
    tried: list[Way] = []

    class Pair:
        def __init__(self, arms: object, tests: object, way: Way) -> None:
            self.way = way
            tried.append(way)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def count(self, contest: Contest) -> Counted | None:
            if self.way is Way.SWITCHED:
                raise SwitchError("vgdb does not work here: no ptrace")
            return Counted(1.0, 2.0) if self.way is Way.WHOLE else None

    monkeypatch.setattr(callgrind, "unavailable", lambda: None)
    monkeypatch.setattr(callgrind, "_Pair", Pair)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    told: list[str] = []
    counted, errors = compare((own, own), toy, [Contest(BUSY, (own, own))], told.append)
    assert tried == [Way.PLAIN, Way.SWITCHED, Way.WHOLE]
    assert (counted, errors) == ({BUSY: Counted(1.0, 2.0)}, {})
    assert any("no ptrace" in line for line in told)


@pytest.mark.skipif(not shutil.which("false"), reason="needs a program that always fails")
def test_a_switch_that_fails_is_a_reason(
    toy: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callgrind, "SWITCH", "false")
    own = arm("head", toy.folder)
    pair = callgrind._Pair((own, own), toy, Way.SWITCHED)
    with closing(PytestSide(own, toy)) as side:
        pair._homes, pair._sides = [tmp_path], [side]
        with pytest.raises(SwitchError, match="false does not work here: it says nothing"):
            pair._instrument("on")


LOOPS = """
import itertools, os

def loop(rounds):
    for _ in itertools.repeat(None, rounds):
        pass

os.getpgid(0)
for calls in {calls}, 2 * {calls}:
    loop({rounds} * calls)
    os.getpgid(0)
"""
"""A round makes no number and looks up no name: what these take depends on the process."""


@pytest.mark.slow
def test_all_that_runs_is_counted_where_nothing_is_switched(tmp_path: Path) -> None:
    # Not with a worker: to import pytest takes most of a minute so.
    if reason := unavailable():
        pytest.skip(reason)
    counted = []
    for rounds in 10_000, 20_000:
        home = tmp_path / str(rounds)
        home.mkdir()
        program = [sys.executable, "-IS", "-c", LOOPS.format(rounds=rounds, calls=10)]
        subprocess.run([*callgrind._callgrind(home, Way.WHOLE), *program], check=True, timeout=600)
        counted.append(per_call(home, 10))
    assert Counted(*counted).change == pytest.approx(1.0, abs=0.01)


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
    none = Contest("benchmarks/test_toy.py::test_none", arms)
    asked = [Contest(BUSY, arms), pair, none]
    counted, errors = compare(arms, toy, asked, told.append)
    assert counted[BUSY].change == pytest.approx(1.0, abs=0.2)  # large numbers cost more
    assert {*counted, *errors} == {one.name for one in asked}
    assert list(errors) == [none.name]
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
