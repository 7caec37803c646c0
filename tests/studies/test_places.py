"""A study is the same wherever it runs, and a place that fails says so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from easy_marl.studies import Processes, WorkerError, read, run
from tests.studies.functions import FALLEN, falling, raises, study

ROOT = Path(__file__).resolve().parents[2]


def test_processes_give_what_a_loop_gives(tmp_path: Path) -> None:
    run(study(), tmp_path / "loop")
    assert run(study(), tmp_path / "processes", Processes(2)).written == 4
    assert read(tmp_path / "processes").equals(read(tmp_path / "loop"))


@pytest.mark.slow
def test_a_process_that_is_killed_is_named_and_the_next_run_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(WorkerError) as caught:
        run(falling(tmp_path), out, Processes(2))
    process = (tmp_path / FALLEN).read_text()
    assert f"process {process} was killed by SIGKILL" in str(caught.value)
    found = run(falling(tmp_path), out, Processes(2))
    assert found.found + found.written == 4
    run(falling(tmp_path), tmp_path / "loop")
    assert read(out).equals(read(tmp_path / "loop"))


@pytest.mark.slow
def test_what_a_function_raises_elsewhere_names_the_scenario(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(study(function=raises), tmp_path, Processes(1))
    assert any("in scenario 3: " in note for note in caught.value.__notes__)


TYPED = """
import sys
from easy_marl.studies import Processes, Study, run
def prices(parameters, seed):
    return {"x": [seed]}
run(Study(function=prices, parameters=[{}]), sys.argv[1], Processes(1))
"""


def test_a_function_that_is_typed_in_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TYPED, str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120, check=False
    )
    assert "which other processes cannot import (it was typed in)" in done.stderr


def test_a_function_within_another_is_refused(tmp_path: Path) -> None:
    def inner(parameters: object, seed: int) -> object: ...

    with pytest.raises(ValueError, match=r"inner at .*cannot import \(.*inner.*\): function must"):
        run(study(function=inner), tmp_path, Processes(1))


BUSY = """
import time
from pathlib import Path
from easy_marl.studies import Processes, Study, run
def waits(parameters, seed):
    print("begun", flush=True)
    time.sleep(600)
if __name__ == "__main__":
    run(Study(function=waits, parameters=[{}] * 2), "out", Processes(2))
"""


@pytest.mark.slow
def test_processes_end_with_a_run_that_is_killed(tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(BUSY, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "busy.py"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    ) as one:  # fmt: skip
        assert one.stdout
        assert [one.stdout.readline().strip() for _ in range(2)] == [b"begun"] * 2
        one.kill()
        one.communicate(timeout=60)  # which ends when nobody can write there any more


@pytest.mark.parametrize("count", [0, -1, 1.5, True])
def test_a_number_of_processes_that_is_none_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"count is {count}"):
        Processes(count)


KILLED = """
import sys
from pathlib import Path
from easy_marl.studies import run
from tests.studies.functions import falling
folder = Path(sys.argv[1])
print(run(falling(folder), folder / "out"))
"""


def test_a_run_that_is_killed_is_gone_on_with(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert first.returncode == -9, first.stderr
    assert [one.name for one in (tmp_path / "out").glob("*.parquet")] == ["block-000000.parquet"]
    second = subprocess.run(
        command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120, check=True
    )
    assert "found=1, written=3" in second.stdout
    run(falling(tmp_path), tmp_path / "whole")
    assert read(tmp_path / "out").equals(read(tmp_path / "whole"))
