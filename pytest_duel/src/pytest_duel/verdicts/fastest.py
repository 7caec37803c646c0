"""Which of some alternatives is the fastest, and when that is beyond doubt."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import scipy  # whose parts are imported when they are needed

from pytest_duel.results.benchmarks import SavedTimes
from pytest_duel.results.leads import MARGIN_OVER_BLOCKS
from pytest_duel.statistics import typical, unpaired
from pytest_duel.statistics.bootstrap import CONFIDENCE, Ratio
from pytest_duel.verdicts.groups import Group, Timed
from pytest_duel.verdicts.parameters import (
    ABSENT,
    FILE,
    FUNCTION,
    Value,
    differing,
    function,
    parameters,
    said,
    traits,
)
from pytest_duel.verdicts.spreads import Spreads, Time, spreads

BOUND = 1.5
"""One process does not tell how far another lies apart: a lead of less than this, as a fraction,
is not called. On a busy machine one benchmark in a hundred differs by more between two processes
of the same code (`docs/method.md`)."""
PLACES = 3
"""The fewest places for a tally of a parameter's values."""
VALUES = 4
"""The most values of such a parameter: more are rather inputs than alternatives."""
_NORMAL = 1.96
"""Standard errors on each side of a 95 % interval."""


Place = tuple[tuple[str, Value], ...]
"""Traits by name."""


@dataclass(frozen=True)
class Race:
    """Alternatives with all else equal: at one size, say."""

    at: Place
    """What is equal, words before numbers."""
    order: tuple[Timed, ...]
    """At least two, the fastest first."""
    tests: int
    """Races that are looked at together: an interval over processes holds for all of them."""
    apart: "Apart" = field(default_factory=lambda: Apart({}, {}))
    """How far processes lie apart, as all benchmarks tell."""

    @cached_property
    def _unbeaten(self) -> Timed | None:
        return next((one for one in self.order[1:] if not self._is_beaten(one)), None)

    @property
    def rival(self) -> Timed:
        """Return the next one that the first does not beat beyond doubt; else the second."""
        return self._unbeaten or self.order[1]

    @cached_property
    def lead(self) -> Ratio | None:
        """Return how many times as fast as its rival the first is; None where nothing tells."""
        return self._lead(self.rival)

    @property
    def processes(self) -> int:
        """Return how many processes have timed both the first and its rival."""
        return len(self._shared(self.rival))

    @property
    def winner(self) -> Timed | None:
        """Return the fastest, or None where it does not beat each of the others beyond doubt."""
        return None if self._unbeaten else self.order[0]

    def _lead(self, other: Timed) -> Ratio | None:
        shared = self._shared(other)
        if len(shared) > 1:
            return self._over_processes(other, _median, self.apart.medians)
        return _within(*shared[0]) if shared else None

    def _is_beaten(self, other: Timed) -> bool:
        """Tell whether the first is faster than another one beyond doubt.

        Other work of the machine slows the rounds of one and not of the other: the fastest
        rounds must tell the same.
        """
        lead, shared = self._lead(other), self._shared(other)
        if lead is None:
            return False
        if len(shared) > 1:
            quick = self._over_processes(other, _min, self.apart.fastest)
            return all(one.low > 1 + MARGIN_OVER_BLOCKS for one in (lead, quick))
        ((own, rest),) = shared
        return lead.low > 1 + BOUND and rest.min > (1 + BOUND) * own.min

    def _shared(self, other: Timed) -> list["Pair"]:
        """Return what the processes gave that have timed both the first and another one."""
        return _shared(self.order[0], other)

    def _over_processes(self, other: Timed, time: Time, apart: Spreads) -> Ratio:
        """Return the lead over processes that have timed both.

        By how far apart all benchmarks show them to be; where there are few, by the ratios alone.
        """
        shared = self._shared(other)
        confidence = 1 - (1 - CONFIDENCE) / self.tests
        own = [apart[one] for one in (self.order[0], other) if one in apart]
        if len(own) < 2:
            blocks = [[[time(pair[side])] for pair in shared] for side in (0, 1)]
            return typical.ratio([blocks[1]], [blocks[0]], confidence)
        logs = [math.log(time(theirs) / time(ours)) for ours, theirs in shared]
        variance = sum(one.variance for one in own)
        weights = sum(one.variance**2 / one.freedom for one in own)
        freedom = variance**2 / weights if weights > 0 else len(logs) - 1
        reach = float(scipy.special.stdtrit(freedom, (1 + confidence) / 2))
        reach *= math.sqrt(variance / len(logs))
        middle = float(np.mean(logs))
        return Ratio(*(math.exp(middle + by) for by in (0.0, -reach, reach)))


@dataclass(frozen=True)
class Apart:
    """How far processes lie apart in each benchmark."""

    medians: Spreads
    fastest: Spreads
    """The same by the fastest rounds."""


Pair = tuple[SavedTimes, SavedTimes]
"""What a process gave of the first and of the second."""


def _median(one: SavedTimes) -> float:
    return one.median


def _min(one: SavedTimes) -> float:
    return one.min


def _apart(members: Iterable[Timed]) -> Apart:
    whole = list(members)
    return Apart(spreads(whole, _median), spreads(whole, _min))


