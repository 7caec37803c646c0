"""How often the gate cries wolf on this machine, and what it catches: gates whose truth is known.

A trial is a gate on a few cases, or what it is compared with. In trials of one wheel nothing
differs, or known cases do some percent of their calls twice; in others the head is the same
source with its code placed otherwise. All are saved, one after the other.
"""

import hashlib
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import gate, stock
from bench.arms import Checkout, prepared
from bench.engine import BATCH_SECONDS, QUADS, Arm, Engine
from bench.gate import Parity, Scope
from bench.gate_judgement import judge
from bench.gate_settings import Settings
from bench.registry import Case, Catalogue
from bench.sequential import ALPHA, LOOKS, Sampled
from bench.trials import Kind, Report, SelftestError, Trial, floors

SLOWDOWNS = {0.03: 3, 0.05: 2, 0.10: 1}
"""Slowdowns, and how often each is tried: the smaller, the more trials its rate takes."""
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
    catalogue: str

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
            "code": _digest(),
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


def _digest() -> str:
    """Return a digest of the code that measures and decides."""
    digest = hashlib.sha256()
    for name in ("engine", "sides", "worker", "sequential", "verdict"):
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()[:16]


def run(
    plan: Plan,
    report: Report,
    own: Catalogue,
    announce: Callable[[str], None],
    home: Path,
) -> None:
    """Make the trials that the report does not have yet; `home` keeps the rebuilt wheels."""
    steps = [step for step in plan.steps() if not report.has(*step)]
    with ExitStack() as stack:
        base, twin = (stack.enter_context(prepared(None)) for _ in range(2))
        parity = gate.check(_scope(plan, {}, plan.gated), (base.arm, twin.arm), plan.catalogue)
        if parity.wrong:
            raise SelftestError(next(iter(parity.wrong.values())))
        wheels: dict[tuple[Kind, int], Checkout] = {}
        for kind, index in steps:  # before any is measured, for building keeps a machine busy
            if kind in (Kind.PLACEMENT, Kind.REBUILT):
                announce(f"building a wheel with its code placed otherwise: {kind} {index}")
                flags = _placed(kind, index)
                made = prepared(None, flags=flags, cache=home)
                wheels[kind, index] = stack.enter_context(made)
        for number, (kind, index) in enumerate(steps):
            announce(f"trial {number + 1} of {len(steps)}: {kind} {index}")
            head = wheels.get((kind, index), twin)
            report.add(_trial(plan, report, own, (kind, index), (base.arm, head.arm)))


def _placed(kind: Kind, index: int) -> str:
    """Return flags that change no instruction, but the names by which code is ordered."""
    return f"-C metadata={kind}-{index}"


def _scope(
    plan: Plan, floors: Mapping[str, float], cases: Mapping[str, Case] | None = None
) -> Scope:
    cases = cases or plan.cases
    thresholds = dict.fromkeys(cases, plan.settings.threshold)
    larger = {name: one for name, one in floors.items() if one > plan.settings.threshold}
    return Scope(cases=cases, controls={}, same=(), thresholds=thresholds | larger, floors=larger)


def _trial(
    plan: Plan,
    report: Report,
    own: Catalogue,
    step: tuple[Kind, int],
    arms: tuple[Arm, Arm],
) -> Trial:
    kind, index = step
    seed = f"{kind} {index}"
    trial = {"kind": kind, "index": index}
    extra: dict[str, float] = {}
    if kind in (Kind.SLOWED, Kind.STOCK):
        calls = _calls(plan, report.trials)
        if set(calls) != set(plan.cases):
            raise SelftestError(f"a trial of kind {kind} needs one of kind same before it")
        extra = slowdowns(calls, random.Random(seed))  # noqa: S311  a draw, no secret
    if kind is Kind.STOCK:
        runs = stock.run_thrice(arms[0], plan.cases, calls, extra, plan.catalogue)
        return trial | {"extra": extra, "runs": runs}
    known = floors(report.trials) if kind is Kind.REBUILT else {}
    built = {name for name, case in plan.cases.items() if own.backends[case.backend].needs}
    relevant = {name: one for name, one in known.items() if name in built}
    scope = _scope(plan, relevant, plan.gated if kind is Kind.PLACEMENT else None)
    engine = Engine(plan.catalogue, gate.contests(scope, *arms, extra), seed)
    sampled = gate.measure(scope, engine, plan.settings, lambda _: None)
    judgement = judge(scope, sampled, Parity(0, {}), seed, plan.settings.threshold, {}, "")
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
        "threshold": scope.thresholds[name],
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
