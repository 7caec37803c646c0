"""Whether a project's targets are met: ratios of two times, measured in pairs."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from typing import Any

import numpy as np

from pytest_duel.catalogue.model import Case, Catalogue, Target
from pytest_duel.duel.pairs import Arrange, of_cases
from pytest_duel.duel.targets_text import COMMAND, TargetsError, needed
from pytest_duel.gate.measure import wrong_contests
from pytest_duel.gate.plan import contests
from pytest_duel.gate.prepare import Prepared
from pytest_duel.paired.checking import Checked
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.pytest_client import pytest_workers
from pytest_duel.statistics.paired import Estimate, estimate
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.patterns import matches
from pytest_duel.support.units import ratio
from pytest_duel.verdicts.model import Judgement, Row


class Met(StrEnum):
    """Whether a target is met."""

    MET = "met"
    MISSED = "missed"
    OPEN = "open"


EXITS = {Met.MET: Exit.PASS, Met.MISSED: Exit.REGRESSION, Met.OPEN: Exit.INCONCLUSIVE}


def choose(targets: Sequence[Target], patterns: Sequence[str]) -> list[Target]:
    """Return the targets whose names match any pattern; all, where there is none.

    Raises
    ------
    TargetsError
        Where a pattern matches nothing.
    """
    names = list(dict.fromkeys(target.name for target in targets))
    found = {pattern: matches(pattern, names) for pattern in patterns}
    for pattern, own in found.items():
        if not own:
            raise TargetsError(f"no target matches {pattern!r}: choose from {'; '.join(names)}")
    wanted = {name for own in found.values() for name in own}
    return [target for target in targets if target.name in wanted or not patterns]


def name_of(cases: tuple[Case, Case]) -> str:
    """Return the name of the contest between a fast case and a slow one."""
    fast, slow = cases
    return f"{slow.id} / {fast.id}"


def arrange(targets: Sequence[Target], own: Catalogue) -> Arrange:
    """Return a function that plans the measurement: each pair of cases once."""
    pairs = dict.fromkeys(target.cases(n) for target in targets for n in target.sizes)
    return of_cases({name_of(pair): pair for pair in pairs}, own)


def measure(
    ready: Prepared,
    checked: Checked,
    blocks: int,
    seed: int,
    announce: Callable[[str], Callable[[int], None]],
) -> Measurements:
    """Run blocks of what is right.

    Contests that need as many CPUs run together, so that the others have a core to themselves.

    Parameters
    ----------
    ready
        Both arms, and the plan that `arrange` makes.
    checked
        What the arms answered.
    blocks
        How many to take.
    seed
        Of the order.
    announce
        Called when a group of pairs begins. It returns a function that is called after every
        block, with the number of blocks.
    """
    found = Measurements()
    everything = [one for one in contests(ready.own, ready.base, ready.head) if not one.null]
    for cpus in sorted({one.cpus for one in everything}):
        group = [one for one in everything if one.cpus == cpus]
        engine = Engine(pytest_workers(ready.tests), group, seed)
        engine.give_up(dict(wrong_contests(ready, checked)))
        where = f"{cpus} CPU{'s' if cpus > 1 else ''}"
        progress = announce(
            f"measuring {len(engine.roster.contests)} pairs, a block on {where} ..."
        )
        found.add(take_blocks(engine, blocks, progress))
    return found


def take_blocks(engine: Engine, number: int, announce: Callable[[int], None]) -> Measurements:
    """Run this many blocks. Those that have begun by then may add to some contests."""
    with closing(engine.blocks()) as blocks:
        for measured in blocks:
            announce(measured.blocks)
            if measured.blocks >= number and measured.compared:
                engine.stop()
    return engine.measured


def decide(target: Target, found: Estimate) -> Met:
    """Return whether the interval lies within what is needed, outside, or across its end."""
    low, high = 1 + found.low, 1 + found.high
    if target.at_least <= low and high <= target.at_most:
        return Met.MET
    if high < target.at_least or target.at_most < low:
        return Met.MISSED
    return Met.OPEN


def judge(
    targets: Sequence[Target],
    measured: Measurements,
    blocks: int,
    data: Mapping[str, Any],
) -> Judgement:
    """Return a verdict for each target and size; `data` says where it was measured."""
    return Judgement(
        command=COMMAND,
        title="ratios of times, slow / fast, and what they have to be",
        columns=("ratio [95 %]", "needed"),
        rows=tuple(row for target in targets for row in _rows(target, measured, blocks)),
        notes=(
            f"{blocks} blocks, each two fresh processes on the same CPUs; the block is the "
            f"sample. {Met.MET}: the whole interval is as needed; {Met.MISSED}: none of it is; "
            f"{Met.OPEN}: a part of it is, take more blocks",
        ),
        words=(Met.MISSED, Met.OPEN, Met.MET),
        data={**data, "taken": blocks},
    )


def _rows(target: Target, measured: Measurements, blocks: int) -> Iterator[Row]:
    if target.mean:
        yield _row(target, target.sizes, measured, blocks)
    else:
        for n in target.sizes:
            yield _row(target, (n,), measured, blocks)


def _row(target: Target, sizes: tuple[int, ...], measured: Measurements, blocks: int) -> Row:
    """Judge the geometric mean over some sizes, or over one."""
    label = "geometric mean" if target.mean else f"n = {sizes[0]:,}"
    at_least = target.at_least or None
    at_most = target.at_most if math.isfinite(target.at_most) else None
    must = needed(at_least, at_most)
    place = f"{target.name}, {label}", target.name, label
    data = {
        "target": target.name,
        "n": None if target.mean else sizes[0],
        "at_least": at_least,
        "at_most": at_most,
    }
    names = [name_of(target.cases(n)) for n in sizes]
    lacking = [name for name in names if len(measured.differences.get(name, ())) < blocks]
    if lacking:
        reason = measured.errors.get(lacking[0], "not measured")
        note = reason if len(names) == 1 else f"{lacking[0]}: {reason}"
        return Row(*place, ("–", must), "error", Exit.ERROR, note, data)
    # What was measured after the last block is not in all of them.
    logs = np.mean([measured.differences[name][:blocks] for name in names], axis=0)
    found = estimate(logs)
    numbers = 1 + found.median, 1 + found.low, 1 + found.high
    word = decide(target, found)
    return Row(
        *place,
        (ratio(*numbers), must),
        word,
        EXITS[word],
        data={
            **data,
            **dict(zip(("ratio", "low", "high"), numbers, strict=True)),
            "blocks": logs.tolist(),
            "seconds": None if target.mean else statistics.median(measured.seconds[names[0]]),
        },
    )
