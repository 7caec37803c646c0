"""Saved runs: pytest-benchmark's JSON, with the harness's own section beside it or without."""

import hashlib
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_duel.results import commit_info, entries, stock
from pytest_duel.results.benchmarks import Result, SavedTimes, Unread
from pytest_duel.results.commit_info import CommitInfo
from pytest_duel.support import schema
from pytest_duel.support.errors import DuelError
from pytest_duel.support.schema import (
    COUNT,
    LIST,
    NUMBER,
    OBJECT,
    TALLY,
    TEXT,
    Each,
    Is,
    SchemaError,
)

SECTION = "bench"
"""The harness's key in the JSON, beside pytest-benchmark's."""
SCHEMA = 1

_SECTION = {
    "process?": TEXT,
    "tier?": TEXT,
    "without?": [TEXT],
    "build_info?": OBJECT,
    "placements?": {
        "modules?": [TEXT],
        "links?": TALLY,
        "seconds?": NUMBER,
        "faults?": [TEXT],
    },
    "sources?": Each(TEXT),
    "missing?": Each(TEXT),
    "left_out?": Each(TEXT),
    "details?": Each(TEXT),
    "refused?": Each(Each(TEXT)),
    "variables?": Each(TEXT),
    "load?": [Is(lambda value: value is None or NUMBER.tell(value), "a number or null")],
    "parity?": {
        "calls?": Each(TALLY),
        "disagreements?": [TEXT],
        "seconds?": NUMBER,
        "outside_domain?": Each({"calls": COUNT, "different": TALLY, "largest": NUMBER}),
    },
}
_DOCUMENT = {
    "machine_info": {"cpu?": OBJECT, "versions?": OBJECT},
    "commit_info": OBJECT,
    "datetime": TEXT,
    "benchmarks": LIST,
    SECTION: _SECTION,
}
_STOCK = {"benchmarks": LIST}


class RunError(DuelError):
    """A file that is no run; the message names it and says what is wrong."""


class ForeignError(RunError):
    """A whole JSON file of something else."""


@dataclass(frozen=True)
class Run:
    """Everything measured by one invocation."""

    results: tuple[Result, ...]
    """Of the cases of a sweep."""
    section: Mapping[str, Any]
    """Tier, parity, load, backends left out, and the like."""
    machine: Mapping[str, Any]
    commit: CommitInfo
    when: str
    """ISO 8601, UTC; empty where unknown."""
    others: tuple[SavedTimes, ...] = ()
    """Of benchmarks that are no cases: all there are, where another project saved the run."""
    unread: tuple[Unread, ...] = ()
    """Benchmarks whose times cannot be read."""

    @property
    def benchmarks(self) -> tuple[SavedTimes, ...]:
        """Return the times of all benchmarks."""
        return (*self.results, *self.others)

    @cached_property
    def processes(self) -> "tuple[Run, ...]":
        """Return what each process gave; this run itself where one timed all."""
        blocks = {len(one.blocks) for one in self.results or self.others}
        if len(blocks) != 1 or blocks == {0}:
            return (self,)
        number = blocks.pop()
        return tuple(
            replace(
                self,
                results=tuple(one.of_process(block) for one in self.results),
                others=tuple(
                    one.of_process(block) if one.blocks else one
                    for one in self.others
                    # What one process timed is in the first: it is one sample.
                    if len(one.blocks) == number or (block == 0 and not one.blocks)
                ),
                section={**self.section, "process": f"{self.process}-{block}"},
            )
            for block in range(number)
        )

    @cached_property
    def process(self) -> str:
        """Return what tells the process that was measured from others.

        One process is one sample, however often it is saved. Runs that were saved before they
        told are known by their times, which no two processes have in common.
        """
        own: str | None = self.section.get("process")
        if own is not None:
            return own
        found = hashlib.sha256()
        for one in sorted(self.results, key=lambda one: (one.case.id, one.case.kernel)):
            times = map(float, (one.median, one.mean, one.min, one.stddev))
            found.update(f"{one.case} {[*times]}".encode())
        for other in sorted(self.others, key=lambda one: one.benchmark.id):
            times = map(float, (other.median, other.mean, other.min, other.stddev))
            found.update(f"{other.benchmark.id} {[*times]}".encode())
        return found.hexdigest()


