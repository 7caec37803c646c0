"""The chart of a judgement: the ratio of each case, a forest plot."""

from collections.abc import Sequence

import altair as alt

from pytest_duel.charts import axes, elements
from pytest_duel.charts.elements import Rows
from pytest_duel.charts.look import Look
from pytest_duel.charts.palette import Series
from pytest_duel.support.units import share

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
            labelExpr=f"format(datum.value, {axes.digits('x')}) + '×'",
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
    base = elements.base(rows).encode(y=y)
    within = base.mark_bar(color=look.ink.grid, opacity=0.75, height={"band": 1}).encode(
        x=alt.X("least:Q", title=title), x2=alt.X2("most:Q")
    )
    colour, tips = elements.colour(series, look), elements.tips(rows[0])
    span = base.mark_rule(strokeWidth=3, opacity=0.55).encode(
        x=alt.X("low:Q", title=title), x2=alt.X2("high:Q"), color=colour
    )
    marks = base.mark_point(filled=True, size=80, opacity=1).encode(
        x=x, color=colour, shape=elements.shape(series), tooltip=tips
    )
    layers = [
        within,
        *_references(threshold, (min(limits), max(limits)), look),
        span,
        *elements.targets(base, tips, look, x),
        marks,
    ]
    return elements.finish(layers, series, look, STEP * len(cases))


def _references(
    threshold: float | None, domain: tuple[float, float], look: Look
) -> list[alt.Chart]:
    """Return the line of no change, and that of the threshold with what it is."""
    one = alt.Chart(alt.InlineData(values=[{"ratio": 1}]))
    lines = [one.mark_rule(color=look.ink.text, strokeWidth=1.5).encode(x=alt.X("ratio:Q"))]
    if threshold is not None:
        limit = alt.Chart(alt.InlineData(values=[{"ratio": threshold}]))
        at = limit.encode(x=alt.X("ratio:Q"))
        left = threshold < axes.between(*domain)  # its name must not leave the chart
        lines += [
            at.mark_rule(color=look.ink.text, strokeWidth=1.5, strokeDash=[5, 3]),
            at.mark_text(
                text=f"threshold {share(threshold - 1)}", color=look.ink.text,
                align="left" if left else "right", baseline="bottom", dx=-4 if left else 4, dy=-5,
            ).encode(y=alt.value(0)),
        ]  # fmt: skip
    return lines
