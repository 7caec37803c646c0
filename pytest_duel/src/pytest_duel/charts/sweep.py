"""The charts of a sweep: times and leads against n, times by kind of input, rounds."""

from collections.abc import Iterable, Sequence

import altair as alt

from pytest_duel.charts import axes, elements, lines
from pytest_duel.charts.elements import Rows
from pytest_duel.charts.look import Look
from pytest_duel.charts.palette import Series

ROW = 46
"""Of a chart whose rows have names, in pixels."""


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
    y = lines.log("time", title, axes.with_unit(axes.digits("y")), axes.rounded("y"))
    return lines.draw(rows, series, axes.sizes(sizes), y, title, look, scenario=scenario)


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
    named = one.mark_text(
        text="1×: as fast as the next best", align="right", baseline="top", dx=-4, dy=5,
        color=look.ink.faint, fontSize=12,
    ).encode(y=alt.Y("one:Q"), x=alt.value("width"))  # fmt: skip
    layers = [close, rule, named, *_crossovers(changes, look)]
    said = f"format(datum.value, {axes.digits('y')}) + '×'"
    y = lines.log("lead", title, said, axes.rounded("y", "12357"))
    return lines.draw(rows, series, axes.sizes(sizes), y, title, look, under=layers)


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
        axis=axes.log(axes.with_unit(axes.digits("x")), axes.rounded("x"), tickCount=8),
    )
    base = elements.base(rows).encode(y=y, color=elements.colour(series, look))
    span = base.mark_rule(strokeWidth=3, opacity=0.4).encode(
        x=alt.X("low:Q", title=title), x2=alt.X2("high:Q")
    )
    tips = elements.tips(rows[0])
    marks = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=x, shape=elements.shape(series), tooltip=tips
    )
    layers = [span, *elements.targets(base, tips, look, x, y), marks]
    return elements.finish(layers, series, look, ROW * len(kinds))


def rounds(processes: int, look: Look) -> alt.LayerChart:
    """Draw the distribution of rounds by process; its rows come as the data source ``chosen``.

    Each has ``process``, ``time``, and ``median``, which is true for one of a process.
    """
    base = alt.Chart(alt.NamedData("chosen"))
    x = alt.X(
        "time:Q",
        scale=alt.Scale(zero=False, nice=False, padding=16),
        title="Time of a round, per item",
        axis=alt.Axis(labelExpr=axes.with_unit(axes.digits("x")), tickCount=6, grid=True),
    )
    y = alt.Y("process:N", title=None)
    tick = base.mark_tick(thickness=1.5, size=22, opacity=0.65, color=look.ink.series[1])
    middle = base.transform_filter("datum.median").mark_tick(
        thickness=3, size=34, color=look.ink.series[2]
    )
    tips = elements.tips({"Process": 0, "Time": 0, "Share of rounds": 0})
    layers = [tick.encode(x=x, y=y, tooltip=tips), middle.encode(x=x, y=y, tooltip=tips)]
    return elements.finish(layers, (), look, ROW * processes)
