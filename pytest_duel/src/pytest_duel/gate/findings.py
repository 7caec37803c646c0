"""The findings of a gate: a verdict for each benchmark, for files and for all."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from pytest_duel.catalogue.project import TABLE
from pytest_duel.gate.collect import Benchmark, explained
from pytest_duel.gate.plan import Plan, null_name
from pytest_duel.gate.question import BASE
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.checking import Checked
from pytest_duel.paired.client import BOTH
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.pytest_worker import FIXTURE
from pytest_duel.paired.sampling import ALPHA, LOOKS, MEANS_ALPHA, Sampled
from pytest_duel.statistics.paired import Estimate, Verdict, decide, estimate
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import duration
from pytest_duel.verdicts.model import Judgement, Row
from pytest_duel.verdicts.rows import EMPTY, EXITS, blameless, change, numbers, row

COLUMNS = ("base", "head", "change [95 %]")
TOLERATED = "tolerated"
"""Slower by more than the threshold, but by no more than a move of its code in memory can give."""
SKIPPED, NEW, GONE, REMOVED = "skipped", "new", "gone", "removed"
STRICT = "warnings"
"""The row of warnings that are refused."""
MEAN_SHARE = 0.25
"""A mean over many benchmarks may move by this share of their threshold."""
FEW_BLOCKS = 6
"""With fewer nothing is said of drift."""
DRIFT = 0.2
"""A larger drift within a process is noted: a call takes longer at its end than at its start."""
PORTS = ("Address already in use", "Errno 98", "WinError 10048")
"""Error messages of tests that cannot run twice at the same time."""
SHARED = (
    "processes of both sides run at the same time: if the test needs something that only one can "
    "have, such as a port or a file, use --in-turns or `in_turns = true`"
)
MUCH_SLOWER = 2.0
"""A head whose call takes more than this many times as long is an error even where the budget is
too small to measure it: what is inconclusive may be let pass."""
LEAST_ROOM = 1e-6
"""Between a change and its threshold, as a share: both may be 0."""
FEW_SECONDS = 1e-7
"""A call below this is mostly the loop around it."""


class NothingMeasuredError(DuelError):
    """No benchmark uses the code of the project, or none ran; the message says which."""


def judge(
    own: Plan,
    sampled: Sampled | None,
    title: str,
    settings: Settings,
    checked: Checked | None = None,
) -> Judgement:
    """Say what a gate found.

    Parameters
    ----------
    own
        What there was to measure.
    sampled
        What was measured; None where there was nothing.
    title
        The revisions.
    settings
        The head's.
    checked
        What checking the answers of both arms gave.

    Raises
    ------
    NothingMeasuredError
        Where the benchmarks ran without a module of the project, or none is there to be measured.
    """
    check_measured(own, sampled)
    told = measured_rows(own, sampled, in_turns=settings.in_turns)
    rows = [*(_much_slower(one, sampled) or one for one in told), *_other_rows(own)]
    means = _mean_rows(own, sampled, settings) if sampled else []
    void = sampled is not None and is_void(sampled)
    return Judgement(
        command="gate",
        title=title,
        columns=COLUMNS,
        rows=blameless(rows) if void else tuple(rows),
        means=blameless(means) if void else tuple(means),
        warnings=(*_warnings(sampled), *own.warnings),
        notes=(*_about_check(checked), *_notes(own, sampled, settings)),
        void=void,
        data=_data(sampled, settings),
    )


def without_warnings(found: Judgement) -> Judgement:
    """Return the judgement, as an error if it has warnings: some workflows refuse them."""
    if not found.warnings:
        return found
    note = f"{len(found.warnings)} warnings, and --strict refuses them"
    refusal = Row(STRICT, STRICT, STRICT, EMPTY, "error", Exit.ERROR, note)
    return replace(found, rows=(*found.rows, refusal))


def check_measured(own: Plan, sampled: Sampled | None) -> None:
    """Refuse a measurement that tells nothing of the project.

    Raises
    ------
    NothingMeasuredError
        Where there is nothing to tell of, every benchmark skipped itself, or no module of the
        project was loaded.
    """
    if sampled is None:
        if not (own.measured or own.new or own.gone or own.removed):
            raise NothingMeasuredError(f"nothing was measured: {_left_out(own)}")
        return
    skipped = sampled.measured.skipped
    if own.measured and all(name in skipped for name in own.measured):
        name = next(iter(own.measured))
        raise NothingMeasuredError(
            f"nothing was measured, because every benchmark is skipped here: {name}: "
            f"{skipped[name]}"
        )
    if sampled.measured.differences and not sampled.measured.own_modules:
        raise NothingMeasuredError(
            "no benchmark imports a module of this project, so there was nothing to compare; name "
            "the folders that hold its modules in `packages` of [tool.pytest-duel]"
        )


def _left_out(own: Plan) -> str:
    """Say why there is no benchmark to measure, though some were collected."""
    if own.skipped:
        name, reason = next(iter(own.skipped.items()))
        return f"every benchmark is marked to be skipped: {name}: {reason}"
    return (
        f"of the benchmarks that were collected none is both among `benchmarks` of [{TABLE}] and "
        "chosen by --only"
    )


def place_of(one: Benchmark) -> tuple[str, str]:
    """Return the file that a benchmark stands under, and its name there."""
    return one.file, one.name.removeprefix(f"{one.file}::")


def measured_rows(own: Plan, sampled: Sampled | None, *, in_turns: bool = False) -> Iterator[Row]:
    """Yield a row for each benchmark that is on both arms."""
    if sampled is None:
        return
    measured = sampled.measured
    for name, benchmark in own.measured.items():
        place = place_of(benchmark)
        if name in measured.skipped:
            yield _skipped_row(name, place, measured.skipped[name], name in own.stopped)
        elif name in measured.unaffordable:
            needed = math.ceil(measured.unaffordable[name])
            note = (
                f"a call takes too long for the budget: it needs --budget {needed}, "
                "or a smaller input"
            )
            yield Row(name, *place, EMPTY, Verdict.INCONCLUSIVE, Exit.INCONCLUSIVE, note)
        elif name in measured.errors:
            note = measured.errors[name]
            if not in_turns and _may_be_shared(note):
                note += f"; {SHARED}"
            if note.startswith(f"{BASE}: "):
                note += "; if only the head can run it, use --accept"
            yield Row(name, *place, EMPTY, "error", Exit.ERROR, explained(note))
        elif name not in sampled.estimates:
            note = "not measured: the budget ended first"
            yield Row(name, *place, EMPTY, Verdict.INCONCLUSIVE, Exit.INCONCLUSIVE, note)
        else:
            found = sampled.estimates[name], sampled.verdicts[name]
            told = row(
                name, place, measured, found,
                note="; ".join(_said(name, own, sampled)),
                data={"threshold": own.limit(name)},
            )  # fmt: skip
            hidden = found[1] is Verdict.NO_CHANGE and found[0].low > own.thresholds[name]
            yield replace(told, word=TOLERATED) if hidden else told


def _skipped_row(name: str, place: tuple[str, str], reason: str, stopped: bool) -> Row:
    if not stopped:
        return Row(name, *place, EMPTY, SKIPPED, note=reason)
    note = f"{reason}; in the base it does not skip itself: if that is meant, use --accept"
    return Row(name, *place, EMPTY, SKIPPED, Exit.ERROR, note)


def _much_slower(row: Row, sampled: Sampled | None) -> Row | None:
    """Return, as an error, the row of what could not be measured as the head is too slow."""
    calls = sampled.measured.slow_calls.get(row.name, ()) if sampled else ()
    if len(calls) < 2 or calls[1] <= MUCH_SLOWER * calls[0]:
        return None
    took = f"took {duration(calls[0])} on the base and {duration(calls[1])} on the head"
    return replace(row, word="error", exit=Exit.ERROR, note=f"a call {took}; {row.note}")


def _may_be_shared(reason: str) -> bool:
    """Tell whether a test may have failed because another process of it was alive."""
    on_one_side = f": {FIXTURE} " in reason and not reason.startswith(BOTH)
    return on_one_side or any(sign in reason for sign in PORTS)


def _said(name: str, own: Plan, sampled: Sampled) -> Iterator[str]:
    """Yield what to know of a benchmark that was measured."""
    if name in own.notes:
        yield own.notes[name]
    if name in own.placement_bounds:
        yield (
            f"a slowdown counts from {own.limit(name):.1%}: less than that can come from where "
            "its code lies in memory"
        )
    if sampled.verdicts[name] is Verdict.INCONCLUSIVE:
        yield _advice(own.limit(name), sampled.estimates[name], sampled, name)
    ratio = drift(sampled.measured.drifts.get(name, []))
    if ratio != 1.0:
        yield (
            f"a call takes {ratio:.2g} times as long at the end of a process as at its start, so "
            "the test keeps state; both arms did the same number of calls"
        )


def drift(blocks: Sequence[float]) -> float:
    """Return how a call's time changes within a process, as a ratio; 1 where blocks disagree."""
    if len(blocks) < FEW_BLOCKS:
        return 1.0
    low, high = np.quantile(blocks, [0.2, 0.8])
    typical = statistics.median(blocks)
    is_plain = min(abs(low), abs(high)) > math.log1p(DRIFT) and low * high > 0
    return math.exp(typical) if is_plain else 1.0


