"""Lines with the bands of their intervals: a mark for each series at each place."""

from collections.abc import Sequence

import altair as alt

from pytest_duel.charts import axes, elements
from pytest_duel.charts.elements import Rows
from pytest_duel.charts.look import HEIGHT, Look
from pytest_duel.charts.palette import Series


def log(field: str, title: str, label: str, shown: str) -> alt.Y:
    """Return a log axis of a field, with labels where `shown`."""
    return alt.Y(
        f"{field}:Q",
        scale=alt.Scale(type="log", nice=False, padding=14),
        title=title,
        axis=axes.log(label, shown),
    )


def draw(
    rows: Rows,
    series: Sequence[Series],
    x: alt.X,
    y: alt.Y,
    title: str,
    look: Look,
    under: Sequence[alt.Chart] = (),
    scenario: str | None = None,
) -> alt.LayerChart:
    """Draw a line for each series with the band of its interval, over what is `under` them.

    Parameters
    ----------
    rows
        With ``series``, ``scenario``, ``low``, ``high``, and what the axes show.
    series
        The lines.
    x, y
        The axes.
    title
        That of the axis `y`.
    look
        Where it stands.
    under
        Charts on the same axes.
    scenario
        The rows that are drawn until others are chosen.
    """
    base = elements.base(rows).encode(x=x, color=elements.colour(series, look))
    band = base.mark_area(opacity=0.22, line=False).encode(
        y=alt.Y("low:Q", title=title), y2=alt.Y2("high:Q")
    )
    dashes = alt.StrokeDash(
        "series:N",
        scale=alt.Scale(
            domain=[one.name for one in series],
            range=[list(one.style.dash) or [1, 0] for one in series],
        ),
        legend=elements.legend(look),
    )
    line = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dashes)
    tips = elements.tips(rows[0])
    marks = base.mark_point(filled=True, size=52, opacity=1).encode(
        y=y, shape=elements.shape(series, look), tooltip=tips
    )
    layers = [*under, band, line, *elements.targets(base, tips, look, y), marks]
    return elements.finish(layers, series, look, HEIGHT, scenario)
