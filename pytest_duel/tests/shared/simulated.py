"""Runs and blocks whose truth is known, and the files that pytest-benchmark would save runs in."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Backend, Case, Catalogue, Kernel, Role, Scenario
from pytest_duel.results import runs
from pytest_duel.results.benchmarks import Result
from pytest_duel.results.runs import Run

ROLES = {
    "numpy": Role.BACKEND,
    "numba": Role.BACKEND,
    "rust": Role.BACKEND,
    "floor": Role.FLOOR,
}
CATALOGUE = Catalogue(
    reference="numpy",
    kernels={"clear": Kernel("clear", ("price", "cleared"))},
    backends={name: Backend(name, dict, role) for name, role in ROLES.items()},
    scenarios={"uniform": Scenario("uniform", lambda *_: [], seed=1)},
    sweeps=(),
)
SIZES = (5, 10, 20, 50, 100, 200, 500, 1000)
CASES = tuple(Case("clear", name, "uniform", n) for n in SIZES for name in ROLES)
SPEED = {"numpy": 20e-6, "numba": 2e-6, "rust": 1e-6, "floor": 1e-7}
MACHINE: Mapping[str, Any] = {
    "node_hash": "abc",
    "system": "Linux",
    "cores": 2,
    "cpu": {"brand_raw": "A CPU"},
    "versions": {"python": "3.11.7", "numpy": "2.4.6"},
}
SECTION: Mapping[str, Any] = {
    "schema": 1,
    "tier": "default",
    "build_info": {"profile": "release", "version": "0.1.0"},
    "parity": {"calls": {}, "disagreements": []},
    "missing": {},
}


def truth(case: Case) -> float:
    return SPEED[case.backend] * (1 + case.n / 100)


def document(
    times: Mapping[Case, float],
    *,
    raw: bool = True,
    commit: str = "1" * 40,
    machine: Mapping[str, Any] = MACHINE,
    section: Mapping[str, Any] = SECTION,
    spread: float = 0.005,
) -> dict[str, Any]:
    """Return a saved run in which each case has these medians."""
    benchmarks = []
    for case, median in times.items():
        data = [median * (1 + spread * step / 5) for step in range(-5, 6)]
        stats = {
            "median": median,
            "mean": median,
            "stddev": float(np.std(data, ddof=1)),
            "min": data[0],
            "rounds": len(data),
        }
        benchmarks.append(
            {
                "extra_info": {
                    "kernel": case.kernel,
                    "backend": case.backend,
                    "scenario": case.scenario,
                    "n": case.n,
                    "seed": 1,
                    "distinct": 4096,
                },
                "stats": stats | ({"data": data} if raw else {}),
            }
        )
    return {
        "machine_info": dict(machine),
        "commit_info": {"id": commit, "dirty": False},
        "datetime": "2026-11-23T03:18:25+00:00",
        "benchmarks": benchmarks,
        "bench": dict(section),
    }


def run_of(times: Mapping[Case, float], **more: Any) -> Run:
    return runs.from_json(document(times, **more))


def with_medians(run: Run, times: Mapping[Case, float]) -> Run:
    """Return a run with other times: for thousands of them, as no JSON is read."""

    def scaled(one: Result) -> Result:
        by = times[one.case] / one.median
        return replace(
            one, median=by * one.median, mean=by * one.mean, stddev=by * one.stddev,
            min=by * one.min, data=tuple(by * own for own in one.data),
        )  # fmt: skip

    return replace(run, results=tuple(map(scaled, run.results)))


Factor = Callable[[Case], float]


def times_of(
    rng: np.random.Generator,
    *,
    factor: Factor = lambda case: 1.0,
    drift: float = 0.0,
    noise: float = 0.0,
    cases: Sequence[Case] = CASES,
    heavy: bool = False,
) -> dict[Case, float]:
    """Return one process's medians: a drift that all share, and noise of each case's own."""
    shared = rng.normal(0, drift)
    own = rng.standard_t(3, len(cases)) if heavy else rng.normal(0, 1, len(cases))
    return {
        case: truth(case) * factor(case) * float(np.exp(shared + noise * one))
        for case, one in zip(cases, own, strict=True)
    }


def save(path: Path, saved: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(saved), encoding="utf-8")
    return path


Floats = NDArray[np.float64]
Noise = Callable[[np.random.Generator, tuple[int, ...], float], Floats]
"""(generator, (cases, blocks), standard deviation of a block) → log ratios around zero."""


def normal(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
    return rng.normal(0.0, sd, shape)


def heavy_tails(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
    """Student's t with three degrees of freedom, scaled to the same standard deviation."""
    scaled: Floats = rng.standard_t(3, shape) * sd / np.sqrt(3)
    return scaled


def outliers(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
    """One block in twenty is disturbed, on either arm."""
    hit = rng.random(shape) < 0.05
    return rng.normal(0.0, sd, shape) + hit * rng.normal(0.0, 0.10, shape)


def shared_drift(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
    """Half of the variance is common to all cases of a block."""
    common = rng.normal(0.0, sd * np.sqrt(0.5), (1, shape[1]))
    return common + rng.normal(0.0, sd * np.sqrt(0.5), shape)


def slow_processes(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
    """One process in ten is 15 to 40 % slower, from its start to its end, in some cases."""

    def excess() -> Floats:
        hit = (rng.random((1, shape[1])) < 0.1) & (rng.random(shape) < 0.8)
        return np.where(hit, np.log1p(rng.uniform(0.15, 0.40, shape)), 0.0)

    return rng.normal(0.0, sd, shape) + excess() - excess()
