"""A comparison of saved runs as a judgement: words, cells, warnings, and what fails."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import numpy as np

from pytest_duel.compare.backends import Control
from pytest_duel.compare.centre import FEWEST, Centre
from pytest_duel.compare.comparison import (
    CONTROL,
    NO_SPREAD,
    STANDING_OUT,
    Change,
    Comparison,
    Mean,
)
from pytest_duel.compare.functions import label as function_label
from pytest_duel.results import provenance
from pytest_duel.results.benchmarks import Benchmark, Key
from pytest_duel.results.provenance import Difference
from pytest_duel.results.runs import Run
from pytest_duel.statistics.paired import Estimate, Verdict
from pytest_duel.statistics.unpaired import MARGIN
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import AUTO, count, duration, figures, share
from pytest_duel.verdicts.model import Judgement, Row
from pytest_duel.verdicts.naming import heading, label

COLUMNS = ("old", "new", "raw", "trusted [95 %]")
GONE, NEW = "gone", "new"
POOLS_NAMED = 3
UNDECIDED = 5
"""How many undecided changes are named."""


class Fail(StrEnum):
    """Conditions on which a comparison fails."""

    REGRESSION = "regression"
    MISSING = "missing"
    INCONCLUSIVE = "inconclusive"
    DISPUTED = "disputed"
    DIFFERENT = "different"


def judge(
    comparison: Comparison,
    old: Sequence[Run],
    new: Sequence[Run],
    fail_on: Collection[Fail],
    unit: str = AUTO,
) -> Judgement:
    """Say what a comparison found, and let it fail on what the user asked for.

    Parameters
    ----------
    comparison
        Of both sides.
    old, new
        Their runs.
    fail_on
        What makes the exit code differ from 0.
    unit
        What times are shown in: a word of `units.UNITS`.
    """
    found = provenance.differences(old, new)
    rows = [_row(key, change, fail_on, unit) for key, change in comparison.cases.items()]
    rows += _lone_rows(comparison.gone, old, GONE, comparison.unread[1], fail_on, unit)
    rows += _lone_rows(comparison.new, new, NEW, comparison.unread[0], fail_on, unit)
    rows += _lost_rows(comparison, (old, new), fail_on)
    names = [provenance.revision(side) for side in (old, new)]
    runs = [f"{len(side)} run{'s' if len(side) > 1 else ''}" for side in (old, new)]
    return Judgement(
        command="compare",
        title=f"{names[0]} ({runs[0]}) → {names[1]} ({runs[1]})",
        columns=COLUMNS,
        rows=tuple(rows),
        means=(
            *(_mean_row(name, one, fail_on, unit) for name, one in comparison.means.items()),
            *(
                _function_row(name, one, fail_on, unit)
                for name, one in comparison.functions.items()
            ),
        ),
        warnings=(*_warnings(comparison, old, new), *_differences(found)),
        notes=tuple(_notes(comparison, same=provenance.same_code(old, new))),
        void=Fail.DIFFERENT in fail_on and bool(found),
        data={
            "runs": {"old": len(old), "new": len(new)},
            "processes": dict(zip(("old", "new"), comparison.processes, strict=True)),
            "revisions": dict(zip(("old", "new"), names, strict=True)),
            "threshold": comparison.threshold,
            "controls": {
                kernel: _control_data(one) for kernel, one in comparison.controls.items()
            },
            "process_spread": dict(comparison.spread),
            **({"centre": _centre_data(comparison.centre)} if comparison.centre else {}),
            "differences": [
                {"what": one.what, "name": one.name, "old": one.old, "new": one.new}
                for one in found
            ],
        },
    )


def _exit(word: str, fail_on: Collection[Fail], *, disputed: bool = False) -> Exit:
    codes = {
        Verdict.REGRESSION: ({Fail.REGRESSION}, Exit.REGRESSION),
        Verdict.INCONCLUSIVE: ({Fail.INCONCLUSIVE}, Exit.INCONCLUSIVE),
        GONE: ({Fail.MISSING}, Exit.ERROR),
    }
    reasons, code = codes.get(word, (set(), Exit.PASS))
    if disputed and word == Verdict.INCONCLUSIVE:
        reasons = {*reasons, Fail.DISPUTED}
    return code if reasons & {*fail_on} else Exit.PASS


def _row(key: Key, change: Change, fail_on: Collection[Fail], unit: str) -> Row:
    word = str(change.verdict) if change.verdict else CONTROL
    return Row(
        name=key.id,
        group=heading(key),
        label=label(key),
        cells=_cells(change, unit, withheld=change.unknown),
        word=word,
        exit=_exit(word, fail_on, disputed=change.disputed),
        note=_note(change),
        data={**_about(key), **_data(change)},
    )


def _note(change: Change) -> str:
    """Return what is noted of a change, beside what the row's word says already."""
    note = "" if change.note == CONTROL else change.note
    limit = "" if change.threshold is None else f"its threshold is {share(change.threshold)}"
    return "; ".join(filter(None, (note, limit)))


