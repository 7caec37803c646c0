"""A history as a judgement: a row for every case on every machine, its change points as notes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bench.changepoints import SHORTEST
from bench.exits import Exit
from bench.history import ALPHA, ChangePoint, Commit, History, Machine, Series
from bench.judgement import Judgement, Row
from bench.runs import RunError
from bench.text import duration, share

COLUMNS = ("commits", "runs", "first", "now", "now / first")
CHANGED, SHORT, STEADY, UNREAD = "changed", "too short", "steady", "no run"
EMPTY = ("–",) * len(COLUMNS)
SHOWN = ("cpu", "cores", "virtualisation")
"""Facts that a machine is called by; others only where these do not tell it from the rest."""


def judge(
    history: History,
    faults: Mapping[Path, RunError],
    patterns: Collection[str] = (),
    passed_over: Sequence[Path] = (),
) -> Judgement:
    """Say what a history shows.

    Parameters
    ----------
    history
        Of the runs that could be read.
    faults
        What is wrong with files that could not; each makes the whole an error.
    patterns
        The cases to show, with * for anything; empty for all.
    passed_over
        Files that are something else.
    """
    shown = [one for one in history.series if _is_asked_for(one, patterns)]
    several = len(history.machines) > 1
    return Judgement(
        command="history",
        title=_title(history, shown),
        columns=COLUMNS,
        rows=(
            *(_row(one, f"machine {one.machine + 1}" if several else "") for one in shown),
            *(_fault(path, error) for path, error in faults.items()),
        ),
        warnings=(*_warnings(faults), *history.warnings),
        notes=tuple(_notes(history, passed_over)),
        words=(CHANGED, STEADY, SHORT),
        data={
            "runs": history.runs,
            "level": history.level,
            "family_level": ALPHA,
            "threshold": history.threshold,
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


def _is_asked_for(series: Series, patterns: Collection[str]) -> bool:
    # A case's brackets are no set of characters here.
    name = series.case.id.replace("[", "(")
    return not patterns or any(fnmatchcase(name, one.replace("[", "(")) for one in patterns)


def _title(history: History, shown: Sequence[Series]) -> str:
    number = len(history.revisions)
    parts = [(history.runs, "run"), (number, "commit"), (len(history.machines), "machine")]
    said = ", ".join(f"{many:,} {what}{'' if many == 1 else 's'}" for many, what in parts)
    hidden = len(history.series) - len(shown)
    return said + (f"; {hidden} other series not shown" if hidden else "")


def _row(series: Series, machine: str) -> Row:
    case = series.case
    first, now = series.ends
    word = CHANGED if series.changes else SHORT if series.short else STEADY
    return Row(
        name=f"{case.id} on {machine}" if machine else case.id,
        group=", ".join(filter(None, (case.kernel, case.scenario, machine))),
        label=f"{case.backend} {case.n:,}",
        cells=(
            str(len(series.commits)),
            str(sum(series.runs)),
            duration(first),
            duration(now),
            f"{now / first:.2f}",
        ),
        word=word,
        note="\n".join(map(_said, series.changes)),
        data=_data(series, first, now),
    )


def _said(change: ChangePoint) -> str:
    other = f"; besides, {'; '.join(change.other)}" if change.other else ""
    return (
        f"{abs(change.change):.1%} {'slower' if change.change > 0 else 'faster'} between "
        f"{change.before.name} and {called(change.after)}{other}"
    )


def called(commit: Commit) -> str:
    """Return what a commit is called, with its subject where that is known."""
    return f"{commit.name} ({commit.subject})" if commit.subject else commit.name


def _data(series: Series, first: float, now: float) -> dict[str, Any]:
    return {
        "case": series.case.id,
        "machine": series.machine,
        "control": series.control,
        "commits": [
            {
                "id": commit.id,
                "dirty": commit.dirty,
                "subject": commit.subject,
                "runs": runs,
                "raw": float(raw),
                "relative": float(relative),
            }
            for commit, runs, raw, relative in zip(
                series.commits, series.runs, series.raw, series.relative, strict=True
            )
        ],
        "first": first,
        "now": now,
        "changes": [
            {
                "at": one.at,
                "ratio": 1 + one.change,
                "before": one.before.id,
                "after": one.after.id,
                "other": list(one.other),
            }
            for one in series.changes
        ],
    }


def _fault(path: Path, error: RunError) -> Row:
    return Row(
        str(path), "files that are no runs", str(path), EMPTY, UNREAD, Exit.ERROR, str(error)
    )


def _warnings(faults: Mapping[Path, RunError]) -> Iterator[str]:
    if faults:
        number = f"{len(faults):,} file{'s' if len(faults) > 1 else ''}"
        yield f"{number} could not be read, see below; the history is of the others"


def _notes(history: History, passed_over: Sequence[Path]) -> Iterator[str]:
    names = machine_names(history.machines)
    if len(names) > 1:
        yield from (f"machine {number}: {name}" for number, name in enumerate(names, 1))
    yield (
        "times are the middle of a commit's runs, less what the control moved in each run; first "
        f"and now are the middle of {SHORTEST} commits"
    )
    yield (
        f"a change point takes {share(history.threshold)}, and {SHORTEST} commits on either side. "
        f"Where nothing changed, noise gives one or more in {share(ALPHA)} of such tables at most"
    )
    held = ", ".join(_controls(history))
    if held:
        yield f"controls: {held}"
    if passed_over:
        yield f"files of other things: {len(passed_over):,}, such as {passed_over[0]}"


def _controls(history: History) -> list[str]:
    """Return which backend each kernel is held against, with the machine where there are more."""
    several = len(history.machines) > 1
    found = dict.fromkeys(
        (one.case.kernel, one.control, one.machine) for one in history.series if one.control
    )
    return [
        f"{kernel} by {control}" + (f" on machine {machine + 1}" if several else "")
        for kernel, control, machine in found
    ]
