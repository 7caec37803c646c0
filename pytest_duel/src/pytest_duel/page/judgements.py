"""The conclusions of compare, duel and gate: intervals of cases, and verdicts in words."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_duel.charts.judgements import forest
from pytest_duel.charts.labels import short
from pytest_duel.charts.look import ON_PAGE
from pytest_duel.charts.palette import GREY, Series, Style
from pytest_duel.page.material import Material
from pytest_duel.page.section import MISSING, Cell, Figure, Section, Table, TableRow
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import figures, share

COMMANDS = {
    "gate": ("Gate", "Time of head ÷ time of base, log scale"),
    "duel": ("Duel", "Time of the second arm ÷ time of the first, log scale"),
    "compare": ("Comparison", "New time ÷ old time, log scale"),
}
"""The heading and the axis title of each command."""
NULL = "A/A"
"""The start of names of cases with equal code on both sides."""
MOST = 60
"""Cases in a figure; a table has the rest."""
STYLES = {
    Verdict.REGRESSION: Style(2, shape="triangle-up"),
    "error": Style(2, shape="cross"),
    Verdict.INCONCLUSIVE: Style(4, shape="diamond"),
    "tolerated": Style(4, shape="square"),
    Verdict.IMPROVEMENT: Style(0, shape="triangle-down"),
    Verdict.NO_CHANGE: Style(1, shape="circle"),
    "control": Style(GREY, shape="square"),
    NULL: Style(GREY, shape="diamond"),
}
"""The gravest first."""
WHOLE = {
    Verdict.REGRESSION: "Regression",
    Verdict.IMPROVEMENT: "Faster, and nothing slower",
    Verdict.NO_CHANGE: "Pass: nothing is slower by as much as the threshold.",
    Verdict.INCONCLUSIVE: "Inconclusive: the measurement is not enough to tell.",
    "void": "Void: the same code differed from itself, so no verdict here can be trusted.",
    "error": "Something is missing or wrong",
    "tolerated": "Pass: nothing is slower by more than the place of its code may explain.",
}
NOTE = ("note",)
NAMED = 3
"""Cases that a sentence names."""


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each comparison, duel and gate that was given."""
    yield from (section for section, _ in shown(material))


def shown(material: Material) -> Iterator[tuple[Section, Mapping[str, Any]]]:
    """Yield the same with what the command has saved."""
    found = [data for _, data in material.judgements if data["command"] in COMMANDS]
    titles: Counter[str] = Counter()
    for number, data in enumerate(found, 1):
        title = f"{COMMANDS[data['command']][0]}: {data['title']}"
        titles[title] += 1
        again = f" ({titles[title]})" if titles[title] > 1 else ""  # no two parts are called alike
        yield _section(f"{data['command']}-{number}", f"{title}{again}", data, material), data


def _section(id_: str, heading: str, data: Mapping[str, Any], material: Material) -> Section:
    _, title = COMMANDS[data["command"]]
    rows = [*_cases(data), *_nulls(data)]
    rows.sort(key=lambda row: _rank(row["series"]))
    judged = [one for one in data["cases"] if _ratio(one) is not None]
    others = [one for one in data["cases"] if _ratio(one) is None]
    return Section(
        id=id_,
        title=heading,
        intro=_intro(data),
        facts=list(_facts(data)),
        figures=[_figure(id_, rows, title, data)] if rows else [],
        tables=[
            *([_judged(id_, judged, data, material)] if judged else ()),
            *([_unjudged(id_, others)] if others else ()),
        ],
        notes=data["notes"],
    )


def _intro(data: Mapping[str, Any]) -> str:
    word = str(data["verdict"])
    whole = WHOLE.get(word, f"{word.capitalize()}.")
    if word == Verdict.INCONCLUSIVE:
        faster = _named(data, Verdict.IMPROVEMENT)
        told = (
            f"Faster: {faster}. Of the rest, the measurement is not enough to tell."
            if faster
            else whole
        )
        return " ".join([told, *_largest(data)])
    if whole.endswith("."):
        return whole
    named = _named(data, word)
    return f"{whole}: {named}." if named else f"{whole}."