def _about(key: Key) -> dict[str, Any]:
    """Return what tells a benchmark from others, for machines."""
    if isinstance(key, Benchmark):
        return {"benchmark": key.id, "group": key.group, "param": key.param}
    return {"kernel": key.kernel, "backend": key.backend, "cases": 1}


def _mean_row(name: Mean, change: Change, fail_on: Collection[Fail], unit: str) -> Row:
    kernel, backend = name
    word = str(change.verdict) if change.verdict else CONTROL
    plural = "s" if change.cases > 1 else ""
    return Row(
        name=f"{kernel}[{backend}]",
        group=f"{kernel}: geometric mean",
        label=f"{backend}, {change.cases} case{plural}",
        cells=_cells(change, unit, withheld=change.verdict is None or bool(change.note)),
        word=word,
        exit=_exit(word, fail_on, disputed=change.disputed),
        note=_note(change),
        data={"kernel": kernel, "backend": backend, "cases": change.cases, **_data(change)},
    )


def _function_row(name: str, change: Change, fail_on: Collection[Fail], unit: str) -> Row:
    word = str(change.verdict)
    return Row(
        name=f"{name}[*]",
        group="test function: geometric mean",
        label=function_label(name, change.cases),
        cells=_cells(change, unit, withheld=change.note not in ("", STANDING_OUT)),
        word=word,
        exit=_exit(word, fail_on, disputed=change.disputed),
        note=_note(change),
        data={"function": name, "cases": change.cases, **_data(change)},
    )


def _lone_rows(
    keys: Sequence[Key],
    runs: Sequence[Run],
    word: str,
    unread: Mapping[str, str],
    fail_on: Collection[Fail],
    unit: str,
) -> list[Row]:
    """Say of benchmarks that only one side has them, with what the first run of each gives.

    `unread` tells which of them the other side has and cannot be read there.
    """
    medians = {one.key: one.median for run in reversed(runs) for one in run.benchmarks}
    return [_lone_row(key, medians[key], word, unread.get(key.id), fail_on, unit) for key in keys]


def _lone_row(
    key: Key, median: float, word: str, reason: str | None, fail_on: Collection[Fail], unit: str
) -> Row:
    time = duration(median, unit)
    own, other = ("old", "new") if word == GONE else ("new", "old")
    return Row(
        name=key.id,
        group=heading(key),
        label=label(key),
        cells=(time, "–", "–", "–") if word == GONE else ("–", time, "–", "–"),
        word=word,
        exit=_exit(word, fail_on),
        note=(
            f"cannot be read in the {other} runs: {reason}"
            if reason
            else f"only the {own} runs have it"
        ),
        data={"old": median, "new": None} if word == GONE else {"old": None, "new": median},
    )


def _lost_rows(
    comparison: Comparison, sides: Sequence[Sequence[Run]], fail_on: Collection[Fail]
) -> Iterator[Row]:
    """Say of benchmarks that they cannot be compared, and which side lacks them."""
    read = [{one.key.id for run in side for one in run.benchmarks} for side in sides]
    for name in comparison.lost:
        unread = [name in side for side in comparison.unread]
        there = [name in side or odd for side, odd in zip(read, unread, strict=True)]
        lacking = unread if all(there) else [not one for one in there]
        word = str(Verdict.INCONCLUSIVE) if all(lacking) else GONE if lacking[1] else NEW
        yield _lost_row(name, word, comparison, fail_on)


def _lost_row(name: str, word: str, comparison: Comparison, fail_on: Collection[Fail]) -> Row:
    key = Benchmark(name)
    reasons = dict.fromkeys(side[name] for side in comparison.unread if name in side)
    return Row(
        name=name,
        group=heading(key),
        label=label(key),
        cells=("–",) * len(COLUMNS),
        word=word,
        exit=_exit(word, fail_on),
        note=f"cannot be read: {'; '.join(reasons)}",
        data={**_about(key), "old": None, "new": None},
    )


