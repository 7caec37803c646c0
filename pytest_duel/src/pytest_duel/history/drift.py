"""The times of many runs on one machine, and the same less what a control moved.

The control of a kernel is one backend for all runs: the one whose times keep closest to those of
the others. Of three, it is none that changed by itself. The floor, which no backend's code
touches, is a witness for that, but no control. What slows a run as a whole slows the control as
well, and cancels. Benchmarks that belong to no sweep have the middle of all as their control, or
of those that the user names.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Case, Catalogue, Role
from pytest_duel.compare import centre
from pytest_duel.compare.wanted import Wanted
from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.results.index import Entry, Timed

Floats = NDArray[np.float64]

FEWEST_OF_ALL = centre.FEWEST
"""Benchmarks in a run, for their middle to be a control."""
FEWEST = 3
"""Backends and witnesses; of fewer, nothing tells which one changed."""
WITNESS = 2.0
"""The weight of a witness; a backend's is 1. If two backends moved together against a third and
the floor, those two changed."""


MIDDLE = "the middle of all"
ANY = Wanted()
"""The user named no control."""


@dataclass(frozen=True)
class Kernel:
    """The cases of a kernel, or all benchmarks that belong to no sweep."""

    name: str
    """Empty for the latter."""
    columns: tuple[int, ...]
    """Their places among `RunMatrix.timed`."""
    control: str | None
    """None if there can be none; then the raw times count."""
    values: Floats
    """Log times less the control's, shape (processes, columns); not a number where one is
    missing."""
    middle: Floats | None = None
    """Where that is the middle of all: how far it was off in each process, as a logarithm."""


class RunMatrix:
    """Runs of one machine by case: a row for each process, since each has a speed of its own."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)
        """The runs, in the order of their commits."""
        self.rows = [process for entry in entries for process in entry.processes]
        self.runs = np.repeat(np.arange(len(entries)), [len(one.processes) for one in entries])
        """The place of each row's run among the entries."""
        newest = {one.case: one for timed in _distinct(entries) for one in timed}
        self.timed = tuple(newest.values())
        """Each case on the pool of the newest run that has it."""
        self.logs = self._fill()
        """Shape (processes, cases), not a number where one lacks a case."""

    def lacking(self, values: Floats) -> int:
        """Return how many runs have no number at all: values of shape (processes, columns)."""
        has_any = np.isfinite(values).any(axis=1)
        return len(self.entries) - np.unique(self.runs[has_any]).size

    def _fill(self) -> Floats:
        places = {timed: place for place, timed in enumerate(self.timed)}
        logs = np.full((len(self.rows), len(self.timed)), np.nan)
        known: dict[int, tuple[list[int], list[int]]] = {}
        for row, entry in enumerate(self.rows):
            # Runs of the same cases share them; `entries` keeps them alive, so an id stays theirs.
            if id(entry.timed) not in known:
                own = [(places[one], at) for at, one in enumerate(entry.timed) if one in places]
                known[id(entry.timed)] = [place for place, _ in own], [at for _, at in own]
            columns, at = known[id(entry.timed)]
            logs[row, columns] = np.log(entry.medians[at])
        return logs

    @cached_property
    def other_pools(self) -> int:
        """Return how many runs timed some case on another pool than the newest one."""
        pools = set(self.timed)
        shapes = {id(entry.timed): entry.timed for entry in self.entries}
        strange = {key for key, timed in shapes.items() if not pools.issuperset(timed)}
        return sum(id(entry.timed) in strange for entry in self.entries)

    def kernels(self, catalogue: Catalogue, wanted: Wanted = ANY) -> Iterable[Kernel]:
        """Yield every kernel, its times relative to its control.

        Parameters
        ----------
        catalogue
            Tells which backends compete, and so may be the control.
        wanted
            The control that the user named.
        """
        for name, columns in self._columns().items():
            if not name:
                yield self._ordinary(columns, wanted)
                continue
            moved = self._moved(columns, catalogue, wanted.backend)
            control = (
                steadiest(moved, _floors(catalogue))
                if wanted.backend is None
                else wanted.backend
                if wanted.backend in moved
                else None
            )
            values = self.logs[:, columns]
            if control is not None:
                values = values - moved[control][:, np.newaxis]
            yield Kernel(name, tuple(columns), control, values)

    def _columns(self) -> dict[str, list[int]]:
        """Return the places of each kernel's cases, and of other benchmarks under no name."""
        found: dict[str, list[int]] = {}
        for at in range(len(self.timed)):
            name = self._cases[at].kernel if at in self._cases else ""
            found.setdefault(name, []).append(at)
        return found

    def _ordinary(self, columns: Sequence[int], wanted: Wanted) -> Kernel:
        """Return benchmarks that belong to no sweep, less the middle of all or of some."""
        values, named = self.logs[:, columns], wanted.patterns
        basis = [at for at in columns if not named or self._is_called(at, named)]
        few = 1 if named else FEWEST_OF_ALL
        if wanted.none or len(basis) < few:
            return Kernel("", tuple(columns), None, values)
        control = f"the middle of {', '.join(named)}" if named else MIDDLE
        off = _middle(self.logs[:, basis], few)
        told = None if named else off
        return Kernel("", tuple(columns), control, values - off[:, np.newaxis], told)

    def _is_called(self, column: int, patterns: Sequence[str]) -> bool:
        key = self.timed[column].case
        return isinstance(key, Benchmark) and any(map(key.is_called, patterns))

    def _moved(
        self, columns: Sequence[int], catalogue: Catalogue, wanted: str | None
    ) -> dict[str, Floats]:
        """Return by how much competing backends and floors were off their usual time by run."""
        known, floors = catalogue.backends, _floors(catalogue)
        own: dict[str, list[int]] = {}
        for at in columns:
            name = self._cases[at].backend
            if name in {wanted, *floors} or (name in known and known[name].role is Role.BACKEND):
                own.setdefault(name, []).append(at)
        # Backends are compared on the cases that all of them have; of floors, on what they have.
        needed = [places for name, places in own.items() if name == wanted or name not in floors]
        sizes = [{self._input(at) for at in places} for places in needed]
        shared = set.intersection(*sizes) if sizes else set()
        parts = {
            name: [at for at in places if self._input(at) in shared]
            for name, places in own.items()
        }
        return {name: _deviation(self.logs[:, at]) for name, at in parts.items() if at}

    def _input(self, column: int) -> tuple[str, int]:
        case = self._cases[column]
        return case.scenario, case.n

    @cached_property
    def _cases(self) -> dict[int, Case]:
        """Return the cases of sweeps by their places."""
        keys = {at: one.case for at, one in enumerate(self.timed)}
        return {at: key for at, key in keys.items() if isinstance(key, Case)}


