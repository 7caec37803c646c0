"""Keep the docs' generated parts true to the runs in the repository.

A generated part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``, where NAME is
a table of `tables` or of `by_processor`, or a figure of `figures`, whose picture is a file of its
own. What depends on the processor is shown for each on which the study ran: the last study at
once, the others folded, below a line that has their answer.
"""

import csv
import html
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench import wheel
from bench.catalogue import catalogue
from bench.project import ROOT, RUNS, STUDY, TARGETS, duel, studies
from bench.study import calls, learning, places, repeats
from bench.study.by_processor import BY_PROCESSOR, answered, headline
from bench.study.inputs import Inputs, Native
from bench.study.tables import TABLES, where
from pytest_duel.catalogue.sources import digests
from pytest_duel.duel import targets_text
from pytest_duel.results.runs import Run, load
from pytest_duel.selftest import records
from pytest_duel.support import files
from pytest_duel.support.errors import DuelError
from pytest_duel.support.extras import lacking

if TYPE_CHECKING:
    from bench.study.figures import Figure

EARLIER = RUNS / "earlier-study.csv"
SELFTEST = RUNS / "selftest.json"
CALLS = RUNS / "calls.json"
REPEATS = "repeat*.json"
"""Sweeps of the same code, in the folder of runs."""
LEARNING = RUNS / "learning.json"
FIGURES = Path("docs") / "figures"
PLACES = RUNS / "places.json"
"""What a study took in each place."""
NATIVE = RUNS / "native"
"""The tables that the crate's own benchmarks have saved."""

_PART = re.compile(r"(?s)<!-- generated: (?P<name>\w+) -->\n(?P<body>.*?)<!-- end -->")


class ReportError(DuelError):
    """A document asks for something that cannot be generated."""


def made_from() -> list[Inputs]:
    """Return what the docs' tables are made from, for each processor; the last study first."""
    runs = {processor: [one.run for one in saved] for processor, saved in studies().items()}
    if not runs:
        raise ReportError(f"there is no {STUDY} in {RUNS}")
    first = Inputs(
        (),
        _by_abi(),
        EARLIER,
        catalogue(),
        trials=records.load(SELFTEST) if SELFTEST.exists() else None,
        targets=targets_text.load(TARGETS) if TARGETS.exists() else None,
        tables=duel("tables"),
        totals=duel("totals"),
        repeated_sweeps=[repeats.load(path) for path in sorted(RUNS.glob(REPEATS))],
        places=places.load(PLACES) if PLACES.exists() else None,
        trainings=learning.load(LEARNING) if LEARNING.exists() else None,
        calls=calls.load(CALLS) if CALLS.exists() else None,
        native=native_tables(),
    )
    return [replace(first, runs=own, changed=_changed(own[0])) for own in runs.values()]


def _changed(run: Run) -> list[str]:
    """Return the backends whose sources are not those of a run any more."""
    saved = dict(run.section.get("sources", {}))
    now = digests(ROOT, catalogue().backends.values())
    if "rust" in catalogue().backends:
        saved["rust"] = run.section["build_info"].get("source_hash")
        now["rust"] = wheel.source_hash()
    return sorted(name for name in saved.keys() & now.keys() if saved[name] != now[name])


def native_tables() -> dict[str, Native]:
    """Return the tables that the crate's own benchmarks have saved, by name."""
    return {path.stem: _native(path) for path in sorted(NATIVE.glob("*.csv"))}


def _native(path: Path) -> Native:
    """Return a table; older ones have no column that names the processor."""
    processor, rows = "", []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            processor = row.pop("processor", "")
            rows.append({name: float(value) for name, value in row.items()})
    return Native(processor or "an unknown processor", rows)


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
    """Return the documents and pictures that are stale; with `write`, rewrite them.

    Raises
    ------
    ReportError
        Where a document asks for what there is not, or what draws charts is not installed.
    """
    inputs = made_from()
    drawn = {name: [draw(one) for one in inputs] for name, draw in _figures().items()}
    fresh = {
        path: refresh(path.read_text(encoding="utf-8"), inputs, path, drawn, root)
        for path in documents(root)
    }
    fresh |= {
        _picture(root, name, study): figure.svg()
        for name, figures in drawn.items()
        for study, figure in zip(inputs, figures, strict=True)
    }
    stale = []
    for path, new in fresh.items():
        if not path.exists() or path.read_text(encoding="utf-8") != new:
            stale.append(path.relative_to(root))
            if write:
                path.parent.mkdir(exist_ok=True)
                files.write(path, new)
    for path in sorted({*(root / FIGURES).glob("*.svg")} - {*fresh}):  # of a study that is gone
        stale.append(path.relative_to(root))
        if write:
            path.unlink()
    return stale


def _picture(root: Path, name: str, study: Inputs) -> Path:
    """Return the file of a figure."""
    words = re.findall("[a-z0-9]+", re.sub(r"\(\w+\)", "", study.processor.lower()))
    return root / FIGURES / f"{'-'.join((name.removeprefix('figure_'), *words))}.svg"


def _by_processor(told: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is told of each processor: the first as it is, the others below their lines."""
    (_, first), *others = told
    folded = (
        f"<details>\n<summary>{html.escape(line)}</summary>\n\n{body}\n\n</details>"
        for line, body in others
    )
    return [first, *folded]


def _figures() -> Mapping[str, Callable[[Inputs], "Figure"]]:
    try:
        from bench.study import figures
    except ImportError as error:
        raise lacking(error, "charts", "page") from None
    return figures.FIGURES


def refresh(
    document: str,
    inputs: Sequence[Inputs],
    path: Path,
    figures: Mapping[str, Sequence["Figure"]] | None = None,
    root: Path = ROOT,
) -> str:
    """Return `document` with its generated parts made anew.

    Parameters
    ----------
    document
        Its text.
    inputs
        What parts are made from, one for each processor.
    path
        The document's file.
    figures
        By name, one for each study.
    root
        Of the repository.

    Raises
    ------
    ReportError
        Where a part has no table or figure of its name, or a marker no partner.
    """
    drawn = figures or {}

    def shown(study: Inputs, name: str, figure: "Figure") -> str:
        to = os.path.relpath(_picture(root, name, study), path.parent).replace(os.sep, "/")
        return f"![{figure.says}]({to})"

    def made(part: re.Match[str]) -> str:
        name = part["name"]
        if name in drawn:
            pairs = zip(inputs, drawn[name], strict=True)
            parts = _by_processor(
                (f"The same on {study.processor}", shown(study, name, figure))
                for study, figure in pairs
            )
        elif name in BY_PROCESSOR:
            parts = _by_processor(
                (answered(study, name), BY_PROCESSOR[name](study)) for study in inputs
            )
            parts[0] = f"{headline(inputs[0])}\n\n{parts[0]}"
        elif name == where.__name__:
            parts = [where(study) for study in inputs]
        elif name in TABLES:
            parts = [TABLES[name](inputs[0])]
        else:
            known = ", ".join((*BY_PROCESSOR, *TABLES, *drawn))
            raise ReportError(f"{path}: no table or figure is called {name!r}; there are {known}")
        body = "\n\n".join(parts)
        return f"<!-- generated: {name} -->\n{body}\n<!-- end -->"

    new, count = _PART.subn(made, document)
    if count != document.count("<!-- generated:") or count != document.count("<!-- end -->"):
        raise ReportError(f"{path}: a marker of a generated part has no partner")
    return new
