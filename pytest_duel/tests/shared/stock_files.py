"""Saved runs as pytest-benchmark alone writes them, version by version."""

from collections.abc import Mapping
from typing import Any

import numpy as np

STATS = {"median": 2e-6, "mean": 2.1e-6, "min": 1.8e-6, "max": 4e-6, "stddev": 2e-7, "rounds": 40}
CPU = {"brand_raw": "A CPU", "count": 8, "hz_actual_friendly": "3.1 GHz"}
MACHINE: Mapping[str, Any] = {
    "node": "buildhost-7", "processor": "x86_64", "machine": "x86_64", "system": "Linux",
    "python_compiler": "GCC 9.4.0", "python_implementation": "CPython",
    "python_implementation_version": "3.9.5", "python_version": "3.9.5",
    "python_build": ["default", "May 18 2021"], "release": "5.4.0-74-generic", "cpu": CPU,
}  # fmt: skip


def entry(fullname: str = "tests/test_a.py::test_a", **more: Any) -> dict[str, Any]:
    """Return a benchmark as versions from 3.1 on save it."""
    return {
        "group": None, "name": fullname.rpartition("::")[2], "fullname": fullname, "params": None,
        "param": None, "extra_info": {}, "options": {"timer": "perf_counter"},
        "stats": {**STATS, "iterations": 10, "ops": 5e5, "outliers": "1;3"}, **more,
    }  # fmt: skip


def times(fullname: str, median: float, *, spread: float = 0.01, **more: Any) -> dict[str, Any]:
    """Return a benchmark whose rounds lie around a median, in seconds."""
    data = [median * (1 + spread * step / 5) for step in range(-5, 6)]
    stats = {
        "median": median, "mean": median, "min": data[0], "max": data[-1],
        "stddev": float(np.std(data, ddof=1)), "rounds": len(data), "data": data,
    }  # fmt: skip
    _, parametrised, rest = fullname.partition("[")
    param = rest.removesuffix("]") if parametrised else None
    return entry(fullname, **{"param": param, "stats": stats, **more})


def document(*benchmarks: Any, version: str = "4.0.0", **more: Any) -> dict[str, Any]:
    """Return a whole file."""
    return {
        "machine_info": dict(MACHINE),
        "commit_info": {"id": "unknown", "time": None, "dirty": False, "error": "no git"},
        "benchmarks": list(benchmarks), "datetime": "2021-06-11T09:15:02.123456+00:00",
        "version": version, **more,
    }  # fmt: skip


def suite(
    rng: np.random.Generator,
    number: int = 20,
    *,
    noise: float = 0.01,
    drift: float = 1.0,
    slower: Mapping[int, float] | None = None,
    raw: bool = False,
) -> dict[str, Any]:
    """Return a run of a suite in which some benchmarks, by number, are slower by a factor."""
    found = []
    for at in range(number):
        median = 1e-6 * (1 + at) * drift * (slower or {}).get(at, 1.0)
        median *= float(np.exp(rng.normal(0, noise)))
        data = [median * (1 + 0.005 * step / 5) for step in range(-5, 6)]
        stats: dict[str, Any] = {
            "median": median, "mean": median, "min": data[0], "max": data[-1],
            "stddev": float(np.std(data, ddof=1)), "rounds": len(data), "iterations": 1,
        }  # fmt: skip
        own = stats | ({"data": data} if raw else {})
        found.append(entry(f"tests/test_suite.py::test_it[{at}]", param=str(at), stats=own))
    return document(*found)
