"""Print a saved run, and keep the docs' generated parts true to the runs in the repository.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``, where NAME is
a table of `bench.markdown`.
"""

import csv
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
NATIVE = RUNS / "native"
"""The tables that the crate's own benchmarks have saved."""

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
        native={path.stem: _rows(path) for path in sorted(NATIVE.glob("*.csv"))},
    )


def _rows(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: float(value) for name, value in row.items()} for row in csv.DictReader(file)
        ]


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
