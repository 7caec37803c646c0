"""Warnings on a history: what was left out, and what may mislead."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from pytest_duel.compare.wanted import Wanted
from pytest_duel.history.commits import Log
from pytest_duel.history.drift import FEWEST_OF_ALL, Kernel, RunMatrix
from pytest_duel.history.trends import Series
from pytest_duel.results.contradictions import is_before
from pytest_duel.results.index import Entry
from pytest_duel.results.provenance import HOST, machine_of


def lonely(series: Sequence[Series]) -> bool:
    """Tell whether most commits have a single sample.

    That is a process where a control takes out what the machine did meanwhile; else it is a run,
    for all blocks of one have seen the machine in one state.
    """
    samples = [one.processes if one.control else one.runs for one in series if not one.short]
    return bool(samples and np.median(np.concatenate(samples)) < 2)


def scattered(
    told: Sequence[Entry], series: Sequence[Series], ignore: Collection[str]
) -> Iterator[str]:
    """Tell where most series are too short because every host counts as a machine."""
    if 2 * sum(one.short for one in series) <= len(series):
        return
    ways = [{*ignore, *names} for names in ((), HOST[:1], HOST[1:], HOST)]
    numbers = [len({machine_of(one.facts, way) for one in told}) for way in ways]
    best = numbers.index(min(numbers))  # the first of several: what ignores the least
    if best:
        yield (
            f"most series are too short, because the runs are of {numbers[0]} machines; with "
            f"--ignore {','.join(sorted(ways[best]))} they are of {numbers[best]}: then another "
            "host, or another release of its system, does not count as another machine"
        )


def single_runs(series: Sequence[Series]) -> Iterator[str]:
    """Tell where there are too few runs of each commit."""
    if lonely(series):
        yield (
            "most commits have a single run: now and then a process is slow from its start to its "
            "end, and a few such commits in a row look like a change; save three runs of each"
        )


def unknown_commits(log: Log, told: Sequence[Entry]) -> Iterator[str]:
    """Tell how many commits the repository lacks, and what that may mean."""
    number = len(log.lacking & {entry.commit for entry in told})
    if number:
        why = (
            "this clone is shallow, and `git fetch --unshallow` may bring them"
            if log.ends
            else "they were rebased or squashed away, or are of another clone"
        )
        yield (
            f"{_number(number, 'commit')} of the runs are not in this repository: {why}; they "
            "are placed by their time"
        )


def left_out(
    entries: Sequence[Entry], told: Sequence[Entry], matrices: Sequence[RunMatrix]
) -> Iterator[str]:
    """Tell how many runs, or cases of them, take no part, or tell times that cannot be."""
    if len(told) < len(entries):
        yield f"{_number(len(entries) - len(told), 'run')} left out: the commit is not known"
    partly = [entry for entry in told if entry.unread]
    if partly:
        yield (
            f"{_number(len(partly), 'run')} with benchmarks that cannot be read, which are left "
            f"out there, such as {partly[0].unread[0]}"
        )
    early = sum(is_before(entry.when, entry.committed) for entry in told)
    if early:
        yield (
            f"{_number(early, 'run')} measured before the commit was made, as the files say: "
            "a clock was wrong, or one of the two times is"
        )
    strange = sum(matrix.other_pools for matrix in matrices)
    if strange:
        yield (
            f"{_number(strange, 'run')} timed cases on other inputs than newer runs: these cases "
            "are left out there"
        )


def uncontrolled(kernels: Sequence[tuple[RunMatrix, Kernel]], wanted: Wanted) -> Iterator[str]:
    """Tell which kernels have no control, and how many runs lack it."""
    alone = dict.fromkeys(kernel.name for _, kernel in kernels if kernel.control is None)
    if "" in alone and not wanted.none:
        yield (
            f"no control, because that takes {FEWEST_OF_ALL} benchmarks in a run: the raw times "
            "count, with what the machine's speed did to them"
        )
    named = [name for name in alone if name]
    if named and not wanted.none:
        yield (
            f"no control for {', '.join(named)}, because that takes three competing backends, or "
            "two and a floor: the raw times count there, with what the machine's speed did to them"
        )
    lost = {
        kernel.name: matrix.lacking(kernel.values) - _absent(matrix, kernel)
        for matrix, kernel in kernels
        if kernel.control is not None
    }
    for name, number in lost.items():
        if number:
            of = f"{name}: " if name else ""
            yield f"{of}{_number(number, 'run')} without the control left out"


def _absent(matrix: RunMatrix, kernel: Kernel) -> int:
    """Return how many runs have no case of a kernel at all."""
    return matrix.lacking(matrix.logs[:, kernel.columns])


def moved_controls(series: Sequence[Series]) -> Iterator[str]:
    """Tell where the control may have changed: half of the others or more do, alike, at once."""
    groups: dict[tuple[int, str, str], dict[str, list[Series]]] = {}
    for one in series:
        if one.kernel and one.control not in (None, one.backend):
            key = one.machine, one.kernel, str(one.control)
            groups.setdefault(key, {}).setdefault(one.backend, []).append(one)
    for (_, kernel, control), backends in groups.items():
        places = {place: None for own in backends.values() for place in sorted(_most(own))}
        for before, after, slower in places:
            moved = [
                name for name, own in backends.items() if (before, after, slower) in _most(own)
            ]
            still = [control, *(name for name in backends if name not in moved)]
            way, other = ("slower", "faster") if slower else ("faster", "slower")
            if len(moved) < 2:
                continue
            if len(moved) == len(backends):
                yield (
                    f"{kernel}: at {before} .. {after} most cases of all other backends became "
                    f"{way}: more likely {control}, the control, became {other}; see --control"
                )
            elif len(moved) >= len(still):
                yield (
                    f"{kernel}: at {before} .. {after} {' and '.join(moved)} became {way} against "
                    f"{' and '.join(still)}: these may have become {other} instead; see --control"
                )


def _most(own: Sequence[Series]) -> set[tuple[str, str, bool]]:
    """Return the change points that more than half of some series share."""
    seen = Counter(
        (change.before.name, change.after.name, change.change > 0)
        for one in own
        for change in one.changes
    )
    return {place for place, number in seen.items() if 2 * number > len(own)}


def _number(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
