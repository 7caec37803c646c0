"""Charts as Vega-Lite specifications, for the page and for the docs' figures.

Times are in seconds, and axes say ns, µs, ms or s. A chart's rows are plain dictionaries; fields
that begin with a capital letter are what its tooltip shows, as text.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from bench.palette import COLOURS, GREY, GREYS, Series, Style
from bench.text import share

Rows = Sequence[Mapping[str, Any]]
Specification = dict[str, Any]

VERSION = "6.4"
"""Of Vega-Lite; what Altair writes, and the converter can read and bundle."""
HEIGHT = 340
ROW = 46
"""Of a chart whose rows have names, in pixels."""
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""The first comes with the converter, so that text is as wide on every machine."""

FIRST_DIGIT = "substring(format(datum.value, '.0e'), 0, 1)"
DECADE = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6"
"""Vega's expressions for a value of a log axis: its first digit; whether it is a power of ten."""


def _round(axis: str, digits: str = "125") -> str:
    """Return the expression for which values of a log axis have labels.

    Where the axis spans hardly more than a power of ten, all that there is room for.
    """
    narrow = f"domain('{axis}')[1] / domain('{axis}')[0] < 12"
    return f"({narrow} || indexof('{digits}', {FIRST_DIGIT}) >= 0)"


_UNITS = (("1", "s"), ("1e-3", "ms"), ("1e-6", "µs"))


def _digits(axis: str) -> str:
    """Return Vega's expression for a number format that tells an axis's labels apart."""
    low, high = f"domain('{axis}')[0]", f"domain('{axis}')[1]"
    digits = f"clamp(2 + ceil(log({high} / ({high} - {low})) / LN10), 3, 9)"
    return f"',.' + {digits} + '~r'"


def _with_unit(numbers: str = "',.3~r'") -> str:
    """Return Vega's expression for a number of seconds with its unit."""
    said = f"format(datum.value / 1e-9, {numbers}) + ' ns'"
    for size, name in reversed(_UNITS):
        number = f"format(datum.value / {size}, {numbers}) + ' {name}'"
        said = f"datum.value >= {size} * 0.9995 ? {number} : ({said})"
    return said


SECONDS = _with_unit()


@dataclass(frozen=True)
class Ink:
    """The colours of everything."""

    series: Sequence[str]
    text: str
    faint: str
    grid: str
    ground: str | None
    """None: transparent."""

    def of(self, style: Style) -> str:
        """Return the colour of a style."""
        return self.series[style.colour]


PAGE = Ink(
    [f"var(--series-{number})" for number in range(GREY + 1)],
    "var(--ink)",
    "var(--faint)",
    "var(--grid)",
    None,
)
"""Colours that the page's style sheet gives, light or dark."""
PAPER = Ink([light for light, _ in (*COLOURS, GREYS)], "#1a1a1a", "#595959", "#dddddd", "white")
"""Colours for a picture that stands in a document."""


@dataclass(frozen=True)
class Look:
    """Where a chart stands."""

    ink: Ink
    width: int | str
    """In pixels, or ``container``."""
    legend: bool
    """Whether it brings its own."""


ON_PAGE = Look(PAGE, "container", legend=False)
IN_DOCS = Look(PAPER, 560, legend=True)


def times(
    rows: Rows, series: Sequence[Series], item: str, sizes: str, scenario: str, look: Look
) -> alt.LayerChart:
    """Draw time against n, a line for each series with the band of its interval.

    Parameters
    ----------
    rows
        With ``series``, ``n``, ``time``, ``low``, ``high`` and ``scenario``.
    series
        The lines.
    item
        What the time is of.
    sizes
        What n counts.
    scenario
        The kind of input that is drawn until another is chosen.
    look
        Where it stands.
    """
    title = f"Time per {item} (median)"
    axis = _log_axis(_with_unit(_digits("y")), _round("y"))
    return _lines(rows, series, _sizes(sizes), "time", title, axis, look, scenario=scenario)


