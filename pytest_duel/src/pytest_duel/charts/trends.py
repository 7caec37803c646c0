"""The chart of a history: one case's time over commits."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from pytest_duel.charts import axes, elements
from pytest_duel.charts.elements import Rows
from pytest_duel.charts.look import HEIGHT, Look

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
        axis=alt.Axis(labelExpr=axes.with_unit(axes.digits("y"), look.unit), tickCount=6),
    )
    parts = [
        *_change_marks(chosen, places, look),
        chosen.transform_flatten(["start", "end", "level"])
        .transform_calculate(level="datum.level * 1e-9")
        .mark_rule(strokeWidth=2.5, color=look.ink.text, opacity=0.75)
        .encode(x=alt.X("start:Q"), x2=alt.X2("end:Q"), y=alt.Y("level:Q")),
        *_commits(chosen, x, y, look),
    ]
    chart = elements.finish(parts, (), look, HEIGHT, first)
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
        .encode(tooltip=elements.tips(dict.fromkeys(("Change", "Between", "First", "Besides"))))
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
    said = axes.with_unit(word=look.unit)
    points = (
        chosen.transform_flatten(["at", "time", "raw", "runs"])
        .transform_calculate(time="datum.time * 1e-9", raw="datum.raw * 1e-9")
        .transform_calculate(
            Commit="commits[datum.at].name",
            Subject="commits[datum.at].subject",
            Time=said.replace("datum.value", "datum.time"),
            Measured=said.replace("datum.value", "datum.raw"),
            Runs="'' + datum.runs",
        )
        .encode(x=x, y=y)
    )
    colour = look.ink.series[LEVEL]
    line = points.mark_line(color=colour, strokeWidth=1, opacity=0.45)
    marks = points.mark_point(filled=True, color=colour, size=46, opacity=1)
    tips = elements.tips(dict.fromkeys(("Commit", "Subject", "Time", "Measured", "Runs")))
    return [line, *elements.targets(points, tips, look), marks.encode(tooltip=tips)]