def _named(data: Mapping[str, Any], word: str) -> str:
    """Name some cases of a verdict; empty where none has it."""
    # An error is a row that fails as one: a case that is gone, or wrong.
    own = [one for one in data["cases"] if one["verdict"] == word or _failed(one, word)]
    named = [f"{one['name']} {_became(one)}".rstrip() for one in own[:NAMED]]
    more = f" and {len(own) - NAMED} more" if len(own) > NAMED else ""
    return f"{', '.join(named)}{more}"


def _largest(data: Mapping[str, Any]) -> Iterator[str]:
    """Name the largest of the changes that are not decided, beyond what matters."""
    found = {
        one["name"]: ratio["ratio"]
        for one in data["cases"]
        if one["verdict"] == Verdict.INCONCLUSIVE and (ratio := _ratio(one))
    }
    limit = math.log1p(data.get("threshold") or 0)
    far = sorted(found.items(), key=lambda one: -_distance(one[1]))[:NAMED]
    said = [
        f"{name.partition('::')[2] or name} {_apart(ratio)}"
        for name, ratio in far
        if _distance(ratio) > limit
    ]
    if said:
        yield f"The largest that are not decided: {', '.join(said)}."


def _failed(one: Mapping[str, Any], word: str) -> bool:
    return word == "error" and bool(one["exit_code"] == Exit.ERROR)


def _became(one: Mapping[str, Any]) -> str:
    """Say by how much a case changed; nothing where that is not known."""
    found = _ratio(one)
    if found is None:
        return f"({one['verdict']})"
    return _apart(found["ratio"])


def _apart(ratio: float) -> str:
    return f"{abs(ratio - 1):.1%} {'slower' if ratio > 1 else 'faster'}"


