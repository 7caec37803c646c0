"""Hold every backend against the reference, bit for bit, before anything is timed."""

import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np

from pytest_duel.catalogue.answers import Answers
from pytest_duel.catalogue.model import Arguments, Call, Case, Catalogue, Kernel, Role
from pytest_duel.catalogue.questions import Question, sets


@dataclass(frozen=True)
class Disagreement:
    """Where a backend and the reference part."""

    kernel: str
    backend: str
    reference: str
    where: str
    """The call that shows it: scenario, seed and n, or an example's label."""
    what: str
    """The output and the unit."""
    value: str
    expected: str

    def __str__(self) -> str:
        return (
            f"{self.kernel}: {self.backend} disagrees with {self.reference} on {self.where}: "
            f"{self.what} is {self.value}, {self.reference} has {self.expected}"
        )


@dataclass(frozen=True)
class Tally:
    """How often and how far two implementations part on a pool."""

    calls: int
    different: int
    largest: float
    """The largest absolute difference between two values."""


@dataclass
class Report:
    """The number of checks, and the disagreements."""

    checked: dict[tuple[str, str], int] = field(default_factory=dict)
    """Calls checked, by kernel and backend."""
    failures: dict[tuple[str, str], Disagreement] = field(default_factory=dict)
    """The first disagreement, by kernel and backend."""
    outside: dict[str, Tally] = field(default_factory=dict)
    """How wrong a baseline is where it does not claim to be right, by case."""

    seconds: float = 0.0
    """How long the check took, making pools and compiling included."""

    def failure(self, kernel: Kernel, backend: str) -> Disagreement | None:
        """Return why `backend` must not be timed on `kernel`."""
        below = self.failures.get((kernel.rests_on or kernel.name, backend))
        return self.failures.get((kernel.name, backend), below)

    def add(self, other: "Report") -> None:
        """Add what a later part of the check has found."""
        for key, calls in other.checked.items():
            self.checked[key] = self.checked.get(key, 0) + calls
        self.failures = other.failures | self.failures
        self.outside |= other.outside

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a saved run keeps it."""
        return {
            "calls": {f"{kernel} {name}": calls for (kernel, name), calls in self.checked.items()},
            "disagreements": [str(failure) for failure in self.failures.values()],
            "seconds": round(self.seconds, 2),
            "outside_domain": {case: asdict(tally) for case, tally in self.outside.items()},
        }


class Asks(StrEnum):
    """What backends are asked in a part of a check."""

    POOL = "pool"
    """The calls of some cases."""
    ADVERSARIAL = "adversarial"
    """A kernel's adversarial set."""
    OUTSIDE = "outside"
    """The calls of a case that they do not claim to be right on; it is told how wrong they are."""


@dataclass(frozen=True)
class Part:
    """A part of a check. It needs no other part, so processes can share them."""

    asks: Asks
    kernel: str
    backends: tuple[str, ...]
    """That are held against the reference."""
    scenario: str = ""
    """Of a pool."""
    n: int = 0

    @property
    def name(self) -> str:
        """Return what tells it from all others."""
        return f"{self.asks} {self.kernel} {self.scenario} {self.n}: {', '.join(self.backends)}"


def check(
    catalogue: Catalogue,
    cases: Iterable[Case],
    calls: Mapping[tuple[str, str], Call],
    pools: Callable[[Case], Sequence[Arguments]],
    answers: Answers | None = None,
) -> Report:
    """Hold the backends of `cases` against the reference.

    Parameters
    ----------
    catalogue
        What there is to measure.
    cases
        The cases to be timed: their pools are checked, and the adversarial set of each kernel
        and of the kernel that it rests on.
    calls
        The callable by (kernel, backend), the reference's included.
    pools
        The very calls that a case will be timed on.
    answers
        What the reference has answered before.
    """
    started = time.perf_counter()
    checker = Checker(catalogue, calls, pools, answers or Answers())
    report = checker.check_all(parts(catalogue, cases, calls))
    checker.answers.save()
    report.seconds = time.perf_counter() - started
    return report


def tally(
    reference: Call, calls: Mapping[str, Call], pool: Sequence[Arguments]
) -> dict[str, Tally]:
    """Count, for each of `calls`, on how much of `pool` any value differs, and how far."""
    largest: dict[str, list[float]] = {name: [] for name in calls}
    if calls:
        for arguments in {id(arguments): arguments for arguments in pool}.values():
            right = reference(*arguments)
            for name, call in calls.items():
                pairs = zip(right, call(*arguments), strict=True)
                largest[name].append(max(float(np.max(np.abs(a - b))) for a, b in pairs))
    return {
        name: Tally(len(values), sum(value > 0 for value in values), max(values))
        for name, values in largest.items()
    }