def leads(
    rows: Rows,
    series: Sequence[Series],
    changes: Iterable[float],
    margin: float,
    title: str,
    sizes: str,
    look: Look,
) -> alt.LayerChart:
    """Draw how many times as fast as the next best a backend is, against n.

    Parameters
    ----------
    rows
        With ``series``, ``n``, ``lead``, ``low`` and ``high``.
    series
        The lines.
    changes
        Where another backend becomes the fastest, in n.
    margin
        Within 1 ± margin is too close to call.
    title
        Of the axis.
    sizes
        What n counts.
    look
        Where it stands.
    """
    band = alt.Chart(alt.InlineData(values=[{"low": 1 / (1 + margin), "high": 1 + margin}]))
    close = band.mark_rect(color=look.ink.grid, opacity=0.7).encode(
        y=alt.Y("low:Q"), y2=alt.Y2("high:Q")
    )
    one = alt.Chart(alt.InlineData(values=[{"one": 1}]))
    rule = one.mark_rule(color=look.ink.text, strokeWidth=1.5).encode(y=alt.Y("one:Q"))
    said = one.mark_text(
        text="1×: as fast as the next best", align="right", baseline="top", dx=-4, dy=5,
        color=look.ink.faint, fontSize=12,
    ).encode(y=alt.Y("one:Q"), x=alt.value("width"))  # fmt: skip
    layers = [close, rule, said, *_crossovers(changes, look)]
    axis = _log_axis(f"format(datum.value, {_digits('y')}) + '×'", _round("y", "12357"))
    return _lines(rows, series, _sizes(sizes), "lead", title, axis, look, under=layers)


def _crossovers(changes: Iterable[float], look: Look) -> list[alt.Chart]:
    values = [{"n": n} for n in changes]
    if not values:
        return []
    base = alt.Chart(alt.InlineData(values=values)).encode(x=alt.X("n:Q"))
    rule = base.mark_rule(color=look.ink.text, strokeDash=[4, 3])
    text = base.mark_text(
        text="crossover", align="left", baseline="top", dx=5, dy=4, color=look.ink.text
    ).encode(y=alt.value(0))
    return [rule, text]


def dots(rows: Rows, series: Sequence[Series], item: str, look: Look) -> alt.LayerChart:
    """Draw times at one size: a row for each kind of input, a mark for each series.

    Parameters
    ----------
    rows
        With ``series``, ``scenario``, ``time``, ``low`` and ``high``.
    series
        The marks.
    item
        What the time is of.
    look
        Where it stands.
    """
    kinds = list(dict.fromkeys(row["scenario"] for row in rows))
    y = alt.Y("scenario:N", sort=kinds, title=None, axis=alt.Axis(labelLimit=150, grid=True))
    title = f"Time per {item} (median)"
    x = alt.X(
        "time:Q",
        scale=alt.Scale(type="log", nice=False, padding=20),
        title=title,
        axis=_log_axis(_with_unit(_digits("x")), _round("x"), tickCount=8),
    )
    base = _base(rows).encode(y=y, color=_colour(series, look))
    span = base.mark_rule(strokeWidth=3, opacity=0.4).encode(
        x=alt.X("low:Q", title=title), x2=alt.X2("high:Q")
    )
    tips = _tips(rows[0])
    marks = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x, shape=_shape(series), tooltip=tips
    )
    layers = [span, *_targets(base, tips, look, x, y), marks]
    return _finish(layers, series, look, ROW * len(kinds))


def rounds(processes: int, look: Look) -> alt.LayerChart:
    """Draw the distribution of rounds by process; its rows come as the data source ``chosen``.

    Each has ``process``, ``time``, and ``median``, which is true for one of a process.
    """
    base = alt.Chart(alt.NamedData("chosen"))
    x = alt.X(
        "time:Q",
        scale=alt.Scale(zero=False, nice=False, padding=16),
        title="Time of a round, per item",
        axis=alt.Axis(labelExpr=_with_unit(_digits("x")), tickCount=6, grid=True),
    )
    y = alt.Y("process:N", title=None)
    tick = base.mark_tick(thickness=1.5, size=22, opacity=0.65, color=look.ink.series[1])
    middle = base.transform_filter("datum.median").mark_tick(
        thickness=3, size=34, color=look.ink.series[2]
    )
    tips = _tips({"Process": 0, "Time": 0, "Share of rounds": 0})
    layers = [tick.encode(x=x, y=y, tooltip=tips), middle.encode(x=x, y=y, tooltip=tips)]
    return _finish(layers, (), look, ROW * processes)


