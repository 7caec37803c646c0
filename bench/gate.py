"""Whether a change made anything slower: what to measure of two checkouts, and measuring it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path

from bench import arm_parity, collection, gate_settings, wheel
from bench.arms import Checkout
from bench.engine import Arm, Contest, Engine
from bench.gate_settings import Settings
from bench.registry import FULL, Case, Catalogue
from bench.sequential import Progress, Sampled, sample
from bench.sources import differing, touched

SETTINGS = "pyproject.toml"
LOCK = "constraints.txt"
CONTROLS = 4
"""Cases that the change cannot touch, measured all the same."""
NULLS = 2
"""Cases whose base is measured against itself."""
NOTHING: Mapping[str, float] = {}
NULL = "A/A "
"""How the name of such a contest begins."""


class GateError(Exception):
    """The gate cannot tell what to measure; the message says why."""


@dataclass(frozen=True)
class Scope:
    """What a gate measures, and what it does not."""

    cases: Mapping[str, Case]
    """By id: those whose code differs between base and head."""
    controls: Mapping[str, Case]
    """Some of those whose code is the same."""
    same: tuple[str, ...]
    """The others of those."""
    thresholds: Mapping[str, float]
    """The smallest slowdown that matters, for every case that is gated."""
    floors: Mapping[str, float]
    """What code placement alone may give, for the cases where that is more."""
    fresh: Mapping[str, Case] = field(default_factory=dict)
    """Cases that are gated from now on: only head has them, and has to be right."""
    warnings: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    """Benchmarks that only head has."""
    gone: tuple[str, ...] = ()
    """Benchmarks, and cases of the gate, that only base has."""
    removed: tuple[str, ...] = ()
    """The same, where somebody said that they are meant to be gone."""

    def limit(self, name: str) -> float:
        """Return from where on a slowdown of a case counts."""
        return self.floors.get(name, self.thresholds[name])

    @property
    def measured(self) -> dict[str, Case]:
        """Return the cases and the controls."""
        return {**self.cases, **self.controls}


def scope(
    base: Checkout,
    head: Checkout,
    settings: Settings,
    catalogue: Catalogue,
    floors: Mapping[str, float],
) -> Scope:
    """Find out what there is to measure.

    Parameters
    ----------
    base, head
        The two source trees; the benchmarks of both are collected.
    settings
        What head's gate measures.
    catalogue
        Head's.
    floors
        How far a wheel that was only rebuilt moved a case in the self-test.

    Raises
    ------
    CollectionError, SettingsError, GateError
        Where the benchmarks cannot be listed, or the settings do not fit them.
    """
    known = {case.id: case for kernel in catalogue.kernels for case in _timed(catalogue, kernel)}
    ids = collection.case_ids(head.tree, "the head")
    base_ids = collection.case_ids(base.tree, "the base")
    gated = gate_settings.resolve(settings, ids)
    alien = [name for name in gated if name not in known]
    if alien:
        raise GateError(f"{alien[0]} cannot be gated: it times itself, or is not in the catalogue")
    before = _settings_of(base)
    lost = {*base_ids} - {*ids} | {*_gated_before(before, base_ids)} - {*gated}
    files = differing(base.code, head.code)
    changed = touched(files, list(catalogue.backends.values()))
    common = [name for name in gated if name in base_ids]
    cases = {name: known[name] for name in common if known[name].backend in changed}
    same = [name for name in common if name not in cases]
    controls = spread(same, CONTROLS) if cases else []
    rebuilt = any(name.startswith(f"{wheel.MODULE}/") for name in files)
    moved = [
        name for name, case in cases.items() if rebuilt and catalogue.backends[case.backend].needs
    ]
    relevant = {name: floors[name] for name in moved if floors.get(name, 0.0) > gated[name]}
    unknown = [name for name in moved if name not in floors]
    return Scope(
        cases=cases,
        controls={name: known[name] for name in controls},
        same=tuple(name for name in same if name not in controls),
        thresholds=gated,
        floors=relevant,
        fresh={name: known[name] for name in gated if name not in base_ids},
        warnings=tuple(_warnings(base, head, before, unknown)),
        new=tuple(name for name in ids if name not in base_ids),
        gone=tuple(sorted(lost - {*settings.removed})),
        removed=tuple(sorted(lost & {*settings.removed})),
    )


def restricted(scope: Scope, patterns: Sequence[str]) -> Scope:
    """Return a scope of fewer cases; controls stay, and what is gone stays gone."""
    everything = [*scope.measured, *scope.same]
    try:
        kept = gate_settings.matching(patterns, everything)
    except gate_settings.SettingsError as error:
        reason = str(error).rpartition(": ")[2]
        raise GateError(f"--only: {reason}, of those that are gated") from None
    cases = {name: case for name, case in scope.cases.items() if name in kept}
    controls = scope.controls if cases else {}
    return replace(
        scope,
        cases=cases,
        controls=controls,
        same=tuple(
            name
            for name in everything
            if name in kept and name not in scope.cases and name not in controls
        ),
    )


def _timed(catalogue: Catalogue, kernel: str) -> Iterable[Case]:
    return () if catalogue.kernels[kernel].self_timed else catalogue.cases(kernel, FULL)


def _warnings(
    base: Checkout, head: Checkout, before: Settings | None, unknown: Sequence[str]
) -> Iterator[str]:
    """Yield what a reviewer must know besides the verdicts."""
    if unknown:
        yield (
            "the wheels differ, and no self-test tells what code placement alone gives for "
            f"{', '.join(unknown)}"
        )
    if before:
        after = _settings_of(head)
        for key, value in sorted(vars(before).items()):
            if after is None or getattr(after, key) != value:
                yield f"this change alters the gate's own setting {key!r}"
    if _text(base.tree / LOCK) != _text(head.tree / LOCK):
        yield f"{LOCK} differs, and both sides ran with what is installed here"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _settings_of(side: Checkout) -> Settings | None:
    """Return the settings of a side's own gate; None where it has none that can be read."""
    try:
        return gate_settings.read(_text(side.tree / SETTINGS), SETTINGS)
    except gate_settings.SettingsError:
        return None


