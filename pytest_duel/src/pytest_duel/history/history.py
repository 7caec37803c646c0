"""The trend of every case over commits, machine by machine, with its change points."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Catalogue
from pytest_duel.compare.wanted import Wanted, wanted
from pytest_duel.history import commits, warnings
from pytest_duel.history.commits import Log
from pytest_duel.history.drift import Kernel, RunMatrix
from pytest_duel.history.trends import (
    ChangePoint,
    Commit,
    Floats,
    History,
    Machine,
    Series,
    Together,
    Trend,
)
from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.results.index import Entry, Fact
from pytest_duel.results.provenance import machine_of
from pytest_duel.results.runs import RunError
from pytest_duel.statistics.changepoints import Step, steps, visible

ALPHA = 0.05
"""The chance of a change point or more where nothing changed: in all cases together, and again in
all kernels' backends together."""
THRESHOLD = 0.05
"""The smallest change that matters: code placement alone has moved cases by this much."""

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
AnyTrend = TypeVar("AnyTrend", bound=Trend)


@dataclass(frozen=True)
class Settings:
    """How to look at runs."""

    control: tuple[str, ...] = ()
    """A backend to be the control of every kernel, and patterns of benchmarks whose middle is
    that of all that belong to no sweep; ``none`` alone for no control."""
    threshold: float = THRESHOLD
    """The smallest change that matters, as a fraction."""
    ignore: frozenset[str] = frozenset()
    """Names of facts that do not tell machines apart."""


DEFAULT = Settings()


def read(
    entries: Sequence[Entry], catalogue: Catalogue, log: Log, settings: Settings = DEFAULT
) -> History:
    """Return the trend of every case of some saved runs.

    Parameters
    ----------
    entries
        The runs.
    catalogue
        Tells which backends compete, and so may be the control.
    log
        The commits of the runs, from the repository.
    settings
        How to look at them.

    Raises
    ------
    RunError
        Where no run tells its commit, or none timed what was named as control.
    """
    told = [one for one in entries if one.commit]
    if not told:
        raise RunError("no run says which commit it has measured")
    named = _wanted(settings.control, told)
    revisions = _revisions(told, log)
    places = {(one.id, one.dirty): place for place, one in enumerate(revisions)}
    own: dict[Machine, list[Entry]] = {}
    for one in sorted(told, key=lambda entry: places[entry.commit, entry.dirty]):
        own.setdefault(machine_of(one.facts, settings.ignore), []).append(one)
    hosts = [
        _Host(number, one, revisions, [places[run.commit, run.dirty] for run in one], log)
        for number, one in enumerate(own.values())
    ]
    kernels = [
        (host, kernel) for host in hosts for kernel in host.matrix.kernels(catalogue, named)
    ]
    found = [(host, one) for host, kernel in kernels for one in host.series(kernel)]
    level = _level(one for _, one in found)
    series = tuple(host.judged(one, level, settings.threshold) for host, one in found)
    pooled = _pooled(series, revisions)
    together = tuple(
        hosts[one.machine].judged(one, _level(pooled), settings.threshold) for one in pooled
    )
    return History(
        machines=tuple(own),
        series=series,
        together=together,
        revisions=tuple(revisions),
        runs=len(told),
        level=level,
        threshold=settings.threshold,
        lonely=warnings.lonely(series),
        warnings=(
            *warnings.scattered(told, series, settings.ignore),
            *warnings.single_runs(series),
            *warnings.unknown_commits(log, told),
            *warnings.left_out(entries, told, [host.matrix for host in hosts]),
            *warnings.uncontrolled([(host.matrix, kernel) for host, kernel in kernels], named),
            *warnings.moved_controls(series),
            *(said for host, one in kernels for said in host.moved(one, settings.threshold)),
        ),
    )


def _level(trends: Iterable[Trend]) -> float:
    """Return the chance of a false change point that each of some series may have."""
    return ALPHA / max(1, sum(not one.short for one in trends))


def _pooled(series: Sequence[Series], revisions: Sequence[Commit]) -> list[Together]:
    """Return the cases of each kernel and backend taken together, but for controls."""
    groups: dict[tuple[int, str, str, str | None], list[Series]] = {}
    for one in series:
        key = one.machine, one.kernel, one.backend, one.control
        groups.setdefault(key, []).append(one)
    return [
        _mean(own, revisions)
        for (_, kernel, backend, control), own in groups.items()
        if len(own) > 1 and kernel and backend != control
    ]


def _mean(own: Sequence[Series], revisions: Sequence[Commit]) -> Together:
    """Return the geometric mean of cases, each over its usual time, by commit."""
    off: dict[Commit, list[float]] = {}
    runs: dict[Commit, int] = {}
    processes: dict[Commit, int] = {}
    for one in own:
        usual = np.median(one.relative)
        for commit, time in zip(one.commits, one.relative, strict=True):
            off.setdefault(commit, []).append(float(np.log(time / usual)))
        for most, numbers in ((runs, one.runs), (processes, one.processes)):
            for commit, number in zip(one.commits, numbers, strict=True):
                most[commit] = max(number, most.get(commit, 0))
    any_one, commits = own[0], tuple(one for one in revisions if one in off)
    return Together(
        kernel=any_one.kernel,
        backend=any_one.backend,
        machine=any_one.machine,
        control=any_one.control,
        commits=commits,
        runs=tuple(runs[one] for one in commits),
        processes=tuple(processes[one] for one in commits),
        relative=np.exp([np.mean(off[one]) for one in commits]),
    )