def _distinct(entries: Sequence[Entry]) -> list[tuple[Timed, ...]]:
    """Return the lists of cases that runs have, those of newer runs last."""
    last = {id(entry.timed): (row, entry.timed) for row, entry in enumerate(entries)}
    return [timed for _, timed in sorted(last.values(), key=lambda one: one[0])]


def _floors(catalogue: Catalogue) -> set[str]:
    return {name for name, one in catalogue.backends.items() if one.role is Role.FLOOR}


def steadiest(moved: dict[str, Floats], witnesses: Collection[str] = ()) -> str | None:
    """Return the backend that keeps closest to the others, or None of fewer than three.

    Parameters
    ----------
    moved
        By backend, how far its log times were off in each run, shape (runs,); not a number where
        the run lacks it.
    witnesses
        Names of those that cannot be chosen, and whose word weighs `WITNESS`.
    """
    backends = [name for name in moved if name not in witnesses]
    # A witness that some backend never ran beside has seen nothing.
    heard = [
        name
        for name in moved
        if name in witnesses
        and all(np.isfinite(moved[name] - moved[one]).any() for one in backends)
    ]
    if len(backends) < 2 or len(backends) + len(heard) < FEWEST:
        return None
    apart = dict.fromkeys(backends, 0.0)
    for one, other in combinations(backends, 2):
        between = _spread(moved[one] - moved[other])
        if between is None:
            return None
        apart[one] += between
        apart[other] += between
    for name in backends:
        apart[name] += sum(WITNESS * (_spread(moved[name] - moved[one]) or 0.0) for one in heard)
    return min(apart, key=lambda name: apart[name])


def _spread(differences: Floats) -> float | None:
    there = differences[np.isfinite(differences)]
    return float(there.std()) if there.size else None


def _deviation(logs: Floats) -> Floats:
    """Return each run's mean deviation from the usual times, over the cases that it has."""
    usual = np.array([np.median(column[np.isfinite(column)]) for column in logs.T])
    there = np.isfinite(logs)
    total = np.where(there, logs - usual, 0.0).sum(axis=1)
    number = there.sum(axis=1)
    means: Floats = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return means


def _middle(logs: Floats, few: int) -> Floats:
    """Return each run's median deviation from the usual times; of too few, not a number."""
    usual = np.array([np.median(column[np.isfinite(column)]) for column in logs.T])
    off = logs - usual
    found = [np.median(own) if own.size >= few else np.nan for own in map(_finite, off)]
    return np.array(found)


def _finite(values: Floats) -> Floats:
    there: Floats = values[np.isfinite(values)]
    return there
