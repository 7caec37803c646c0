"""The trend of every case over commits, machine by machine. Plain data, shown elsewhere."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench import commits
from bench.changepoints import SHORTEST, Step, steps, visible
from bench.commits import Log
from bench.compare import NO_CONTROL
from bench.index import Entry, Fact
from bench.normalised import Kernel, Table
from bench.registry import Case, Catalogue
from bench.runs import RunError

ALPHA = 0.05
"""The chance of a change point or more where nothing changed: in all cases together, and again in
all kernels' backends together."""
THRESHOLD = 0.05
"""The smallest change that matters: code placement alone has moved cases by this much."""
TOLD = 2.0
"""A series is called steady where a step of so many thresholds would have been found."""
GRADUAL = 3
"""Change points one way that may be a trend: a series is searched for levels, not for slopes."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Machine = tuple[tuple[str, str | None], ...]
"""Facts, by name, that tell a machine from others."""


@dataclass(frozen=True)
class Commit:
    """A revision that runs are of."""

    id: str
    dirty: bool
    """With uncommitted changes."""
    subject: str = ""
    """Of its message; empty where the repository does not know it."""

    @property
    def name(self) -> str:
        """Return a short name."""
        return f"{self.id[:10]}{'+' if self.dirty else ''}"


@dataclass(frozen=True)
class ChangePoint:
    """A change of level between two commits that were measured one after the other."""

    at: int
    """The first of the new level, among the series' commits."""
    change: float
    """As a ratio minus one; above zero is slower."""
    before: Commit
    """The last commit of the old level."""
    after: Commit
    """The first of the new one: what changed it is this, or stands between."""
    other: tuple[str, ...] = ()
    """What else differs between the runs of both: ``versions: numpy 2.3.0 → 2.4.6``."""
    parted: bool = False
    """The commit before is no ancestor of the one after: they are of two branches."""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Times on a machine by commit, older ones first."""

    machine: int
    """Its place in `History.machines`."""
    control: str | None
    """The backend that it is held against; None: nothing, so that the raw times count."""
    commits: tuple[Commit, ...]
    runs: tuple[int, ...]
    """Of each commit."""
    relative: Floats
    """The middle of each commit's runs, less what the control moved."""
    changes: tuple[ChangePoint, ...] = ()
    visible: float = float("inf")
    """The smallest step, as a fraction, that would have been found (`changepoints.visible`)."""

    @property
    def short(self) -> bool:
        """Tell whether there are too few commits to see a change."""
        return len(self.commits) < 2 * SHORTEST

    @property
    def gradual(self) -> bool:
        """Tell whether it changed so often one way that a trend is likelier than steps."""
        slower = {one.change > 0 for one in self.changes}
        return len(self.changes) >= GRADUAL and len(slower) == 1

    @property
    def ends(self) -> tuple[float, float]:
        """Return the middle of the first few commits and of the last few."""
        few = min(SHORTEST, -(-len(self.commits) // 2))
        return float(np.median(self.relative[:few])), float(np.median(self.relative[-few:]))


AnyTrend = TypeVar("AnyTrend", bound=Trend)


@dataclass(frozen=True, kw_only=True)
class Series(Trend):
    """A case, its times in seconds."""

    case: Case
    raw: Floats
    """The middle of each commit's runs, as they were measured."""


@dataclass(frozen=True, kw_only=True)
class Together(Trend):
    """All cases of a kernel on a backend: the geometric mean of their times over usual ones."""

    kernel: str
    backend: str


@dataclass(frozen=True)
class History:
    """All series of some saved runs."""

    machines: tuple[Machine, ...]
    series: tuple[Series, ...]
    together: tuple[Together, ...]
    revisions: tuple[Commit, ...]
    """All that were measured, older ones first."""
    runs: int
    level: float
    """The chance of a false change point in one series."""
    threshold: float
    lonely: bool
    """Most commits have a single run."""
    warnings: tuple[str, ...]
    """What was left out, and what to beware of."""

    @property
    def asked(self) -> float:
        """Return the step, as a fraction, that must be visible in what is called steady."""
        return TOLD * self.threshold

    def steady(self, trend: Trend) -> bool:
        """Tell whether nothing changed where a change would have been seen."""
        return not trend.changes and trend.visible <= self.asked


@dataclass(frozen=True)
class Settings:
    """How to look at runs."""

    control: str | None = None
    """A backend to be the control of every kernel; ``none`` for no control."""
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
        What the repository knows of the runs' commits.
    settings
        How to look at them.

    Raises
    ------
    RunError
        Where no run tells its commit, or none timed the backend named as control.
    """
    told = [one for one in entries if one.commit]
    if not told:
        raise RunError("no run tells which commit it is of")
    if settings.control not in (None, NO_CONTROL):
        _check_control(told, str(settings.control))
    revisions = _revisions(told, log)
    places = {(one.id, one.dirty): place for place, one in enumerate(revisions)}
    own: dict[Machine, list[Entry]] = {}
    for one in sorted(told, key=lambda entry: places[entry.commit, entry.dirty]):
        own.setdefault(_machine(one, settings.ignore), []).append(one)
    hosts = [
        _Host(number, one, revisions, [places[run.commit, run.dirty] for run in one], log)
        for number, one in enumerate(own.values())
    ]
    kernels = [
        (host, kernel)
        for host in hosts
        for kernel in host.table.kernels(catalogue, settings.control)
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
        lonely=_lonely(series),
        warnings=(
            *_single_runs(series),
            *_left_out(entries, told, hosts),
            *_uncontrolled(kernels, settings.control),
            *_moved_controls(series),
        ),
    )


def _level(trends: Iterable[Trend]) -> float:
    """Return the chance of a false change point that each of some series may have."""
    return ALPHA / max(1, sum(not one.short for one in trends))


def _pooled(series: Sequence[Series], revisions: Sequence[Commit]) -> list[Together]:
    """Return the cases of each kernel and backend taken together, but for controls."""
    groups: dict[tuple[int, str, str, str | None], list[Series]] = {}
    for one in series:
        key = one.machine, one.case.kernel, one.case.backend, one.control
        groups.setdefault(key, []).append(one)
    return [
        _mean(own, revisions)
        for (_, _, backend, control), own in groups.items()
        if len(own) > 1 and backend != control
    ]


def _mean(own: Sequence[Series], revisions: Sequence[Commit]) -> Together:
    """Return the geometric mean of cases, each over its usual time, by commit."""
    off: dict[Commit, list[float]] = {}
    runs: dict[Commit, int] = {}
    for one in own:
        usual = np.median(one.relative)
        for commit, number, time in zip(one.commits, one.runs, one.relative, strict=True):
            off.setdefault(commit, []).append(float(np.log(time / usual)))
            runs[commit] = max(number, runs.get(commit, 0))
    any_one, commits = own[0], tuple(one for one in revisions if one in off)
    return Together(
        kernel=any_one.case.kernel,
        backend=any_one.case.backend,
        machine=any_one.machine,
        control=any_one.control,
        commits=commits,
        runs=tuple(runs[one] for one in commits),
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
        """Of each run's commit among the revisions."""
        self.table = Table(entries)
        self.parted = cache(log.parted)

    def series(self, kernel: Kernel) -> Iterator[Series]:
        """Yield the cases of a kernel, not judged yet."""
        for at, values in zip(kernel.columns, kernel.values.T, strict=True):
            there = np.isfinite(values)
            if not there.any():
                continue
            which, runs, relative = _middles(self.places[there], values[there])
            _, _, raw = _middles(self.places[there], self.table.logs[there, at])
            yield Series(
                case=self.table.timed[at].case,
                machine=self.number,
                control=kernel.control,
                commits=tuple(self.revisions[place] for place in which),
                runs=tuple(int(one) for one in runs),
                raw=np.exp(raw),
                relative=np.exp(relative),
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
        """Return what else differs between the runs of two commits."""
        old, new = (self._facts(commit) for commit in (before, after))
        return tuple(
            f"{what}: {name} {', '.join(sorted(old[what, name]))} → "
            f"{', '.join(sorted(new[what, name]))}"
            for what, name in old.keys() & new.keys()
            if old[what, name] != new[what, name]
        )

    def _facts(self, commit: Commit) -> dict[Fact, set[str]]:
        facts: dict[Fact, set[str]] = {}
        for entry in self.table.entries:
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


def _check_control(entries: Sequence[Entry], wanted: str) -> None:
    shapes = {id(entry.timed): entry.timed for entry in entries}
    if wanted not in {one.case.backend for timed in shapes.values() for one in timed}:
        raise RunError(f"no run timed {wanted}, which was to be the control")


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


def _machine(entry: Entry, ignore: frozenset[str]) -> Machine:
    return tuple(
        (name, value)
        for (what, name), value in entry.facts.items()
        if what == "machine" and name not in ignore
    )


def _lonely(series: Sequence[Series]) -> bool:
    """Tell whether most commits have a single run."""
    long = [one for one in series if not one.short]
    return bool(long and np.median(np.concatenate([one.runs for one in long])) < 2)


def _single_runs(series: Sequence[Series]) -> Iterator[str]:
    if _lonely(series):
        yield (
            "most commits have a single run: now and then a process is slow from its start to its "
            "end, and a few such commits in a row look like a change; save three runs of each"
        )


def _left_out(
    entries: Sequence[Entry], told: Sequence[Entry], hosts: Sequence[_Host]
) -> Iterator[str]:
    if len(told) < len(entries):
        yield f"{_number(len(entries) - len(told), 'run')} left out: no commit is told"
    strange = sum(host.table.other_pools for host in hosts)
    if strange:
        yield (
            f"{_number(strange, 'run')} timed cases on another pool than newer runs do: these "
            "cases are left out there"
        )


def _uncontrolled(kernels: Sequence[tuple[_Host, Kernel]], control: str | None) -> Iterator[str]:
    alone = dict.fromkeys(kernel.name for _, kernel in kernels if kernel.control is None)
    if alone and control != NO_CONTROL:
        yield (
            f"no control for {', '.join(alone)}, which takes three competing backends, or two and "
            "a floor: the raw times count there, the machine's speed included"
        )
    lost = {
        kernel.name: int(np.isnan(kernel.values).all(axis=1).sum() - _absent(host, kernel))
        for host, kernel in kernels
        if kernel.control is not None
    }
    for name, number in lost.items():
        if number:
            yield f"{name}: {_number(number, 'run')} left out that lack the control"


def _absent(host: _Host, kernel: Kernel) -> int:
    """Return how many runs have no case of a kernel at all."""
    return int(np.isnan(host.table.logs[:, kernel.columns]).all(axis=1).sum())


def _moved_controls(series: Sequence[Series]) -> Iterator[str]:
    """Tell where the control may have changed: half of the others or more do, alike, at once."""
    groups: dict[tuple[int, str, str], dict[str, list[Series]]] = {}
    for one in series:
        if one.control not in (None, one.case.backend):
            key = one.machine, one.case.kernel, str(one.control)
            groups.setdefault(key, {}).setdefault(one.case.backend, []).append(one)
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
