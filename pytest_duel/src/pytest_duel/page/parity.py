"""Parity: that the backends gave the same answers before they were timed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_duel.page.material import Material
from pytest_duel.page.section import Cell, Section, Table, TableRow

ABOUT = (
    "Before anything is timed, every backend is compared with the reference, bit for bit: on the "
    "very inputs it is timed on, and on an adversarial set of ties, signed zeros, adjacent "
    "doubles, denormals, overflow, every dtype and every kind of bad input, where exception and "
    "message must be the same. A backend that disagrees is not timed."
)


def sections(material: Material) -> Iterator[Section]:
    """Yield the section, which says so where a sweep has checked nothing."""
    if material.timed and not material.study.results:
        return
    reports = [run.section.get("parity", {}) for run in material.shown]
    if not any(report.get("calls") for report in reports):
        yield Section(
            id="parity",
            title="Parity: do the backends agree?",
            intro="These runs do not say what was compared: nothing here proves that the "
            "backends gave the same answers.",
        )
        return
    wrong = [str(one) for report in reports for one in report.get("disagreements", ())]
    yield Section(
        id="parity",
        title="Parity: do the backends agree?",
        intro=f"{_verdict(reports, wrong, material)} {ABOUT}",
        tables=list(_tables(reports, material)),
        notes=wrong,
    )


def _verdict(
    reports: Sequence[Mapping[str, Any]], wrong: Sequence[str], material: Material
) -> str:
    each = [sum(report.get("calls", {}).values()) for report in reports]
    total = f"{each[0]:,}" if len(set(each)) == 1 else f"{min(each):,} to {max(each):,}"
    times = f" in each of {len(each)} processes" if material.several else ""
    found = (
        "no value differed: the worst disagreement is zero."
        if not wrong
        else f"{_counted(len(wrong))} found, and what was wrong was not timed."
    )
    return f"{total} calls were compared{times}, and {found}"


def _counted(wrong: int) -> str:
    return "1 disagreement was" if wrong == 1 else f"{wrong} disagreements were"


def _tables(reports: Sequence[Mapping[str, Any]], material: Material) -> Iterator[Table]:
    rows = []
    for name, count in reports[-1].get("calls", {}).items():
        kernel, _, backend = name.partition(" ")
        wrong = _is_wrong(reports, kernel, backend)
        told = Cell("wrong: not timed", 1) if wrong else Cell("0", 0)
        rows.append(TableRow([Cell(kernel), Cell(backend), Cell(f"{count:,}", count), told]))
    yield Table(
        id="parity-table",
        caption=f"Calls compared bit for bit with {material.catalogue.reference}",
        columns=("kernel", "backend", "calls", "disagreements"),
        rows=rows,
        words=frozenset({0, 1}),
    )
    outside = reports[-1].get("outside_domain", {})
    if outside:
        yield Table(
            id="parity-outside",
            caption="How wrong baselines are on inputs that they do not claim to be right on "
            "(they are not timed there)",
            columns=("case", "calls", "wrong", "share", "by up to"),
            rows=[_outside(case, tally) for case, tally in outside.items()],
        )


def _is_wrong(reports: Sequence[Mapping[str, Any]], kernel: str, backend: str) -> bool:
    start = f"{kernel}: {backend} disagrees"
    return any(
        str(one).startswith(start) for report in reports for one in report.get("disagreements", ())
    )


def _outside(case: str, tally: Mapping[str, Any]) -> TableRow:
    calls, different, largest = tally["calls"], tally["different"], tally["largest"]
    share = different / calls
    return TableRow(
        [
            Cell(case),
            Cell(f"{calls:,}", calls),
            Cell(f"{different:,}", different),
            Cell(f"{share:.0%}", share),
            Cell(f"{largest:.3g}", largest),
        ]
    )
