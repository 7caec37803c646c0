"""How often the gate cries wolf on this machine, and what it catches: gates whose truth is known.

A trial is a gate on a few cases, or what it is compared with. In trials of one wheel nothing
differs, or known cases make some percent more calls; in others the head is the same
source with its code placed otherwise. All are saved, one after the other.
"""

import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

from pytest_duel.catalogue.model import Case
from pytest_duel.catalogue.project import Project
from pytest_duel.catalogue.sources import differing
from pytest_duel.paired.client import catalogue_workers
from pytest_duel.paired.engine import Arm, Engine
from pytest_duel.paired.install import Checkout, prepared
from pytest_duel.paired.sampling import ALPHA, LOOKS, Sampled
from pytest_duel.paired.schedule import BATCH_SECONDS, QUADS
from pytest_duel.results import machine
from pytest_duel.selftest import catalogue_gate as gate
from pytest_duel.selftest import stock
from pytest_duel.selftest.catalogue_gate import Parity, Scope
from pytest_duel.selftest.catalogue_judgement import judge
from pytest_duel.selftest.catalogue_settings import Settings
from pytest_duel.selftest.records import Kind, Report, SelftestError, Trial, floors, measuring_code

SLOWDOWNS = {0.03: 3, 0.05: 2, 0.10: 1}
"""Slowdowns, and how often each is tried: the smaller, the more trials its rate takes."""
A_PAIR = 10
"""Trials on one pair of checkouts: where a file lies in memory stays the same for them."""
FRESH_WHEELS = 4
"""Wheels that take no part in the floors; every ordered pair of them is a trial."""
ROUNDING = 0.1
"""A slowdown that whole calls cannot give to within this share of itself is not tried."""


@dataclass(frozen=True)
class Plan:
    """What a self-test does."""

    cases: Mapping[str, Case]
    """By id."""
    gated: Mapping[str, Case]
    """All of the gate's, each of which needs a floor."""
    settings: Settings
    trials: Mapping[Kind, int]
    project: Project
    threads: Mapping[str, int] = field(default_factory=dict)
    """How many of them work at once in a case."""

    def key(self) -> dict[str, Any]:
        """Return what all trials of one file must have in common."""
        return {
            "cases": list(self.cases),
            "threshold": self.settings.threshold,
            "budget": self.settings.budget,
            "alpha": ALPHA,
            "looks": list(LOOKS),
            "quads": QUADS,
            "batch_seconds": BATCH_SECONDS,
            "code": measuring_code(),
            **self.project.identity(),
        }

    def steps(self) -> list[tuple[Kind, int]]:
        """Return all trials; kinds take turns, but floors come first."""
        placement = [(Kind.PLACEMENT, index) for index in range(self.trials[Kind.PLACEMENT])]
        others = [
            ((index + 0.5) / number, kind, index)
            for kind, number in self.trials.items()
            for index in range(number)
            if kind is not Kind.PLACEMENT
        ]
        return placement + [(kind, index) for _, kind, index in sorted(others)]


def here(project: Project) -> dict[str, Any]:
    """Return what tells this machine and its versions from others."""
    return machine.identify(
        name for name in project.catalogue.packages if name not in project.packages
    )


def run(
    plan: Plan,
    report: Report,
    announce: Callable[[str], None],
) -> None:
    """Make the trials that the report does not have yet.

    Raises
    ------
    SelftestError
        Where a backend is wrong, or rebuilding changed nothing.
    """
    steps = [step for step in plan.steps() if not report.has(*step)]
    with ExitStack() as stack, ExitStack() as pair:
        placed = {}
        for name in dict.fromkeys(name for step in steps for name in _placed(*step)):
            # All before any is measured, for building keeps a machine busy.
            announce(f"building the code with its placement {name}")
            placed[name] = stack.enter_context(prepared(None, plan.project, name))
        for number, (kind, index) in enumerate(steps):
            if number % A_PAIR == 0:
                pair.close()
                twins = [pair.enter_context(prepared(None, plan.project)) for _ in range(2)]
                _check(plan, twins)
            announce(f"trial {number + 1} of {len(steps)}: {kind} {index}")
            sides = [placed[name] for name in _placed(kind, index)]
            base, head = (*twins, *sides)[-2:] if len(sides) != 1 else (twins[0], sides[0])
            if sides and not differing(base.code, head.code):
                raise SelftestError("what was built with another placement is the same")
            report.add(_trial(plan, report, (kind, index), (base.arm, head.arm)))


def _check(plan: Plan, twins: Sequence[Checkout]) -> None:
    parity = gate.check(
        _scope(plan, {}, plan.gated), (twins[0].arm, twins[1].arm), plan.project.source
    )
    for reason in parity.wrong.values():
        raise SelftestError(reason)


