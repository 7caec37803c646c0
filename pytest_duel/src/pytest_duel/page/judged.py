"""The project's targets: ratios that it set out to reach, and whether it did."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_duel.duel.targets_text import needed
from pytest_duel.page.material import Material
from pytest_duel.page.section import MISSING, Cell, Section, Table, TableRow
from pytest_duel.results.provenance import where
from pytest_duel.support.units import ratio


def sections(material: Material) -> Iterator[Section]:
    """Yield a section, where judged targets were given."""
    data = material.targets
    if data is None:
        return
    counts = Counter(one["verdict"] for one in data["cases"])
    said = ", ".join(f"{number} {word}" for word, number in sorted(counts.items()))
    yield Section(
        id="targets",
        title="Targets",
        intro=(
            f"Ratios of times that the project set out to reach, slow ÷ fast. Of "
            f"{len(data['cases'])}: {said}. They are measured in pairs, not taken from the sweep: "
            f"{data['taken']} blocks, each two fresh processes that take turns on the same CPU."
        ),
        tables=[
            Table(
                id="targets-table",
                caption="Targets and what was measured; brackets hold 95 % intervals over blocks",
                columns=("slow ÷ fast", "n", "ratio [95 %]", "needed", "verdict"),
                rows=[_row(one) for one in data["cases"]],
                words=frozenset({0, 4}),
            )
        ],
        notes=(
            "Met and missed: the whole interval lies on that side of what is needed; open: it "
            "reaches across, so more blocks would have to tell.",
            f"Judged on {where(data)}.",
        ),
    )


def _row(one: Mapping[str, Any]) -> TableRow:
    n, verdict = one.get("n"), str(one["verdict"])
    least, most = one.get("at_least"), one.get("at_most")
    known = all(one.get(part) is not None for part in ("ratio", "low", "high"))
    return TableRow(
        word=verdict,
        cells=[
            Cell(one["target"]),
            Cell(f"{n:,}" if n else "geometric mean", n or 0),
            Cell(ratio(one["ratio"], one["low"], one["high"]), one["ratio"]) if known else MISSING,
            Cell(needed(least, most), least or most),
            Cell(verdict),
        ],
    )
