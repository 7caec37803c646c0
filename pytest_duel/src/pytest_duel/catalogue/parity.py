"""Hold every backend against the reference, bit for bit, before anything is timed.

Two outcomes are equal where they are the same exception with the same message, or values of the
same types, dtypes, shapes and bits, signs of zeros included.
"""

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np

from pytest_duel.catalogue.answers import Answers
from pytest_duel.catalogue.exact import Exact, joint_digest
from pytest_duel.catalogue.inputs import Inputs
from pytest_duel.catalogue.model import Arguments, Call, Case, Catalogue, Kernel, Role


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


class Outcome(NamedTuple):
    """The outcome of a call: values, or an exception."""

    values: tuple[Any, ...] = ()
    raised: str | None = None


@dataclass(frozen=True)
class _Check:
    """One call, its name, and the arguments to make for each backend."""

    where: str
    make: Callable[[], tuple[Arguments, Mapping[str, Any]]]


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


class _Asked:
    """A question, whose right answer is asked for where a kept one does not do.

    Parameters
    ----------
    ask
        Asks the reference.
    question
        Its digest, where it has one.
    answers
        What the reference has answered before.
    """

    def __init__(self, ask: Callable[[], Outcome], question: str | None, answers: Answers) -> None:
        self._ask = ask
        self._question = question
        self._answers = answers
        self._kept = answers.get(question)
        self._known: Exact | None = None
        """The right outcome to the last bit, once one was found that is the kept one."""

        if self._kept is None:
            _ = self.right  # before a backend can spoil what is asked

    @cached_property
    def right(self) -> Outcome:
        """Return the right outcome; the reference is asked for it."""
        found = self._ask()
        self._known = Exact(found.raised, found.values)
        self._answers.add(self._question, self._known.digest())
        return found

    def is_right(self, found: Outcome) -> bool:
        """Tell whether an outcome is surely the right one; where it is not, ask what differs."""
        own = Exact(found.raised, found.values)
        if not own.is_whole:
            return False
        if self._known is not None:
            return own.parts == self._known.parts
        if own.digest() != self._kept:
            return False
        self._known = own
        return True


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
        adversarial = (_Check(example.label, example.make) for example in kernel.adversarial())
        self._compare(kernel, everywhere, adversarial)

    def _compare(self, kernel: Kernel, names: Sequence[str], checks: Iterable[_Check]) -> None:
        """Make each call on the reference and on every backend that has not disagreed yet."""
        left = {
            name: self.calls[kernel.name, name]
            for name in names
            if (kernel.name, name) not in self.report.failures
        }
        for one in checks:
            if not left:
                return
            arguments, options = one.make()
            inputs = Inputs(arguments)
            question = joint_digest([Exact(kernel.name, one.where, options), *inputs.exactly()])
            asked = _Asked(partial(self._ask, kernel, one), question, self.answers)
            for name, call in tuple(left.items()):
                difference = _differs(kernel.outputs, call, one, inputs, asked)
                self._note(kernel.name, name, one.where, difference)
                if difference:
                    del left[name]

    def _note(
        self, kernel: str, backend: str, where: str, difference: tuple[str, str, str] | None
    ) -> None:
        """Count a call; keep how a backend differs from the reference."""
        key = kernel, backend
        self.report.checked[key] = self.report.checked.get(key, 0) + 1
        if difference:
            self.report.failures[key] = Disagreement(
                *key, self.catalogue.reference, where, *difference
            )

    def _ask(self, kernel: Kernel, one: _Check) -> Outcome:
        arguments, options = one.make()
        return outcome(self.calls[kernel.name, self.catalogue.reference], arguments, options)

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


def _pool_checks(where: str, pool: Sequence[Arguments]) -> Iterator[_Check]:
    distinct = {id(arguments): arguments for arguments in pool}
    for index, arguments in enumerate(distinct.values()):
        yield _Check(f"{where}, pool[{index}]", lambda arguments=arguments: (arguments, {}))  # type: ignore[misc]


def _differs(
    outputs: Sequence[str], call: Call, one: _Check, inputs: Inputs, asked: _Asked
) -> tuple[str, str, str] | None:
    """Make a call; return how its outcome differs, or that its input was changed."""
    arguments, options = one.make()
    found = outcome(call, arguments, options)
    is_right, is_spoiled = asked.is_right(found), inputs.differ_from(arguments)
    if is_right and not is_spoiled:
        return None
    if is_spoiled:
        found = deepcopy(found)  # it may share memory with what is mended
        inputs.mend(arguments)
    difference = None if is_right else differ(outputs, found, asked.right)
    return difference or (("its input", "changed", "left alone") if is_spoiled else None)


def outcome(call: Call, arguments: Arguments, options: Mapping[str, Any]) -> Outcome:
    """Make the call."""
    try:
        result = call(*arguments, **options)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # an outcome to compare; Rust's panics are no Exception
        return Outcome(raised=f"{type(error).__name__}: {error}")
    return Outcome(result if isinstance(result, tuple) else (result,))


def differ(
    outputs: Sequence[str], found: Outcome, expected: Outcome
) -> tuple[str, str, str] | None:
    """Return the first difference as (what, found, expected), or None where all bits agree."""
    if found.raised or expected.raised:
        if found.raised == expected.raised:
            return None
        return "the outcome", _said(found), _said(expected)
    if len(found.values) != len(expected.values):
        return "the number of outputs", str(len(found.values)), str(len(expected.values))
    for name, one, other in zip(outputs, found.values, expected.values, strict=True):
        difference = _differ_value(name, one, other)
        if difference:
            return difference
    return None


def _differ_value(name: str, found: Any, expected: Any) -> tuple[str, str, str] | None:
    if type(found) is not type(expected):
        return f"the type of {name}", type(found).__name__, type(expected).__name__
    if not isinstance(expected, np.ndarray):
        return None if _bits(found) == _bits(expected) else (name, repr(found), repr(expected))
    for aspect in ("dtype", "shape"):
        one, other = getattr(found, aspect), getattr(expected, aspect)
        if one != other:
            return f"the {aspect} of {name}", str(one), str(other)
    if found.tobytes() == expected.tobytes():
        return None
    for index in np.ndindex(expected.shape):
        if found[index].tobytes() != expected[index].tobytes():
            place = ", ".join(map(str, index))
            return f"{name}[{place}]", repr(found[index].item()), repr(expected[index].item())
    raise AssertionError("arrays whose bytes differ differ somewhere")


def _bits(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.tobytes()
    return struct.pack("<d", value) if isinstance(value, float) else value


def _said(result: Outcome) -> str:
    return result.raised or f"returned {result.values!r}"
