"""Saved runs: pytest-benchmark's JSON, with the harness's own section beside it."""

import gzip
import json
import reprlib
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.model import Case
from pytest_duel.results import commit_info
from pytest_duel.results.commit_info import CommitInfo
from pytest_duel.support.errors import DuelError

SECTION = "bench"
"""The harness's key in the JSON, beside pytest-benchmark's."""
SCHEMA = 1
LARGEST = 2**63 - 1
"""More than can be counted; what is larger is an error, or a number too large to compute with."""

Rule = tuple[Callable[[Any], bool], str]
"""What a part must be: how to tell, and how to say it."""


class RunError(DuelError):
    """A file that is no run; the message names it and says what is wrong."""


class ForeignError(RunError):
    """A whole JSON file of something else."""


@dataclass(frozen=True)
class Result:
    """What one case gave, in seconds per item."""

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
    """Of those items."""


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
        return path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror or error}") from None


def parse(path: Path, content: bytes) -> Run:
    """Read a run from what its file holds."""
    try:
        saved = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (OSError, EOFError, zlib.error) as error:
        raise RunError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    except ValueError as error:
        raise RunError(f"{path} is no whole JSON file: {error}") from None
    except RecursionError:
        raise RunError(f"{path} is no run: its JSON is nested too deeply to be read") from None
    try:
        return from_json(saved)
    except RunError as error:
        raise type(error)(f"{path}: {error}") from None


def from_json(saved: Any) -> Run:
    """Read a run from parsed JSON."""
    if not isinstance(saved, dict) or "benchmarks" not in saved:
        raise ForeignError("this is no pytest-benchmark run")
    if SECTION not in saved:
        raise ForeignError("this pytest-benchmark run was not made by this harness")
    section = saved[SECTION]
    schema = section.get("schema") if isinstance(section, dict) else None
    if schema != SCHEMA:
        raise RunError(f"schema {schema} is not known here; this version reads {SCHEMA}")
    for name, keys in _OPTIONAL.items():
        for key in keys:
            if key in _part(saved, name, _OBJECT):
                _part(saved[name], key, _OBJECT, name)
    if "disagreements" in section.get("parity", {}):
        _part(section["parity"], "disagreements", _LIST, f"{SECTION}.parity")
    benchmarks = enumerate(_part(saved, "benchmarks", _LIST))
    return Run(
        results=tuple(_result(*found) for found in _cases(benchmarks)),
        section=section,
        machine=saved["machine_info"],
        commit=commit_info.read(_part(saved, "commit_info", _OBJECT)),
        when=_part(saved, "datetime", _TEXT),
    )


def _cases(benchmarks: Iterable[tuple[int, Any]]) -> Iterator[tuple[Any, Any, str]]:
    """Yield the cases of a sweep, without the benchmarks that stand beside them."""
    for number, saved in benchmarks:
        where = f"benchmarks[{number}]"
        if not isinstance(saved, dict):
            raise RunError(f"{where} is {reprlib.repr(saved)}: it must be {_OBJECT[1]}")
        info = _part(saved, "extra_info", _OBJECT, where)
        if "kernel" in info:
            yield info, _part(saved, "stats", _OBJECT, where), where


def _result(info: Mapping[str, Any], stats: Mapping[str, Any], where: str) -> Result:
    own = f"{where}.extra_info"
    kernel, backend, scenario = (_part(info, key, _TEXT, own) for key in _NAMES)
    case = Case(kernel, backend, scenario, _part(info, "n", _COUNT, own))
    where = f"{where}, {case.id}"
    times = {key: _part(stats, key, _ANY, where) for key in ("median", "mean", "min")}
    data = _part(stats, "data", _LIST, where) if "data" in stats else []
    if not all(map(_is_time, (*times.values(), *data))):
        raise RunError(f"{case.id} has a time that is no positive number")
    return Result(
        case=case,
        **times,
        stddev=_part(stats, "stddev", _SPREAD, where),
        rounds=_part(stats, "rounds", _COUNT, where),
        data=tuple(data),
        distinct=_part(info, "distinct", _COUNT, where),
        seed=_part(info, "seed", _SEED, where) if "seed" in info else None,
    )


def _part(of: Mapping[str, Any], key: str, rule: Rule, where: str = "") -> Any:
    """Return a part of the JSON that is as it must be."""
    name = f"{where}: {key}" if where else key
    if key not in of:
        raise RunError(f"{name} is missing")
    is_right, expected = rule
    if not is_right(of[key]):
        raise RunError(f"{name} is {reprlib.repr(of[key])}: it must be {expected}")
    return of[key]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)  # a bool is an int to Python


def _is_number(value: object) -> bool:
    return _is_whole(value) or isinstance(value, float)


def _is_time(value: Any) -> bool:
    # An int may be larger than any float, and overflow in whatever is computed of it.
    return _is_number(value) and 0 < value <= sys.float_info.max


def _is_count(value: Any) -> bool:
    return _is_whole(value) and 0 < value <= LARGEST


_ANY: Rule = (lambda _: True, "")
_OBJECT: Rule = (lambda value: isinstance(value, dict), "an object")
_LIST: Rule = (lambda value: isinstance(value, list), "a list")
_TEXT: Rule = (lambda value: isinstance(value, str), "a text")
_COUNT: Rule = (_is_count, "a whole number above 0, of 64 bits at most")
_SPREAD: Rule = (lambda value: value == 0 or _is_time(value), "a number that is at least 0")
_SEED: Rule = (lambda value: value is None or _is_whole(value), "a whole number or null")

_NAMES = ("kernel", "backend", "scenario")
_OPTIONAL = {
    "machine_info": ("cpu", "versions"),
    SECTION: ("build_info", "missing", "parity", "refused"),
}
"""Parts that a run may lack, but that must be objects where it has them."""
