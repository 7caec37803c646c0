"""Two different benchmarks against each other: by name, or two backends of one catalogue."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_duel.catalogue.model import FULL, Case, Catalogue, Role
from pytest_duel.gate.collect import Benchmark
from pytest_duel.gate.plan import NULLS, Pair, Plan, spread
from pytest_duel.support.errors import DuelError

Arrange = Callable[[Plan], Plan]
"""Makes the plan of pairs out of one of all benchmarks that both arms have."""


class PairsError(DuelError):
    """There are no such benchmarks; the message says which."""


@dataclass(frozen=True)
class Backends:
    """Two backends at some sizes of a scenario."""

    names: tuple[str, str]
    """For people: with a revision, where there is one."""
    backends: tuple[str, str]
    kernel: str
    scenario: str
    sizes: tuple[int, ...]

    def cases(self) -> dict[str, tuple[Case, Case]]:
        """Return the cases of both, by a name for each size."""
        return {
            f"{self.kernel}[{' '.join(self.names)}-{self.scenario}-{n}]": (
                Case(self.kernel, self.backends[0], self.scenario, n),
                Case(self.kernel, self.backends[1], self.scenario, n),
            )
            for n in self.sizes
        }


def asked(
    own: Catalogue,
    names: tuple[str, str],
    backends: tuple[str, str],
    kernel: str | None,
    scenario: str | None,
    sizes: Sequence[int],
) -> Backends:
    """Return what a user asks for; without a kernel or scenario the catalogue's first.

    Raises
    ------
    PairsError
        Where the catalogue has no such thing.
    """
    for backend in backends:
        _check("backend", backend, own.backends)
    kernel = kernel or next(iter(own.kernels))
    _check("kernel", kernel, own.kernels)
    swept = list(dict.fromkeys(one.scenario for one in own.sweeps if one.kernel == kernel))
    scenario = scenario or swept[0]
    _check("scenario", scenario, swept)
    timed = {(case.backend, case.n) for case in own.cases(kernel, FULL, scenarios=[scenario])}
    known = sorted({n for _, n in timed if all((name, n) in timed for name in backends)})
    found = tuple(n for n in known if n in sizes or not sizes)
    if not found:
        said = ", ".join(map(str, known)) or "none"
        raise PairsError(
            f"{kernel} on {scenario} has none of these sizes for both backends; it has: {said}"
        )
    return Backends(names, backends, kernel, scenario, found)


def _check(kind: str, name: str, known: Sequence[str] | Mapping[str, object]) -> None:
    if name not in known:
        raise PairsError(f"unknown {kind} {name!r}: choose from {', '.join(known)}")


def of_cases(cases: Mapping[str, tuple[Case, Case]], own: Catalogue) -> Arrange:
    """Return what makes a pair of the benchmarks of two cases, by name."""

    def arrange(plan: Plan) -> Plan:
        known = {one.case: one for one in plan.measured.values() if one.case}
        pairs = {}
        for name, both in cases.items():
            first, second = (known.get(case.id) for case in both)
            if first is None or second is None:
                lacking = both[0] if first is None else both[1]
                raise PairsError(f"no test of both arms times {lacking.id}")
            pairs[name] = Pair(first, second, _alike(both, own))
        return planned(plan, pairs)

    return arrange


def _alike(cases: tuple[Case, Case], own: Catalogue) -> bool:
    """Tell whether two cases must give the same answers."""
    has_answers = all(own.backends[case.backend].role is not Role.FLOOR for case in cases)
    return has_answers and cases[0].scenario == cases[1].scenario and cases[0].n == cases[1].n


def of_benchmarks(first: str, second: str) -> Arrange:
    """Return what makes pairs of two benchmarks; of each parameter, where they have the same."""

    def arrange(plan: Plan) -> Plan:
        ones, others = (dict(_named(name, plan)) for name in (first, second))
        shared = [parameters for parameters in ones if parameters in others]
        if not shared and len(ones) == len(others) == 1:  # each names one with its parameters
            one, other = next(iter(ones.values())), next(iter(others.values()))
            return planned(plan, {f"{first} / {second}": Pair(one, other)})
        if not shared:
            raise PairsError(f"{first} and {second} have no parameters in common")
        return planned(
            plan,
            {
                f"{first}{which} / {second}{which}": Pair(ones[which], others[which])
                for which in shared
            },
        )

    return arrange


def _named(name: str, plan: Plan) -> Iterator[tuple[str, Benchmark]]:
    """Yield the benchmarks of a test, by what stands behind the given name.

    Raises
    ------
    PairsError
        Where there is none.
    """
    found = {
        one[len(name) :]: own
        for one, own in plan.measured.items()
        if one == name or one.startswith(f"{name}[")
    }
    if not found:
        skipped = [why for one, why in plan.skipped.items() if one.startswith(name)]
        why = f"it is skipped: {skipped[0]}" if skipped else "both arms must have it"
        raise PairsError(f"there is no benchmark {name!r} to measure: {why}")
    yield from found.items()


def planned(plan: Plan, pairs: Mapping[str, Pair]) -> Plan:
    """Return the plan of these pairs and nothing else."""
    own = {
        name: Benchmark(name, pair.first.file, pair.first.path, {}, {})
        for name, pair in pairs.items()
    }
    limits = {
        name: min(plan.thresholds[one.name] for one in (pair.first, pair.second))
        for name, pair in pairs.items()
    }
    return replace(
        plan,
        measured=own,
        pairs=pairs,
        thresholds=limits,
        nulls=tuple(spread(list(own), NULLS)),
        new=(),
        gone=(),
        removed=(),
        skipped={},
        notes={},
    )