def _lines(
    rows: Rows,
    series: Sequence[Series],
    x: alt.X,
    field: str,
    title: str,
    axis: alt.Axis,
    look: Look,
    under: Sequence[alt.Chart] = (),
    scenario: str | None = None,
) -> alt.LayerChart:
    """Draw a line for each series with the band of its interval, over what is `under` them."""
    y = alt.Y(
        f"{field}:Q",
        scale=alt.Scale(type="log", nice=False, padding=14),
        title=title,
        axis=axis,
    )
    base = _base(rows).encode(x=x, color=_colour(series, look))
    band = base.mark_area(opacity=0.22, line=False).encode(
        y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q")
    )
    dashes = alt.StrokeDash(
        "series:N",
        scale=alt.Scale(
            domain=[one.name for one in series],
            range=[list(one.style.dash) or [1, 0] for one in series],
        ),
        legend=_legend(look),
    )
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dashes)
    tips = _tips(rows[0])
    marks = base.mark_point(filled=True, size=52, opacity=1).encode(
        y=y, shape=_shape(series, look), tooltip=tips
    )
    layers = [*under, band, line, *_targets(base, tips, look, y), marks]
    return _finish(layers, series, look, HEIGHT, scenario)


def _base(rows: Rows) -> alt.Chart:
    shown = "indexof(hidden, datum.series) < 0 && (scenario == null || datum.scenario == scenario)"
    chart = alt.Chart(alt.InlineData(values=list(rows)))
    return chart.transform_filter(shown)


def _targets(
    base: alt.Chart, tips: Sequence[alt.Tooltip], look: Look, *encodings: Any
) -> list[alt.Chart]:
    """Return what the pointer meets near a mark. A document has none."""
    if look.legend:
        return []
    targets = base.mark_point(filled=True, size=420, opacity=0, aria=False)
    return [targets.encode(*encodings, tooltip=list(tips))]


def _tips(row: Mapping[str, Any]) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:N") for name in row if name[:1].isupper()]


def _sizes(counted: str) -> alt.X:
    shown = f"({DECADE} || (datum.value < 1000 && {_round('x')}))"
    return alt.X(
        "n:Q",
        scale=alt.Scale(type="log", nice=False, padding=18),
        title=counted,
        axis=_log_axis("format(datum.value, ',')", shown, grid=False),
    )


def _log_axis(label: str, shown: str, **more: Any) -> alt.Axis:
    """Return an axis of a log scale with labels where `shown`, and lines at powers of ten."""
    grid, ticks = (
        {"condition": {"test": test, "value": 1}, "value": 0} for test in (DECADE, shown)
    )
    given: dict[str, Any] = {"gridOpacity": grid, "tickOpacity": ticks} | more
    return alt.Axis(
        labelExpr=f"{shown} ? {label} : ''", labelOverlap="greedy", labelSeparation=4, **given
    )


def _names(series: Sequence[Series]) -> list[str]:
    return [one.name for one in series]


def _legend(look: Look) -> alt.Legend | None:
    if not look.legend:
        return None
    # Above the title of the axis, which stands above the plot.
    return alt.Legend(
        title=None, orient="top", offset=32, symbolOpacity=1, symbolSize=90, symbolStrokeWidth=0
    )


def _colour(series: Sequence[Series], look: Look) -> alt.Color:
    return alt.Color(
        "series:N",
        scale=alt.Scale(domain=_names(series), range=[look.ink.of(one.style) for one in series]),
        legend=_legend(look),
    )


def _shape(series: Sequence[Series], look: Look | None = None) -> alt.Shape:
    return alt.Shape(
        "series:N",
        scale=alt.Scale(domain=_names(series), range=[one.style.shape for one in series]),
        legend=_legend(look) if look else None,
    )


def _finish(
    layers: Sequence[alt.Chart],
    series: Sequence[Series],
    look: Look,
    height: int,
    scenario: str | None = None,
) -> alt.LayerChart:
    """Lay charts over each other, and give them the look of all."""
    ink = look.ink
    hidden = [one.name for one in series if one.hidden and not look.legend]
    chart: alt.LayerChart = (
        alt.LayerChart(layer=list(layers))
        .add_params(
            alt.param(name="hidden", value=hidden), alt.param(name="scenario", value=scenario)
        )
        .properties(
            width=look.width,
            height=height,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            background=ink.ground or "transparent",
            padding=4 if ink.ground is None else 12,
        )
        .configure(font=FONT)
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=ink.text, titleColor=ink.text, labelFontSize=12, titleFontSize=13,
            titleFontWeight="normal", gridColor=ink.grid, domainColor=ink.faint,
            tickColor=ink.faint, titlePadding=10,
        )
        .configure_axisY(
            titleAngle=0, titleAlign="left", titleAnchor="end", titleBaseline="bottom",
            titleX=0, titleY=-10,
        )
        .configure_legend(labelColor=ink.text, labelFontSize=12, labelLimit=240)
        .configure_text(font=FONT, fontSize=12)
    )  # fmt: skip
    return chart


