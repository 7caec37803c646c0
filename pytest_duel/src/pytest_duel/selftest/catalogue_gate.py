"""Whether a change made anything slower: what to measure of two checkouts, and measuring it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from itertools import chain

from pytest_duel.catalogue import collect
from pytest_duel.catalogue.model import FULL, Case, Catalogue
from pytest_duel.catalogue.project import FILE, Project
from pytest_duel.catalogue.sources import differing, touched
from pytest_duel.paired import parity
from pytest_duel.paired.client import catalogue_workers
from pytest_duel.paired.engine import Arm, Contest, Engine
from pytest_duel.paired.install import Checkout
from pytest_duel.paired.sampling import Progress, Sampled, sample
from pytest_duel.selftest import catalogue_settings as gate_settings
from pytest_duel.selftest.catalogue_settings import Settings, SettingsError
from pytest_duel.support.errors import DuelError

SETTINGS = FILE
CONTROLS = 4
"""Cases that the change cannot touch, measured all the same."""
NULLS = 2
"""Cases whose base is measured against itself."""
NOTHING: Mapping[str, float] = {}
NULL = "A/A "
"""How the name of such a contest begins."""
LARGE = 0.05
"""A floor above this is said loudly."""


class GateError(DuelError):
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
    """Cases that are not measured and have to be right in the head: new ones, which are gated from
    now on, and where the benchmarks themselves differ all others."""
    threads: Mapping[str, int] = field(default_factory=dict)
    """How many of them work at once in a case."""
    rebuilt: bool = False
    """The wheels differ, and with them where the code of some cases lies, so floors matter."""
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


@dataclass(frozen=True)
class _Before:
    """The base's own gate."""

    settings: Settings | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """By case; nothing where there is no gate that works."""
    fault: str = ""
    """Why there is none."""


def scope(
    base: Checkout,
    head: Checkout,
    settings: Settings,
    project: Project,
    floors: Mapping[str, float],
    threshold: float | None = None,
) -> Scope:
    """Find out what there is to measure.

    Parameters
    ----------
    base, head
        The two source trees; the benchmarks of both are collected.
    settings
        What head's gate measures. Where base's has a smaller threshold for a case, that counts.
    project
        Head's.
    floors
        How far a wheel that was only rebuilt moved a case in the self-test.
    threshold
        Given by hand: base's settings have it, too, whatever they say.

    Raises
    ------
    CollectionError, SettingsError, GateError
        Where the benchmarks cannot be listed, or the settings do not fit them.
    """
    catalogue = project.catalogue
    known = {case.id: case for kernel in catalogue.kernels for case in _timed(catalogue, kernel)}
    ids = collect.case_ids(head.tree, "the head", project.suites)
    base_ids = collect.case_ids(base.tree, "the base", project.suites)
    gated = _gated(settings, ids, known)
    before = _before(base, base_ids, threshold)
    limits = {name: min(own, before.thresholds.get(name, own)) for name, own in gated.items()}
    common = {name: known[name] for name in gated if name in base_ids}
    found = _by_code(base, head, common, limits, project, floors)
    suites = differing(base.tree / project.suites, head.tree / project.suites)
    rest = [name for name in gated if name not in found.measured]
    lost = ({*base_ids} - {*ids}) | ({*before.thresholds} - {*gated})
    warnings = (
        found.warnings,
        _about_settings(before, head, [name for name in gated if limits[name] < gated[name]]),
        _about_files(base, head, suites, settings.selftest if found.floors else None, project),
        _about_removed(name for name in settings.removed if name in ids and name not in lost),
    )
    return replace(
        found,
        fresh={name: known[name] for name in rest if suites or name not in base_ids},
        warnings=tuple(chain.from_iterable(warnings)),
        new=tuple(name for name in ids if name not in base_ids),
        gone=tuple(sorted(lost - {*settings.removed})),
        removed=tuple(sorted(lost & {*settings.removed})),
    )


def _by_code(
    base: Checkout,
    head: Checkout,
    common: Mapping[str, Case],
    limits: Mapping[str, float],
    project: Project,
    floors: Mapping[str, float],
) -> Scope:
    """Tell the cases whose code differs from the others, of those that both sides have."""
    backends = project.catalogue.backends
    files = differing(base.code, head.code)
    changed = touched(files, list(backends.values()))
    cases = {name: case for name, case in common.items() if case.backend in changed}
    same = [name for name in common if name not in cases]
    controls = spread(same, CONTROLS) if cases else []
    rebuilt = any(name.partition("/")[0] in project.native for name in files)
    moved = [name for name, case in cases.items() if rebuilt and backends[case.backend].needs]
    relevant = {name: floors[name] for name in moved if floors.get(name, 0.0) > limits[name]}
    unknown = [name for name in moved if name not in floors]
    return Scope(
        cases=cases,
        controls={name: common[name] for name in controls},
        same=tuple(name for name in same if name not in controls),
        thresholds=limits,
        floors=relevant,
        threads={name: backends[case.backend].threads for name, case in common.items()},
        rebuilt=bool(moved),
        warnings=tuple(_about_floors(relevant, unknown)),
    )