def _advice(threshold: float, found: Estimate, sampled: Sampled, name: str) -> str:
    """Say what would help where nothing could be decided."""
    seconds = statistics.median(sampled.measured.seconds[name])
    if seconds < FEW_SECONDS:
        return "a call is so short that the loop around it counts: do more work in one call"
    if found.blocks < LOOKS[0]:
        needed = math.ceil(sampled.seconds * LOOKS[0] / max(1, found.blocks))
        return f"too few blocks for a verdict: --budget {needed} should be enough"
    half = (found.high - found.low) / 2
    room = max(abs(threshold - found.median), threshold / 4, LEAST_ROOM)
    factor = max(2.0, min((half / room) ** 2 * 1.5, 1000.0))
    return f"too noisy to tell: --budget {math.ceil(sampled.seconds * factor)} may be enough"


def _other_rows(own: Plan) -> Iterator[Row]:
    lost = "only the base has it: if its removal is meant, use --accept or `removed`"
    fresh = {name: own.notes.get(name, "measured from the next change on") for name in own.new}
    kinds = (
        (fresh, NEW, Exit.PASS),
        (own.skipped, SKIPPED, Exit.PASS),
        (dict.fromkeys(own.removed, "accepted"), REMOVED, Exit.PASS),
        (dict.fromkeys(own.gone, lost), GONE, Exit.ERROR),
    )
    for names, word, code in kinds:
        for name, note in names.items():
            file, _, label = name.partition("::")
            yield Row(name, file, label, EMPTY, word, code, note)


