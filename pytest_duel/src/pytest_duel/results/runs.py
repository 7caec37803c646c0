"""Saved runs: pytest-benchmark's JSON, with the harness's own section beside it."""

import hashlib
import reprlib
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.model import Case
from pytest_duel.results import commit_info, contradictions
from pytest_duel.results.commit_info import CommitInfo
from pytest_duel.support import schema
from pytest_duel.support.errors import DuelError
from pytest_duel.support.schema import (
    COUNT,
    LIST,
    NUMBER,
    OBJECT,
    SECONDS,
    SPREAD,
    TALLY,
    TEXT,
    WHOLE,
    Each,
    Is,
    SchemaError,
)

SECTION = "bench"
"""The harness's key in the JSON, beside pytest-benchmark's."""
SCHEMA = 1
BLOCKS = "duel_blocks"
"""The key in a benchmark's `extra_info`: the number of rounds that each block gave, in order."""

_SECTION = {
    "process?": TEXT,
    "tier?": TEXT,
    "without?": [TEXT],
    "build_info?": OBJECT,
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
_CASE = {
    "kernel": TEXT,
    "backend": TEXT,
    "scenario": TEXT,
    "n": COUNT,
    "distinct": COUNT,
    "seed?": WHOLE,
    f"{BLOCKS}?": [COUNT],
}
_STATS = {
    "median": SECONDS,
    "mean": SECONDS,
    "min": SECONDS,
    "max?": SECONDS,
    "stddev": SPREAD,
    "rounds": COUNT,
    "data?": [SECONDS],
}


class RunError(DuelError):
    """A file that is no run; the message names it and says what is wrong."""


class ForeignError(RunError):
    """A whole JSON file of something else."""


@dataclass(frozen=True)
class Result:
    """The times of one case, in seconds per item."""

    case: Case
    median: float
    mean: float
    stddev: float
    min: float
    rounds: int
    data: tuple[float, ...]
    """The raw rounds; empty where the run was saved without them."""
    distinct: int
    """How many distinct items the case cycled through."""
    seed: int | None = None
    """The seed of those items."""
    blocks: tuple[tuple[float, ...], ...] = ()
    """The rounds of each process, where several timed it; empty where one did."""

    def of_process(self, block: int) -> "Result":
        """Return what one of several processes gave."""
        data = self.blocks[block]
        return replace(
            self,
            median=statistics.median(data),
            mean=statistics.fmean(data),
            min=min(data),
            stddev=statistics.stdev(data) if len(data) > 1 else 0.0,
            rounds=len(data),
            data=data,
            blocks=(),
        )


@dataclass(frozen=True)
class Run:
    """Everything measured by one invocation."""

    results: tuple[Result, ...]
    section: Mapping[str, Any]
    """Tier, parity, load, backends left out, and the like."""
    machine: Mapping[str, Any]
    commit: CommitInfo
    when: str
    """ISO 8601, UTC."""

    @cached_property
    def processes(self) -> "tuple[Run, ...]":
        """Return what each process gave; this run itself where one timed all."""
        blocks = {len(one.blocks) for one in self.results}
        if len(blocks) != 1 or blocks == {0}:
            return (self,)
        return tuple(
            replace(
                self,
                results=tuple(one.of_process(block) for one in self.results),
                section={**self.section, "process": f"{self.process}-{block}"},
            )
            for block in range(blocks.pop())
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
        return found.hexdigest()


def load(path: Path) -> Run:
    """Read a saved run; a file that ends in ``.gz`` is compressed.

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
        return from_json(schema.parse(content, compressed=path.suffix == ".gz"))
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
    if SECTION not in saved:
        raise ForeignError("this pytest-benchmark run was not made by this harness")
    section = saved[SECTION]
    known = section.get("schema") if isinstance(section, dict) else None
    if known != SCHEMA:
        raise RunError(
            f"schema {reprlib.repr(known)} is not known here; this version reads {SCHEMA}"
        )
    schema.check(saved, _DOCUMENT)
    found = (_result(one, f"benchmarks[{at}]") for at, one in enumerate(saved["benchmarks"]))
    results = tuple(one for one in found if one is not None)
    _check_processes(results)
    return Run(
        results=results,
        section=_told(section),
        machine=saved["machine_info"],
        commit=commit_info.read(saved["commit_info"]),
        when=saved["datetime"],
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


def _result(saved: Any, place: str) -> Result | None:
    """Read a case of a sweep; None for a benchmark that stands beside them."""
    schema.check(saved, {"extra_info": OBJECT, "params?": OBJECT}, place)
    info = saved["extra_info"]
    if "kernel" not in info:
        return None
    schema.check(info, _CASE, f"{place}.extra_info")
    case = Case(info["kernel"], info["backend"], info["scenario"], info["n"])
    schema.check(saved, {"stats": _STATS}, f"{place}, {case.id}: ")
    stats = saved["stats"]
    for fault in (
        *contradictions.of_case(info, saved.get("params") or {}),
        *contradictions.of_stats(stats),
    ):
        raise RunError(f"{place}, {case.id}: {fault}")
    data = tuple(stats.get("data") or ())
    return Result(
        case=case,
        **{name: stats[name] for name in ("median", "mean", "min", "stddev", "rounds")},
        data=data,
        distinct=info["distinct"],
        seed=info.get("seed"),
        blocks=_blocks(data, info.get(BLOCKS) or [], f"{place}, {case.id}"),
    )


def _blocks(
    data: tuple[float, ...], rounds: Sequence[int], place: str
) -> tuple[tuple[float, ...], ...]:
    """Return the rounds of each process, where several gave them and they were saved."""
    if not data or len(rounds) < 2:
        return ()
    if sum(rounds) != len(data):
        raise RunError(
            f"{place}: extra_info.{BLOCKS} tells of {sum(rounds)} rounds, stats.data has "
            f"{len(data)}"
        )
    ends = list(accumulate(rounds))
    return tuple(data[end - own : end] for end, own in zip(ends, rounds, strict=True))
