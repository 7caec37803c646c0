"""Gates of any project whose truth is known: equal code, or one benchmark slowed on purpose.

Both arms are the working tree, installed once. A trial is a gate as `pytest-duel gate` runs it, or
three runs of stock pytest-benchmark on the same code. In some trials one arm, or both, are the
same source built with its compiled code placed otherwise.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_duel.gate import findings
from pytest_duel.gate.measure import checked_answers, lanes, measure
from pytest_duel.gate.prepare import Prepared
from pytest_duel.paired.checking import Checked
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_worker.slower import REASONS, PlantError
from pytest_duel.paired.sampling import ALPHA, LOOKS, Sampled
from pytest_duel.paired.schedule import BATCH_SECONDS, QUAD, QUADS
from pytest_duel.results import machine
from pytest_duel.selftest import placement, records
from pytest_duel.selftest.placement import Drawn
from pytest_duel.selftest.records import Kind, Report, SelftestError, Trial, measuring_code
from pytest_duel.selftest.stock_runs import run_thrice
from pytest_duel.support import files
from pytest_duel.support.units import count, waiting

MEASURING = (
    "paired/engine.py", "paired/block.py", "paired/in_turns.py", "paired/roster.py",
    "paired/talk.py", "paired/sides.py", "paired/cores.py", "paired/client.py",
    "paired/contests.py", "paired/measurements.py", "paired/schedule.py", "paired/sampling.py",
    "paired/placements.py", "paired/surroundings.py", "paired/arms/links.py",
    "paired/arms/keep_link.py",
    "paired/pytest_client.py", "paired/pytest_worker/fixture.py", "paired/pytest_worker/heap.py",
    "paired/pytest_worker/slower.py", "paired/pytest_worker/plugin.py", "statistics/paired.py",
    "gate/plan.py", "gate/measure.py", "gate/findings.py",
    "selftest/stock_plugin.py", "selftest/stock_runs.py", "selftest/trials.py",
    "selftest/placement.py",
)  # fmt: skip
"""The modules that measure and decide."""
PROCESSES = 4
"""How many processes a block starts: two arms, and the base twice for the nulls."""
STOCK_SECONDS = 1.3
"""How long pytest-benchmark takes for a benchmark with its default settings."""
PLANT = f"{PlantError.__name__}: "
"""The start of an error of a worker that cannot slow a benchmark."""
PACKAGES = ("pytest-duel", "pytest", "pytest-benchmark")
BEYOND = 0.01
"""A planted slowdown exceeds the placement bound by this share."""
SOURCES = (
    ".c", ".cc", ".cpp", ".cxx", ".f", ".f90", ".go", ".h", ".hh", ".hpp", ".pxd", ".pyx", ".rs",
    ".zig",
)  # fmt: skip
"""The ends of names of files that compiled modules are made from."""
TWO_BUILDS = (Kind.REBUILT, Kind.REBUILT_SLOWED)
ORDER = (Kind.SAME, Kind.SLOWED, Kind.REBUILT, Kind.REBUILT_SLOWED, Kind.STOCK)
"""The order of the kinds that take turns."""


@dataclass(frozen=True)
class Plan:
    """The trials of a self-test."""

    ready: Prepared
    project: str
    """Its name, for people."""
    trials: Mapping[Kind, int]
    slowdown: float
    """The slowdown of one benchmark at a time, as a share."""
    checked: Checked = field(default_factory=Checked)
    """The result of checking the answers, once for all trials."""
    placements: Drawn = Drawn.COMMON
    """Where the native code of two builds lies in the blocks of a gate."""
    patience: float = math.inf
    """Seconds after which no trial is begun."""

    def key(self) -> dict[str, Any]:
        """Return what all trials of one file must have in common."""
        own = self.ready.own
        return {
            "project": self.project,
            "benchmarks": list(own.measured),
            "thresholds": dict(own.thresholds),
            "threshold": self.ready.settings.threshold,
            "budget": self.ready.settings.budget,
            "slowdown": self.slowdown,
            "in_turns": self.ready.settings.in_turns,
            "placements": self.placements,
            "alpha": ALPHA,
            "looks": list(LOOKS),
            "quads": QUADS,
            "batch_seconds": BATCH_SECONDS,
            "code": measuring_code(MEASURING),
            "sources": _sources(self.ready),
        }

    def steps(self) -> list[tuple[Kind, int]]:
        """Return all trials: first those of placement, then the other kinds in turns."""
        places = [
            ((index + 0.5) / number, ORDER.index(kind), index)
            for kind, number in self.trials.items()
            if kind is not Kind.PLACEMENT
            for index in range(number)
        ]
        placed = [(Kind.PLACEMENT, one) for one in range(self.trials.get(Kind.PLACEMENT, 0))]
        return placed + [(ORDER[kind], index) for _, kind, index in sorted(places)]

    def forecast(self, steps: Sequence[tuple[Kind, int]]) -> tuple[float, float]:
        """Return how many seconds trials will take: about, and at most."""
        own, budget = self.ready.own, self.ready.settings.budget
        kinds = [kind for kind, _ in steps]
        stock = kinds.count(Kind.STOCK)
        benchmarks = len(own.measured)
        once = 3 * (self.ready.collecting + STOCK_SECONDS * benchmarks)
        pair = QUAD * QUADS * BATCH_SECONDS
        block = PROCESSES * self.ready.collecting + pair * (benchmarks + len(own.nulls))
        gate = min(budget, LOOKS[1] * block / lanes(self.ready))
        gates = len(kinds) - stock
        return gates * gate + stock * once, gates * max(budget, gate) + stock * once


def here() -> dict[str, Any]:
    """Return what tells this machine and its versions from others."""
    return machine.identify(PACKAGES)


def run(plan: Plan, report: Report, announce: Callable[[str], None]) -> None:
    """Make the trials that the report does not have yet.

    Raises
    ------
    SelftestError
        Where there is nothing to measure.
    """
    if not plan.ready.own.measured:
        raise SelftestError("there is nothing to measure: every benchmark is marked to be skipped")
    steps = [step for step in plan.steps() if not report.has(*step)]
    about, most = plan.forecast(steps)
    announce(
        f"self-test of {count(len(plan.ready.own.measured), 'benchmark')}: "
        f"{count(len(steps), 'trial')}, about "
        f"{waiting(about)} in all, at most some {waiting(most)}"
    )
    begun = time.monotonic()
    plan = replace(plan, checked=checked_answers(plan.ready, announce))
    builds: dict[str, Arm] = {}
    for name in dict.fromkeys(name for step in steps for name in placement.names(*step)):
        # All before any is measured, for building keeps a machine busy.
        announce(f"building the code with its placement {name} ...")
        builds[name] = placement.built(plan.ready, name)
    started = time.monotonic()
    for number, (kind, index) in enumerate(steps, 1):
        if time.monotonic() - begun > plan.patience:
            announce(f"{len(steps) - number + 1} of {len(steps)} trials are left for another time")
            return
        how = plan.placements if kind in TWO_BUILDS else Drawn.ONE
        ready = _arranged(
            plan.ready, kind, index, builds, report.trials if how is Drawn.ONE else ()
        )
        with placement.drawn(ready, how, f"{kind} {index}") as ready:
            trial = _trial(replace(plan, ready=ready), kind, index, report.trials)
        report.add(trial)
        left = (time.monotonic() - started) / number * (len(steps) - number)
        announce(
            f"trial {number} of {len(steps)}: {_outcome(kind, trial)}; about {waiting(left)} left"
        )


def unplanted(trials: Sequence[Trial]) -> dict[str, str]:
    """Return the benchmarks that no slowdown can be planted into, and why."""
    return {name: why for name, why in _reasons(trials) if why.startswith(REASONS)}


def unmeasured(trials: Sequence[Trial]) -> dict[str, str]:
    """Return the benchmarks that gave no number for another reason, and that."""
    return {name: why for name, why in _reasons(trials) if not why.startswith(REASONS)}


def _reasons(trials: Sequence[Trial]) -> Iterator[tuple[str, str]]:
    for trial in trials:
        yield from trial.get("unmeasured", {}).items()


def _never_measured(trials: Sequence[Trial]) -> dict[str, str]:
    """Return the benchmarks that have given no number with equal code, and why."""
    same = [one for one in trials if one["kind"] == Kind.SAME]
    measured = {name for trial in same for name in trial["cases"]}
    return {name: why for name, why in unmeasured(trials).items() if name not in measured}


def target(benchmarks: Sequence[str], index: int, trials: Sequence[Trial]) -> str:
    """Return the benchmark to be slowed in a trial; they take turns.

    Raises
    ------
    SelftestError
        Where none can be.
    """
    out = unplanted(trials) | _never_measured(trials)
    names = [name for name in benchmarks if name not in out]
    if not names:
        raise SelftestError(
            f"no slowdown can be planted into any benchmark: {next(iter(out.values()), '')}"
        )
    return names[index % len(names)]


def _arranged(
    ready: Prepared, kind: Kind, index: int, builds: Mapping[str, Arm], trials: Sequence[Trial]
) -> Prepared:
    """Return the arms of a trial, with their placement bounds."""
    sides = [builds[name] for name in placement.names(kind, index)]
    if not sides:
        return ready
    base, head = (ready.base, *sides)[-2:]
    known = {} if kind is Kind.PLACEMENT else records.placement_bounds(trials)
    limits = ready.own.thresholds
    bounds = {name: one for name, one in known.items() if one > limits.get(name, 1.0)}
    return replace(ready, base=base, head=head, own=replace(ready.own, placement_bounds=bounds))


def _trial(plan: Plan, kind: Kind, index: int, trials: Sequence[Trial]) -> Trial:
    own = plan.ready.own
    extra: dict[str, float] = {}
    if kind in (Kind.SLOWED, Kind.REBUILT_SLOWED, Kind.STOCK):
        name = target(list(own.measured), index, trials)
        hidden = own.placement_bounds.get(name)
        extra[name] = max(plan.slowdown, hidden + BEYOND) if hidden else plan.slowdown
    trial = {"kind": kind, "index": index, "extra": extra}
    if kind is not Kind.STOCK:
        return trial | _gate(plan, f"{kind} {index}", extra)
    ready = plan.ready
    return trial | {"runs": run_thrice(ready.head, ready.tests, list(own.measured), extra)}


def _gate(plan: Plan, seed: str, extra: Mapping[str, float]) -> dict[str, Any]:
    ready = plan.ready
    sampled = measure(ready, plan.checked, seed, lambda _: None, extra=extra)
    judgement = findings.judge(ready.own, sampled, seed, ready.settings)
    return {
        "exit": int(judgement.exit),
        "word": judgement.word,
        "void": judgement.void,
        "blocks": sampled.blocks,
        "seconds": round(sampled.seconds, 1),
        "tripped": list(sampled.tripped),
        "placements": ready.placing.as_dict(),
        "unmeasured": dict(_unmeasured(ready, sampled)),
        "means": {row.name: row.word for row in judgement.means},
        "cases": {
            name: _case(name, sampled, extra)
            for name in ready.own.measured
            if name in sampled.estimates and name not in sampled.measured.given_up
        },
    }


def _unmeasured(ready: Prepared, sampled: Sampled) -> Iterator[tuple[str, str]]:
    """Yield what gave no number, and why."""
    measured = sampled.measured
    for name in ready.own.measured:
        if name in measured.skipped:
            yield name, f"skipped: {measured.skipped[name]}"
        elif name in measured.errors:
            yield name, measured.errors[name].rpartition(PLANT)[2]
        elif name in measured.unaffordable:
            yield name, "a call takes too long for the budget"


def _case(name: str, sampled: Sampled, extra: Mapping[str, float]) -> dict[str, Any]:
    one = sampled.estimates[name]
    return {
        "extra": extra.get(name, 0.0),
        "verdict": str(sampled.verdicts[name]),
        "change": round(one.median, 6),
        "low": round(one.low, 6),
        "high": round(one.high, 6),
        "blocks": one.blocks,
        "seconds": float(f"{statistics.median(sampled.measured.seconds[name]):.4g}"),
    }


def _outcome(kind: Kind, trial: Trial) -> str:
    slowed = f"{', '.join(trial['extra'])} slowed"
    names = {
        Kind.SAME: "equal code",
        Kind.SLOWED: slowed,
        Kind.PLACEMENT: "code placed otherwise",
        Kind.REBUILT: "two builds of equal code",
        Kind.REBUILT_SLOWED: f"two builds, {slowed}",
        Kind.STOCK: "pytest-benchmark three times",
    }
    return names[kind] + (f": {trial['word']}" if "word" in trial else "")


def _sources(ready: Prepared) -> str:
    """Return a digest of the code that is measured: the arm's modules, and the tests' files.

    In place of compiled files it has their sources: two builds are not the same to the bit.
    """
    found = [Path(one.path) for one in ready.own.measured.values()]
    for name, folder in ready.head.modules.items():
        home = Path(folder) / name
        found += home.rglob("*.py") if home.is_dir() else Path(folder).glob(f"{name}.py")
    for package in ready.recipe.packages:
        own = (ready.tests.folder / package).rglob("*")
        found += (path for path in own if path.suffix.lower() in SOURCES)
    return files.digest(sorted({path for path in found if path.is_file()}))
