"""The charts of groups of benchmarks: a curve over a number, bars by name."""

from collections.abc import Sequence

import altair as alt

from pytest_duel.charts import axes, elements, lines
from pytest_duel.charts.elements import Rows
from pytest_duel.charts.look import Look
from pytest_duel.charts.palette import Series

DECADES = 20.0
"""Numbers whose largest is more times the smallest get a log axis."""
BAR, GAP = 20, 14
"""Of a bar and between rows of bars, in pixels."""
TITLE = "Time of a call"
SHORT = "Time"
"""Where names stand beside the axis, there is no room for more on a phone."""


def curve(rows: Rows, series: Sequence[Series], counted: str, look: Look) -> alt.LayerChart:
    """Draw time against a parameter that is a number, a line for each series.

    Parameters
    ----------
    rows
        With ``series``, ``n``, ``time``, ``low`` and ``high``.
    series
        The lines.
    counted
        The name of the parameter.
    look
        Where it stands.
    """
    x = axes.sizes(counted) if is_wide([row["n"] for row in rows]) else axes.numbers(counted)
    if is_wide([row[name] for row in rows for name in ("low", "high")]):
        y = lines.log(
            "time", TITLE, axes.with_unit(axes.digits("y"), look.unit), axes.rounded("y")
        )
    else:
        y = alt.Y(
            "time:Q",
            scale=alt.Scale(zero=True, nice=True),
            title=TITLE,
            axis=alt.Axis(labelExpr=axes.with_unit(axes.digits("y"), look.unit), tickCount=6),
        )
    return lines.draw(rows, series, x, y, TITLE, look)


def bars(rows: Rows, series: Sequence[Series], look: Look) -> alt.LayerChart:
    """Draw times as bars: a row for each name, in it a bar for each series.

    Where the longest is many times the shortest, marks on a log axis: a bar has no length there.

    Parameters
    ----------
    rows
        With ``row``, ``series``, ``time``, ``low`` and ``high``.
    series
        The bars of a row.
    look
        Where it stands.
    """
    names = list(dict.fromkeys(row["row"] for row in rows))
    wide = is_wide([row[name] for row in rows for name in ("low", "high")])
    scale = (
        alt.Scale(type="log", nice=False, padding=20) if wide else alt.Scale(zero=True, nice=True)
    )
    labels = axes.with_unit(axes.digits("x"), look.unit)
    axis = (
        axes.log(labels, axes.rounded("x"), tickCount=8)
        if wide
        else alt.Axis(labelExpr=labels, tickCount=6, labelOverlap=True)
    )
    x = alt.X("time:Q", scale=scale, title=SHORT, axis=axis)
    y = alt.Y(
        "row:N", sort=names, title=None,
        scale=alt.Scale(paddingInner=0.25, paddingOuter=0.15),
        axis=alt.Axis(labelLimit=230, labelPadding=8, ticks=False, grid=wide),
    )  # fmt: skip
    offset = alt.YOffset("series:N", sort=[one.name for one in series])
    base = elements.base(rows).encode(y=y, yOffset=offset, color=elements.colour(series, look))
    tips = elements.tips(rows[0])
    span = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        x=alt.X("low:Q", title=SHORT), x2=alt.X2("high:Q")
    )
    if wide:
        marks = base.mark_point(filled=True, size=80, opacity=1).encode(
            x=x, shape=elements.shape(series), tooltip=tips
        )
        layers = [span, *elements.targets(base, tips, look, x), marks]
    else:
        ends = span.encode(color=alt.value(look.ink.text))
        layers = [base.mark_bar(opacity=0.85).encode(x=x, tooltip=tips), ends]
    height = len(names) * (BAR * max(1, len(series)) + GAP)
    return elements.finish(layers, series, look, height)


def is_wide(values: Sequence[float]) -> bool:
    """Tell whether numbers span so much that a log axis shows them better."""
    return min(values) > 0 and max(values) > DECADES * min(values)
