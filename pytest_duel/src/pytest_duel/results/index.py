"""The few numbers of each saved run that its history needs, kept by the content of its file.

The index is a cache: what it lacks is read from the files, and one that is damaged, or of other
code than this, is made anew. A run that was read once is not parsed again, wherever it lies; a
file that has not been touched since is not even read, as git does it.
"""

import contextlib
import hashlib
import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue import model
from pytest_duel.catalogue.model import Case
from pytest_duel.results import (
    benchmarks,
    commit_info,
    contradictions,
    entries,
    provenance,
    reading,
    runs,
    stock,
)
from pytest_duel.results.benchmarks import Benchmark, Key, Result, SavedTimes
from pytest_duel.results.runs import Run, RunError
from pytest_duel.support import files

EXTRACTION = (
    model, runs, entries, benchmarks, stock, contradictions, reading, provenance, commit_info,
)  # fmt: skip
"""Modules that decide, together with this one, what is read from a file."""
TICK = 2e9
"""Nanoseconds within which a file may change twice and show the same time."""
TOGETHER = 256
"""Runs that are added to the index at once; an interrupt costs no more than these."""

_TABLES = """
CREATE TABLE IF NOT EXISTS shape (name TEXT PRIMARY KEY, cases TEXT);
CREATE TABLE IF NOT EXISTS run
    (content TEXT PRIMARY KEY, shape TEXT, medians BLOB, blocks BLOB, about TEXT);
CREATE TABLE IF NOT EXISTS file (path TEXT PRIMARY KEY, mark TEXT, content TEXT);
"""

Fact = tuple[str, str]
"""A group and a name: machine, cpu."""


class Timed(NamedTuple):
    """A benchmark; of a sweep, a case on one pool of inputs, where alone times can be compared."""

    case: Key
    distinct: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Entry:
    """A saved run in short."""

    path: Path
    timed: tuple[Timed, ...]
    medians: NDArray[np.float64]
    """In seconds for each item or iteration, in the order of `timed`."""
    blocks: NDArray[np.float64]
    """The same of each process, where several made the run: shape (processes, benchmarks), not a
    number where one lacks a benchmark. None of them where one process made it."""
    facts: Mapping[Fact, str | None]
    """The machine and the versions."""
    commit: str
    """Its hash; empty where it is unknown."""
    dirty: bool
    """There were uncommitted changes, or that is unknown."""
    committed: str
    """The time of the commit, ISO 8601; empty where unknown."""
    when: str
    """The time of the measurement, ISO 8601."""
    process: str
    """Its process. One process is one run, even if it is saved several times."""
    unread: Sequence[str] = ()
    """Benchmarks whose times cannot be read, with the reason."""

    @property
    def processes(self) -> "Sequence[Entry]":
        """Return what each process gave; this run itself where there was one."""
        return [replace(self, medians=own, blocks=_NONE) for own in self.blocks] or [self]

    @property
    def times(self) -> dict[Key, float]:
        """Return the median of each case."""
        return {
            one.case: float(median) for one, median in zip(self.timed, self.medians, strict=True)
        }


def load(
    paths: Sequence[Path], home: Path | None, told: Callable[[int], None] = lambda _: None
) -> tuple[list[Entry], dict[Path, RunError]]:
    """Read saved runs, through the index where it knows them.

    Parameters
    ----------
    paths
        Files of runs. Of several from the same process only the first counts: it is one run.
    home
        The folder of the index; None for no index.
    told
        Is told after each file how many were looked at.

    Returns
    -------
    The runs in the order of their paths, and the faults of other files.
    """
    index = _Index(home)
    found: dict[str, Entry] = {}
    faults: dict[Path, RunError] = {}
    for number, path in enumerate(paths):
        told(number)
        try:
            entry = index.known[index.key(path)].entry(path)
            known = found.setdefault(entry.process, entry)
            if known is not entry:
                reading.check_alike(known.path, known.times, path, entry.times)
        except RunError as error:
            faults[path] = error
    index.keep()
    return list(found.values()), faults


def entry_of(run: Run, path: Path) -> Entry:
    """Return a run in short."""
    return _record(run).entry(path)


_NONE = np.empty((0, 0))
_ABOUT = ("commit", "dirty", "committed", "when", "process", "unread")


class _Record(NamedTuple):
    """The entry of a file in the index."""

    timed: tuple[Timed, ...]
    medians: NDArray[np.float64]
    blocks: NDArray[np.float64]
    about: Mapping[str, Any]

    def entry(self, path: Path) -> Entry:
        facts = {(what, name): value for what, name, value in self.about["facts"]}
        own = {name: self.about[name] for name in _ABOUT}
        return Entry(path, self.timed, self.medians, self.blocks, facts, **own)


def _record(run: Run) -> _Record:
    facts = provenance.facts_of(run).items()
    return _Record(
        timed=tuple(map(_timed, run.benchmarks)),
        medians=np.array([one.median for one in run.benchmarks], np.float64),
        blocks=_blocks(run),
        about={
            "facts": [(*fact, None if value is None else str(value)) for fact, value in facts],
            "commit": run.commit.id or "",
            "dirty": run.commit.dirty is not False,
            "committed": run.commit.time,
            "when": run.when,
            "process": run.process,
            "unread": list(map(str, run.unread)),
        },
    )


