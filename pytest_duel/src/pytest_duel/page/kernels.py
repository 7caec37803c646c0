"""A section for each kernel: time against n, the lead, other inputs, and every case."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_duel.catalogue.model import Case, Role
from pytest_duel.charts import sweep
from pytest_duel.charts.axes import between
from pytest_duel.charts.look import ON_PAGE
from pytest_duel.charts.palette import Series, numbered
from pytest_duel.charts.points import lead_point, point
from pytest_duel.page.answers import by_kernel
from pytest_duel.page.material import Material
from pytest_duel.page.section import MISSING, Cell, Choice, Figure, Section, Table, TableRow
from pytest_duel.results.benchmarks import Result
from pytest_duel.results.leads import MARGIN
from pytest_duel.results.speedups import favourite, leads, span
from pytest_duel.results.summary import Summary, Timing
from pytest_duel.support.units import duration, figures
from pytest_duel.verdicts.text import ratio

QUIET = (Role.BASELINE, Role.VARIANT, Role.PUBLIC)
"""Drawn where they are asked for; else the lines that matter would be lost among them."""


def sections(material: Material) -> Iterator[Section]:
    """Yield the kernels' sections, those that only explain others last."""
    found = by_kernel(material)
    for explains in (False, True):
        for kernel, summaries in found:
            if material.catalogue.kernels[kernel].diagnostic is explains:
                yield _section(kernel, summaries, material)


def _section(kernel: str, summaries: Sequence[Summary], material: Material) -> Section:
    own = material.catalogue.kernels[kernel]
    intro = [own.note, f"Times are per {own.item}; lower is better."]
    curves = [summary for summary in summaries if len(summary.sizes) > 1]
    points = [summary for summary in summaries if len(summary.sizes) == 1]
    drawn = [
        *([_times(curves, material)] if curves else ()),
        *([_leads(curves, material)] if any(map(favourite, curves)) else ()),
        *([_dots(points, material)] if points else ()),
    ]
    return Section(
        id=kernel,
        title=own.title or kernel,
        code=kernel,
        intro=" ".join(filter(None, intro)),
        figures=drawn,
        tables=[_cases(kernel, summaries, material)],
        notes=[_columns(summaries, material)],
    )


def anchor(case: Case) -> str:
    """Return the id of a case on the page."""
    return "-".join(("case", case.kernel, case.backend, case.scenario, str(case.n)))


def _series(summaries: Sequence[Summary], material: Material) -> list[Series]:
    """Return what summaries have timed, as the catalogue lists it."""
    roles = {
        row.result.case.backend: row.role
        for summary in summaries
        for size in summary.sizes
        for row in size.rows
    }
    loud = any(role not in QUIET for role in roles.values())
    return [
        Series(name, style, hidden=loud and roles[name] in QUIET)
        for name, style in material.styles.items()
        if name in roles
    ]


def _row(result: Result, item: str, material: Material) -> dict[str, Any]:
    """Return the data of a case for a chart and its tooltip."""
    low, high = span(result, material.results)
    return {
        **point(result, material.results),
        "Backend": result.case.backend,
        "Input": f"{result.case.scenario}, n = {result.case.n:,}",
        f"Median per {item}": duration(result.median),
        _interval(material): f"{duration(low)} to {duration(high)}",
    }


def _interval(material: Material) -> str:
    return f"In {len(material.processes)} processes" if material.several else "95 % interval"


def _timed(summaries: Sequence[Summary]) -> Iterator[Timing]:
    for summary in summaries:
        for size in summary.sizes:
            yield from size.rows


def _rows(summaries: Sequence[Summary], material: Material) -> list[dict[str, Any]]:
    return [_row(row.result, summaries[0].item, material) for row in _timed(summaries)]


def _choice(summaries: Sequence[Summary], material: Material) -> Choice | None:
    if len(summaries) < 2:
        return None
    options = [("", summary.scenario, _named(summary.scenario, material)) for summary in summaries]
    return Choice("Kind of input", "scenario", options)


