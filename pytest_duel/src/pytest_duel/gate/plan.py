"""Which benchmarks a gate measures, and from which threshold on a slowdown of each counts."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_duel.catalogue.project import TABLE
from pytest_duel.gate.collect import Benchmark
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.support.errors import DuelError
from pytest_duel.support.patterns import matches

NULLS = 2
"""Benchmarks whose base is measured against itself."""


class PlanError(DuelError):
    """There is nothing to measure, or a setting fits nothing; the message says what."""


@dataclass(frozen=True)
class Pair:
    """Two benchmarks that are compared, one on each arm."""

    first: Benchmark
    second: Benchmark
    alike: bool = False
    """They are the same question, so the answers must be the same."""


@dataclass(frozen=True)
class Plan:
    """The benchmarks that are measured, and those that are not."""

    measured: Mapping[str, Benchmark]
    """Those that are measured on both arms, by name."""
    pairs: Mapping[str, Pair] = field(default_factory=dict, kw_only=True)
    """Those of them that are different benchmarks on both arms."""
    thresholds: Mapping[str, float]
    """The smallest slowdown that matters, of each."""
    nulls: tuple[str, ...] = ()
    """Those whose base is compared with itself, too."""
    new: tuple[str, ...] = ()
    """Benchmarks that only head has."""
    gone: tuple[str, ...] = ()
    """Benchmarks that only base has."""
    removed: tuple[str, ...] = ()
    """The same, if their removal is accepted."""
    skipped: Mapping[str, str] = field(default_factory=dict)
    """Why a benchmark is not measured, in the words of its marker."""
    placement_bounds: Mapping[str, float] = field(default_factory=dict)
    """The placement bounds that are larger than the threshold."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Notes on benchmarks."""
    altered: frozenset[str] = frozenset()
    """Benchmarks whose test file differs from the base's."""
    warnings: tuple[str, ...] = ()

    def pair(self, name: str) -> Pair:
        """Return what is run on each arm."""
        one = self.measured[name]
        return self.pairs.get(name, Pair(one, one))

    @property
    def has_pairs(self) -> bool:
        """Tell whether any benchmark is compared with one that is not the same."""
        return any(one.first.name != one.second.name for one in map(self.pair, self.measured))

    @property
    def run(self) -> dict[str, Benchmark]:
        """Return the benchmarks that any arm runs, by name."""
        both = [self.pair(name) for name in self.measured]
        return {one.name: one for pair in both for one in (pair.first, pair.second)}

    def limit(self, name: str) -> float:
        """Return the slowdown from which on a benchmark is a regression."""
        return self.placement_bounds.get(name, self.thresholds[name])


def plan(
    head: Mapping[str, Benchmark],
    base: Mapping[str, Benchmark],
    settings: Settings,
    before: Settings,
    only: Sequence[str] = (),
    threshold: float | None = None,
) -> Plan:
    """Decide what to measure.

    Parameters
    ----------
    head, base
        What was collected on either side.
    settings, before
        Of the head, and of the base: a change cannot loosen its own gate.
    only
        Patterns: measure these only.
    threshold
        Given by hand, in place of the settings'.

    Raises
    ------
    PlanError
        Where there is no benchmark, or a pattern matches none.
    """
    if not head and not base:
        raise PlanError(
            "no benchmark was found: of the tests that were collected, and that -k and -m leave, "
            "none uses the fixture `benchmark`"
        )
    _check_patterns(settings, [*head, *base], only)
    gated = dict.fromkeys([*settings.gated(head), *(set(before.gated(base)) & set(head))])
    chosen = [name for name in head if name in gated and _is_chosen(name, only)]
    lost = [name for name in before.gated(base) if name not in head and _is_chosen(name, only)]
    skipped = {
        name: reason
        for name in chosen
        if (reason := head[name].skipped) and (name not in base or base[name].skipped)
    }
    measured = [name for name in chosen if name in base and name not in skipped]
    limits = {
        name: _limit(head[name], base[name], settings, before, threshold) for name in measured
    }
    return Plan(
        measured={name: _checked(head[name], base[name]) for name in measured},
        thresholds={name: limit for name, (limit, _) in limits.items()},
        nulls=tuple(spread(measured, NULLS)),
        new=tuple(name for name in chosen if name not in base and name not in skipped),
        gone=tuple(name for name in lost if name not in settings.removed),
        removed=tuple(name for name in lost if name in settings.removed),
        skipped=skipped,
        notes=dict(_notes(measured, head, base)),
        warnings=tuple(
            _warnings(
                [name for name, (_, tighter) in limits.items() if tighter],
                head,
                base,
                measured,
                settings,
            )
        ),
    )


