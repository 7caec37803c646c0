"""Standard streams that are closed, full, gone or not UTF-8: the exit code tells the verdict."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from places import TESTS
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.harness import search_path
from simulated import document, save, times_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="it takes a shell to close a stream")
FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is full")


@pytest.fixture
def runs(workplace: Path) -> Path:
    """Return a folder with two runs, of which neither is slower."""
    rng = np.random.default_rng(3)
    for name in "ab":
        save(workplace / f"{name}.json", document(times_of(rng, noise=0.001)))
    return workplace


def shell(command: str, **more: str) -> subprocess.CompletedProcess[bytes]:
    duel = f'"{sys.executable}" -m pytest_duel'
    path = search_path(str(TESTS / "shared"))
    return subprocess.run(
        ["sh", "-c", command.replace("DUEL", duel)], capture_output=True, timeout=120, check=False,
        env={**os.environ, "PYTHONPATH": path, **more},
    )  # fmt: skip


GOOD, BAD = "DUEL compare a.json b.json --output out.md", "DUEL compare a.json none.json"


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (f"{GOOD} <&- >&- 2>&-", Exit.PASS),
        (f"{BAD} >&- 2>&-", Exit.ERROR),
        ("DUEL compare 2>&-", Exit.ERROR),
        pytest.param(f"{GOOD} >/dev/full", Exit.ERROR, marks=FULL),
        pytest.param(f"{GOOD} 2>/dev/full", Exit.PASS, marks=FULL),
        pytest.param(f"{BAD} >/dev/full 2>/dev/full", Exit.ERROR, marks=FULL),
        pytest.param("DUEL --help >/dev/full", Exit.ERROR, marks=FULL),
    ],
)
def test_the_exit_code_is_the_verdicts(command: str, code: Exit) -> None:
    done = shell(command)
    assert done.returncode == code, done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr
    if "--output" in command:
        assert "compare" in Path("out.md").read_text(encoding="utf-8")


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("encoding", ["ascii", "utf-16"])
def test_any_encoding_will_do(encoding: str) -> None:
    done = shell("DUEL compare a.json b.json", PYTHONIOENCODING=encoding)
    assert done.returncode == Exit.PASS, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no such names")
def test_a_file_whose_name_is_no_text(runs: Path) -> None:
    name = os.fsdecode(b"caf\xe9\x1b[2J.json")
    (runs / "a.json").rename(runs / name)
    Path("out.md").write_text("older", encoding="utf-8")
    outputs = "--output out.md --output out.json --output out.xml --output out.txt"
    done = shell(f'DUEL compare caf*.json "$(printf "no\\351ne")" {outputs}')
    assert done.returncode == Exit.ERROR
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stderr
    for ending in "md", "json", "xml", "txt":
        told = Path(f"out.{ending}").read_text(encoding="utf-8")
        assert "no verdict" in told
    done = shell("DUEL compare caf*.json b.json --output out.md")
    assert done.returncode == Exit.PASS, done.stderr
