"""Child processes that leave nothing behind, however they end."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_duel.paired.client import SideError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import PytestSide, Suite
from pytest_duel.support import processes

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks for processes in /proc"
)

PARENT = """\
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(600)"],
    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
print(child.pid, flush=True)
"""
"""Starts a child, says its number, and dies before it."""


OUTLIVED = PARENT.replace("    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,\n", "")
"""The same with a child that holds its output open."""


def runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"  # whoever inherits it has not collected it


def ends(pid: int) -> bool:
    until = time.monotonic() + 30
    while runs(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not runs(pid)


@pytest.mark.parametrize("collected", [False, True])
def test_the_children_of_one_that_has_died_are_ended(collected: bool) -> None:
    child = processes.start([sys.executable, "-c", PARENT])
    assert child.stdout
    grandchild = int(child.stdout.readline())
    if collected:
        child.wait(timeout=30)
    else:
        assert ends(child.pid)
        assert child.returncode is None
    assert runs(grandchild)
    processes.end(child)
    assert child.returncode == 0
    assert ends(grandchild)
    processes.end(child)  # once more costs nothing


def test_the_children_of_one_that_ran_to_its_end_are_ended() -> None:
    done = processes.run([sys.executable, "-c", PARENT], timeout=30)
    assert done.returncode == 0
    assert ends(int(done.stdout))


def test_time_out_ends_all() -> None:
    waiting = [sys.executable, "-c", PARENT + "import time; time.sleep(600)"]
    said = b""
    for seconds in (1, 10, 100):  # a busy machine may take long to start anything
        with pytest.raises(subprocess.TimeoutExpired) as caught:
            processes.run(waiting, timeout=seconds)
        if said := caught.value.output or b"":
            break
    assert ends(int(said))


@pytest.fixture
def immortal(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no process be killed, as one that waits for a broken disk, until the test is over."""
    kill = processes._kill_group
    spared: list[subprocess.Popen[str]] = []
    monkeypatch.setattr(processes, "_kill_group", spared.append)
    monkeypatch.setattr(processes, "END_SECONDS", 0.1)
    yield
    assert spared
    for child in spared:
        kill(child)
        child.wait(timeout=30)
        for stream in filter(None, (child.stdin, child.stdout, child.stderr)):
            stream.close()


@pytest.mark.usefixtures("immortal")
def test_one_that_cannot_be_ended_is_left_behind() -> None:
    child = processes.start([sys.executable, "-c", "import time; time.sleep(60)"])
    processes.end(child)
    assert child.returncode is None
    assert runs(child.pid)


@pytest.mark.usefixtures("immortal")
def test_a_worker_that_cannot_be_ended_gives_the_error_of_a_dead_one(tmp_path: Path) -> None:
    closes = "import os, time; os.closerange(3, 100); time.sleep(60)"
    before = sys.executable, "-c", closes
    side = PytestSide(Arm("toy"), Suite(tmp_path, tmp_path), before=before)
    until = time.monotonic() + 30
    said = ""
    while "cannot be ended" not in said and time.monotonic() < until:
        with pytest.raises(SideError) as caught:  # at first it may only be late
            side.ask({"do": "hello"}, timeout=0.1)
        said = str(caught.value)
    assert said.startswith("toy does not answer, and cannot be ended")
    side.close()


BOTH = """\
import sys
print("one", flush=True)
print("two", file=sys.stderr, flush=True)
print("three", end="")
sys.exit(3)
"""


def test_lines_of_both_streams_come_in_their_order_with_their_seconds() -> None:
    done = processes.run_by_line([sys.executable, "-c", BOTH], timeout=60)
    assert [one.text for one in done.lines] == ["one", "two", "three"]
    seconds = [one.seconds for one in done.lines]
    assert seconds == sorted(seconds)
    assert (done.returncode, done.seconds > 0) == (3, True)


def test_what_outlives_a_child_that_is_read_is_ended() -> None:
    done = processes.run_by_line([sys.executable, "-c", OUTLIVED], timeout=60)
    assert ends(int(done.lines[0].text))


def test_a_child_that_is_read_and_takes_too_long_is_ended() -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        processes.run_by_line([sys.executable, "-c", "import time; time.sleep(600)"], timeout=0.1)


def test_the_number_of_a_worker_that_has_ended_is_its_own_until_it_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = PytestSide(Arm("toy"), Suite(tmp_path, tmp_path), before=(sys.executable, "-c", ""))
    assert worker._lines.get(timeout=60) == ""  # it has been seen that there will be no more
    assert Path(f"/proc/{worker.pid}").exists()
    worker.close()
    assert not Path(f"/proc/{worker.pid}").exists()
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _: killed.append(group))
    worker.close()
    assert killed == []
