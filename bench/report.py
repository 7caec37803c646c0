"""Print a saved run, and keep the docs' generated parts true to the runs in the repository.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``, where NAME is
a table of `bench.markdown`.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from bench import files, targets_text, text, trials
from bench.catalogue import catalogue
from bench.markdown import TABLES, Sources
from bench.runs import Run, load
from bench.summary import middle, summarise

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "docs" / "runs"
STUDY = "study-*.json.gz"
"""The runs in the repository: the same sweep in several processes."""
EARLIER = RUNS / "earlier-study.csv"
SELFTEST = RUNS / "selftest.json"
TARGETS = RUNS / "targets.json"
NATIVE = RUNS / "native.csv"

_PART = re.compile(r"(?s)<!-- generated: (?P<name>\w+) -->\n(?P<body>.*?)<!-- end -->")


class ReportError(Exception):
    """A document asks for something that cannot be generated."""


def of_files(paths: Sequence[Path]) -> str:
    """Return the summary of a saved run, or of the middle of several, as text."""
    own = catalogue()
    run = middle([load(path) for path in paths], own)
    return text.render(summarise(run, own), own.notes) + "\n"


def study_runs() -> list[Path]:
    """Return the files of the runs in the repository."""
    return sorted(RUNS.glob(STUDY))


def study_files() -> list[Path]:
    """Return those and what was judged beside them, for a page."""
    return [*study_runs(), *(path for path in (TARGETS,) if path.exists())]


def lacking(error: ImportError) -> Exception:
    """Say which dependency group a picture needs, where that is what is missing."""
    if (error.name or "bench").startswith("bench"):
        return error
    return ReportError(
        f"charts need {error.name}, of the dependency group `report`: "
        "python -m pip install --group report"
    )


def sources() -> Sources:
    """Return what the docs' tables are made from."""
    paths = study_runs()
    if not paths:
        raise ReportError(f"there is no {STUDY} in {RUNS}")
    return Sources(
        [load(path) for path in paths],
        _by_abi(),
        EARLIER,
        catalogue(),
        trials=trials.load(SELFTEST) if SELFTEST.exists() else None,
        targets=targets_text.load(TARGETS) if TARGETS.exists() else None,
        native=NATIVE if NATIVE.exists() else None,
    )


def _by_abi() -> dict[str, list[Run]]:
    """Return the runs that compare kinds of wheel, by the tag in the file's name."""
    runs: dict[str, list[Run]] = {}
    for path in sorted(RUNS.glob("abi-*.json.gz")):
        _, tag, _ = path.name.split("-")
        runs.setdefault(tag, []).append(load(path))
    return runs


def documents(root: Path = ROOT) -> list[Path]:
    """Return the files that may hold generated parts."""
    return [root / "README.md", *sorted((root / "docs").glob("*.md"))]


def update_docs(*, write: bool, root: Path = ROOT) -> list[Path]:
    """Return the documents whose generated parts are stale; with `write`, rewrite them."""
    made_from = sources()
    stale = []
    for path in documents(root):
        old = path.read_text(encoding="utf-8")
        new = refresh(old, made_from, path)
        if new != old:
            stale.append(path.relative_to(root))
            if write:
                files.write(path, new)
    return stale


def refresh(document: str, sources: Sources, path: Path) -> str:
    """Return `document` with its generated parts made anew.

    Raises
    ------
    ReportError
        Where a part has no table of its name, or a marker no partner.
    """

    def made(part: re.Match[str]) -> str:
        name = part["name"]
        if name not in TABLES:
            raise ReportError(
                f"{path}: no table is called {name!r}; there are {', '.join(TABLES)}"
            )
        return f"<!-- generated: {name} -->\n{TABLES[name](sources)}\n<!-- end -->"

    new, count = _PART.subn(made, document)
    if count != document.count("<!-- generated:") or count != document.count("<!-- end -->"):
        raise ReportError(f"{path}: a marker of a generated part has no partner")
    return new