def _gated_before(settings: Settings | None, ids: Sequence[str]) -> tuple[str, ...]:
    """Return what the base's own gate measures; nothing, where it has none that works."""
    try:
        return tuple(gate_settings.resolve(settings, ids)) if settings else ()
    except gate_settings.SettingsError:
        return ()


def spread(names: Sequence[str], number: int) -> list[str]:
    """Return `number` of `names`, or all, evenly spaced."""
    count = min(number, len(names))
    return [names[place * len(names) // count] for place in range(count)]


@dataclass(frozen=True)
class Parity:
    """What holding both arms against the reference gave."""

    calls: int = 0
    """Calls compared, bit for bit."""
    base: Mapping[str, str] = field(default_factory=dict)
    """Why a case of the base must not be timed."""
    head: Mapping[str, str] = field(default_factory=dict)

    @property
    def wrong(self) -> dict[str, str]:
        """Return the reasons of both; where both are wrong, the head's is the one to read."""
        return {**self.base, **self.head}


def contests(
    scope: Scope, base: Arm, head: Arm, extra: Mapping[str, float] = NOTHING
) -> list[Contest]:
    """Return the cases and controls on both arms, and a few of them on the base alone.

    `extra` is more work for the head, as a share by case: what a self-test hides.
    """
    own = {name: astuple(case) for name, case in scope.measured.items()}
    pairs = [
        Contest(name, (base, head), (case, case), extra.get(name, 0.0))
        for name, case in own.items()
    ]
    nulls = [
        Contest(NULL + name, (base, base), (own[name], own[name]))
        for name in spread(list(own), NULLS)
    ]
    return [*pairs, *nulls]


def engine(
    scope: Scope, base: Arm, head: Arm, parity: Parity, catalogue: str, seed: int
) -> Engine:
    """Return an engine with the contests of a scope, without those that are wrong."""
    found = Engine(catalogue, contests(scope, base, head), seed)
    found.give_up(parity.wrong)
    found.give_up({NULL + name: reason for name, reason in parity.base.items()})
    return found


def check(scope: Scope, arms: tuple[Arm, Arm], catalogue: str) -> Parity:
    """Hold what is to be measured of both arms against the reference."""
    base, head = arms
    both = list(scope.measured.values())
    found = arm_parity.check([(base, both), (head, [*both, *scope.fresh.values()])], catalogue)
    return Parity(sum(one.calls for one in found), found[0].wrong, found[1].wrong)


def measure(
    scope: Scope,
    engine: Engine,
    settings: Settings,
    announce: Callable[[Progress], None],
) -> Sampled:
    """Sample the contests of a scope until all cases are decided."""
    limits = {name: scope.limit(name) for name in scope.cases}
    # In the other contests both sides run the same wheel: code placement is no excuse.
    nulls = {
        one.name: scope.thresholds[one.name.removeprefix(NULL)]
        for one in engine.contests
        if one.name not in scope.cases
    }
    return sample(engine, limits, nulls, settings.budget, announce)


def accepting(settings: Settings, removed: Collection[str]) -> Settings:
    """Return the settings with more cases that are meant to be gone."""
    return replace(settings, removed=(*settings.removed, *removed))
