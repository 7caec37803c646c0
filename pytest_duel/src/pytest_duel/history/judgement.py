"""A history as a judgement: a row for every case on every machine, its change points as notes."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from pytest_duel.history.history import ALPHA
from pytest_duel.history.trends import (
    ChangePoint,
    Commit,
    History,
    Machine,
    Series,
    Together,
    Trend,
)
from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.statistics.changepoints import POWER, SHORTEST
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.patterns import matches
from pytest_duel.support.units import AUTO, duration, figures, share
from pytest_duel.verdicts.model import Judgement, Row
from pytest_duel.verdicts.naming import heading, label

COLUMNS = ("commits", "runs", "first", "now", "now / first", "would show")
CHANGED, SHORT, STEADY = "changed", "too short", "steady"
UNTOLD = str(Verdict.INCONCLUSIVE)
SHOWN = ("cpu", "cores", "virtualisation")
"""Facts that a machine is called by; others only where these do not tell it from the rest."""


def judge(history: History, patterns: Collection[str] = (), unit: str = AUTO) -> Judgement:
    """Say what a history shows.

    Parameters
    ----------
    history
        Of the runs that could be read.
    patterns
        The cases to show, with * for anything; empty for all.
    unit
        What times are shown in: a word of `units.UNITS`.
    """
    shown = [one for one in history.series if _is_asked_for(one, patterns)]
    groups = {(one.machine, one.kernel, one.backend) for one in shown}
    return Judgement(
        command="history",
        title=_title(history, shown),
        columns=COLUMNS,
        rows=tuple(_row(history, one, unit) for one in shown),
        means=tuple(_mean_row(history, one) for one in history.together if _group(one) in groups),
        warnings=(*_untold(history), *history.warnings),
        notes=tuple(_notes(history)),
        words=(CHANGED, UNTOLD, STEADY, SHORT),
        data={
            "runs": history.runs,
            "level": history.level,
            "family_level": ALPHA,
            "threshold": history.threshold,
            "visible_when_steady": history.asked,
            "machines": [dict(one) for one in history.machines],
        },
    )


def machine_names(machines: Sequence[Machine]) -> list[str]:
    """Return a name for each machine, by the facts that tell it from the others."""
    facts = [dict(one) for one in machines]
    telling = {
        name for one in facts for name in one if len({str(other.get(name)) for other in facts}) > 1
    }
    return [
        ", ".join(
            f"{'' if name == 'cpu' else f'{name} '}{value}"
            for name, value in one.items()
            if value is not None and (name in SHOWN or name in telling)
        )
        for one in facts
    ]


def promise(history: History) -> str:
    """Say how rarely noise alone gives a change point, and on what that rests."""
    if history.lonely:
        return (
            "How often noise alone gives one is not known: most commits have a single run, and a "
            "few slow processes look like a change"
        )
    return (
        "If nothing changed, and each commit has several runs whose noise is independent of other "
        f"commits, at most {share(ALPHA)} of such tables show one or more among the cases, and at "
        f"most {share(ALPHA)} among the means"
    )


def _is_asked_for(series: Series, patterns: Collection[str]) -> bool:
    key = series.case
    if isinstance(key, Benchmark):
        return not patterns or any(map(key.is_called, patterns))
    return not patterns or any(matches(one, [key.id]) for one in patterns)


def _title(history: History, shown: Sequence[Series]) -> str:
    number = len(history.revisions)
    parts = [(history.runs, "run"), (number, "commit"), (len(history.machines), "machine")]
    said = ", ".join(f"{many:,} {what}{'' if many == 1 else 's'}" for many, what in parts)
    hidden = len(history.series) - len(shown)
    return said + (f"; {hidden} other series not shown" if hidden else "")


def _row(history: History, series: Series, unit: str) -> Row:
    case, machine = series.case, _machine(history, series)
    first, now = series.ends
    return Row(
        name=f"{case.id} on {machine}" if machine else case.id,
        group=", ".join(filter(None, (heading(case), machine))),
        label=label(case),
        cells=_cells(series, duration(first, unit), duration(now, unit)),
        word=_word(history, series),
        note=_note(series),
        data={"case": case.id, **_data(series)},
    )


def _mean_row(history: History, together: Together) -> Row:
    name, machine = (
        f"{together.backend}, {together.kernel}: all cases",
        _machine(history, together),
    )
    return Row(
        name=f"{name} on {machine}" if machine else name,
        group=", ".join(filter(None, ("geometric mean of all cases", machine))),
        label=f"{together.backend} {together.kernel}",
        cells=_cells(together, "–", "–"),
        word=_word(history, together),
        note=_note(together),
        data={"kernel": together.kernel, "backend": together.backend, **_data(together)},
    )


def _group(one: Together) -> tuple[int, str, str]:
    return one.machine, one.kernel, one.backend


def _machine(history: History, trend: Trend) -> str:
    """Return what a series' machine is called where there are several."""
    return f"machine {trend.machine + 1}" if len(history.machines) > 1 else ""


