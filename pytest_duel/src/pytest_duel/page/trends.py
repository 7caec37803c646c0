"""The history: each case's time over commits, and where it changed."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pytest_duel.charts.trends import trend
from pytest_duel.history.judgement import called, machine_names, promise
from pytest_duel.history.trends import ChangePoint, Commit, History, Series
from pytest_duel.page.material import Material
from pytest_duel.page.section import Cell, Choice, Figure, Section, Table, TableRow
from pytest_duel.support.units import share

BUDGET = 12_000
"""The most commits on the page, for all cases together: it should fit into a mail."""


def sections(material: Material) -> Iterator[Section]:
    """Yield a section, where there are runs of more than one commit."""
    history = material.history
    if history is None or len(history.revisions) < 2:
        return
    changed = [one for one in history.series if one.changes]
    drawn = _drawn(history)
    yield Section(
        id="history",
        title="History",
        code="",
        intro=_intro(history, changed),
        figures=[_figure(history, drawn, material)] if drawn else [],
        tables=[_table(history, changed, material)] if changed else [],
        notes=[*history.warnings, *_notes(history, drawn)],
    )


def _intro(history: History, changed: Sequence[Series]) -> str:
    places = dict.fromkeys(
        f"{change.before.name} and {change.after.name}"
        for one in changed
        for change in one.changes
    )
    where = f"between {next(iter(places))}" if len(places) == 1 else f"at {len(places):,} places"
    said = (
        f"{len(changed):,} of {len(history.series):,} cases changed, {where}."
        if changed
        else f"No change was found in {len(history.series):,} cases."
    )
    machines = f" on {len(history.machines):,} machines" if len(history.machines) > 1 else ""
    return (
        f"{history.runs:,} runs of {len(history.revisions):,} commits{machines}. {said}"
        f"{_gradual(changed)}{_waiting(history)}{_taken_together(history)}"
    )


def _gradual(changed: Sequence[Series]) -> str:
    number = sum(one.gradual for one in changed)
    return (
        f" {number:,} of these changed several times one way, which may be a trend over many "
        "commits."
        if number
        else ""
    )


def _waiting(history: History) -> str:
    """Say how many cases are not known to be steady."""
    short = sum(one.short for one in history.series)
    open_ = sum(not (one.short or one.changes or history.steady(one)) for one in history.series)
    told = f" {short:,} have too few commits to tell." if short else ""
    if open_:
        told += (
            f" {open_:,} have too few commits, or too much noise, to show a step of "
            f"{share(history.asked)}."
        )
    return told


def _taken_together(history: History) -> str:
    """Say where the cases of a backend changed as a whole."""
    return "".join(
        f" All cases of {one.kernel} by {one.backend}, taken together, became "
        f"{abs(change.change):.1%} {'slower' if change.change > 0 else 'faster'} between "
        f"{change.before.name} and {change.after.name}."
        for one in history.together
        for change in one.changes
    )


def _drawn(history: History) -> list[Series]:
    """Return what there is room for, that which changed first."""
    room, drawn = BUDGET, []
    for one in sorted(history.series, key=lambda series: not series.changes):
        room -= len(one.commits)
        if room < 0:
            break
        if len(one.commits) > 1:
            drawn.append(one)
    return drawn


def _figure(history: History, drawn: Sequence[Series], material: Material) -> Figure:
    commits = history.revisions
    places = {commit: place for place, commit in enumerate(commits)}
    names = machine_names(history.machines)
    kernels = material.catalogue.kernels
    items = {kernels[one.kernel].item for one in drawn if one.kernel in kernels}
    item = items.pop() if len(items) == 1 else "item"
    several = len(history.machines) > 1
    return Figure(
        id="history-figure",
        title="Time of the chosen case over commits",
        caption=(
            "A point is a commit: the middle of its runs, less what the control moved in each. "
            "Lines are levels; a band marks the commits between which the level changed, and by "
            "how much."
        ),
        specification=trend(
            [_row(one, places) for one in drawn],
            [{"name": one.name, "subject": one.subject} for one in commits],
            _key(drawn[0]),
            item,
            material.look,
        ).to_dict(),
        choice=Choice(
            "Case",
            "scenario",
            [
                (
                    names[one.machine] if several else one.kernel,
                    _key(one),
                    f"{one.case.id}{_mark(one)}",
                )
                for one in drawn
            ],
        ),
    )


def _key(series: Series) -> str:
    return f"{series.machine} {series.case.id}"


def _mark(series: Series) -> str:
    """Say at a glance whether a case changed, and how often."""
    number = len(series.changes)
    return f" ({number} change{'' if number == 1 else 's'})" if number else ""


def _row(series: Series, places: Mapping[Commit, int]) -> dict[str, Any]:
    """Return a series as the chart unpacks it."""
    at = [places[one] for one in series.commits]
    bounds = [0, *(one.at for one in series.changes), len(at)]
    parts = list(pairwise(bounds))
    return {
        "scenario": _key(series),
        "at": at,
        "time": [_short(1e9 * one) for one in series.relative],
        "raw": [_short(1e9 * one) for one in series.raw],
        "runs": list(series.runs),
        "start": [at[first] for first, _ in parts],
        "end": [at[last - 1] for _, last in parts],
        "level": [_short(1e9 * np.median(series.relative[first:last])) for first, last in parts],
        "before": [at[one.at - 1] for one in series.changes],
        "after": [at[one.at] for one in series.changes],
        "change": [_short(one.change) for one in series.changes],
        "other": ["; ".join(_besides(one)) or "nothing else" for one in series.changes],
        "number": list(range(len(series.changes))),
    }


def _besides(change: ChangePoint) -> tuple[str, ...]:
    """Say what else there is between two commits."""
    return (*change.other, *(["commits of two branches"] if change.parted else []))


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _table(history: History, changed: Sequence[Series], material: Material) -> Table:
    several = len(history.machines) > 1
    return Table(
        id="changes",
        caption="Change points, with the commits that hold them",
        columns=(
            *("case", "machine")[: 1 + several],
            *("change", "old level", "new level", "last before", "first after", "besides"),
        ),
        rows=[
            TableRow(
                [
                    Cell(one.case.id),
                    *([Cell(str(one.machine + 1))] if several else []),
                    Cell(f"{change.change:+.1%}", change.change),
                    *(_level(one, number + side, material) for side in (0, 1)),
                    Cell(change.before.name),
                    Cell(called(change.after)),
                    Cell("; ".join(_besides(change)) or "–"),
                ]
            )
            for one in changed
            for number, change in enumerate(one.changes)
        ],
        words=frozenset({0, 4, 5, 6} if not several else {0, 1, 5, 6, 7}),
    )


def _level(series: Series, number: int, material: Material) -> Cell:
    bounds = [0, *(one.at for one in series.changes), len(series.commits)]
    level = float(np.median(series.relative[bounds[number] : bounds[number + 1]]))
    return Cell(material.duration(level), level)


def _notes(history: History, drawn: Sequence[Series]) -> Iterator[str]:
    if not any(len(one.commits) > 1 for one in history.series):
        yield "Nothing is drawn: no case was timed at more than one commit on the same machine."
    yield (
        f"A change point takes {share(history.threshold)}, and three commits on either side; what "
        "changed is the first commit after it, or one between the two that was not measured. "
        f"{promise(history)}."
    )
    controls = dict.fromkeys((one.kernel, one.control) for one in history.series if one.kernel)
    held = ", ".join(f"{kernel} against {control}" for kernel, control in controls if control)
    if held:
        yield f"Held against a backend of the same run, so that a slow machine cancels: {held}."
    left = sum(len(one.commits) > 1 for one in history.series) - len(drawn)
    if left:
        yield f"{left:,} more cases are in pytest-duel history."
