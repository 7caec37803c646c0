"""The words of the harness: kernel, backend, scenario, sweep, case, catalogue.

Nothing here knows what a kernel computes. A project lists its own in a `Catalogue`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Call = Callable[..., Any]
"""A kernel as one backend implements it."""

Arguments = tuple[Any, ...]
"""The positional arguments of one call."""


class Role(StrEnum):
    """The part that a backend plays in a comparison."""

    BACKEND = "backend"
    """It can be chosen, and competes for the win."""
    BASELINE = "baseline"
    """A historical or foreign implementation, for comparison only."""
    VARIANT = "variant"
    """A backend with other settings, such as more threads. It does not compete."""
    PUBLIC = "public"
    """The public function on its default backend. It shows the cost of dispatching."""
    FLOOR = "floor"
    """Work that every backend has to do, such as the boundary. Its answers are wrong."""


@dataclass(frozen=True)
class Example:
    """One call on which backends must agree, made afresh for each of them.

    Some dozens are made before the first is called: an example may share arrays with others, but
    no later one may change them.
    """

    label: str
    make: Callable[[], tuple[Arguments, Mapping[str, Any]]]


@dataclass(frozen=True)
class Kernel:
    """An operation that has several implementations."""

    name: str
    outputs: tuple[str, ...]
    """A name for each value that it returns."""
    item: str = "market"
    """The unit of its time: the time is divided by the number of these."""
    batch: int = 1
    """Items in one call."""
    arrange: Callable[[Sequence[Arguments], int], Sequence[Arguments]] = lambda pool, _: pool
    """(pool of items, batch) → calls of this kernel."""
    adversarial: Callable[[], Iterable[Example]] = tuple
    """Calls chosen to tell backends apart, bad input included."""
    rests_on: str | None = None
    """Another kernel that it calls: a backend that is wrong there is not timed here."""
    diagnostic: bool = False
    """It explains another kernel's times, and is no reason to choose a backend."""
    self_timed: bool = False
    """A call returns its own duration in seconds, measured elsewhere, in a child process say.

    Such a kernel has no other result to compare with a reference.
    """
    title: str = ""
    """Its name in headings."""
    note: str = ""
    """A note for readers of its times."""


@dataclass(frozen=True)
class Backend:
    """One implementation of some kernels."""

    name: str
    load: Callable[[], Mapping[str, Call]]
    """Import it and return its callables by kernel. Raises ImportError where it is missing."""
    role: Role = Role.BACKEND
    needs: str | None = None
    """A session fixture that makes it importable. Without the fixture it is left out."""
    note: str = ""
    """A note on it for the legend."""
    detail: Callable[[], str] | None = None
    """A note on it in this run."""
    domain: frozenset[str] = frozenset()
    """Traits that a scenario must have for its answers to be right. Empty: right everywhere."""
    sources: tuple[str, ...] = ()
    """Files, and folders with a slash at their end, that no backend uses but those that list them.

    A change of any other file may touch every backend.
    """
    survives: frozenset[str] | None = None
    """Traits that make a call harmless, if wrong: there its errors are counted. None: nowhere."""
    threads: int = 1
    """How many of them work at once in a call."""
    optional: bool = False
    """If it is missing, its cases are left out without a warning."""


@dataclass(frozen=True)
class Scenario:
    """A named, seeded generator of inputs."""

    name: str
    make: Callable[[int, int, int], Sequence[Arguments]]
    """(n, items, seed) → a pool of that many distinct items.

    A scenario whose size is its own (one market again and again, the hours of a year) ignores
    `items`.
    """
    seed: int
    traits: frozenset[str] = frozenset()
    least: int = 1
    """The smallest n that it can be made for."""
    diagnostic: bool = False
    """It explains another scenario's times, and is no reason to choose a backend."""
    pool_scale: int = 1
    """How many times larger than usual its pools are."""
    batch: int | None = None
    """How many items a kernel that takes many at once takes of this scenario; None: its own."""
    note: str = ""
    """A note on it."""


@dataclass(frozen=True)
class Tier:
    """How much of a sweep to run, and how long to time a case."""

    name: str
    seconds: float
    """Time to spend on a case's rounds."""


SMOKE = Tier("smoke", 0.03)
DEFAULT = Tier("default", 0.35)
FULL = Tier("full", 1.5)
TIERS = {tier.name: tier for tier in (SMOKE, DEFAULT, FULL)}


@dataclass(frozen=True)
class Sweep:
    """The sizes at which a scenario of a kernel is timed, and by which backends."""

    kernel: str
    scenario: str
    backends: tuple[str, ...]
    sizes: Mapping[str, tuple[int, ...]]
    """Sizes by tier; a tier that is absent takes the next smaller one's."""

    def sizes_at(self, tier: Tier) -> tuple[int, ...]:
        """Return the sizes for `tier`."""
        order = list(TIERS)
        for name in reversed(order[: order.index(tier.name) + 1]):
            if name in self.sizes:
                return self.sizes[name]
        return ()


@dataclass(frozen=True, order=True)
class Case:
    """kernel × backend × scenario × n."""

    kernel: str
    backend: str
    scenario: str
    n: int

    @property
    def id(self) -> str:
        """Return the case's name in tables, such as ``clear[rust-uniform-200]``."""
        return f"{self.kernel}[{self.backend}-{self.scenario}-{self.n}]"