def load(path: Path) -> Run:
    """Read a saved run; gzip may have packed it.

    Raises
    ------
    RunError
        Where the file is missing, truncated, foreign, or of another schema.
    """
    return parse(path, content(path))


def content(path: Path) -> bytes:
    """Return what a file holds.

    Raises
    ------
    RunError
        Where it cannot be read.
    """
    try:
        return schema.content(path)
    except SchemaError as error:
        raise RunError(f"{path}: {error}") from None


def parse(path: Path, content: bytes) -> Run:
    """Read a run from what its file holds."""
    try:
        return from_json(schema.parse(content))
    except ForeignError as error:
        raise ForeignError(f"{path}: {error}") from None
    except DuelError as error:
        said = str(error)
        raise RunError(f"{path} {said}" if said.startswith("is ") else f"{path}: {said}") from None


def from_json(saved: Any) -> Run:
    """Read a run from parsed JSON.

    Raises
    ------
    RunError, SchemaError
        Where it is none.
    """
    if not isinstance(saved, dict) or "benchmarks" not in saved:
        raise ForeignError("this is no pytest-benchmark run")
    return _own(saved) if SECTION in saved else _stock(saved)


def _own(saved: dict[str, Any]) -> Run:
    """Read a run that this harness has saved: cases of a sweep, and what was timed beside them."""
    section = saved[SECTION]
    known = section.get("schema") if isinstance(section, dict) else None
    if known != SCHEMA:
        raise RunError(
            f"schema {reprlib.repr(known)} is not known here; this version reads {SCHEMA}"
        )
    schema.check(saved, _DOCUMENT)
    cases = [at for at, one in enumerate(saved["benchmarks"]) if entries.is_case(one, at)]
    results = tuple(entries.result(saved["benchmarks"][at], at) for at in cases)
    _check_processes(results)
    beside = {at: one for at, one in enumerate(saved["benchmarks"]) if at not in {*cases}}
    others, unread = entries.others(beside)
    return Run(
        results=results,
        section=_told(section),
        machine=saved["machine_info"],
        commit=commit_info.read(saved["commit_info"]),
        when=saved["datetime"],
        others=others,
        unread=unread,
    )


def _stock(saved: dict[str, Any]) -> Run:
    """Read a run that pytest-benchmark alone has saved; what it tells oddly is unknown."""
    schema.check(saved, _STOCK)
    benchmarks, told = saved["benchmarks"], saved.get("datetime")
    if benchmarks and not any(isinstance(one, dict) and "stats" in one for one in benchmarks):
        raise ForeignError("this is no pytest-benchmark run: none of its benchmarks has stats")
    others, unread = entries.others(dict(enumerate(benchmarks)))
    if unread and not others:
        raise RunError(f"none of its benchmarks can be read, such as {unread[0]}")
    return Run(
        results=(),
        section={},
        machine=stock.machine(stock.part(saved, "machine_info"), saved.get("version")),
        commit=commit_info.read(stock.part(saved, "commit_info")),
        when=stock.when(str(told)) if TEXT.tell(told) else "",
        others=others,
        unread=unread,
    )


def _check_processes(results: Sequence[Result]) -> None:
    """Refuse a run that tells of several numbers of processes: each timed all cases, or none."""
    by_number = {len(one.blocks): one.case.id for one in results if one.data}
    if len(by_number) > 1:
        (less, one), (more, other) = sorted(by_number.items())[:: len(by_number) - 1]
        raise RunError(f"{other} was timed in {more} processes, {one} in {max(1, less)}")


def _told(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without the parts that are null."""
    return {name: value for name, value in parts.items() if value is not None}
