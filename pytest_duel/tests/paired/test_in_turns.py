"""Arms that take turns by process: for a session fixture that only one process can have."""

import json
import socket
from pathlib import Path

import pytest

from pytest_duel.cli.main import main
from pytest_duel.gate.findings import SHARED
from pytest_duel.paired.block import Block
from pytest_duel.paired.checking import check
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.in_turns import TurnsBlock
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.pytest_client import Suite, pytest_workers
from pytest_duel.support.exit_codes import Exit
from strangers import arm, copied, repository

FILE = "tests/test_port.py"
BUSY, FEW, CHECKED, SKIPPED = (
    f"{FILE}::test_{name}" for name in ("busy", "few_rounds", "checked", "skipped")
)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell the toy a port that is free."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("TOY_PORT", str(free.getsockname()[1]))


@pytest.fixture
def tests(tmp_path: Path, port: None) -> Suite:
    """Return the head's tests, which need that port, beside a base."""
    copied("port", tmp_path / "base")
    (tmp_path / "scratch").mkdir()
    return Suite(copied("port", tmp_path / "head"), tmp_path / "scratch", (FILE,))


def arms(tests: Suite) -> tuple[Arm, Arm]:
    return arm("base", tests.folder.parent / "base"), arm("head", tests.folder)


def measured(tests: Suite, names: list[str], block: type[Block]) -> Measurements:
    """Return what blocks give of benchmarks, and of the base against itself."""
    base, head = arms(tests)
    contests = [Contest(name, (base, head), file=FILE, alike=False) for name in names]
    null = Contest("null", (base, base), benchmarks=(BUSY, BUSY), alike=False, null=True)
    engine = Engine(pytest_workers(tests), [*contests, null], 1, block=block)
    for _ in engine.blocks():
        engine.stop()
    return engine.measured


def test_both_arms_at_once_fail_by_the_name_of_the_fixture(tests: Suite) -> None:
    found = measured(tests, [BUSY], Block)
    assert BUSY not in found.differences
    assert "its fixture 'server' failed: OSError: " in found.errors[BUSY]


def test_arms_that_take_turns_are_measured(tests: Suite) -> None:
    found = measured(tests, [BUSY, FEW, CHECKED, SKIPPED], TurnsBlock)
    assert not found.errors
    assert found.skipped == {SKIPPED: "not today"}
    assert {name: len(one) for name, one in found.differences.items()} == dict.fromkeys(
        [BUSY, FEW, CHECKED, "null"], found.blocks
    )
    assert found.own_modules == 1


def test_what_goes_wrong_on_one_arm_is_named_there(tests: Suite) -> None:
    (tests.folder / "toy/__init__.py").write_text("def busy():\n    raise RuntimeError('odd')\n")
    found = measured(tests, [BUSY, SKIPPED], TurnsBlock)
    assert found.errors == {BUSY: "head: call failed: RuntimeError: odd"}
    assert set(found.skipped) == {SKIPPED}
    assert set(found.differences) == {"null"}


def test_answers_are_checked_one_arm_after_the_other(tests: Suite) -> None:
    # Long enough that two arms at once would want the port at once.
    for folder in (tests.folder, tests.folder.parent / "base"):
        slow = "import time\n\n\ndef busy():\n    time.sleep(2)\n    return 1\n"
        (folder / "toy/__init__.py").write_text(slow)
    assert check(arms(tests), tests, [CHECKED], together=False).reasons == {}


@pytest.mark.slow
@pytest.mark.usefixtures("port")
def test_a_gate_offers_turns_and_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = repository("port", tmp_path / "toy")
    monkeypatch.chdir(folder)
    report = tmp_path / "gate.json"
    asked = ["gate", "--base", "HEAD", "-k", "busy", "--budget", "3", "--output", str(report)]
    assert main(asked) == Exit.ERROR
    (row,) = json.loads(report.read_text())["cases"]
    assert "its fixture 'server' failed" in row["note"]
    assert SHARED in row["note"]
    main([*asked, "--in-turns", "--threshold", "50%"])
    found = json.loads(report.read_text())
    assert found["counts"].get("error", 0) == 0
    assert found["blocks"] >= 3
    with (folder / "pyproject.toml").open("a") as settings:
        settings.write("[tool.pytest-duel]\nin_turns = true\n")
    assert main([*asked, "--counts"]) == Exit.ERROR
