"""Saved runs through their index: the same as without it, and never worse."""

import gzip
import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from pytest_duel.results import index, runs
from pytest_duel.results.index import Entry
from pytest_duel.results.runs import RunError
from simulated import save
from simulated_history import documents, name_of


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Return the files of three runs."""
    return [
        save(tmp_path / "runs" / f"{number:04}_x.json", saved)
        for number, saved in enumerate(documents(3))
    ]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "index"


def same(one: Entry, other: Entry) -> bool:
    told = [
        (e.path, e.timed, e.facts, e.commit, e.dirty, e.committed, e.when) for e in (one, other)
    ]
    return told[0] == told[1] and np.array_equal(one.medians, other.medians)


def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no file be parsed any more."""

    def parse(path: Path, content: bytes) -> None:
        raise AssertionError(f"{path} was parsed")

    monkeypatch.setattr(runs, "parse", parse)


def test_the_index_says_what_the_files_say(
    files: list[Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, none = index.load(files, None)
    cold, _ = index.load(files, home)
    unread(monkeypatch)
    warm, faults = index.load(files, home)
    assert none == faults == {}
    assert [entry.commit for entry in plain] == [name_of(number) for number in range(3)]
    for others in cold, warm:
        assert all(map(same, plain, others))
        assert len(plain) == len(others)


def test_runs_are_known_by_what_they_hold(
    files: list[Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index.load(files, home)
    moved = files[0].rename(files[0].with_name("elsewhere.json"))
    copy = moved.with_name("0009_copy.json")
    copy.write_bytes(moved.read_bytes())
    changed = json.loads(files[1].read_text(encoding="utf-8"))
    changed["benchmarks"][0]["stats"]["median"] = 0.5
    save(files[1], changed)
    with monkeypatch.context() as patch:
        unread(patch)
        found, _ = index.load([moved, copy], home)
        assert [entry.path for entry in found] == [moved]  # it is one run
    found, _ = index.load([files[1]], home)
    assert found[0].medians[0] == 0.5


@pytest.mark.skipif(os.name != "posix", reason="elsewhere nothing tells it")
def test_a_file_that_was_not_touched_is_not_read_and_one_that_was_is(
    files: list[Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "TICK", -1e12)  # as if the files were old
    first, _ = index.load(files, home)
    content = files[1].read_bytes()
    status = files[1].stat()
    files[1].write_bytes(content.replace(b'"dirty": false', b'"dirty":  true'))
    os.utime(files[1], ns=(status.st_atime_ns, status.st_mtime_ns))
    assert files[1].stat().st_size == status.st_size
    read = []

    def reading(path: Path) -> bytes:
        read.append(path)
        return path.read_bytes()

    monkeypatch.setattr(runs, "content", reading)
    again, _ = index.load(files, home)
    assert read == [files[1]]
    assert [one.dirty for one in first] == [False] * 3
    assert [one.dirty for one in again] == [False, True, False]


def test_a_file_that_has_just_changed_is_read_again(
    files: list[Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "TICK", 1e15)  # as if time stood still
    index.load(files, home)
    with closing(sqlite3.connect(next(home.iterdir()))) as database:
        assert database.execute("SELECT count(*) FROM file").fetchone() == (0,)


def test_what_has_just_been_read_and_a_compressed_file_are_indexed(
    files: list[Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = files[0].with_suffix(".json.gz")
    packed.write_bytes(gzip.compress(files[0].read_bytes()))
    monkeypatch.setattr(index, "TOGETHER", 2)  # so that it is written in the midst of reading
    first, _ = index.load([packed, *files[1:]], home)
    unread(monkeypatch)
    again, _ = index.load([packed, *files[1:]], home)
    assert all(map(same, first, again))
    assert len(again) == 3


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all" * 500)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def other_shape(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE run SET medians = x'0000'")


def wrong_json(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE run SET about = '{'")


def lost_cases(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM shape")


DAMAGES = (truncate, garbage, emptied, other_shape, wrong_json, lost_cases)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_is_made_anew(
    damage: Callable[[Path], None], files: list[Path], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = index.load(files, home)
    (path,) = home.iterdir()
    damage(path)
    again, faults = index.load(files, home)
    assert all(map(same, first, again))
    assert (len(again), faults) == (3, {})
    unread(monkeypatch)
    assert len(index.load(files, home)[0]) == 3


def test_an_index_of_other_code_counts_no_more(
    files: list[Path], home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    index.load(files, home)
    (old,) = home.iterdir()
    changed = tmp_path / "runs.py"
    changed.write_text("# other code", encoding="utf-8")
    monkeypatch.setattr(runs, "__file__", str(changed))
    with monkeypatch.context() as patch:
        unread(patch)
        with pytest.raises(AssertionError, match="was parsed"):
            index.load(files, home)
    index.load(files, home)
    (new,) = home.iterdir()
    assert new != old


def test_a_folder_that_cannot_be_written_costs_nothing(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file", encoding="utf-8")
    found, faults = index.load(files, tmp_path / "index")
    assert (len(found), faults) == (3, {})


def test_one_bad_file_does_not_cost_the_others(files: list[Path], home: Path) -> None:
    files[1].write_bytes(files[1].read_bytes()[:700])
    missing = files[0].with_name("missing.json")
    for _ in "12":
        found, faults = index.load([*files, missing], home)
        assert [entry.path for entry in found] == [files[0], files[2]]
        assert set(faults) == {files[1], missing}
        assert str(faults[files[1]]).startswith(f"{files[1]} is no whole JSON file")
        assert isinstance(faults[missing], RunError)
