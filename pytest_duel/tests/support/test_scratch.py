"""What a killed process leaves is removed by the next one, and nothing else is."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from pytest_duel.support.scratch import MARK, PREFIX, scratch

HOLD = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from pytest_duel.support.scratch import scratch
with scratch() as folder:
    (folder / "kept").write_text("")
    print(folder, flush=True)
    sys.stdin.read()
"""


def held(home: Path) -> tuple[subprocess.Popen[str], Path]:
    """Return a process that uses a folder, and that."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    return process, Path(process.stdout.readline().strip())


def test_what_was_left_goes_and_what_is_in_use_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    killed, left = held(tmp_path)
    running, used = held(tmp_path)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert (left / "kept").exists()
    for folder in (left, used):
        os.utime(folder / MARK, (0, 0))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / MARK).write_text("")
    others = [tmp_path / f"{PREFIX}{name}" for name in ("unmarked", "link", "marked-by-link")]
    others[0].mkdir()
    others[1].symlink_to(elsewhere)
    others[2].mkdir()
    (others[2] / MARK).symlink_to(elsewhere / MARK)
    with scratch() as own:
        assert own.is_dir()
        assert not left.exists()
        assert (used / "kept").exists()
        assert all(path.exists() for path in (*others, elsewhere / MARK))
    assert not own.exists()
    running.communicate("")
    assert not used.exists()


def test_an_interrupt_while_a_folder_is_removed_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, interrupts = shutil.rmtree, [KeyboardInterrupt()]

    def removed(*arguments: Any, **options: Any) -> None:
        if interrupts:
            raise interrupts.pop()
        remove(*arguments, **options)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), scratch():
        patch.setattr(shutil, "rmtree", removed)
    assert not interrupts
    assert list(tmp_path.iterdir()) == []
