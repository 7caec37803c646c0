"""Common parts of charts: marks, tooltips, legends, and the look of the whole."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from pytest_duel.charts.look import FONT, Ink, Look
from pytest_duel.charts.palette import Series

Rows = Sequence[Mapping[str, Any]]


def base(rows: Rows) -> alt.Chart:
    """Return a chart of the rows that are not hidden, without marks yet."""
    shown = "indexof(hidden, datum.series) < 0 && (scenario == null || datum.scenario == scenario)"
    chart = alt.Chart(alt.InlineData(values=list(rows)))
    return chart.transform_filter(shown)


def targets(
    base: alt.Chart, tips: Sequence[alt.Tooltip], look: Look, *encodings: Any
) -> list[alt.Chart]:
    """Return what the pointer meets near a mark. A document has none."""
    if look.legend:
        return []
    targets = base.mark_point(filled=True, size=420, opacity=0, aria=False)
    return [targets.encode(*encodings, tooltip=list(tips))]


def tips(row: Mapping[str, Any]) -> list[alt.Tooltip]:
    """Return the fields of a tooltip: those that begin with a capital letter."""
    return [alt.Tooltip(f"{name}:N") for name in row if name[:1].isupper()]


def _names(series: Sequence[Series]) -> list[str]:
    return [one.name for one in series]


def legend(look: Look) -> alt.Legend | None:
    """Return the legend of series, where the chart brings its own."""
    if not look.legend:
        return None
    # Above the title of the axis, which stands above the plot.
    return alt.Legend(
        title=None, orient="top", offset=32, symbolOpacity=1, symbolSize=90, symbolStrokeWidth=0
    )


def colour(series: Sequence[Series], look: Look) -> alt.Color:
    """Return how series are told apart by colour."""
    return alt.Color(
        "series:N",
        scale=alt.Scale(domain=_names(series), range=[look.ink.of(one.style) for one in series]),
        legend=legend(look),
    )


def shape(series: Sequence[Series], look: Look | None = None) -> alt.Shape:
    """Return how they are told apart by shape; with a look, as its legend has it."""
    return alt.Shape(
        "series:N",
        scale=alt.Scale(domain=_names(series), range=[one.style.shape for one in series]),
        legend=legend(look) if look else None,
    )


def finish(
    layers: Sequence[alt.Chart],
    series: Sequence[Series],
    look: Look,
    height: int,
    scenario: str | None = None,
) -> alt.LayerChart:
    """Lay charts over each other, and give them the look of all."""
    ink = look.ink
    hidden = [one.name for one in series if one.hidden and not look.legend]
    # All at once: each call of a chart's method copies it with its rows.
    return alt.LayerChart(
        layer=list(layers),
        width=look.width,
        height=height,
        autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        background=ink.ground or "transparent",
        padding=4 if ink.ground is None else 12,
        config=_config(ink),
    ).add_params(
        alt.param(name="hidden", value=hidden), alt.param(name="scenario", value=scenario)
    )


def _config(ink: Ink) -> alt.Config:
    return alt.Config(
        font=FONT,
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=ink.text, titleColor=ink.text, labelFontSize=12, titleFontSize=13,
            titleFontWeight="normal", gridColor=ink.grid, domainColor=ink.faint,
            tickColor=ink.faint, titlePadding=10,
        ),
        axisY=alt.AxisConfig(
            titleAngle=0, titleAlign="left", titleAnchor="end", titleBaseline="bottom",
            titleX=0, titleY=-10,
        ),
        legend=alt.LegendConfig(labelColor=ink.text, labelFontSize=12, labelLimit=240),
        text=alt.MarkConfig(font=FONT, fontSize=12),
    )  # fmt: skip