def between(n: float, other: float) -> float:
    """Return where a log axis shows the middle of two numbers."""
    return math.sqrt(n * other)


LEVEL, CHANGED = 1, 2
"""Numbers of the colours of a trend and of its change points."""


def trend(
    rows: Rows, commits: Sequence[Mapping[str, str]], first: str, item: str, look: Look
) -> alt.LayerChart:
    """Draw one case's time over commits, with its levels and change points.

    Parameters
    ----------
    rows
        By case, of which the parameter ``scenario`` chooses one. Lists of equal lengths: ``at``,
        which is places among the commits, ``time``, ``raw`` and ``runs``; ``start``, ``end`` and
        ``level``; ``before``, ``after``, ``change``, ``other`` and ``number``. Times are in
        nanoseconds, which takes fewer digits.
    commits
        Older ones first, with ``name`` and ``subject``.
    first
        The case to begin with.
    item
        What the time is of.
    look
        Where it stands.
    """
    # Unpacked on the page: as rows of their own they would not fit into a mail.
    chosen = alt.Chart(alt.InlineData(values=list(rows))).transform_filter(
        "datum.scenario == scenario"
    )
    places = alt.Scale(domain=[-0.5, len(commits) - 0.5], nice=False)
    x = alt.X(
        "at:Q",
        scale=places,
        title="Commit, older ones to the left",
        axis=alt.Axis(
            labelExpr="commits[datum.value] ? commits[datum.value].name : ''", tickMinStep=1,
            tickCount=8, labelOverlap="greedy", labelSeparation=8, grid=False,
        ),
    )  # fmt: skip
    y = alt.Y(
        "time:Q",
        scale=alt.Scale(zero=False, nice=True, padding=12),
        title=f"Time per {item}, less what the control moved",
        axis=alt.Axis(labelExpr=_with_unit(_digits("y")), tickCount=6),
    )
    parts = [
        *_change_marks(chosen, places, look),
        chosen.transform_flatten(["start", "end", "level"])
        .transform_calculate(level="datum.level * 1e-9")
        .mark_rule(strokeWidth=2.5, color=look.ink.text, opacity=0.75)
        .encode(x=alt.X("start:Q"), x2=alt.X2("end:Q"), y=alt.Y("level:Q")),
        *_commits(chosen, x, y, look),
    ]
    chart = _finish(parts, (), look, HEIGHT, first)
    return chart.add_params(alt.param(name="commits", value=list(commits)))


def _change_marks(chosen: alt.Chart, places: alt.Scale, look: Look) -> list[alt.Chart]:
    """Return the ranges of commits that hold change points, behind all else."""
    found = (
        chosen.transform_flatten(["before", "after", "change", "other", "number"])
        .transform_calculate(
            middle="(datum.before + datum.after) / 2",
            Change="format(datum.change, '+.1%')",
            Between="commits[datum.before].name + ' and ' + commits[datum.after].name",
            First="commits[datum.after].subject",
            Besides="datum.other",
        )
        .encode(tooltip=_tips(dict.fromkeys(("Change", "Between", "First", "Besides"))))
    )
    colour = look.ink.series[CHANGED]
    range_of = found.mark_rect(color=colour, opacity=0.22).encode(
        x=alt.X("before:Q", scale=places), x2=alt.X2("after:Q"), y=alt.value(0),
        y2=alt.value("height"),
    )  # fmt: skip
    return [range_of, *_change_labels(found, colour)]


def _change_labels(found: alt.Chart, colour: str) -> list[alt.Chart]:
    """Return how large the changes are: towards the middle, neighbours one below the other."""
    kept: dict[str, Any] = {"color": colour, "fontWeight": "bold", "fontSize": 13}
    labels = []
    for left in (True, False):
        for odd in (0, 1):
            here = f"(datum.middle < length(commits) / 2) == {str(left).lower()}"
            some = found.transform_filter(f"{here} && datum.number % 2 == {odd}")
            text = some.mark_text(
                align="left" if left else "right", baseline="top", dx=6 if left else -6,
                dy=4 + 17 * odd, **kept,
            )  # fmt: skip
            at = alt.X("after:Q" if left else "before:Q")
            labels.append(text.encode(x=at, y=alt.value(0), text="Change:N"))
    return labels