def _cells(change: Change, unit: str, *, withheld: bool = False) -> tuple[str, ...]:
    trusted = change.trusted
    interval = f" [{_ratio(trusted.low)}, {_ratio(trusted.high)}]"
    return (
        duration(change.old, unit),
        duration(change.new, unit),
        _ratio(change.raw.median),
        _ratio(trusted.median) + ("" if withheld else interval),
    )


def _ratio(change: float) -> str:
    ratio = 1 + change
    return f"{ratio:.3f}" if ratio < 10 else figures(ratio) if ratio < 1e4 else ">9999"


def _data(change: Change) -> dict[str, Any]:
    return {
        "old": change.old,
        "new": change.new,
        "raw": _numbers(change.raw, change),
        "relative": _numbers(change.relative, change) if change.relative else None,
        "trusted": "relative" if change.relative else "raw",
        **({} if change.threshold is None else {"threshold": change.threshold}),
    }


def _numbers(estimate: Estimate, change: Change) -> dict[str, float | None]:
    told = {
        "low": 1 + estimate.low,
        "high": 1 + estimate.high,
        "p_slower": estimate.p_slower,
        "p_faster": estimate.p_faster,
    }
    return {"ratio": 1 + estimate.median, **(dict.fromkeys(told) if change.unknown else told)}


def _control_data(control: Control) -> dict[str, Any]:
    return {
        "backend": control.backend,
        "chosen": control.chosen,
        "changes": dict(control.drifts),
    }


def _centre_data(centre: Centre) -> dict[str, Any]:
    return {
        "patterns": list(centre.patterns),
        "benchmarks": centre.benchmarks,
        "compared": centre.compared,
        "ratio": 1 + centre.moved if centre.benchmarks else None,
        "refused": centre.refused,
        "process_spread": None if centre.apart is None else float(np.expm1(centre.apart.scale)),
        "shaken": centre.shaken,
    }


def _warnings(comparison: Comparison, old: Sequence[Run], new: Sequence[Run]) -> Iterator[str]:
    for runs, side in (old, "old"), (new, "new"):
        yield from dict.fromkeys(provenance.weaknesses(runs, side))
        yield from provenance.unknown_commits(runs, side)
        yield from provenance.unreadable(runs, side)
    if comparison.single:
        yield (
            "each side has one run, which is one sample: changes under "
            f"{MARGIN:.0%} are inconclusive, and so are changes that two processes of the same "
            "code may show; save several runs of each revision to say more"
        )
    elif 1 in comparison.runs:
        yield (
            "one side has a single run, which shows one state of the machine, however many blocks "
            f"it has: changes under {MARGIN:.0%} are inconclusive, and nothing is called "
            "unchanged; save several runs of each revision to say more"
        )
    unknown = [kernel for kernel, spread in comparison.spread.items() if spread is None]
    if unknown:
        yield (
            f"{', '.join(unknown)}: {NO_SPREAD}: one run on each side and so few cases do not "
            "show how far two processes of the same code differ, so all are inconclusive; save "
            "several runs of each revision"
        )
    if comparison.without_rounds:
        held = ", so geometric means have no verdict" if comparison.single else ""
        yield f"{len(comparison.without_rounds)} cases were saved without raw rounds{held}"
    if comparison.centre:
        yield from _doubts(comparison.centre, single=comparison.single)
    for control in comparison.controls.values():
        if control.disputed:
            yield (
                f"{control.kernel}: the control, {control.backend}, itself changed by "
                f"{control.moved:+.1%}, and not all others did: either the machine had another "
                "speed, or most backends changed. So nothing passes that is relative to it; name "
                "a control with --control"
            )
        elif abs(control.moved) > MARGIN:
            yield (
                f"{control.kernel}: the control, {control.backend}, itself changed by "
                f"{control.moved:+.1%}: either the machine had another speed, or all backends "
                "changed alike, which relative changes do not show; see the column raw"
            )
        if control.backend is None and not control.chosen:
            yield (
                f"{control.kernel}: no control, because that takes three competing backends and "
                f"there are {len(control.drifts)}: the raw changes count, with what the machine's "
                "speed did to them"
            )