def _named(scenario: str, material: Material) -> str:
    note = material.catalogue.scenarios[scenario].note
    return f"{scenario}: {note}" if note else scenario


def _times(summaries: Sequence[Summary], material: Material) -> Figure:
    kernel, item = summaries[0].kernel, summaries[0].item
    series = _series(summaries, material)
    counted = _counted(material)
    chart = sweep.times(
        _rows(summaries, material), series, item, counted, summaries[0].scenario, ON_PAGE
    )
    return Figure(
        id=f"{kernel}-times",
        title=f"Time per {item} against the number of {material.catalogue.counted}",
        caption=(
            "Both axes are logarithmic. Lines join medians on fresh inputs; "
            f"{_band(material)}{_floor(summaries)}"
        ),
        specification=chart.to_dict(),
        series=series,
        choice=_choice(summaries, material),
        table=_side_by_side(f"{kernel}-times", summaries, series),
    )


def _counted(material: Material) -> str:
    return f"Number of {material.catalogue.counted} (n)"


def _band(material: Material) -> str:
    if material.several:
        return (
            f"bands, often thinner than the line, reach from the lowest to the highest median of "
            f"{len(material.processes)} processes."
        )
    return "bands are 95 % intervals of the median within the one process that was timed."


def _floor(summaries: Sequence[Summary]) -> str:
    if not any(row.role is Role.FLOOR for row in _timed(summaries)):
        return ""
    return " The floor is the price of the call itself, without the work: nothing can be faster."


def _side_by_side(figure: str, summaries: Sequence[Summary], series: Sequence[Series]) -> Table:
    names = [one.name for one in series]
    rows = []
    for summary in summaries:
        for size in summary.sizes:
            found = {row.result.case.backend: row.result for row in size.rows}
            cells = [_time(found[name]) if name in found else MISSING for name in names]
            rows.append(TableRow([Cell(summary.scenario), Cell(f"{size.n:,}", size.n), *cells]))
    return Table(
        id=f"{figure}-data",
        caption=f"Median time per {summaries[0].item}",
        columns=("input", "n", *names),
        rows=rows,
    )


def _time(result: Result) -> Cell:
    return Cell(duration(result.median), result.median, f"#{anchor(result.case)}")


def _leads(summaries: Sequence[Summary], material: Material) -> Figure:
    main = summaries[0]
    first = favourite(main) or next(filter(None, map(favourite, summaries)))
    shown = [summary for summary in summaries if leads(summary, first, material.results)]
    known = material.catalogue.scenarios
    explaining = {summary.scenario for summary in shown if known[summary.scenario].diagnostic}
    shown.sort(key=lambda summary: summary.scenario in explaining)
    some = len(explaining) < len(shown)
    start = sum(one.role is Role.BACKEND for one in material.catalogue.backends.values())
    series = [
        Series(
            summary.scenario,
            numbered(start + number),
            hidden=some and summary.scenario in explaining,
        )
        for number, summary in enumerate(shown)
    ]
    rows = [
        {
            **lead_point(summary.scenario, lead),
            "Input": f"{summary.scenario}, n = {lead.n:,}",
            f"Lead of {first}": f"{figures(lead.value)}× as fast as {lead.second}",
            _interval(material): f"{figures(lead.low)}× to {figures(lead.high)}×",
        }
        for summary in shown
        for lead in leads(summary, first, material.results)
    ]
    changes = [between(n, m) for n, _, m, _ in main.crossovers]
    chart = sweep.leads(
        rows,
        series,
        changes,
        MARGIN,
        f"Lead of {first} over the next best",
        _counted(material),
        ON_PAGE,
    )
    return Figure(
        id=f"{main.kernel}-lead",
        title=f"How many times as fast as the next best backend {first} is",
        caption=(
            f"Above 1× {first} is the fastest, below it another backend is; within the grey band "
            f"it is too close to call. {_verdict(main)}"
        ),
        specification=chart.to_dict(),
        series=series,
        table=_lead_table(main.kernel, rows, first, material),
    )