def _commits(chosen: alt.Chart, x: alt.X, y: alt.Y, look: Look) -> list[alt.Chart]:
    points = (
        chosen.transform_flatten(["at", "time", "raw", "runs"])
        .transform_calculate(time="datum.time * 1e-9", raw="datum.raw * 1e-9")
        .transform_calculate(
            Commit="commits[datum.at].name",
            Subject="commits[datum.at].subject",
            Time=SECONDS.replace("datum.value", "datum.time"),
            Measured=SECONDS.replace("datum.value", "datum.raw"),
            Runs="'' + datum.runs",
        )
        .encode(x=x, y=y)
    )
    colour = look.ink.series[LEVEL]
    line = points.mark_line(color=colour, strokeWidth=1, opacity=0.45)
    marks = points.mark_point(filled=True, color=colour, size=46, opacity=1)
    tips = _tips(dict.fromkeys(("Commit", "Subject", "Time", "Measured", "Runs")))
    return [line, *_targets(points, tips, look), marks.encode(tooltip=tips)]


STEP = 26
"""Of a row of a forest plot, in pixels."""


def forest(
    rows: Rows, series: Sequence[Series], title: str, threshold: float | None, look: Look
) -> alt.LayerChart:
    """Draw the ratio of two times for each case, with its interval and its threshold.

    Parameters
    ----------
    rows
        With ``series``, ``case``, ``ratio``, ``low`` and ``high``, and the case's own threshold as
        ``least`` and ``most``, which are ratios.
    series
        The verdicts.
    title
        Of the axis.
    threshold
        What most cases have, as a ratio, to be named.
    look
        Where it stands.
    """
    cases = list(dict.fromkeys(row["case"] for row in rows))
    limits = [row[name] for row in rows for name in ("low", "high", "least", "most") if row[name]]
    x = alt.X(
        "ratio:Q",
        scale=alt.Scale(type="log", nice=False, padding=14, domain=[min(limits), max(limits)]),
        title=title,
        axis=alt.Axis(
            labelExpr=f"format(datum.value, {_digits('x')}) + '×'",
            tickCount=7,
            labelOverlap=True,
            titleAnchor="end",  # on a phone it reaches below the names of the cases
        ),
    )
    y = alt.Y(
        "case:N",
        sort=cases,
        title=None,
        axis=alt.Axis(labelLimit=230, labelPadding=8, ticks=False),
    )
    base = _base(rows).encode(y=y)
    within = base.mark_bar(color=look.ink.grid, opacity=0.75, height={"band": 1}).encode(
        x=alt.X("least:Q", title=title), x2=alt.X2("most:Q")
    )
    colour, tips = _colour(series, look), _tips(rows[0])
    span = base.mark_rule(strokeWidth=3, opacity=0.55).encode(
        x=alt.X("low:Q", title=title), x2=alt.X2("high:Q"), color=colour
    )
    marks = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=x, color=colour, shape=_shape(series), tooltip=tips
    )
    layers = [
        within,
        *_references(threshold, (min(limits), max(limits)), look),
        span,
        *_targets(base, tips, look, x),
        marks,
    ]
    return _finish(layers, series, look, STEP * len(cases))


def _references(
    threshold: float | None, domain: tuple[float, float], look: Look
) -> list[alt.Chart]:
    """Return the line of no change, and that of the threshold with what it is."""
    one = alt.Chart(alt.InlineData(values=[{"ratio": 1}]))
    lines = [one.mark_rule(color=look.ink.text, strokeWidth=1.5).encode(x=alt.X("ratio:Q"))]
    if threshold is not None:
        limit = alt.Chart(alt.InlineData(values=[{"ratio": threshold}]))
        at = limit.encode(x=alt.X("ratio:Q"))
        left = threshold < between(*domain)  # its name must not leave the chart
        lines += [
            at.mark_rule(color=look.ink.text, strokeWidth=1.5, strokeDash=[5, 3]),
            at.mark_text(
                text=f"threshold {share(threshold - 1)}", color=look.ink.text,
                align="left" if left else "right", baseline="bottom", dx=-4 if left else 4, dy=-5,
            ).encode(y=alt.value(0)),
        ]  # fmt: skip
    return lines
