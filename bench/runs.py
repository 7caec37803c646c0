"""Saved runs: pytest-benchmark's JSON, with the harness's own section beside it."""

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.registry import Case

SECTION = "bench"
"""The harness's key in the JSON, beside pytest-benchmark's."""
SCHEMA = 1


class RunError(Exception):
    """A file that is no run; the message names it and says what is wrong."""


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
    commit: Mapping[str, Any]
    when: str
    """ISO 8601, UTC."""


def load(path: Path) -> Run:
    """Read a saved run; a file that ends in ``.gz`` is compressed.

    Raises
    ------
    RunError
        Where the file is missing, truncated, foreign, or of a newer schema.
    """
    try:
        content = path.read_bytes()
        saved = json.loads(gzip.decompress(content) if path.suffix == ".gz" else content)
    except (OSError, EOFError, zlib.error) as error:
        raise RunError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    except ValueError as error:
        raise RunError(f"{path} is no whole JSON file: {error}") from None
    try:
        return from_json(saved)
    except RunError as error:
        raise RunError(f"{path}: {error}") from None


def from_json(saved: Any) -> Run:
    """Read a run from parsed JSON."""
    if not isinstance(saved, dict) or "benchmarks" not in saved:
        raise RunError("this is no pytest-benchmark run")
    if SECTION not in saved:
        raise RunError("this pytest-benchmark run was not made by this harness")
    section = saved[SECTION]
    schema = section.get("schema") if isinstance(section, dict) else None
    if schema != SCHEMA:
        raise RunError(f"schema {schema} is not known here; this version reads {SCHEMA}")
    try:
        return Run(
            results=tuple(_result(one) for one in saved["benchmarks"] if _is_case(one)),
            section=section,
            machine=saved["machine_info"],
            commit=saved["commit_info"],
            when=saved["datetime"],
        )
    except (KeyError, TypeError) as error:
        raise RunError(f"a part is missing or of the wrong kind: {error!r}") from None


def _is_case(saved: Mapping[str, Any]) -> bool:
    """Tell a case of a sweep from a benchmark that stands beside it."""
    return "kernel" in saved["extra_info"]


def _result(saved: Mapping[str, Any]) -> Result:
    info, stats = saved["extra_info"], saved["stats"]
    return Result(
        case=Case(info["kernel"], info["backend"], info["scenario"], info["n"]),
        median=stats["median"],
        mean=stats["mean"],
        stddev=stats["stddev"],
        min=stats["min"],
        rounds=stats["rounds"],
        data=tuple(stats.get("data", ())),
        distinct=info["distinct"],
        seed=info.get("seed"),
    )
