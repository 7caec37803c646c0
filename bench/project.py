"""What the harness is told of this project; `[tool.pytest-duel]` in pyproject.toml names it."""

import json
from pathlib import Path
from typing import Any

from bench import wheel
from bench.catalogue import catalogue
from bench.probes import PROBES
from pytest_duel.catalogue.project import Project
from pytest_duel.results.reading import Saved
from pytest_duel.results.runs import load

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "easy_marl"
RUNS = ROOT / "docs" / "runs"
STUDY = "study-*.json.gz"
"""The runs in the repository: the same sweep, on each processor that it was measured on."""
TARGETS = RUNS / "targets.json"


def studies() -> dict[str, list[Saved]]:
    """Return the runs in the repository by processor, the one that was measured last first."""
    saved = [Saved(path, load(path)) for path in sorted(RUNS.glob(STUDY))]
    found: dict[str, list[Saved]] = {}
    for one in sorted(saved, key=lambda one: one.run.when, reverse=True):
        found.setdefault(one.run.machine["cpu"]["brand_raw"], []).append(one)
    return {processor: own[::-1] for processor, own in found.items()}


def study_files() -> list[Path]:
    """Return the files of the last study, and what was judged beside them, for a page."""
    last = next(iter(studies().values()), [])
    return [*(one.path for one in last), *(path for path in (TARGETS,) if path.exists())]


def duel(name: str) -> dict[str, Any] | None:
    """Return a duel of the runs in the repository; None where there is none of this name."""
    path = RUNS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def project() -> Project:
    """Return what the harness needs to know."""
    return Project(
        root=ROOT,
        catalogue=catalogue(),
        packages=(PACKAGE, wheel.MODULE),
        probes=PROBES,
        studied=study_files,
    )
