"""Benchmarks in groups, as pytest-benchmark has them, with their times over processes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_duel.results.benchmarks import Benchmark, SavedTimes
from pytest_duel.results.runs import Run
from pytest_duel.statistics.bootstrap import median_interval
from pytest_duel.statistics.typical import Typical, typical
from pytest_duel.support import harmless
from pytest_duel.support.errors import DuelError
from pytest_duel.verdicts.parameters import function, parameters

PARAM = "param:"
_KEYS: Mapping[str, Callable[[Benchmark], str]] = {
    "group": lambda one: one.group or "",
    "name": lambda one: one.name,
    "func": lambda one: one.name.partition("[")[0],
    "fullname": lambda one: one.id,
    "fullfunc": function,
    "param": lambda one: one.param or "",
}
WORDS = (*_KEYS, f"{PARAM}NAME")
"""What benchmarks can be grouped by: the words of ``--benchmark-group-by``."""


class GroupError(DuelError):
    """Benchmarks cannot be grouped so; the message says why."""


@dataclass(frozen=True, eq=False)
class Timed:
    """A benchmark with what each process gave."""

    benchmark: Benchmark
    processes: Mapping[str, SavedTimes]
    """By process."""

    @cached_property
    def _typical(self) -> Typical:
        return typical([[one.median] for one in self.processes.values()])

    @property
    def time(self) -> float:
        """Return the geometric mean over processes of the median of each, in seconds."""
        return self._typical.time

    @property
    def min(self) -> float:
        """Return the fastest round."""
        return min(one.min for one in self.processes.values())

    @property
    def rounds(self) -> int:
        """Return how many rounds all processes have timed."""
        return sum(one.rounds for one in self.processes.values())

    @property
    def noted(self) -> list[Mapping[str, Any]]:
        """Return the `extra_info` that each process has left."""
        return [one.benchmark.extra_info for one in self.processes.values()]

    @property
    def typical(self) -> Typical | None:
        """Return what several processes say; None where there is only one."""
        return self._typical if len(self.processes) > 1 else None

    @cached_property
    def range(self) -> tuple[float, float] | None:
        """Return the lowest and the highest median of the processes.

        Of one process, the 95 % interval of its median; None where its rounds were not saved.
        """
        if len(self.processes) > 1:
            return self._typical.fastest, self._typical.slowest
        (only,) = self.processes.values()
        return median_interval(only.data) if len(only.data) > 1 else None


@dataclass(frozen=True, eq=False)
class Group:
    """Benchmarks that stand together."""

    name: str
    members: tuple[Timed, ...]
    is_choice: bool
    """They are alternatives: somebody has put them into one group."""


def timed(processes: Iterable[Run]) -> list[Timed]:
    """Return the benchmarks of some runs that belong to no sweep, in their order."""
    found: dict[Benchmark, dict[str, SavedTimes]] = {}
    for run in processes:
        for one in run.others:
            found.setdefault(one.benchmark, {})[run.process] = one
    return [Timed(benchmark, own) for benchmark, own in found.items()]


def grouping(text: str) -> tuple[str, ...]:
    """Read what to group by: words of pytest-benchmark, separated by commas.

    Raises
    ------
    GroupError
        Where one is no such word.
    """
    words = tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in _KEYS and (not word.startswith(PARAM) or word == PARAM):
            raise GroupError(f"{word!r} is none of {', '.join(WORDS)}")
    return words


def grouped(members: Sequence[Timed], by: Sequence[str] = ()) -> list[Group]:
    """Put benchmarks into groups.

    Parameters
    ----------
    members
        All of them.
    by
        Words as `grouping` returns them. Without any, by the groups that the tests name; those
        that name none stand together by file, and are no alternatives.

    Raises
    ------
    GroupError
        Where no benchmark has a parameter of the name that was given.
    """
    _check(members, by)
    found: dict[tuple[str, bool], list[Timed]] = {}
    for one in members:
        found.setdefault(_place(one.benchmark, by), []).append(one)
    return [Group(name, tuple(own), choice) for (name, choice), own in found.items()]


def _place(one: Benchmark, by: Sequence[str]) -> tuple[str, bool]:
    """Return the name of the group of a benchmark, and whether that is a choice."""
    if not by:
        named = harmless.line(one.group or "").strip()
        return (named, True) if named else (harmless.line(one.place) or "benchmarks", False)
    parts = [_key(one, word) for word in by]
    return harmless.line(" ".join(filter(None, parts))) or "no group", all(parts)


def _key(one: Benchmark, word: str) -> str:
    if word in _KEYS:
        return _KEYS[word](one)
    name = word.removeprefix(PARAM)
    value = parameters(one).get(name)
    return f"{name}={value.text}" if value else ""


def _check(members: Sequence[Timed], by: Sequence[str]) -> None:
    known = {name: None for one in members for name in parameters(one.benchmark)}
    for word in by:
        name = word.removeprefix(PARAM)
        if word not in _KEYS and name not in known:
            there = f"there are {', '.join(known)}" if known else "there are none"
            raise GroupError(f"no benchmark has a parameter called {name!r}; {there}")
