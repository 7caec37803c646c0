"""A comparison of saved runs as a judgement: words, cells, warnings, and what fails."""

from collections.abc import Collection, Iterator, Sequence
from enum import StrEnum
from typing import Any

from pytest_duel.catalogue.model import Case
from pytest_duel.compare.comparison import CONTROL, NO_SPREAD, Change, Comparison, Control
from pytest_duel.results import provenance
from pytest_duel.results.provenance import Difference
from pytest_duel.results.runs import Run
from pytest_duel.statistics.paired import Estimate, Verdict
from pytest_duel.statistics.unpaired import MARGIN
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import duration, figures
from pytest_duel.verdicts.model import Judgement, Row

COLUMNS = ("old", "new", "raw", "trusted [95 %]")
GONE, NEW = "gone", "new"
POOLS_NAMED = 3


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
) -> Judgement:
    """Say what a comparison found, and let it fail on what the user asked for."""
    found = provenance.differences(old, new)
    rows = [_case_row(case, change, fail_on) for case, change in comparison.cases.items()]
    rows += _lone_rows(comparison.gone, old, GONE, fail_on)
    rows += _lone_rows(comparison.new, new, NEW, fail_on)
    names = [provenance.revision(side) for side in (old, new)]
    runs = [f"{len(side)} run{'s' if len(side) > 1 else ''}" for side in (old, new)]
    return Judgement(
        command="compare",
        title=f"{names[0]} ({runs[0]}) → {names[1]} ({runs[1]})",
        columns=COLUMNS,
        rows=tuple(rows),
        means=tuple(_mean_row(change, fail_on) for change in comparison.means.values()),
        warnings=(*_warnings(comparison, old, new), *_differences(found)),
        notes=tuple(_notes(comparison, same=provenance.same_code(old, new))),
        void=Fail.DIFFERENT in fail_on and bool(found),
        data={
            "runs": {"old": len(old), "new": len(new)},
            "revisions": dict(zip(("old", "new"), names, strict=True)),
            "threshold": comparison.threshold,
            "controls": {
                kernel: _control_data(one) for kernel, one in comparison.controls.items()
            },
            "process_spread": dict(comparison.spread),
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


def _case_row(case: Case, change: Change, fail_on: Collection[Fail]) -> Row:
    word = str(change.verdict)
    return Row(
        name=case.id,
        group=f"{case.kernel}, {case.scenario}",
        label=f"{case.backend} {case.n:,}",
        cells=_cells(change, withheld=change.unknown),
        word=word,
        exit=_exit(word, fail_on, disputed=change.disputed),
        note=change.note,
        data=_data(change),
    )


def _mean_row(change: Change, fail_on: Collection[Fail]) -> Row:
    word = str(change.verdict) if change.verdict else CONTROL
    plural = "s" if change.cases > 1 else ""
    return Row(
        name=f"{change.kernel}[{change.backend}]",
        group=f"{change.kernel}: geometric mean",
        label=f"{change.backend}, {change.cases} case{plural}",
        cells=_cells(change, withheld=change.verdict is None or bool(change.note)),
        word=word,
        exit=_exit(word, fail_on, disputed=change.disputed),
        note="" if change.note == CONTROL else change.note,
        data=_data(change),
    )


def _lone_rows(
    cases: Sequence[Case], runs: Sequence[Run], word: str, fail_on: Collection[Fail]
) -> list[Row]:
    """Say of cases that only one side has them, with what the first run that has each gives."""
    medians = {one.case: one.median for run in reversed(runs) for one in run.results}
    return [_lone_row(case, medians[case], word, fail_on) for case in cases]


def _lone_row(case: Case, median: float, word: str, fail_on: Collection[Fail]) -> Row:
    time = duration(median)
    return Row(
        name=case.id,
        group=f"{case.kernel}, {case.scenario}",
        label=f"{case.backend} {case.n:,}",
        cells=(time, "–", "–", "–") if word == GONE else ("–", time, "–", "–"),
        word=word,
        exit=_exit(word, fail_on),
        note="only the old runs have it" if word == GONE else "only the new runs have it",
        data={"old": median, "new": None} if word == GONE else {"old": None, "new": median},
    )


def _cells(change: Change, *, withheld: bool = False) -> tuple[str, ...]:
    trusted = change.trusted
    interval = f" [{_ratio(trusted.low)}, {_ratio(trusted.high)}]"
    return (
        duration(change.old),
        duration(change.new),
        _ratio(change.raw.median),
        _ratio(trusted.median) + ("" if withheld else interval),
    )


def _ratio(change: float) -> str:
    ratio = 1 + change
    return f"{ratio:.3f}" if ratio < 10 else figures(ratio) if ratio < 1e4 else ">9999"


def _data(change: Change) -> dict[str, Any]:
    return {
        "kernel": change.kernel,
        "backend": change.backend,
        "cases": change.cases,
        "old": change.old,
        "new": change.new,
        "raw": _numbers(change.raw, change),
        "relative": _numbers(change.relative, change) if change.relative else None,
        "trusted": "relative" if change.relative else "raw",
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


def _warnings(comparison: Comparison, old: Sequence[Run], new: Sequence[Run]) -> Iterator[str]:
    for runs, side in (old, "old"), (new, "new"):
        yield from dict.fromkeys(provenance.weaknesses(runs, side))
        yield from provenance.unknown_commits(runs, side)
    if comparison.single:
        yield (
            "one run a side is one sample a side: changes under "
            f"{MARGIN:.0%} are inconclusive, and so is what two processes may do by themselves; "
            "save several runs of each revision to say more"
        )
    unknown = [kernel for kernel, spread in comparison.spread.items() if spread is None]
    if unknown:
        yield (
            f"{', '.join(unknown)}: {NO_SPREAD}: with one run a side and so few cases nothing "
            "shows what two processes do by themselves, so nothing is called; save several runs "
            "of each revision"
        )
    if comparison.without_rounds:
        held = "; geometric means are given without a verdict" if comparison.single else ""
        yield f"{len(comparison.without_rounds)} cases were saved without raw rounds{held}"
    for control in comparison.controls.values():
        if control.disputed:
            yield (
                f"{control.kernel}: the control itself, {control.backend}, changed by "
                f"{control.moved:+.1%} and not all others did: another speed of the machine, or "
                "most backends changed; nothing relative to it passes, name one with --control"
            )
        elif abs(control.moved) > MARGIN:
            yield (
                f"{control.kernel}: the control itself, {control.backend}, changed by "
                f"{control.moved:+.1%}: another speed of the machine, or all backends changed "
                "alike, which no relative change shows; see the column raw"
            )
        if control.backend is None and not control.chosen:
            yield (
                f"{control.kernel}: no control, for it takes three competing backends and there "
                f"are {len(control.drifts)}: the raw changes count, the machine's speed included"
            )


def _differences(found: Sequence[Difference]) -> Iterator[str]:
    pools = [one for one in found if one.what == "pools"]
    yield from (str(one) for one in found if one.what != "pools")
    yield from (str(one) for one in pools[:POOLS_NAMED])
    if len(pools) > POOLS_NAMED:
        yield f"different pools: {len(pools) - POOLS_NAMED} more cases"


def _notes(comparison: Comparison, *, same: bool) -> Iterator[str]:
    yield (
        "ratios are new / old, above 1 is slower; an interval holds for its row alone, a verdict "
        "for all rows together"
    )
    if same:
        yield "both sides are the same revision: what differs is noise, or the machine"
    for control in comparison.controls.values():
        moved = ", ".join(f"{name} {change:+.1%}" for name, change in control.drifts.items())
        if control.backend is None:
            yield f"{control.kernel}: trusted is raw" + (f" ({moved})" if moved else "")
        elif control.chosen:
            yield f"{control.kernel}: trusted is relative to {control.backend}, as you asked"
        else:
            yield (
                f"{control.kernel}: trusted is relative to {control.backend}, whose change is "
                f"the middle one ({moved}), so that the machine's speed cancels"
            )