@dataclass(frozen=True)
class Outcome:
    """What a group of alternatives came to."""

    group: Group
    races: tuple[Race, ...]
    """By place, numbers ascending; empty where there is nothing to choose from."""
    names: tuple[str, ...]
    """The traits by which an alternative is called."""

    def name(self, one: Timed) -> str:
        """Return what an alternative is called among the others."""
        return said(traits(one.benchmark), self.names) or one.benchmark.label


@dataclass(frozen=True)
class Tally:
    """Who is fastest by the value of a parameter, wherever all else is equal."""

    name: str
    """Of the parameter."""
    races: tuple[Race, ...]

    @property
    def wins(self) -> dict[str, list[Race]]:
        """Return where each value is the fastest, the one that most often is first."""
        found: dict[str, list[Race]] = {}
        for one in self.races:
            if one.winner:
                name = parameters(one.winner.benchmark)[self.name].text
                found.setdefault(name, []).append(one)
        return dict(sorted(found.items(), key=lambda own: -len(own[1])))


def tallies(members: Sequence[Timed]) -> list[Tally]:
    """Return a tally of each parameter that has few values, no numbers, in several places."""
    found = {name: _places(members, name) for name in _words(members)}
    tests, apart = sum(map(len, found.values())), _apart(members)
    return [
        Tally(name, tuple(Race((), _ordered(own), tests, apart) for own in places))
        for name, places in found.items()
        if len(places) >= PLACES
    ]


def _words(members: Sequence[Timed]) -> list[str]:
    """Return the parameters that have few values, which are no numbers."""
    values: dict[str, set[Value]] = {}
    for one in members:
        for name, value in parameters(one.benchmark).items():
            values.setdefault(name, set()).add(value)
    return [
        name
        for name, own in values.items()
        if 1 < len(own) <= VALUES and all(value.number is None for value in own)
    ]


def _places(members: Sequence[Timed], name: str) -> list[list[Timed]]:
    """Return benchmarks that differ in a parameter alone."""
    found: dict[tuple[object, ...], list[Timed]] = {}
    for one in members:
        own = parameters(one.benchmark)
        if name in own:
            rest = [(other, value) for other, value in own.items() if other != name]
            found.setdefault((function(one.benchmark), *rest), []).append(one)
    return [own for own in found.values() if len(own) > 1]


def outcomes(groups: Sequence[Group]) -> list[Outcome]:
    """Return what each group of alternatives came to."""
    found = {group: _by_place(group.members) for group in groups if group.is_choice}
    tests = sum(map(len, found.values()))
    apart = _apart(one for group in groups for one in group.members)
    return [_outcome(group, own, tests, apart) for group, own in found.items()]


def _outcome(
    group: Group, places: Mapping[Place, Sequence[Timed]], tests: int, apart: Apart
) -> Outcome:
    held = _held(group.members)
    names = [one for one in differing(m.benchmark for m in group.members) if one not in held]
    races = [Race(at, _ordered(own), tests, apart) for at, own in places.items()]
    return Outcome(group, tuple(races), tuple(names))


def _ordered(members: Sequence[Timed]) -> tuple[Timed, ...]:
    return tuple(sorted(members, key=lambda one: one.time))


def numbers(members: Sequence[Timed]) -> list[str]:
    """Return the parameters that benchmarks differ in and that are numbers in all of them."""
    found = [traits(one.benchmark) for one in members]
    return [
        name
        for name in differing(one.benchmark for one in members)
        if all(name in one and one[name].number is not None for one in found)
    ]


def _held(members: Sequence[Timed]) -> list[str]:
    """Return the traits that are equal in a race.

    Of several functions these are the alternatives, at equal parameters, where some have any in
    common. Else it is all parameters but the numbers.
    """
    names, sizes = differing(one.benchmark for one in members), numbers(members)
    words = [name for name in names if name not in (FILE, FUNCTION, *sizes)]
    if len(words) + len(sizes) < len(names) and _places_of(members, [*words, *sizes]):
        return [*words, *sizes]
    return sizes


def _places_of(members: Sequence[Timed], held: Sequence[str]) -> dict[Place, list[Timed]]:
    """Return the members that agree in some traits, where there are two or more."""
    found: dict[Place, list[Timed]] = {}
    for one in members:
        own = traits(one.benchmark)
        found.setdefault(tuple((name, own.get(name, ABSENT)) for name in held), []).append(one)
    return {at: own for at, own in found.items() if len(own) > 1}


def _by_place(members: Sequence[Timed]) -> dict[Place, list[Timed]]:
    """Return the races of some alternatives, in the order of their numbers."""
    found = _places_of(members, _held(members))
    order = sorted(found, key=lambda at: [(one.number or 0.0, one.text) for _, one in at])
    return {at: found[at] for at in order}


def _shared(first: Timed, second: Timed) -> list[Pair]:
    """Return what the processes gave that have timed both."""
    return [
        (own, second.processes[process])
        for process, own in first.processes.items()
        if process in second.processes
    ]


def _within(one: SavedTimes, other: SavedTimes) -> Ratio | None:
    """Return the lead in one process: another look at it would lie in this interval."""
    if min(one.rounds, other.rounds) < 2:
        return None
    reach = math.exp(_NORMAL * math.hypot(_error(one), _error(other)))
    value = other.median / one.median
    return Ratio(value, value / reach, value * reach)


def _error(one: SavedTimes) -> float:
    """Return the standard error of the logarithm of a median."""
    if one.data:
        return unpaired.median_error(one.data)
    return unpaired.median_error_of_moments(one.median, one.stddev, one.rounds)