class _Host:
    """The runs of one machine, in the order of their commits."""

    def __init__(
        self, number: int, entries: list[Entry], revisions: Sequence[Commit], places: list[int],
        log: Log,
    ) -> None:  # fmt: skip
        self.number = number
        self.revisions = revisions
        self.places = np.array(places)
        """The index of each run's commit among the revisions."""
        self.matrix = RunMatrix(entries)
        self.parted = cache(log.parted)

    def series(self, kernel: Kernel) -> Iterator[Series]:
        """Yield the cases of a kernel, not judged yet."""
        for at, values in zip(kernel.columns, kernel.values.T, strict=True):
            there = np.isfinite(values)
            if not there.any():
                continue
            which, runs, relative = self._by_commit(there, values)
            _, _, raw = self._by_commit(there, self.matrix.logs[:, at])
            processes = np.bincount(self.places[self.matrix.runs[there]])[which]
            yield Series(
                case=self.matrix.timed[at].case,
                machine=self.number,
                control=kernel.control,
                commits=tuple(self.revisions[place] for place in which),
                runs=tuple(map(int, runs)),
                processes=tuple(map(int, processes)),
                raw=np.exp(raw),
                relative=np.exp(relative),
            )

    def _by_commit(self, there: Bools, values: Floats) -> tuple[Ints, Ints, Floats]:
        """Return the commits, the number of runs of each, and the middle of its runs.

        That of a run is the middle of its processes.
        """
        which, _, middles = _middles(self.matrix.runs[there], values[there])
        return _middles(self.places[which], middles)

    def moved(self, kernel: Kernel, threshold: float) -> Iterator[str]:
        """Tell where the middle of all benchmarks changed, which their own changes do not show."""
        if kernel.middle is None:
            return
        there = np.isfinite(kernel.middle)
        which, _, off = self._by_commit(there, kernel.middle)
        for one in steps(off, ALPHA, threshold):
            before, after = (self.revisions[which[at]].name for at in (one.at - 1, one.at))
            way = "slower" if one.change > 0 else "faster"
            yield (
                f"the middle of all benchmarks became {abs(one.change):.1%} {way} between "
                f"{before} and {after}: either the machine had another speed, or most benchmarks "
                "changed alike. It is taken out of the times of each; see --control"
            )

    def judged(self, trend: AnyTrend, level: float, threshold: float) -> AnyTrend:
        """Return a series with its change points, and what it could have shown."""
        logs = np.log(trend.relative)
        return replace(
            trend,
            changes=tuple(self._named(trend, one) for one in steps(logs, level, threshold)),
            visible=visible(logs, level, threshold),
        )

    def _named(self, series: Trend, step: Step) -> ChangePoint:
        before, after = series.commits[step.at - 1], series.commits[step.at]
        return ChangePoint(
            step.at, step.change, before, after,
            self._differences(before, after), self.parted(before.id, after.id),
        )  # fmt: skip

    def _differences(self, before: Commit, after: Commit) -> tuple[str, ...]:
        """Return what differs between the runs of two commits besides the code."""
        old, new = (self._facts(commit) for commit in (before, after))
        return tuple(
            f"{what}: {name} {', '.join(sorted(old[what, name]))} → "
            f"{', '.join(sorted(new[what, name]))}"
            for what, name in old.keys() & new.keys()
            if old[what, name] != new[what, name]
        )

    def _facts(self, commit: Commit) -> dict[Fact, set[str]]:
        facts: dict[Fact, set[str]] = {}
        for entry in self.matrix.entries:
            if (entry.commit, entry.dirty) == (commit.id, commit.dirty):
                for fact, value in entry.facts.items():
                    facts.setdefault(fact, set()).add(value or "unknown")
        return facts


def _middles(places: Ints, values: Floats) -> tuple[Ints, Ints, Floats]:
    """Return the places there are, how many values each has, and their medians."""
    order = np.lexsort((values, places))
    which, first, number = np.unique(places[order], return_index=True, return_counts=True)
    ranked = values[order]
    medians: Floats = (ranked[first + (number - 1) // 2] + ranked[first + number // 2]) / 2
    return which, number, medians


def _wanted(control: Sequence[str], entries: Sequence[Entry]) -> Wanted:
    """Return what the user named as control, some of which the runs must have timed."""
    shapes = {id(entry.timed): entry.timed for entry in entries}
    timed = {one.case for timed in shapes.values() for one in timed}
    found = wanted(control, timed)
    ordinary = [one for one in timed if isinstance(one, Benchmark)]
    for pattern in found.patterns:
        if not any(one.is_called(pattern) for one in ordinary):
            raise RunError(f"--control: no run has a benchmark that matches {pattern!r}")
    return found


def _revisions(entries: Sequence[Entry], log: Log) -> list[Commit]:
    """Return the revisions that were measured, older ones first; after each its dirty twin."""
    times = {entry.commit: _seconds(entry.committed or entry.when) for entry in entries}
    dirt = {(entry.commit, entry.dirty) for entry in entries}
    return [
        Commit(one, dirty, log.subjects.get(one, ""))
        for one in commits.sort(times, log)
        for dirty in (False, True)
        if (one, dirty) in dirt
    ]


def _seconds(text: str) -> float:
    """Return a time as seconds since 1970; 0 where it cannot be read."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return 0.0
