"""A gate's measurements as a judgement: a verdict for every case, and one for the change."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_duel.catalogue.model import Case
from pytest_duel.paired.sampling import ALPHA, LOOKS, Sampled
from pytest_duel.selftest.catalogue_gate import NULL, Parity, Scope
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement, Row
from pytest_duel.verdicts.rows import EMPTY, blameless, change, numbers, row

COLUMNS = ("base", "head", "change [95 %]")
CONTROL, SAME, NEW, GONE, REMOVED = "control", "same code", "new", "gone", "removed"
TOLERATED = "tolerated"
"""Slower by more than the threshold, but not by more than the case's own."""


def judge(
    scope: Scope,
    sampled: Sampled | None,
    parity: Parity,
    title: str,
    threshold: float,
    notes: Mapping[str, str],
    quote: str,
    warnings: Sequence[str] = (),
) -> Judgement:
    """Say what a gate found.

    Parameters
    ----------
    scope
        What there was to measure.
    sampled
        What was measured; None where nothing had to be.
    parity
        What holding both arms against the reference gave.
    title
        The revisions.
    threshold
        The smallest slowdown that matters, unless a case has its own.
    notes
        More on a case, by id: its instruction counts.
    quote
        What the saved self-test says of gates like this one.
    warnings
        What else weakens the verdict.
    """
    rows = [*_case_rows(scope, sampled, threshold, notes), *_lone_rows(scope, parity)]
    void = sampled is not None and _is_void(sampled)
    return Judgement(
        command="gate",
        title=title,
        columns=COLUMNS,
        rows=blameless(rows) if void else tuple(rows),
        warnings=(*_warnings(sampled), *scope.warnings, *warnings),
        notes=tuple(_notes(sampled, parity, threshold, quote)),
        void=void,
        data=_data(sampled, parity, threshold),
    )


def _case_rows(
    scope: Scope, sampled: Sampled | None, threshold: float, notes: Mapping[str, str]
) -> Iterator[Row]:
    if sampled is None:
        return
    for name, case in scope.cases.items():
        found = None
        if name in sampled.estimates:
            found = sampled.estimates[name], sampled.verdicts[name]
        said = [notes.get(name, ""), _own_threshold(scope, name, threshold)]
        own = row(
            name, _place(case), sampled.measured, found,
            note="; ".join(filter(None, said)),
            data={"threshold": scope.limit(name)},
        )  # fmt: skip
        if found and own.word == Verdict.NO_CHANGE and found[0].low > threshold:
            own = replace(own, word=TOLERATED)
        yield own
    for name, case in scope.controls.items():
        one = sampled.nulls.get(name)
        # Its verdict is the machine's, not the change's: see the warnings.
        found = (one, Verdict.NO_CHANGE) if one else None
        own = row(name, _place(case), sampled.measured, found)
        if own.exit is not Exit.ERROR:
            own = replace(own, word=CONTROL, note="its code is the same")
        yield own


def _own_threshold(scope: Scope, name: str, threshold: float) -> str:
    own = scope.limit(name)
    if name in scope.floors:
        return f"a slowdown counts from {own:.1%}: code placement alone may give less"
    return f"a slowdown counts from {own:.1%}" if own != threshold else ""


def _place(case: Case) -> tuple[str, str]:
    return f"{case.kernel}, {case.scenario}", f"{case.backend}, n = {case.n:,}"


def _lone_rows(scope: Scope, parity: Parity) -> Iterator[Row]:
    lost = "the base has it, or its gate; where that is meant, accept it by name"
    wrong = [name for name in (*scope.same, *scope.new) if name in parity.head]
    kinds = (
        ([name for name in scope.same if name not in wrong], SAME, Exit.PASS, ""),
        ([name for name in scope.new if name not in wrong], NEW, Exit.PASS, ""),
        (scope.removed, REMOVED, Exit.PASS, "accepted"),
        (scope.gone, GONE, Exit.ERROR, lost),
        *(([name], "error", Exit.ERROR, parity.head[name]) for name in wrong),
    )
    for names, word, code, note in kinds:
        for name in names:
            kernel = name.partition("[")[0]
            yield Row(name, f"{kernel}, not measured", name, EMPTY, word, code, note)


def _is_void(sampled: Sampled) -> bool:
    """Tell whether the base differs from itself, a control from its twin, or nobody could look."""
    nulls = sampled.nulls
    return bool(sampled.tripped) or not any(name.startswith(NULL) for name in nulls)


def _warnings(sampled: Sampled | None) -> Iterator[str]:
    if sampled is None:
        return
    if sampled.tripped:
        found = [f"{name} {change(sampled.nulls[name])}" for name in sampled.tripped]
        yield (
            f"this machine tells differences where there are none, so all verdicts are void: "
            f"{', '.join(found)}"
        )
    for name, reason in sampled.measured.errors.items():
        if name.startswith(NULL):
            yield f"{name} could not be measured: {reason}"
    if sampled.late:
        undecided = sum(one is Verdict.INCONCLUSIVE for one in sampled.verdicts.values())
        if undecided:
            yield (
                f"the budget ended at block {sampled.blocks}, before the last look (at "
                f"{LOOKS[-1]}); undecided: {undecided} of {len(sampled.verdicts)}; see --budget"
            )


def _notes(sampled: Sampled | None, parity: Parity, threshold: float, quote: str) -> Iterator[str]:
    held = f"parity: {parity.calls:,} calls compared bit for bit"
    if sampled is None:
        yield "no case runs code that differs between base and head: nothing was measured"
        if parity.calls:
            yield f"{held}, head only"
        return
    yield (
        f"measured for {sampled.seconds:.0f} s; blocks: {sampled.measured.blocks}, each two fresh "
        "processes on one CPU; the block is the sample. A slowdown counts from "
        f"{threshold:.1%}; a regression is called at a level of {ALPHA:.0%} for all cases "
        "and looks together"
    )
    yield (
        f"{COLUMNS[-1]}: the median over blocks, and the interval of their trimmed "
        "mean, of one case at a time"
    )
    yield f"{held}, base and head"
    same = {name: one for name, one in sampled.nulls.items() if name.startswith(NULL)}
    said = ", ".join(f"{name.removeprefix(NULL)} {change(one)}" for name, one in same.items())
    yield f"the base against itself: {said or 'not measured'}"
    if quote:
        yield quote


def _data(sampled: Sampled | None, parity: Parity, threshold: float) -> dict[str, object]:
    if sampled is None:
        return {
            "threshold": threshold,
            "blocks": 0,
            "parity_calls": parity.calls,
            "nulls": {},
        }
    return {
        "threshold": threshold,
        "blocks": sampled.measured.blocks,
        "seconds": sampled.seconds,
        "parity_calls": parity.calls,
        "nulls": {
            name: numbers(
                one,
                statistics.median(sampled.measured.seconds[name]),
                sampled.measured.differences[name],
            )
            for name, one in sampled.nulls.items()
        },
    }