def contests(
    own: Plan, base: Arm, head: Arm, extra: Mapping[str, float] | None = None
) -> list[Contest]:
    """Return the pairs to measure: each benchmark, and the nulls.

    `extra` is more work for the head, by benchmark, as a share: what a self-test is to find.
    """
    return [
        *(
            _contest(own, name, (base, head), (extra or {}).get(name, 0.0))
            for name in own.measured
        ),
        *(_null(own, name, base) for name in own.nulls),
    ]


def _contest(own: Plan, name: str, arms: tuple[Arm, Arm], extra: float) -> Contest:
    pair = own.pair(name)
    return Contest(
        name, arms, file=pair.first.file, benchmarks=(pair.first.name, pair.second.name),
        alike=pair.alike, extra=extra, cpus=max(pair.first.cpus, pair.second.cpus),
    )  # fmt: skip


def _null(own: Plan, name: str, base: Arm) -> Contest:
    pair = own.pair(name)
    return Contest(
        null_name(name), (base, base), file=pair.first.file, null=True, alike=False,
        benchmarks=(pair.first.name, pair.first.name),
        cpus=max(pair.first.cpus, pair.second.cpus),
    )  # fmt: skip


def null_name(name: str) -> str:
    """Return the name of a benchmark's null. No node id begins like this."""
    return f"A/A {name}"


def spread(names: Sequence[str], number: int) -> list[str]:
    """Return this many of the names, or all, evenly spaced."""
    count = min(number, len(names))
    return [names[place * len(names) // count] for place in range(count)]


def _checked(head: Benchmark, base: Benchmark) -> Benchmark:
    """Return the head's benchmark, whose answers are checked where either side says so."""
    if base.is_checked and not head.is_checked:
        return replace(head, marker={**head.marker, "check": True})
    return head


def _is_chosen(name: str, only: Sequence[str]) -> bool:
    return not only or any(matches(pattern, [name]) for pattern in only)


def _check_patterns(settings: Settings, names: Collection[str], only: Sequence[str]) -> None:
    idle = [f"[{TABLE}]: no benchmark matches {one!r}" for one in settings.idle(names)]
    idle += [f"--only: no benchmark matches {one!r}" for one in only if not matches(one, names)]
    if idle:
        raise PlanError("; ".join(idle))


def _limit(
    head: Benchmark,
    base: Benchmark,
    settings: Settings,
    before: Settings,
    threshold: float | None,
) -> tuple[float, bool]:
    """Return the threshold, and whether it is the base's because the change has raised it."""
    asked = _threshold(head, settings, threshold)
    allowed = _threshold(base, before, threshold)
    return min(asked, allowed), allowed < asked


def _threshold(one: Benchmark, settings: Settings, given: float | None) -> float:
    marked = one.marker.get("threshold")
    if marked is not None:
        return float(marked)
    own = settings.threshold_of(one.name)
    return given if given is not None and own == settings.threshold else own


def _notes(
    measured: Sequence[str], head: Mapping[str, Benchmark], base: Mapping[str, Benchmark]
) -> Iterator[tuple[str, str]]:
    for name in measured:
        after, before = head[name].parameters, base[name].parameters
        differing = [key for key in after if before.get(key, after[key]) != after[key]]
        if differing:
            key = differing[0]
            said = (
                f"its name stands for something else in the base: {key} is {after[key]} here and "
                f"{before[key]} there; both arms were measured with the former"
            )
            yield name, said


def _warnings(
    raised: Sequence[str],
    head: Mapping[str, Benchmark],
    base: Mapping[str, Benchmark],
    measured: Sequence[str],
    settings: Settings,
) -> Iterator[str]:
    if raised:
        yield (
            f"this change raises thresholds, and is held to those of the base: {', '.join(raised)}"
        )
    newly = [name for name in measured if head[name].skipped and not base[name].skipped]
    if newly:
        yield (
            "this change marks benchmarks to be skipped; they were measured anyway: "
            f"{', '.join(newly)}"
        )
    unchecked = [name for name in measured if base[name].is_checked > head[name].is_checked]
    if unchecked:
        yield (
            "this change turns off the check of answers; they were checked anyway: "
            f"{', '.join(unchecked)}"
        )
    stale = [name for name in settings.removed if name in head]
    if stale:
        yield (
            "these are accepted as removed but still exist, so a later removal would go "
            f"unnoticed: {', '.join(stale)}"
        )