def _placed(kind: Kind, index: int) -> tuple[str, ...]:
    """Return the placements of a trial: the head's, or the base's and the head's."""
    if kind is Kind.PLACEMENT:
        return (f"placement-{index}",)
    if kind in (Kind.REBUILT, Kind.REBUILT_SLOWED):
        pairs = list(permutations(range(FRESH_WHEELS), 2))
        return tuple(f"fresh-{one}" for one in pairs[index % len(pairs)])
    return ()


def _scope(
    plan: Plan, floors: Mapping[str, float], cases: Mapping[str, Case] | None = None
) -> Scope:
    cases = cases or plan.cases
    thresholds = dict.fromkeys(cases, plan.settings.threshold)
    larger = {name: one for name, one in floors.items() if one > plan.settings.threshold}
    return Scope(
        cases=cases,
        controls={},
        same=(),
        thresholds=thresholds,
        floors=larger,
        threads=plan.threads,
    )


def _trial(
    plan: Plan,
    report: Report,
    step: tuple[Kind, int],
    arms: tuple[Arm, Arm],
) -> Trial:
    kind, index = step
    seed = f"{kind} {index}"
    trial = {"kind": kind, "index": index}
    built = {
        name
        for name, case in plan.cases.items()
        if plan.project.catalogue.backends[case.backend].needs
    }
    known = floors(report.trials) if kind in (Kind.REBUILT, Kind.REBUILT_SLOWED) else {}
    relevant = {name: one for name, one in known.items() if name in built}
    scope = _scope(plan, relevant, plan.gated if kind is Kind.PLACEMENT else None)
    extra: dict[str, float] = {}
    if kind in (Kind.SLOWED, Kind.REBUILT_SLOWED, Kind.STOCK):
        calls = _calls(plan, report.trials)
        if set(calls) != set(plan.cases):
            raise SelftestError(f"a trial of kind {kind} needs one of kind same before it")
        draw = random.Random(seed)  # noqa: S311  a draw, no secret
        if kind is Kind.REBUILT_SLOWED:
            extra = slowdowns_beyond(calls, draw, scope.floors)
        else:
            extra = slowdowns(calls, draw)
    if kind is Kind.STOCK:
        runs = stock.run_thrice(arms[0], plan.cases, calls, extra, plan.project.source)
        return trial | {"extra": extra, "runs": runs}
    engine = Engine(
        catalogue_workers(plan.project.source), gate.contests(scope, *arms, extra), seed
    )
    sampled = gate.measure(scope, engine, plan.settings, lambda _: None)
    judgement = judge(scope, sampled, Parity(), seed, plan.settings.threshold, {}, "")
    return trial | {
        "exit": int(judgement.exit),
        "word": judgement.word,
        "blocks": sampled.measured.blocks,
        "seconds": round(sampled.seconds, 1),
        "errors": sampled.measured.errors,
        "tripped": list(sampled.tripped),
        "cases": {
            name: _case(name, sampled, scope, extra)
            for name in sampled.estimates
            if name not in sampled.measured.errors
        },
    }


def _case(name: str, sampled: Sampled, scope: Scope, extra: Mapping[str, float]) -> dict[str, Any]:
    one = sampled.estimates[name]
    return {
        "extra": extra.get(name, 0.0),
        "threshold": scope.limit(name),
        "verdict": str(sampled.verdicts[name]),
        "change": round(one.median, 6),
        "low": round(one.low, 6),
        "high": round(one.high, 6),
        "blocks": one.blocks,
        "seconds": float(f"{statistics.median(sampled.measured.seconds[name]):.4g}"),
    }


def _calls(plan: Plan, trials: Sequence[Trial]) -> dict[str, int]:
    """Return the calls in a batch of each case, by the times of the trials so far."""
    seconds: dict[str, list[float]] = {name: [] for name in plan.cases}
    for trial in trials:
        for name, one in trial.get("cases", {}).items():
            if name in seconds:
                seconds[name].append(one["seconds"])
    return {
        name: max(1, round(BATCH_SECONDS / statistics.median(own)))
        for name, own in seconds.items()
        if own
    }


def slowdowns(calls: Mapping[str, int], draw: random.Random) -> dict[str, float]:
    """Return a slowdown for half of the cases: one that whole calls can give."""
    found = {}
    for name in draw.sample(sorted(calls), len(calls) // 2):
        possible = [
            share
            for share in SLOWDOWNS
            if abs(round(share * calls[name]) / (share * calls[name]) - 1) <= ROUNDING
        ]
        if possible:
            weights = [SLOWDOWNS[share] for share in possible]
            found[name] = draw.choices(possible, weights)[0]
    return found


def slowdowns_beyond(
    calls: Mapping[str, int], draw: random.Random, floors: Mapping[str, float]
) -> dict[str, float]:
    """Return a slowdown for half of the cases: a point beyond the floor, but 3 % at least."""
    found = {}
    for name in draw.sample(sorted(calls), len(calls) // 2):
        share = max(min(SLOWDOWNS), floors.get(name, 0.0) + 0.01)
        more = math.ceil(share * calls[name])
        if more / calls[name] <= share * (1 + ROUNDING):
            found[name] = round(more / calls[name], 4)
    return found