def _verdict(summary: Summary) -> str:
    if not summary.crossovers:
        return (
            f"On {summary.scenario} inputs the fastest backend is the same at every size called."
        )
    changes = ", ".join(
        f"from {one} to {other} between {n:,} and {m:,}" for n, one, m, other in summary.crossovers
    )
    return f"On {summary.scenario} inputs the fastest backend changes {changes}."


def _lead_table(
    kernel: str, rows: Sequence[Mapping[str, Any]], first: str, material: Material
) -> Table:
    return Table(
        id=f"{kernel}-lead-data",
        caption=f"Lead of {first} over the next best backend",
        columns=("input", "n", "lead", _interval(material).lower()),
        rows=[
            TableRow(
                [
                    Cell(row["scenario"]),
                    Cell(f"{row['n']:,}", row["n"]),
                    Cell(row[f"Lead of {first}"], row["lead"]),
                    Cell(row[_interval(material)], row["low"]),
                ]
            )
            for row in rows
        ],
    )


def _dots(summaries: Sequence[Summary], material: Material) -> Figure:
    kernel, item = summaries[0].kernel, summaries[0].item
    series = _series(summaries, material)
    sizes = sorted({summary.sizes[0].n for summary in summaries})
    said = ", ".join(f"{n:,}" for n in sizes)
    kinds = ". ".join(_named(summary.scenario, material) for summary in summaries)
    chart = sweep.dots(_rows(summaries, material), series, item, ON_PAGE)
    return Figure(
        id=f"{kernel}-at-one-size",
        title=f"Time per {item} with {said} {material.catalogue.counted}",
        caption=f"The axis is logarithmic; further left is faster. {kinds}.",
        specification=chart.to_dict(),
        series=series,
        table=_side_by_side(f"{kernel}-at-one-size", summaries, series),
    )


def _cases(kernel: str, summaries: Sequence[Summary], material: Material) -> Table:
    """Return every case of a kernel, each with an id to link to."""
    floor = bool(_floor(summaries))
    columns = ("case", "n", "median", "range", "a second", f"× {material.catalogue.reference}")
    return Table(
        id=f"{kernel}-cases",
        caption=f"All {sum(1 for _ in _timed(summaries))} cases of {kernel}",
        columns=(*columns, *(("÷ floor",) if floor else ()), "rounds"),
        rows=[_case(row, material, floor=floor) for row in _timed(summaries)],
    )


def _columns(summaries: Sequence[Summary], material: Material) -> str:
    """Describe the columns of the table of cases."""
    spread = _interval(material)
    floor = "; how many times the floor's time it takes" if _floor(summaries) else ""
    return (
        f"Of each case: median time per {summaries[0].item}; its range, {spread[0].lower()}"
        f"{spread[1:]}; how many that are a second; how many times as fast as "
        f"{material.catalogue.reference} it is, with the 95 % interval within one process{floor}; "
        "how many rounds were timed. Click a heading to sort."
    )


def _case(row: Timing, material: Material, *, floor: bool) -> TableRow:
    result, case = row.result, row.result.case
    low, high = span(result, material.results)
    above = row.to_floor if row.to_floor and row.role is not Role.FLOOR else None
    to_floor = Cell(figures(above, 2), above) if above else MISSING
    return TableRow(
        anchor=anchor(case),
        cells=[
            Cell(case.id, href=f"#{anchor(case)}"),
            Cell(f"{case.n:,}", case.n),
            Cell(duration(result.median), result.median),
            Cell(f"{duration(low)} – {duration(high)}", low),
            Cell(_rate(result.median), 1 / result.median),
            Cell(ratio(row.speedup), row.speedup.value) if row.speedup else MISSING,
            *([to_floor] if floor else ()),
            Cell(f"{result.rounds:,}", result.rounds),
        ],
    )


def _rate(seconds: float) -> str:
    """Return how many a second that is: ``5.46 million``."""
    rate = 1 / seconds
    if rate >= 999_500:
        return f"{figures(rate / 1e6)} million"
    return f"{float(figures(rate)):,.0f}" if rate >= 100 else figures(rate)