def restricted(scope: Scope, patterns: Sequence[str]) -> Scope:
    """Return a scope of fewer cases; controls stay, what is gone, and what has to be right."""
    everything = list(dict.fromkeys([*scope.measured, *scope.same, *scope.fresh]))
    try:
        kept = gate_settings.matching(patterns, everything)
    except SettingsError as error:
        reason = str(error).rpartition(": ")[2]
        raise GateError(f"--only: {reason}, of those that are gated") from None
    cases = {name: case for name, case in scope.cases.items() if name in kept}
    controls = scope.controls if cases else {}
    same = [name for name in (*scope.controls, *scope.same) if name in kept]
    return replace(
        scope,
        cases=cases,
        controls=controls,
        same=tuple(name for name in same if name not in controls),
    )


def _timed(catalogue: Catalogue, kernel: str) -> Iterable[Case]:
    return () if catalogue.kernels[kernel].self_timed else catalogue.cases(kernel, FULL)


def _gated(settings: Settings, ids: Sequence[str], known: Mapping[str, Case]) -> dict[str, float]:
    """Return the threshold of each case that the head's gate measures."""
    gated = gate_settings.resolve(settings, ids)
    alien = [name for name in gated if name not in known]
    if alien:
        raise GateError(f"{alien[0]} cannot be gated: it times itself, or is not in the catalogue")
    return gated


def _before(base: Checkout, ids: Sequence[str], threshold: float | None) -> _Before:
    """Return what the base's own gate measures, of its own benchmarks."""
    settings = None
    try:
        settings = _settings_of(base)
        given = settings if threshold is None else replace(settings, threshold=threshold)
        return _Before(settings, gate_settings.resolve(given, ids))
    except SettingsError as error:
        return _Before(settings, fault=str(error))


def _settings_of(side: Checkout) -> Settings:
    path = side.tree / SETTINGS
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return gate_settings.read(text, SETTINGS)


def _about_floors(floors: Mapping[str, float], unknown: Sequence[str]) -> Iterator[str]:
    """Yield, as those below, what a reviewer must know besides the verdicts."""
    if unknown:
        yield (
            "the wheels differ, and no self-test tells what code placement alone gives for "
            f"{', '.join(unknown)}"
        )
    large = [f"{name} ({own:.1%})" for name, own in floors.items() if own > LARGE]
    if large:
        yield (
            f"code placement alone may give more than {LARGE:.0%}, and slowdowns up to that are "
            f"tolerated: {', '.join(large)}"
        )


def _about_settings(before: _Before, head: Checkout, loosened: Sequence[str]) -> Iterator[str]:
    if before.fault:
        yield (
            "the base's own gate cannot be used, so nobody knows what it measured and from where "
            f"on a slowdown counted: {before.fault}"
        )
    if loosened:
        yield (
            "this change raises thresholds, and is held to those of the base: "
            f"{', '.join(loosened)}"
        )
    if before.settings is None:
        return
    try:
        after = vars(_settings_of(head))
    except SettingsError:
        after = {}
    for key, value in sorted(vars(before.settings).items()):
        if key not in after or after[key] != value:
            yield f"this change alters the gate's own setting {key!r}"


def _about_files(
    base: Checkout,
    head: Checkout,
    suites: Sequence[str],
    selftest: str | None,
    project: Project,
) -> Iterator[str]:
    if suites:
        yield (
            "this change alters the benchmarks or the gate itself, so all cases were held against "
            f"the reference: {', '.join(f'{project.suites}/{name}' for name in suites)}"
        )
    if selftest and _differ(base, head, selftest):
        yield f"{selftest} differs, and what code placement may give comes from the head's"
    if _differ(base, head, project.lock):
        yield f"{project.lock} differs, and both sides ran with what is installed here"


def _about_removed(stale: Iterable[str]) -> Iterator[str]:
    names = ", ".join(stale)
    if names:
        yield f"accepted as removed, but still there, so their end would go unnoticed: {names}"


def _differ(base: Checkout, head: Checkout, name: str) -> bool:
    paths = base.tree / name, head.tree / name
    one, other = (path.read_bytes() if path.is_file() else None for path in paths)
    return one != other


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
    cpus = {name: scope.threads.get(name, 1) for name in own}
    pairs = [
        Contest(name, (base, head), (case, case), extra.get(name, 0.0), cpus[name])
        for name, case in own.items()
    ]
    nulls = [
        Contest(NULL + name, (base, base), (own[name], own[name]), cpus=cpus[name])
        for name in spread(list(own), NULLS)
    ]
    return [*pairs, *nulls]


def engine(
    scope: Scope, base: Arm, head: Arm, parity: Parity, catalogue: str, seed: int
) -> Engine:
    """Return an engine with the contests of a scope, without those that are wrong."""
    found = Engine(catalogue_workers(catalogue), contests(scope, base, head), seed)
    found.give_up(parity.wrong)
    found.give_up({NULL + name: reason for name, reason in parity.base.items()})
    return found


def check(scope: Scope, arms: tuple[Arm, Arm], catalogue: str) -> Parity:
    """Hold what is to be measured of both arms against the reference."""
    base, head = arms
    both = list(scope.measured.values())
    found = parity.check([(base, both), (head, [*both, *scope.fresh.values()])], catalogue)
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