def _doubts(centre: Centre, *, single: bool) -> Iterator[str]:
    """Say why the middle of all benchmarks may be no control."""
    named = "with --control PATTERN, name benchmarks that the change cannot affect"
    if centre.lone:
        yield (
            f"the control is a single benchmark, {centre.lone.id}: if it alone changed, all "
            "others seem to have changed the other way; name several"
        )
    if not centre.benchmarks and not centre.chosen:
        yield (
            f"no control, because that takes {FEWEST} benchmarks and all runs have "
            f"{centre.compared}: the raw changes count, with what the machine's speed did to them"
        )
    if single and centre.apart is None:
        yield (
            f"{NO_SPREAD}: one run on each side and so few benchmarks do not show how far two "
            "processes of the same code differ, so all are inconclusive; save several runs of "
            "each revision"
        )
    if single and centre.shaken > MARGIN:
        yield (
            "the changes of a benchmark's median and of its fastest round differ by up to "
            f"{centre.shaken:.0%}, so the machine was busy with other work: with one run on each "
            "side, changes below that are inconclusive"
        )
    if centre.refused:
        yield (
            f"only {centre.benchmarks} of {centre.compared} benchmarks changed alike, which does "
            "not show which ones changed and which did not, so all are inconclusive; "
            f"{named}"
        )
    elif abs(centre.moved) > MARGIN:
        who = "the control" if centre.chosen else "the middle of all benchmarks"
        passes = f", so nothing passes; {named}" if centre.disputed else "; see the column raw"
        yield (
            f"{who} changed by {centre.moved:+.1%}: either the machine had another speed, or most "
            f"benchmarks changed alike, which relative changes do not show{passes}"
        )


def _differences(found: Sequence[Difference]) -> Iterator[str]:
    pools = [one for one in found if one.what == "pools"]
    yield from (str(one) for one in found if one.what != "pools")
    yield from (str(one) for one in pools[:POOLS_NAMED])
    if len(pools) > POOLS_NAMED:
        yield f"different pools: {len(pools) - POOLS_NAMED} more cases"


def _notes(comparison: Comparison, *, same: bool) -> Iterator[str]:
    yield (
        "a ratio is new / old: above 1 is slower; an interval is for its row alone, the verdicts "
        "hold for all rows together"
    )
    if same:
        yield "both sides are the same revision: what differs is noise, or the machine"
    for control in comparison.controls.values():
        moved = ", ".join(f"{name} {change:+.1%}" for name, change in control.drifts.items())
        if control.backend is None:
            yield f"{control.kernel}: trusted is the raw change" + (f" ({moved})" if moved else "")
        elif control.chosen:
            yield f"{control.kernel}: trusted is relative to {control.backend}, as you asked"
        else:
            yield (
                f"{control.kernel}: trusted is relative to {control.backend}, whose change is "
                f"the middle one ({moved}), so that the machine's speed cancels out"
            )
    if comparison.centre:
        yield from _basis(comparison.centre)
    undecided = _undecided(comparison)
    if undecided:
        named = ", ".join(f"{key.id} {_ratio(one.trusted.median)}" for key, one in undecided)
        yield f"undecided, the largest changes first: {named}; more runs of each side would decide"


def _undecided(comparison: Comparison) -> list[tuple[Key, Change]]:
    """Return the largest changes that matter and that the runs do not decide."""
    found = [
        (key, one)
        for key, one in comparison.cases.items()
        if one.verdict is Verdict.INCONCLUSIVE
        and abs(np.log1p(one.trusted.median)) > np.log1p(comparison.threshold)
    ]
    found.sort(key=lambda one: -abs(np.log1p(one[1].trusted.median)))
    return found[:UNDECIDED]


def _basis(centre: Centre) -> Iterator[str]:
    """Say what the changes of benchmarks without backends are held against."""
    moved = f"which changed by {centre.moved:+.1%}"
    if not centre.benchmarks or centre.refused:
        yield "trusted is the raw change"
    elif centre.patterns:
        yield (
            f"trusted is relative to the middle of {count(centre.benchmarks, 'benchmark')} that "
            f"you named, {moved}"
        )
    else:
        yield (
            f"trusted is relative to the middle of the {centre.benchmarks} of {centre.compared} "
            f"benchmarks that changed alike, {moved}, so that the machine's speed cancels out. A "
            "change of all benchmarks cancels out, too; to see one, name with --control some that "
            "the change cannot affect"
        )
