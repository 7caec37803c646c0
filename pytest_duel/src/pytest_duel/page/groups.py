"""A section for each group of benchmarks: a curve over a number, or bars by name."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pytest_duel.charts import groups as charts
from pytest_duel.charts.labels import short
from pytest_duel.charts.palette import Series, numbered
from pytest_duel.page import in_short
from pytest_duel.page.material import Material
from pytest_duel.page.section import MISSING, Cell, Figure, Section, Table, TableRow
from pytest_duel.support import harmless
from pytest_duel.support.schema import NUMBER
from pytest_duel.support.units import count, figures
from pytest_duel.verdicts import noted
from pytest_duel.verdicts.fastest import numbers
from pytest_duel.verdicts.groups import Group, Timed
from pytest_duel.verdicts.parameters import (
    ABSENT,
    FUNCTION,
    Value,
    differing,
    function,
    said,
    traits,
)

FIGURES = 40
"""The most on a page; what comes after them has its table only."""
BARS = 40
"""The most benchmarks in a figure with a row for each name; a table has the rest."""
SERIES = 12
"""The most in a figure: more cannot be told apart."""
FOLDED = 8
"""Of more groups than this each is folded to a line: a reader opens what concerns him."""
POINTS = 3
"""The fewest on a line for it to be a curve."""


@dataclass(frozen=True)
class Panel:
    """Benchmarks that one figure shows."""

    id: str
    title: str
    members: tuple[Timed, ...]


def sections(material: Material) -> Iterator[Section]:
    """Yield a section for each group."""
    room = FIGURES
    for number, group in enumerate(material.groups, 1):
        section = _section(number, group, material, room)
        room -= len(section.figures)
        yield section


def _section(number: int, group: Group, material: Material, room: int) -> Section:
    id_ = f"group-{number}"
    panels = list(_panels(id_, group))
    left = max(0, len(panels) - room)
    is_folded = len(material.groups) > FOLDED
    note = f"{count(left, 'figure')} left out: this page has {FIGURES}. The table has all numbers."
    return Section(
        id=id_,
        title=group.name,
        intro=" ".join(
            [_intro(group, material), *(_answer(group, material) if is_folded else ())]
        ),
        figures=[_figure(panel, material) for panel in islice(panels, max(0, room))],
        tables=[_table(id_, group, material)],
        notes=[note] if left else [],
        is_folded=is_folded,
    )


def _intro(group: Group, material: Material) -> str:
    functions = {function(one.benchmark) for one in group.members}
    number = count(len(group.members), "benchmark")
    kind = " to choose from" if group.is_choice and len(group.members) > 1 else ""
    of = f" of {count(len(functions), 'function')}" if len(group.members) > 1 else ""
    times = [one.time for one in group.members]
    span = dict.fromkeys(material.duration(one) for one in (min(times), max(times)))
    return f"{number}{of}{kind}: {' to '.join(span)}."


def _answer(group: Group, material: Material) -> Iterator[str]:
    """Yield what is the fastest of a group, where that can be asked."""
    for outcome in material.outcomes:
        if outcome.group is group and outcome.races:
            yield in_short.told(outcome)


def _panels(id_: str, group: Group) -> Iterator[Panel]:
    """Yield what is drawn together: alternatives, or else the benchmarks of a function."""
    if group.is_choice:
        yield Panel(f"{id_}-figure", _title(group.members), group.members)
        return
    functions: dict[str, list[Timed]] = {}
    for one in group.members:
        functions.setdefault(function(one.benchmark), []).append(one)
    several = {name: tuple(own) for name, own in functions.items() if len(own) > 1}
    alone = tuple(one for own in functions.values() if len(own) == 1 for one in own)
    for number, own in enumerate(several.values(), 1):
        name = traits(own[0].benchmark)[FUNCTION].text
        yield Panel(f"{id_}-figure-{number}", name, own)
    if alone:
        title = "Benchmarks without parameters" if several else _title(alone)
        yield Panel(f"{id_}-figure-others", title, alone)


def _title(members: Sequence[Timed]) -> str:
    return "Time of a call" if len(members) > 1 else harmless.line(members[0].benchmark.label)


def _figure(panel: Panel, material: Material) -> Figure:
    over = _over(panel.members)
    return _curve(panel, over, material) if over else _bars(panel, material)


def _over(members: Sequence[Timed]) -> str | None:
    """Return the parameter that a curve goes over; None where there is none.

    Most benchmarks must lie on lines of several points, and the lines must be few.
    """
    for name in sorted(numbers(members), key=lambda one: -len(_values(members, one))):
        lines = Counter(_line(one, members, name) for one in members)
        on_curves = sum(number for number in lines.values() if number >= POINTS)
        if 2 * on_curves > len(members) and len(lines) <= SERIES:
            return name
    return None


def _values(members: Sequence[Timed], name: str) -> set[Value]:
    return {traits(one.benchmark).get(name, ABSENT) for one in members}


def _line(one: Timed, members: Sequence[Timed], over: str) -> str:
    """Return the name of the line that a benchmark lies on."""
    names = [name for name in differing(m.benchmark for m in members) if name != over]
    return said(traits(one.benchmark), names)


def _curve(panel: Panel, over: str, material: Material) -> Figure:
    lines = {one: _line(one, panel.members, over) for one in panel.members}
    names = list(dict.fromkeys(lines.values()))
    rows = [
        {
            **_times(one, material),
            "series": lines[one],
            "n": traits(one.benchmark)[over].number,
        }
        for one in panel.members
    ]
    rows.sort(key=lambda row: row["n"])
    series = [Series(name, numbered(number)) for number, name in enumerate(names)]
    axes = "Axes are logarithmic where numbers lie decades apart. "
    return Figure(
        id=panel.id,
        title=panel.title,
        caption=f"{axes}Lines join times{_bands(panel, material)}.",
        specification=charts.curve(rows, series, harmless.line(over), material.look).to_dict(),
        series=series if len(names) > 1 else (),
    )


def _bands(panel: Panel, material: Material) -> str:
    if not any(one.range for one in panel.members):
        return ""
    if material.several:
        return "; bands reach from the lowest to the highest process"
    return "; bands are 95 % intervals within the one process"


def _bars(panel: Panel, material: Material) -> Figure:
    drawn = _slowest(panel.members)
    differ = differing(one.benchmark for one in panel.members)
    colour = _colour(panel.members, differ)
    rest = [name for name in differ if name != colour]
    rows = []
    for one in drawn:
        own = traits(one.benchmark)
        row = said(own, rest) or harmless.line(one.benchmark.label)
        bar = said(own, [colour]) if colour else ""
        rows.append({**_times(one, material), "series": bar, "row": row})
    names = short(row["row"] for row in rows)
    rows = [{**row, "row": names[row["row"]]} for row in rows]
    shown = dict.fromkeys(row["series"] for row in rows)
    series = [Series(name, numbered(number)) for number, name in enumerate(shown)]
    left = len(panel.members) - len(drawn)
    more = f" The {len(drawn)} slowest are drawn; the table has {left} more." if left else ""
    chart = charts.bars(rows, series, material.look)
    return Figure(
        id=panel.id,
        title=panel.title,
        caption=f"Further left is faster{_ends(panel, material)}.{more}",
        specification=chart.to_dict(),
        series=series if colour else (),
    )


def _ends(panel: Panel, material: Material) -> str:
    if not any(one.range for one in panel.members):
        return ""
    if material.several:
        return "; thin lines reach from the lowest to the highest process"
    return "; thin lines are 95 % intervals within the one process"


def _slowest(members: Sequence[Timed]) -> list[Timed]:
    """Return the members that there is room for, in their order."""
    kept = {id(one) for one in sorted(members, key=lambda one: -one.time)[:BARS]}
    return [one for one in members if id(one) in kept]


def _colour(members: Sequence[Timed], names: Sequence[str]) -> str | None:
    """Return the trait that bars of a row differ in: where all rows are whole, the last one."""
    for name in reversed(names):
        number = len(_values(members, name))
        rows = {
            said(traits(one.benchmark), [other for other in names if other != name])
            for one in members
        }
        if len(names) > 1 and number <= SERIES // 2 and len(rows) * number == len(members):
            return name
    return None


def _times(one: Timed, material: Material) -> dict[str, Any]:
    """Return the data of a benchmark for a chart and its tooltip."""
    low, high = one.range or (one.time, one.time)
    numbers = {"time": one.time, "low": low, "high": high}
    span = f"{material.duration(low)} to {material.duration(high)}" if one.range else "unknown"
    return {
        "scenario": None,
        **{name: float(f"{value:.5g}") for name, value in numbers.items()},
        "Benchmark": harmless.line(one.benchmark.label),
        "Time": material.duration(one.time),
        _interval(material): span,
    }


def _interval(material: Material) -> str:
    return f"In {len(material.processes)} processes" if material.several else "95 % interval"


def _table(id_: str, group: Group, material: Material) -> Table:
    """Return every benchmark of a group: of alternatives the fastest first."""
    members, caption = list(group.members), f"All benchmarks of {group.name}"
    firsts = {
        one: race.order[0].time
        for outcome in material.outcomes
        if outcome.group is group
        for race in outcome.races
        for one in race.order
    }
    has_ranges = any(one.range for one in members)
    if firsts:
        members.sort(key=lambda one: one.time)
        caption = f"{group.name}: the fastest first"
    return Table(
        id=f"{id_}-table",
        caption=caption,
        columns=(
            "benchmark", "time", *(("range",) if has_ranges else ()), "fastest round", "rounds",
            *(("× first",) if firsts else ()), *map(noted.heading, material.keys),
        ),
        rows=[_row(one, firsts, material, has_ranges=has_ranges) for one in members],
    )  # fmt: skip


def _row(
    one: Timed, firsts: Mapping[Timed, float], material: Material, *, has_ranges: bool
) -> TableRow:
    span, first = one.range, firsts.get(one)
    above = [Cell(figures(one.time / first), one.time / first) if first else MISSING]
    return TableRow(
        anchor=material.anchors[one.benchmark],
        cells=[
            Cell(harmless.line(one.benchmark.label)),
            Cell(material.duration(one.time), one.time),
            *([_range(span, material)] if has_ranges else ()),
            Cell(material.duration(one.min), one.min),
            Cell(f"{one.rounds:,}", one.rounds),
            *(above if firsts else ()),
            *(_noted(key, one) for key in material.keys),
        ],
    )


def _range(span: tuple[float, float] | None, material: Material) -> Cell:
    return (
        Cell(f"{material.duration(span[0])} – {material.duration(span[1])}", span[0])
        if span
        else MISSING
    )


def _noted(key: str, one: Timed) -> Cell:
    """Return what a test has noted; one number is sorted as such."""
    values: set[Any] = {own.get(key) for own in one.noted if NUMBER.tell(own.get(key))}
    text = noted.said(key, one.noted)
    return Cell(text, float(values.pop())) if len(values) == 1 else Cell(text)
