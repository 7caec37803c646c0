"""Fixtures that outlive a benchmark: what they set up is torn down when a worker ends."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pytest_duel.gate.collect import collect
from pytest_duel.paired import engine, sides
from pytest_duel.paired.checking import check
from pytest_duel.paired.client import HangError, SideError
from pytest_duel.paired.contests import Contest
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.in_turns import TurnsBlock
from pytest_duel.paired.pytest_client import PytestSide, Suite, pytest_workers
from strangers import arm, copied, one_block

FILE = "benchmarks/test_kept.py"
NAME = f"{FILE}::test_kept"
TESTS = """
import os
import time
from pathlib import Path

import pytest
import toy

HOME = Path({home!r})


@pytest.fixture(scope="session")
def locked():
    lock = HOME / {lock}
    lock.open("x").close()
    yield
    lock.unlink()
    print("torn down")


@pytest.fixture(scope="module", autouse=True)
def module():
    yield
    with (HOME / "modules").open("a") as told:
        told.write("m")
    {teardown}


def test_kept(benchmark, locked):
    {body}


def test_hangs(benchmark, locked):
    benchmark(time.sleep, 600)
"""
Write = Callable[..., Suite]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return what writes tests that lock a file in this folder, for arms that are alike."""
    project = copied("flat", tmp_path / "head")
    (tmp_path / "scratch").mkdir()

    def written(
        body: str = "benchmark(toy.busy)", teardown: str = "", lock: str = "'lock'"
    ) -> Suite:
        text = TESTS.format(home=str(tmp_path), body=body, teardown=teardown, lock=lock)
        (project / FILE).write_text(text)
        return Suite(project, tmp_path / "scratch", (FILE,))

    return written


OWN = "f'lock-{os.getpid()}'"
"""A file of each process."""


def left(tests: Suite) -> list[str]:
    """Return what fixtures have left behind."""
    return [one.name for one in tests.scratch.parent.glob("lock*")]


@pytest.mark.parametrize("body", ["benchmark(toy.busy)", "raise OSError", "pytest.skip('no')"])
def test_a_block_tears_down_what_its_processes_have_set_up(write: Write, body: str) -> None:
    tests = write(body, lock=OWN)
    own = arm("head", tests.folder)
    one_block((own, own), tests, [NAME])
    assert left(tests) == []
    assert (tests.scratch.parent / "modules").read_text() == "mm"


def test_arms_that_take_turns_may_each_lock_a_file(write: Write) -> None:
    tests = write()
    own = arm("base", tests.folder), arm("head", tests.folder)
    contest = Contest(NAME, own, file=FILE, alike=False)
    in_turns = Engine(pytest_workers(tests), [contest], 1, block=TurnsBlock, most=1)
    for _ in in_turns.blocks():
        pass
    assert in_turns.measured.errors == {}
    assert list(in_turns.measured.differences) == [NAME]
    assert left(tests) == []


def test_a_check_tears_down(write: Write) -> None:
    tests = write()
    own = arm("base", tests.folder), arm("head", tests.folder)
    assert check(own, tests, [NAME], together=False).reasons == {}
    assert left(tests) == []


def test_who_only_collects_lets_pytest_end(write: Write) -> None:
    tests = write()
    told = tests.scratch.parent / "told"
    (tests.folder / "conftest.py").write_text(
        f"def pytest_unconfigure():\n    open({str(told)!r}, 'w').close()\n"
        f"def pytest_terminal_summary():\n    open({str(told)!r} + '-summary', 'w').close()\n"
    )
    collect(arm("head", tests.folder), tests, "the head")
    assert [one.name for one in told.parent.glob("told*")] == ["told"]


def test_a_benchmark_that_is_open_is_torn_down(write: Write) -> None:
    tests = write()
    with closing(PytestSide(arm("head", tests.folder), tests)) as side:
        side.ask(side.hello)
        side.ask({"do": "open", "name": NAME})
        assert left(tests) == ["lock"]
    assert left(tests) == []


def test_who_asks_a_side_that_another_has_dismissed_lets_it_end(write: Write) -> None:
    tests = write()
    side = PytestSide(arm("head", tests.folder), tests)
    side.ask(side.hello)
    side.ask({"do": "open", "name": NAME})
    side.dismiss()
    with pytest.raises(SideError, match="head ended with exit code"):
        side.ask({"do": "time", "name": NAME, "calls": 1})
    assert left(tests) == []


@pytest.mark.parametrize("teardown", ["raise OSError('odd')", "pytest.exit('enough')"])
def test_a_teardown_that_fails_changes_nothing(write: Write, teardown: str) -> None:
    tests = write(teardown=teardown, lock=OWN)
    own = arm("head", tests.folder)
    found = one_block((own, own), tests, [NAME])
    assert found.errors == {}
    assert list(found.differences) == [NAME]
    assert "exit" in teardown or left(tests) == []


def test_a_teardown_that_hangs_is_ended(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sides.end, "__defaults__", (0.5,))
    tests = write(teardown="time.sleep(600)", lock=OWN)
    own = arm("head", tests.folder)
    found = one_block((own, own), tests, [NAME])
    assert list(found.differences) == [NAME]


def test_what_hangs_is_not_waited_for(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = write()
    side = PytestSide(arm("head", tests.folder), tests)
    try:
        side.ask(side.hello)
        name = f"{FILE}::test_hangs"
        side.ask({"do": "open", "name": name})
        with pytest.raises(HangError):
            side.ask({"do": "time", "name": name, "calls": 1}, 0.1)
    finally:
        waited: list[float] = []
        monkeypatch.setattr(side._ended, "wait", waited.append)
        side.close()
    assert waited == []


def test_an_interrupt_leaves_a_little_time(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "GRACE", 60.0)
    tests = write(lock=OWN)
    own = arm("head", tests.folder)
    contest = Contest(NAME, (own, own), file=FILE, alike=False)
    blocks = Engine(pytest_workers(tests), [contest], 1).blocks()
    next(blocks)
    with pytest.raises(KeyboardInterrupt):
        blocks.throw(KeyboardInterrupt)
    assert left(tests) == []