def _word(history: History, trend: Trend) -> str:
    if trend.changes:
        return CHANGED
    if trend.short:
        return SHORT
    return STEADY if history.steady(trend) else UNTOLD


def _cells(trend: Trend, first: str, now: str) -> tuple[str, ...]:
    before, after = trend.ends
    return (
        str(len(trend.commits)),
        str(sum(trend.runs)),
        first,
        now,
        f"{after / before:.2f}",
        "–" if trend.short else _size(trend.visible),
    )


def _note(trend: Trend) -> str:
    said = list(map(_said, trend.changes))
    if trend.gradual:
        first, now = trend.ends
        said.append(
            f"all {len(said)} go the same way, {now / first - 1:+.1%} together: maybe a trend "
            "over many commits, of which none alone is the cause"
        )
    return "\n".join(said)


def _said(change: ChangePoint) -> str:
    other = f"; besides, {'; '.join(change.other)}" if change.other else ""
    if change.parted:
        other += "; these are of two branches: the first is not an ancestor of the second"
    return (
        f"{abs(change.change):.1%} {'slower' if change.change > 0 else 'faster'} between "
        f"{change.before.name} and {called(change.after)}{other}"
    )


def called(commit: Commit) -> str:
    """Return the name of a commit, with its subject if known."""
    return f"{commit.name} ({commit.subject})" if commit.subject else commit.name


def _size(step: float) -> str:
    """Return the size of a step, as far as it can mean anything."""
    return f"{figures(100 * step, 2)}%" if step <= 1 else ">100%"


def _data(series: Trend) -> dict[str, Any]:
    first, now = series.ends
    raw = series.raw if isinstance(series, Series) else [None] * len(series.commits)
    return {
        "machine": series.machine,
        "control": series.control,
        "commits": [
            {
                "id": commit.id,
                "dirty": commit.dirty,
                "subject": commit.subject,
                "runs": runs,
                "raw": None if measured is None else float(measured),
                "relative": float(relative),
            }
            for commit, runs, measured, relative in zip(
                series.commits, series.runs, raw, series.relative, strict=True
            )
        ],
        "first": first,
        "now": now,
        "gradual": series.gradual,
        "visible": None if series.short else series.visible,
        "changes": [
            {
                "at": one.at,
                "ratio": 1 + one.change,
                "before": one.before.id,
                "after": one.after.id,
                "other": list(one.other),
                "parted": one.parted,
            }
            for one in series.changes
        ],
    }


def _untold(history: History) -> Iterator[str]:
    long = [one for one in history.series if not (one.short or one.changes)]
    least = [one.visible for one in long if not history.steady(one)]
    if least:
        yield (
            f"too few commits, or too much noise, to tell whether {len(least):,} of "
            f"{len(long):,} unchanged cases are steady: half of them would not show a step below "
            f"{_size(float(np.median(least))).removeprefix('>')}; see the means of "
            "all cases, save more commits, or measure two of them with pytest-duel duel"
        )


def _notes(history: History) -> Iterator[str]:
    names = machine_names(history.machines)
    if len(names) > 1:
        yield from (f"machine {number}: {name}" for number, name in enumerate(names, 1))
    yield (
        "a time is the median of a commit's runs, after the change of the control was taken out "
        f"of each; first and now are the medians of the first and the last {SHORTEST} commits"
    )
    yield (
        "would show: the smallest step in the middle of the history that would be found with a "
        f"chance of {POWER:.0%}; steady: a step of {share(history.asked)} would be found"
    )
    yield (
        f"a change point takes {share(history.threshold)}, and {SHORTEST} commits on either side. "
        + promise(history)
    )
    held = ", ".join(_controls(history))
    if held:
        yield f"controls: {held}"


def _controls(history: History) -> list[str]:
    """Return the control of each kernel, with the machine if there are several."""
    several = len(history.machines) > 1
    found = dict.fromkeys(
        (one.kernel, one.control, one.machine) for one in history.series if one.control
    )
    return [
        f"{kernel or 'benchmarks'} by {control}"
        + (f" on machine {machine + 1}" if several else "")
        for kernel, control, machine in found
    ]
