"""Which of some alternatives is the fastest, and when that is beyond doubt."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pytest_duel.results.benchmarks import SavedTimes
from pytest_duel.results.leads import MARGIN, MARGIN_OVER_BLOCKS
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

PLACES = 3
"""The fewest places for a tally of a parameter's values."""
VALUES = 4
"""The most values of such a parameter: more are rather inputs than alternatives."""
_NORMAL = 1.96
"""Standard errors on each side of a 95 % interval."""


Place = tuple[tuple[str, Value], ...]
"""Traits by name."""


@dataclass(frozen=True)
class Contest:
    """Alternatives with all else equal: at one size, say."""

    at: Place
    """What is equal, words before numbers."""
    order: tuple[Timed, ...]
    """At least two, the fastest first."""
    tests: int
    """Contests that are looked at together: an interval over processes holds for all of them."""

    @cached_property
    def lead(self) -> Ratio | None:
        """Return how many times as fast as the second the first is; None where nothing tells."""
        return _lead(self.order[0], self.order[1], self.tests)

    @property
    def winner(self) -> Timed | None:
        """Return the fastest, or None where it is too close to call."""
        first, second = self.order[:2]
        if self.lead is None:
            return None
        shared = _shared(first, second)
        if len(shared) > 1:
            return first if self.lead.clears(MARGIN_OVER_BLOCKS) else None
        # Other work of the machine slows the rounds of one and not of the other: the fastest
        # rounds must tell the same.
        ((one, other),) = shared
        plain = self.lead.clears(MARGIN) and other.min > (1 + MARGIN) * one.min
        return first if plain else None


@dataclass(frozen=True)
class Outcome:
    """What a group of alternatives came to."""

    group: Group
    contests: tuple[Contest, ...]
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
    contests: tuple[Contest, ...]

    @property
    def wins(self) -> dict[str, list[Contest]]:
        """Return where each value is the fastest, the one that most often is first."""
        found: dict[str, list[Contest]] = {}
        for one in self.contests:
            if one.winner:
                name = parameters(one.winner.benchmark)[self.name].text
                found.setdefault(name, []).append(one)
        return dict(sorted(found.items(), key=lambda own: -len(own[1])))


def tallies(members: Sequence[Timed]) -> list[Tally]:
    """Return a tally of each parameter that has few values, no numbers, in several places."""
    found = {name: _places(members, name) for name in _words(members)}
    tests = sum(map(len, found.values()))
    return [
        Tally(name, tuple(Contest((), _ordered(own), tests) for own in places))
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
    return [_outcome(group, own, tests) for group, own in found.items()]


def _outcome(group: Group, places: Mapping[Place, Sequence[Timed]], tests: int) -> Outcome:
    held = _held(group.members)
    names = [one for one in differing(m.benchmark for m in group.members) if one not in held]
    contests = [Contest(at, _ordered(own), tests) for at, own in places.items()]
    return Outcome(group, tuple(contests), tuple(names))


def _ordered(members: Sequence[Timed]) -> tuple[Timed, ...]:
    return tuple(sorted(members, key=lambda one: one.median))


def numbers(members: Sequence[Timed]) -> list[str]:
    """Return the parameters that benchmarks differ in and that are numbers in all of them."""
    found = [traits(one.benchmark) for one in members]
    return [
        name
        for name in differing(one.benchmark for one in members)
        if all(name in one and one[name].number is not None for one in found)
    ]


def _held(members: Sequence[Timed]) -> list[str]:
    """Return the traits that are equal in a contest.

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
    """Return the contests of some alternatives, in the order of their numbers."""
    found = _places_of(members, _held(members))
    order = sorted(found, key=lambda at: [(one.number or 0.0, one.text) for _, one in at])
    return {at: found[at] for at in order}


def _shared(first: Timed, second: Timed) -> list[tuple[SavedTimes, SavedTimes]]:
    """Return what the processes gave that have timed both."""
    return [
        (own, second.processes[process])
        for process, own in first.processes.items()
        if process in second.processes
    ]


def _lead(first: Timed, second: Timed, tests: int) -> Ratio | None:
    shared = _shared(first, second)
    if len(shared) > 1:
        blocks = [[[pair[side].median] for pair in shared] for side in (0, 1)]
        return typical.ratio([blocks[1]], [blocks[0]], 1 - (1 - CONFIDENCE) / tests)
    if not shared or min(one.rounds for one in shared[0]) < 2:
        return None
    ((one, other),) = shared
    reach = math.exp(_NORMAL * math.hypot(_error(one), _error(other)))
    value = other.median / one.median
    return Ratio(value, value / reach, value * reach)


def _error(one: SavedTimes) -> float:
    """Return the standard error of the logarithm of a median."""
    if one.data:
        return unpaired.median_error(one.data)
    return unpaired.median_error_of_moments(one.median, one.stddev, one.rounds)
