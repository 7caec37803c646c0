"""Runs of many commits whose truth is known."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pytest_duel.catalogue.model import Case
from pytest_duel.history import history, judgement
from pytest_duel.history.commits import Log
from pytest_duel.history.history import DEFAULT, Settings
from pytest_duel.history.trends import History
from pytest_duel.results import runs
from pytest_duel.results.index import Entry, entry_of
from pytest_duel.results.runs import RunError
from pytest_duel.verdicts.model import Judgement
from pytest_duel.verdicts.unread import with_files
from simulated import CASES, CATALOGUE, MACHINE, document, times_of

FEW = tuple(case for case in CASES if case.n in (5, 200))
Truth = Callable[[int, Case], float]
"""(commit, case) → how many times as slow as at first."""


def name_of(commit: int) -> str:
    """Return the hash of a commit."""
    return f"{commit + 1:02x}" * 20


def steady(commit: int, case: Case) -> float:
    return 1.0


def step(at: int, by: float, backend: str = "rust") -> Truth:
    """Return a truth in which a backend is slower from a commit on."""
    return lambda commit, case: by if commit >= at and case.backend == backend else 1.0


def documents(
    number: int,
    truth: Truth = steady,
    *,
    runs: int = 1,
    seed: int = 0,
    noise: float = 0.02,
    drift: float = 0.1,
    cases: Sequence[Case] = FEW,
    machine: Mapping[str, Any] = MACHINE,
    raw: bool = False,
) -> list[dict[str, Any]]:
    """Return the saved runs of so many commits, on a machine whose speed drifts."""
    rng = np.random.default_rng(seed)
    found = []
    for commit in range(number):
        factor = partial(truth, commit)
        for run in range(runs):
            times = times_of(
                rng, factor=factor, drift=drift, noise=noise,
                cases=cases,
            )  # fmt: skip
            saved = document(times, commit=name_of(commit), machine=machine, raw=raw)
            saved["commit_info"]["time"] = f"2026-11-{commit // 24 + 1:02}T{commit % 24:02}:00:00Z"
            saved["datetime"] = f"2026-12-{commit // 24 + 1:02}T{commit % 24:02}:{run:02}:00Z"
            found.append(saved)
    return found


def entries(number: int, truth: Truth = steady, **more: Any) -> list[Entry]:
    """Return the same as the index has them."""
    return [
        entry_of(runs.from_json(saved), Path(f"{place:04}.json"))
        for place, saved in enumerate(documents(number, truth, **more))
    ]


def read(found: Sequence[Entry], settings: Settings = DEFAULT, log: Log | None = None) -> History:
    return history.read(found, CATALOGUE, log or Log(), settings)


def judged_history() -> Judgement:
    """Judge the history of two machines, one of them new, and a file that is no run."""
    order = tuple(map(name_of, range(12)))
    log = Log(order, dict.fromkeys(order, 0), {order[7]: "Sort | twice"})
    other = {**MACHINE, "cpu": {"brand_raw": "Another CPU"}}
    found = [
        *entries(12, step(7, 1.3), runs=3, noise=0.005),
        *entries(2, machine=other, seed=1),
    ]
    broken = {
        Path("0009_bad.json"): RunError("0009_bad.json is no whole JSON file: it ends early")
    }
    return with_files(judgement.judge(read(found, log=log)), broken, [Path("notes.json")])