def parts(
    catalogue: Catalogue, cases: Iterable[Case], calls: Container[tuple[str, str]]
) -> list[Part]:
    """Return all parts of a check, as `check` has its parameters; a kernel's pools come first."""
    wanted = sorted(set(cases))
    found: list[Part] = []
    for kernel in catalogue.kernels.values():
        own = [case for case in wanted if case.kernel == kernel.name]
        above = [case for case in wanted if catalogue.kernels[case.kernel].rests_on == kernel.name]
        if not kernel.self_timed:
            found += _pools(catalogue, own)
            everywhere = tuple(
                name
                for name in _checkable(catalogue, [*own, *above])
                if not catalogue.backends[name].domain and (kernel.name, name) in calls
            )
            found.append(Part(Asks.ADVERSARIAL, kernel.name, everywhere))
            found += _outside(catalogue, own)
    return [part for part in found if part.backends]


def _checkable(catalogue: Catalogue, cases: Sequence[Case]) -> Iterator[str]:
    """Yield the backends of `cases` that claim to be right."""
    for name in dict.fromkeys(case.backend for case in cases):
        if name != catalogue.reference and catalogue.backends[name].role is not Role.FLOOR:
            yield name


def _pools(catalogue: Catalogue, cases: Sequence[Case]) -> Iterator[Part]:
    """Yield the pools of one kernel's cases."""
    for scenario, n in dict.fromkeys((case.scenario, case.n) for case in cases):
        own = [case for case in cases if (case.scenario, case.n) == (scenario, n)]
        names = tuple(_checkable(catalogue, own))
        yield Part(Asks.POOL, own[0].kernel, names, scenario, n)


def _outside(catalogue: Catalogue, cases: Sequence[Case]) -> Iterator[Part]:
    """Yield the selected scenarios beyond the domain of selected baselines that survive them."""
    backends = [catalogue.backends[name] for name in dict.fromkeys(one.backend for one in cases)]
    for case in cases:
        if case.backend == catalogue.reference:
            traits = catalogue.scenarios[case.scenario].traits
            names = tuple(
                one.name
                for one in backends
                if one.survives is not None and one.survives <= traits and not one.domain <= traits
            )
            yield Part(Asks.OUTSIDE, case.kernel, names, case.scenario, case.n)


class Checker:
    """Checks part after part, in one process.

    Parameters
    ----------
    catalogue, calls, pools, answers
        As `check` has them.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        calls: Mapping[tuple[str, str], Call],
        pools: Callable[[Case], Sequence[Arguments]],
        answers: Answers,
    ) -> None:
        self.answers = answers
        self._catalogue = catalogue
        self._calls = calls
        self._pools = pools
        self._wrong: set[tuple[str, str]] = set()
        """Kernels and backends that have disagreed: they are asked nothing more."""

    def check_all(self, parts: Iterable[Part]) -> Report:
        """Check part after part."""
        report = Report()
        for part in parts:
            report.add(self.check(part))
        return report

    def check(self, part: Part) -> Report:
        """Check a part."""
        kernel = self._catalogue.kernels[part.kernel]
        if part.asks is Asks.OUTSIDE:
            return Report(outside=self._tally(part))
        if part.asks is Asks.ADVERSARIAL:
            return self._compare(
                part, (Question(one.label, one.make) for one in kernel.adversarial())
            )
        seed = self._catalogue.scenarios[part.scenario].seed
        where = f"scenario {part.scenario}, seed {seed}, n = {part.n}"
        return self._compare(part, _pool_checks(where, self._pool(part)))

    def _pool(self, part: Part) -> Sequence[Arguments]:
        return self._pools(Case(part.kernel, part.backends[0], part.scenario, part.n))

    def _compare(self, part: Part, questions: Iterable[Question]) -> Report:
        """Make each call on the reference and on every backend that has not disagreed yet."""
        report = Report()
        left = {
            name: self._calls[part.kernel, name]
            for name in part.backends
            if (part.kernel, name) not in self._wrong
        }
        if not left:
            return report
        outputs = self._catalogue.kernels[part.kernel].outputs
        right = self._catalogue.reference
        reference = self._calls[part.kernel, right]
        for some in sets(part.kernel, questions, reference, self.answers):
            for name, call in tuple(left.items()):
                key = part.kernel, name
                found = some.compare(outputs, call)
                report.checked[key] = report.checked.get(key, 0) + found.calls
                if found.difference:
                    report.failures[key] = Disagreement(
                        *key, right, found.where, *found.difference
                    )
                    self._wrong.add(key)
                    del left[name]
            if not left:
                break
        return report

    def _tally(self, part: Part) -> dict[str, Tally]:
        calls = {
            Case(part.kernel, name, part.scenario, part.n).id: self._calls[part.kernel, name]
            for name in part.backends
        }
        right = self._calls[part.kernel, self._catalogue.reference]
        return tally(right, calls, self._pool(part))


def _pool_checks(where: str, pool: Sequence[Arguments]) -> Iterator[Question]:
    distinct = {id(arguments): arguments for arguments in pool}
    for index, arguments in enumerate(distinct.values()):
        yield Question(f"{where}, pool[{index}]", partial(_without_options, arguments))


def _without_options(arguments: Arguments) -> tuple[Arguments, Mapping[str, Any]]:
    return arguments, _NO_OPTIONS


_NO_OPTIONS: Mapping[str, Any] = {}
