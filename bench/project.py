"""What the harness is told of this project; `[tool.pytest-duel]` in pyproject.toml names it."""

from pathlib import Path

from bench import wheel
from bench.catalogue import catalogue
from bench.probes import PROBES
from pytest_duel.catalogue.project import Project

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "easy_marl"
RUNS = ROOT / "docs" / "runs"
STUDY = "study-*.json.gz"
"""The runs in the repository: the same sweep in several processes."""
TARGETS = RUNS / "targets.json"


def study_runs() -> list[Path]:
    """Return the files of the runs in the repository."""
    return sorted(RUNS.glob(STUDY))


def study_files() -> list[Path]:
    """Return those and what was judged beside them, for a page."""
    return [*study_runs(), *(path for path in (TARGETS,) if path.exists())]


def project() -> Project:
    """Return what the harness needs to know."""
    return Project(
        root=ROOT,
        catalogue=catalogue(),
        packages=(PACKAGE, wheel.MODULE),
        probes=PROBES,
        studied=study_files,
    )
