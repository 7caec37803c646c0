"""Hold every backend against the reference, bit for bit, before anything is timed."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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

    def as_dict(self) -> dict[str, Any]:
        """Return the report as a saved run keeps it."""
        return {
            "calls": {f"{kernel} {name}": calls for (kernel, name), calls in self.checked.items()},
            "disagreements": [str(failure) for failure in self.failures.values()],
            "seconds": round(self.seconds, 2),
            "outside_domain": {case: asdict(tally) for case, tally in self.outside.items()},
        }


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
    checker = _Checker(catalogue, calls, pools, answers or Answers())
    wanted = sorted(set(cases))
    for kernel in catalogue.kernels.values():
        own = [case for case in wanted if case.kernel == kernel.name]
        above = [case for case in wanted if catalogue.kernels[case.kernel].rests_on == kernel.name]
        if not kernel.self_timed:
            checker.pools_of(kernel, own)
            checker.adversarial(kernel, [*own, *above])
            checker.tally(own)
    checker.answers.save()
    checker.report.seconds = time.perf_counter() - started
    return checker.report


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


@dataclass
class _Checker:
    """The state of a check, with its findings so far."""

    catalogue: Catalogue
    calls: Mapping[tuple[str, str], Call]
    pools: Callable[[Case], Sequence[Arguments]]
    answers: Answers
    report: Report = field(default_factory=Report)

    def _checkable(self, cases: Sequence[Case]) -> list[str]:
        """Return the backends of `cases` that claim to be right."""
        return [
            name
            for name in dict.fromkeys(case.backend for case in cases)
            if name != self.catalogue.reference
            and self.catalogue.backends[name].role is not Role.FLOOR
        ]

    def pools_of(self, kernel: Kernel, cases: Sequence[Case]) -> None:
        """Hold the backends of one kernel's cases against the reference, on the cases' pools."""
        names = self._checkable(cases)
        for scenario, n in dict.fromkeys((case.scenario, case.n) for case in cases):
            own = [case for case in cases if (case.scenario, case.n) == (scenario, n)]
            present = [case.backend for case in own if case.backend in names]
            seed = self.catalogue.scenarios[scenario].seed
            where = f"scenario {scenario}, seed {seed}, n = {n}"
            self._compare(kernel, present, _pool_checks(where, self.pools(own[0])))

    def adversarial(self, kernel: Kernel, cases: Sequence[Case]) -> None:
        """Hold the backends of `cases` against the reference on a kernel's adversarial set."""
        everywhere = [
            name
            for name in self._checkable(cases)
            if not self.catalogue.backends[name].domain and (kernel.name, name) in self.calls
        ]
        adversarial = (Question(example.label, example.make) for example in kernel.adversarial())
        self._compare(kernel, everywhere, adversarial)

    def _compare(
        self, kernel: Kernel, names: Sequence[str], questions: Iterable[Question]
    ) -> None:
        """Make each call on the reference and on every backend that has not disagreed yet."""
        left = {
            name: self.calls[kernel.name, name]
            for name in names
            if (kernel.name, name) not in self.report.failures
        }
        if not left:
            return
        reference = self.calls[kernel.name, self.catalogue.reference]
        for some in sets(kernel.name, questions, reference, self.answers):
            for name, call in tuple(left.items()):
                key = kernel.name, name
                found = some.compare(kernel.outputs, call)
                self.report.checked[key] = self.report.checked.get(key, 0) + found.calls
                if found.difference:
                    self.report.failures[key] = Disagreement(
                        *key, self.catalogue.reference, found.where, *found.difference
                    )
                    del left[name]
            if not left:
                return

    def tally(self, cases: Sequence[Case]) -> None:
        """Count how wrong the selected baselines are on selected scenarios beyond their domain."""
        names = dict.fromkeys(case.backend for case in cases)
        for case in cases:
            if case.backend == self.catalogue.reference:
                traits = self.catalogue.scenarios[case.scenario].traits
                backends = (self.catalogue.backends[name] for name in names)
                wrong = {
                    Case(case.kernel, one.name, case.scenario, case.n).id: one.name
                    for one in backends
                    if one.survives is not None
                    and one.survives <= traits
                    and not one.domain <= traits
                }
                calls = {case_id: self.calls[case.kernel, name] for case_id, name in wrong.items()}
                right = self.calls[case.kernel, case.backend]
                self.report.outside |= tally(right, calls, self.pools(case))


def _pool_checks(where: str, pool: Sequence[Arguments]) -> Iterator[Question]:
    distinct = {id(arguments): arguments for arguments in pool}
    for index, arguments in enumerate(distinct.values()):
        yield Question(f"{where}, pool[{index}]", lambda arguments=arguments: (arguments, {}))  # type: ignore[misc]