def _mean_rows(own: Plan, sampled: Sampled, settings: Settings) -> list[Row]:
    """Return a row for the benchmarks together that have no verdict of their own."""
    groups: dict[str, list[str]] = {}
    decided = (Verdict.REGRESSION, Verdict.IMPROVEMENT)
    for name, one in own.measured.items():
        is_known = name in sampled.measured.differences
        if is_known and sampled.verdicts.get(name) not in decided:
            groups.setdefault(one.file, []).append(name)
    everything = [name for names in groups.values() for name in names]
    groups = {f"all in {file}": names for file, names in groups.items()}
    if len(groups) != 1:
        groups = {**groups, "all benchmarks": everything}
    groups = {label: names for label, names in groups.items() if len(names) > 1}
    means = {label: mean(names, sampled.measured) for label, names in groups.items()}
    found = {label: estimate(one) for label, one in means.items() if len(one) >= LOOKS[0]}
    limits = {label: mean_threshold(settings.threshold, len(groups[label])) for label in found}
    verdicts = decide(found, limits, MEANS_ALPHA)
    return [
        _mean_row(
            label,
            found[label],
            verdicts[label],
            groups[label],
            sampled.measured,
            means[label],
            limits[label],
        )
        for label in found
    ]


def mean_threshold(threshold: float, number: int) -> float:
    """Return by how much the mean of this many benchmarks must move to matter."""
    return max(threshold * MEAN_SHARE, threshold / math.sqrt(number))