def _facts(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "Verdict", f"{data['verdict']} (exit code {data['exit_code']})"
    counts = ", ".join(f"{number:,} {word}" for word, number in data["counts"].items())
    yield "Cases", counts or "none"
    for warning in data["warnings"]:
        yield "Beware", warning
    if data.get("threshold") is not None:
        yield "Threshold", f"{share(data['threshold'])}: the smallest change that matters"
    if data.get("blocks"):
        yield "Blocks", f"{data['blocks']:,}, each two fresh processes on one CPU"
    if isinstance(data.get("runs"), dict):
        yield "Runs", f"{data['runs']['old']:,} old, {data['runs']['new']:,} new"
    if data.get("parity_calls"):
        yield "Parity", f"{data['parity_calls']:,} calls compared bit for bit"
    nulls = [
        f"{name} {_said(one)}"
        for name, one in (data.get("nulls") or {}).items()
        if one.get("ratio") is not None
    ]
    if nulls:
        yield "Same code", "; ".join(nulls)


def _ratio(one: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the numbers that a case's verdict rests on."""
    found = one.get(one["trusted"]) if one.get("trusted") else one
    return found if isinstance(found, dict) and found.get("ratio") is not None else None


def _cases(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for one in data["cases"]:
        found = _ratio(one)
        if found is not None:
            threshold = one.get("threshold", data.get("threshold"))
            yield _point(one["name"], one["verdict"], found, threshold)


def _nulls(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the same code on both sides; controls are cases that have been drawn already."""
    for name, one in (data.get("nulls") or {}).items():
        if name.startswith(NULL) and one.get("ratio") is not None:
            yield _point(name, NULL, one, data.get("threshold"))


def _point(
    name: str, word: str, found: Mapping[str, Any], threshold: float | None
) -> dict[str, Any]:
    limit = None if threshold is None else 1 + threshold
    return {
        "series": word if word in STYLES else Verdict.INCONCLUSIVE.value,
        "scenario": None,
        "case": name,
        "ratio": found["ratio"],
        "low": found.get("low") or found["ratio"],
        "high": found.get("high") or found["ratio"],
        "least": limit and 1 / limit,
        "most": limit,
        "Case": name,
        "Ratio [95 %]": _said(found),
        "Threshold": "none" if threshold is None else share(threshold),
        "Verdict": "the same code on both sides" if word == NULL else word,
    }


def _said(found: Mapping[str, Any]) -> str:
    low, high = ("∞" if found.get(end) is None else _times(found[end]) for end in ("low", "high"))
    return f"{_times(found['ratio'])} [{low}, {high}]"


def _times(ratio: float) -> str:
    return figures(ratio, 4 if 0.5 < ratio < 2 else 3)


def _rank(word: str) -> int:
    known = list(map(str, STYLES))
    return known.index(word) if word in known else len(known)


def _figure(
    id_: str, rows: Sequence[Mapping[str, Any]], title: str, data: Mapping[str, Any]
) -> Figure:
    drawn = _fitting(rows)
    names = short(row["case"] for row in drawn)
    drawn = [{**row, "case": names[row["case"]]} for row in drawn]
    words = {row["series"] for row in drawn}
    series = [Series(str(word), style) for word, style in STYLES.items() if word in words]
    threshold = data.get("threshold")
    left = f" {len(rows) - len(drawn)} more are in the table." if len(drawn) < len(rows) else ""
    return Figure(
        id=f"{id_}-figure",
        title="Ratio of times, case by case",
        caption=(
            "The mark is the estimate, the line its 95 % interval. Right of 1× is slower. The "
            "band is what lies within the threshold, the case's own where it has one. A "
            "regression needs the mark beyond the band, and the line right of 1× at a level that "
            f"holds for all cases together.{left}"
        ),
        specification=forest(
            drawn, series, title, None if threshold is None else 1 + threshold, ON_PAGE
        ).to_dict(),
        series=series,
    )


def _fitting(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the gravest rows, and those with the same code on both sides, in their order."""
    measured = [row for row in rows if row["series"] != NULL]
    grave = sorted(measured, key=lambda row: (_rank(row["series"]), -_distance(row["ratio"])))
    kept = {id(row) for row in grave[:MOST]}
    return [row for row in rows if row["series"] == NULL or id(row) in kept]


def _distance(ratio: float) -> float:
    """Return how far a ratio is from 1, either way."""
    return abs(math.log(ratio))


def _judged(
    id_: str, cases: Sequence[Mapping[str, Any]], data: Mapping[str, Any], material: Material
) -> Table:
    noted = any(one.get("note") for one in cases)
    return Table(
        id=f"{id_}-cases",
        caption="Cases that were measured; brackets hold 95 % intervals of one case at a time",
        columns=("case", "before", "after", "ratio [95 %]", "threshold", "verdict", *NOTE[:noted]),
        rows=[_row(one, data, material, noted=noted) for one in cases],
        words=frozenset({0, 5, 6}),
    )


def _row(
    one: Mapping[str, Any], data: Mapping[str, Any], material: Material, *, noted: bool
) -> TableRow:
    found = _ratio(one) or {}
    old = one.get("old", one.get("seconds"))
    new = one.get("new", old * found["ratio"] if old else None)
    threshold = one.get("threshold", data.get("threshold"))
    return TableRow(
        word=str(one["verdict"]),
        cells=[
            Cell(one["name"]),
            *(Cell(material.duration(time), time) if time else MISSING for time in (old, new)),
            Cell(_said(found), found["ratio"]),
            MISSING if threshold is None else Cell(share(threshold), threshold),
            Cell(str(one["verdict"])),
            *([Cell(one.get("note") or "–")] if noted else ()),
        ],
    )


def _unjudged(id_: str, cases: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        id=f"{id_}-others",
        caption="What was not judged, and why",
        columns=("case", "why", "note"),
        rows=[
            TableRow(
                word=str(one["verdict"]),
                cells=[Cell(one["name"]), Cell(str(one["verdict"])), Cell(one.get("note") or "–")],
            )
            for one in cases
        ],
        words=frozenset({0, 1, 2}),
    )