@dataclass(frozen=True)
class Target:
    """A ratio of two times that a project sets out to keep: slow / fast."""

    kernel: str
    slow: tuple[str, str]
    """Backend and scenario."""
    fast: tuple[str, str]
    sizes: tuple[int, ...]
    at_least: float = 0.0
    at_most: float = math.inf
    mean: bool = False
    """The geometric mean over the sizes must reach it, not every size."""

    @property
    def name(self) -> str:
        """Return both subjects, such as ``clear, uniform: numba / rust``."""
        (slow, over), (fast, under) = self.slow, self.fast
        if over == under:
            return f"{self.kernel}, {over}: {slow} / {fast}"
        if slow == fast:
            return f"{self.kernel}, {slow}: {over} / {under}"
        return f"{self.kernel}: {slow}, {over} / {fast}, {under}"

    def cases(self, n: int) -> tuple[Case, Case]:
        """Return the fast case and the slow one at a size."""
        return Case(self.kernel, *self.fast, n), Case(self.kernel, *self.slow, n)


@dataclass(frozen=True)
class Catalogue:
    """All that a project measures."""

    reference: str
    """The backend that the others are compared with."""
    kernels: Mapping[str, Kernel]
    backends: Mapping[str, Backend]
    scenarios: Mapping[str, Scenario]
    sweeps: Sequence[Sweep]
    packages: Sequence[str] = ()
    """Distributions whose versions a saved run records."""
    targets: Sequence[Target] = ()
    """Ratios of times to keep; see `duel.targets`."""
    counted: str = "elements"
    """The things that the size n counts, in the plural."""
    variables: Sequence[str] = ()
    """Environment variables that change what is measured, such as one that names a backend."""
    blocks: Mapping[str, int] = field(default_factory=dict)
    """How many blocks of fresh processes time a sweep, by tier; none: this process times it."""

    def __post_init__(self) -> None:
        for sweep in self.sweeps:
            for name in sweep.backends:
                self._check(sweep.kernel, name, sweep.scenario)
        for target in self.targets:
            for subject in target.slow, target.fast:
                self._check(target.kernel, *subject)

    def _check(self, kernel: str, backend: str, scenario: str) -> None:
        """Refuse what is not in the catalogue, and a backend on inputs that it is wrong on."""
        _known("kernel", kernel, self.kernels)
        _known("scenario", scenario, self.scenarios)
        _known("backend", backend, self.backends)
        missing = self.backends[backend].domain - self.scenarios[scenario].traits
        if missing:
            raise ValueError(
                f"{backend} is not right on scenario {scenario}, "
                f"which lacks {', '.join(sorted(missing))}"
            )

    def knows(self, case: Case) -> bool:
        """Tell whether a case of a saved run is of this catalogue."""
        return (
            case.kernel in self.kernels
            and case.backend in self.backends
            and case.scenario in self.scenarios
        )

    @property
    def notes(self) -> dict[str, str]:
        """Return the notes on backends, by name."""
        return {backend.name: backend.note for backend in self.backends.values() if backend.note}

    def cases(
        self,
        kernel: str,
        tier: Tier = DEFAULT,
        *,
        backends: Sequence[str] | None = None,
        scenarios: Sequence[str] | None = None,
        sizes: Sequence[int] | None = None,
    ) -> Iterator[Case]:
        """Yield the cases of `kernel`, backends of one size side by side.

        `sizes` replaces a sweep's own sizes where it has more than one.
        """
        for sweep in self.sweeps:
            if sweep.kernel != kernel or (scenarios and sweep.scenario not in scenarios):
                continue
            for n in self._sizes(sweep, tier, sizes):
                for name in sweep.backends:
                    if not backends or name in backends:
                        yield Case(kernel, name, sweep.scenario, n)

    def _sizes(self, sweep: Sweep, tier: Tier, asked: Sequence[int] | None) -> Sequence[int]:
        """Return the sizes to time: the tier's, or others if the sweep allows that."""
        own = sweep.sizes_at(tier)
        if not asked:
            return own
        scalable = len({n for ns in sweep.sizes.values() for n in ns}) > 1
        least = self.scenarios[sweep.scenario].least
        possible = [n for n in asked if n >= least and (scalable or n in own)]
        return possible if own else ()


EMPTY = Catalogue(reference="", kernels={}, backends={}, scenarios={}, sweeps=())
"""Of a project that has no sweeps."""


def _known(kind: str, name: str, known: Mapping[str, object]) -> None:
    if name not in known:
        raise ValueError(f"unknown {kind} {name!r}: choose from {', '.join(known)}")


def pool_items(n: int) -> int:
    """Return how many distinct items a case of size `n` cycles through.

    max(8, min(4096, ⌈2¹⁶ / n⌉)): enough that a branch predictor cannot learn them, few enough
    that they stay in the outer caches.
    """
    return max(8, min(4096, -(-(2**16) // n)))


def batch_size(kernel: Kernel, scenario: Scenario) -> int:
    """Return how many items one call of `kernel` takes of `scenario`."""
    return kernel.batch if kernel.batch == 1 or scenario.batch is None else scenario.batch


def make_pool(kernel: Kernel, scenario: Scenario, n: int) -> Sequence[Arguments]:
    """Return the calls that a case cycles through: `pool_items` of them, in whole calls."""
    batch = batch_size(kernel, scenario)
    calls = -(-scenario.pool_scale * pool_items(n) // batch)
    return kernel.arrange(scenario.make(n, calls * batch, scenario.seed), batch)