def mean(names: Sequence[str], measured: Measurements) -> list[float]:
    """Return the mean log ratio of each block in which all were measured."""
    blocks = min(len(measured.differences[name]) for name in names)
    table = np.array([measured.differences[name][:blocks] for name in names])
    return [float(one) for one in table.mean(axis=0)]


def _mean_row(
    label: str,
    found: Estimate,
    verdict: Verdict,
    names: Sequence[str],
    measured: Measurements,
    blocks: list[float],
    limit: float,
) -> Row:
    seconds = statistics.geometric_mean(
        statistics.median(measured.seconds[name]) for name in names
    )
    # An undecided mean is no fault: each benchmark has a verdict of its own.
    grave = verdict is Verdict.REGRESSION
    return Row(
        label, "geometric means", f"{label} ({len(names)})",
        (duration(seconds), duration(seconds * (1 + found.median)), change(found)),
        str(verdict if grave or verdict is Verdict.IMPROVEMENT else Verdict.NO_CHANGE),
        EXITS[verdict] if grave else Exit.PASS,
        data={**numbers(found, seconds, blocks), "threshold": limit},
    )  # fmt: skip


def is_void(sampled: Sampled) -> bool:
    """Tell whether the base differs from itself, or that could not be checked."""
    return bool(sampled.tripped) or (bool(sampled.estimates) and not sampled.nulls)


def _warnings(sampled: Sampled | None) -> Iterator[str]:
    if sampled is None:
        return
    if sampled.tripped:
        found = [f"{name} {change(sampled.nulls[name])}" for name in sampled.tripped]
        yield (
            f"equal code differed on this machine, so all verdicts are void: {', '.join(found)}"
        )
    elif sampled.estimates and not sampled.nulls:
        reason = next((f": {why}" for name, why in sampled.measured.errors.items()), "")
        yield f"the base could not be measured against itself, so all verdicts are void{reason}"
    undecided = sum(one is Verdict.INCONCLUSIVE for one in sampled.verdicts.values())
    if sampled.late and undecided:
        yield (
            f"the budget ended at block {sampled.blocks}, before the last look (at {LOOKS[-1]}); "
            f"undecided: {undecided} of {len(sampled.verdicts)}; see --budget"
        )


def _notes(own: Plan, sampled: Sampled | None, settings: Settings) -> Iterator[str]:
    if sampled is None:
        yield "no benchmark is on both sides: nothing was measured"
        return
    yield (
        f"measured for {sampled.seconds:.0f} s; blocks: {sampled.blocks}, each two fresh "
        "processes that take turns; the block is the sample. A slowdown counts from "
        f"{settings.threshold:.1%}; a regression is called at a level of {ALPHA:.0%} for all "
        "benchmarks, looks and means together"
    )
    yield (
        f"{COLUMNS[-1]}: the median over blocks, and the interval of their trimmed mean, of one "
        "benchmark at a time. Means leave out what has a verdict of its own"
    )
    known = [(name, sampled.nulls.get(null_name(name))) for name in own.measured]
    said = ", ".join(f"{name} {change(one)}" for name, one in known if one)
    yield f"the base against itself: {said or 'not measured'}"


def _about_check(checked: Checked | None) -> Iterator[str]:
    if checked and checked.number:
        yield (
            f"answers were checked on both sides before anything was timed: {checked.number} "
            f"benchmarks, in {duration(checked.seconds)}"
        )


def _data(sampled: Sampled | None, settings: Settings) -> Mapping[str, object]:
    if sampled is None:
        return {"threshold": settings.threshold, "blocks": 0, "nulls": {}}
    measured = sampled.measured
    return {
        "threshold": settings.threshold,
        "blocks": sampled.blocks,
        "seconds": sampled.seconds,
        "nulls": {
            name: numbers(
                one, statistics.median(measured.seconds[name]), measured.differences[name]
            )
            for name, one in sampled.nulls.items()
        },
    }