def _blocks(run: Run) -> NDArray[np.float64]:
    if len(run.processes) == 1:
        return _NONE
    known = [{one.key: one.median for one in own.benchmarks} for own in run.processes]
    return np.array([[own.get(one.key, np.nan) for one in run.benchmarks] for own in known])


def _timed(one: SavedTimes) -> Timed:
    if isinstance(one, Result):
        return Timed(one.case, one.distinct, one.seed)
    key = one.benchmark
    return Timed(Benchmark(key.id, key.name, key.group))


class _Index:
    """Runs that were read once, by their files."""

    def __init__(self, home: Path | None) -> None:
        self.path = home / f"{_code()}.sqlite" if home else None
        self.known: dict[str, _Record] = {}
        self.files: dict[str, tuple[str, str]] = {}
        """The mark of each file, and the key of its content, by path."""
        self.fresh: dict[str, _Record] = {}
        self.touched: dict[str, tuple[str, str]] = {}
        if self.path and self.path.is_file():
            self._read(self.path)

    def key(self, path: Path) -> str:
        """Return the key of a file's content, whose record is known from then on.

        Raises
        ------
        RunError
            Where it is no run.
        """
        name, mark = str(path.absolute()), _mark(path)
        seen, key = self.files.get(name, ("", ""))
        if mark and mark == seen and key in self.known:
            return key
        content = runs.content(path)
        key = hashlib.sha256(content).hexdigest()
        if key not in self.known:
            run = reading.checked(runs.parse(path, content), path)
            self.known[key] = self.fresh[key] = _record(run)
        if mark:
            self.touched[name] = mark, key
        if len(self.fresh) == TOGETHER:
            self.keep()
        return key

    def _read(self, path: Path) -> None:
        """Read what there is; where that is damaged it is removed."""
        try:
            with closing(sqlite3.connect(path)) as index:
                shapes = {
                    name: tuple(_unpacked(*one) for one in json.loads(cases))
                    for name, cases in index.execute("SELECT name, cases FROM shape")
                }
                rows = index.execute("SELECT content, shape, medians, blocks, about FROM run")
                self.known = {key: _record_of(shapes[shape], *own) for key, shape, *own in rows}
                marks = index.execute("SELECT path, mark, content FROM file")
                self.files = {name: (mark, key) for name, mark, key in marks}
        except (sqlite3.Error, ValueError, LookupError, TypeError):
            self.known, self.files = {}, {}
            with contextlib.suppress(OSError):
                path.unlink()

    def keep(self) -> None:
        """Add new entries in one step. If that fails, the files are read again next time."""
        if not self.path or not (self.fresh or self.touched):
            return
        with contextlib.suppress(OSError, sqlite3.Error):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for older in set(self.path.parent.glob("*.sqlite")) - {self.path}:
                older.unlink()
            with closing(sqlite3.connect(self.path)) as index, index:
                index.executescript(_TABLES)
                shapes = {_name(cases): cases for cases in map(_cases, self.fresh.values())}
                index.executemany("INSERT OR REPLACE INTO shape VALUES (?, ?)", shapes.items())
                index.executemany(
                    "INSERT OR REPLACE INTO run VALUES (?, ?, ?, ?, ?)", self._rows()
                )
                files = ((name, *seen) for name, seen in self.touched.items())
                index.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", files)
        self.fresh, self.touched = {}, {}

    def _rows(self) -> Iterator[tuple[str, str, bytes, bytes, str]]:
        for key, record in self.fresh.items():
            times = record.medians.tobytes(), record.blocks.tobytes()
            yield key, _name(_cases(record)), *times, json.dumps(record.about)


def _code() -> str:
    """Return a digest of the code that reads files."""
    return files.digest([Path(__file__), *(Path(str(one.__file__)) for one in EXTRACTION)])


def _mark(path: Path) -> str:
    """Return a mark that changes whenever a file does; empty if it has just changed."""
    try:
        status = path.stat()
    except OSError:
        return ""
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    if time.time_ns() - changed < TICK:
        return ""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}"


def _record_of(timed: tuple[Timed, ...], medians: bytes, blocks: bytes, about: str) -> _Record:
    """Return a record as it was kept."""
    times, own = np.frombuffer(medians), np.frombuffer(blocks)
    if times.shape != (len(timed),) or not (times > 0).all() or (own <= 0).any():
        raise ValueError("times that do not belong to these cases")
    return _Record(
        timed, times, own.reshape(-1, len(timed)) if own.size else _NONE, json.loads(about)
    )


def _cases(record: _Record) -> str:
    """Return the benchmarks as JSON: the same for most runs, so it is kept once."""
    return json.dumps([_packed(one) for one in record.timed])


def _packed(one: Timed) -> list[Any]:
    key = one.case
    if isinstance(key, Benchmark):
        return [[key.id, key.name, key.group], []]
    return [[key.kernel, key.backend, key.scenario, key.n], one[1:]]


def _unpacked(key: list[Any], pool: list[Any]) -> Timed:
    """Return what was packed; what has no pool is no case."""
    if pool:
        return Timed(Case(*key), *pool)
    return Timed(Benchmark(*key))


def _name(cases: str) -> str:
    return hashlib.sha256(cases.encode()).hexdigest()
