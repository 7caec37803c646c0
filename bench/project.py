"""What the harness is told of this project; `[tool.pytest-duel]` in pyproject.toml names it."""

from pathlib import Path

from bench import wheel
from bench.catalogue import catalogue
from bench.probes import PROBES
from pytest_duel.catalogue.project import Project
from pytest_duel.paired.install import ArmError, copy_package
from pytest_duel.support import files

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "easy_marl"
RUNS = ROOT / "docs" / "runs"
STUDY = "study-*.json.gz"
"""The runs in the repository: the same sweep in several processes."""
TARGETS = RUNS / "targets.json"
PLACED = ROOT / ".cache" / "selftest"
"""Where wheels are kept whose code is placed otherwise."""


def prepare(tree: Path, code: Path, placement: str) -> None:
    """Make the package and the Rust wheel of a source tree importable from a folder.

    Raises
    ------
    ArmError
        Where the tree lacks one of them, or the wheel does not build.
    """
    for folder in (wheel.MODULE, PACKAGE):
        if not (tree / folder).is_dir():
            raise ArmError(f"it has no folder {folder}")
    # It changes no instruction, but the names by which code is ordered.
    flags = f"-C metadata={placement}" if placement else ""
    cache = PLACED if placement else wheel.CACHE
    wheel.unpack(wheel.build(tree / wheel.MODULE, cache, flags), code)
    copy_package(tree, code, PACKAGE)


def study_runs() -> list[Path]:
    """Return the files of the runs in the repository."""
    return sorted(RUNS.glob(STUDY))


def study_files() -> list[Path]:
    """Return those and what was judged beside them, for a page."""
    return [*study_runs(), *(path for path in (TARGETS,) if path.exists())]


def identity() -> dict[str, str]:
    """Return digests of the code that the backends are made of."""
    return {
        "package": files.digest(sorted((ROOT / PACKAGE).rglob("*.py"))),
        "wheel": wheel.cache_key(),
    }


def project() -> Project:
    """Return what the harness needs to know."""
    return Project(
        root=ROOT,
        catalogue=catalogue(),
        source="bench.catalogue:catalogue",
        packages=(PACKAGE, wheel.MODULE),
        prepare=prepare,
        native=(wheel.MODULE,),
        probes=PROBES,
        studied=study_files,
        identity=identity,
    )
