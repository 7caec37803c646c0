"""Files that are there whole or not at all."""

import os
import threading
from pathlib import Path

import pytest

from pytest_duel.support import files

posix = pytest.mark.skipif(os.name != "posix", reason="as POSIX systems have it")


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "x" * 1_000_000 + "\ud800")
    assert names(tmp_path) == []
    files.write(path, "whole")
    with pytest.raises(UnicodeEncodeError):
        files.write(path, "x" * 1_000_000 + "\ud800")
    assert path.read_text(encoding="utf-8") == "whole"
    assert names(tmp_path) == ["report.json"]


def test_what_a_killed_process_of_the_same_number_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".report.json-{os.getpid()}").write_text("hal", encoding="utf-8")
    files.write(tmp_path / "report.json", "whole\n")
    assert (tmp_path / "report.json").read_bytes() == b"whole\n"
    assert names(tmp_path) == ["report.json"]


@posix
def test_a_link_stays_one_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("old", encoding="utf-8")
    link = tmp_path / "link.md"
    link.symlink_to("real.md")
    files.write(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "real.md").read_text(encoding="utf-8") == "new"


@posix
def test_a_link_that_leads_nowhere_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "circle.md"
    link.symlink_to("circle.md")
    files.write(link, "new")
    assert link.read_text(encoding="utf-8") == "new"
    assert names(tmp_path) == ["circle.md"]


@posix
def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    files.write(pipe, "through")
    reader.join(timeout=30)
    assert read == ["through"]
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe.json"]
