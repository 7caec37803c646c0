"""Which of two arms is faster, at every size of a scenario, and by how much."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.arms import ArmName
from bench.engine import Arm, Contest, Engine, Measurements
from bench.exits import Exit
from bench.judgement import Judgement, Row
from bench.registry import Catalogue, Tier
from bench.text import duration, figures
from bench.verdict import Estimate, Verdict, decide, estimate

CATALOGUE = "bench.catalogue:catalogue"
ALPHA = 0.01
NULL = "A/A"


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    names: tuple[ArmName, ArmName]
    kernel: str
    scenario: str
    sizes: tuple[int, ...]
    blocks: int
    threshold: float
    seed: int


def plan_sizes(
    catalogue: Catalogue, kernel: str, scenario: str, tier: Tier, asked: Sequence[int]
) -> tuple[int, ...]:
    """Return the sizes of the scenario's sweep, or those asked for."""
    cases = catalogue.cases(kernel, tier, scenarios=[scenario], sizes=asked)
    return tuple(dict.fromkeys(case.n for case in cases))


def contests(plan: Plan, arms: tuple[Arm, Arm]) -> list[Contest]:
    """Return a contest for each size, and at the smallest the first arm against itself."""
    own = [Contest(str(n), arms, (_case(plan, 0, n), _case(plan, 1, n))) for n in plan.sizes]
    least = _case(plan, 0, min(plan.sizes))
    return [*own, Contest(NULL, (arms[0], arms[0]), (least, least))]


def _case(plan: Plan, slot: int, n: int) -> tuple[str, str, str, int]:
    return plan.kernel, plan.names[slot].backend, plan.scenario, n


def run(plan: Plan, arms: tuple[Arm, Arm], announce: Callable[[int], None]) -> Measurements:
    """Run the plan's blocks."""
    engine = Engine(CATALOGUE, contests(plan, arms), plan.seed)
    for measured in engine.blocks():
        announce(measured.blocks)
        if measured.blocks >= plan.blocks:
            return measured
    raise AssertionError("blocks go on for as long as they are asked for")


def judge(plan: Plan, measured: Measurements) -> Judgement:
    """Return what the blocks say, corrected for the number of sizes."""
    names = [str(n) for n in plan.sizes if str(n) in measured.differences]
    estimates = {name: estimate(measured.differences[name]) for name in names}
    verdicts = decide(estimates, dict.fromkeys(names, plan.threshold), ALPHA)
    rows = [_row(plan, n, measured, estimates, verdicts) for n in plan.sizes]
    null, void = _null(plan, measured)
    one, other = map(str, plan.names)
    return Judgement(
        command="duel",
        title=f"{plan.kernel}, {plan.scenario}: {one} against {other}",
        columns=(one, other, f"{other} / {one} [95 %]"),
        rows=tuple(rows),
        warnings=(null,) if void else (),
        notes=(
            f"{measured.blocks} blocks, each two fresh processes on one CPU; the block is the "
            f"sample. A ratio below 1 says that {other} is faster; a verdict needs "
            f"{plan.threshold:.0%} and holds for all sizes together, at a level of {ALPHA:.0%}",
            null,
        ),
        void=void,
        data={"blocks": measured.blocks, "seed": plan.seed, "threshold": plan.threshold},
    )


def _null(plan: Plan, measured: Measurements) -> tuple[str, bool]:
    """Tell what the first arm against itself gave, and whether that voids all."""
    if NULL not in measured.differences:
        return f"{NULL} could not be measured: {measured.errors.get(NULL)}", True
    found = estimate(measured.differences[NULL])
    verdict = decide({NULL: found}, {NULL: plan.threshold}, ALPHA)[NULL]
    said = f"{plan.names[0]} against itself: {_ratio(found)}"
    void = verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT)
    return (
        f"{said}, so this machine tells differences where there are none" if void else said,
        void,
    )


def _row(
    plan: Plan,
    n: int,
    measured: Measurements,
    estimates: Mapping[str, Estimate],
    verdicts: Mapping[str, Verdict],
) -> Row:
    name = str(n)
    one, other = map(str, plan.names)
    row: dict[str, Any] = {
        "name": f"{plan.kernel}[{one} {other}-{plan.scenario}-{n}]",
        "group": f"{plan.kernel}, {plan.scenario}",
        "label": f"n = {n:,}",
    }
    if name not in estimates:
        reason = measured.errors.get(name, "not measured")
        return Row(**row, cells=("–", "–", "–"), word="error", exit=Exit.ERROR, note=reason)
    found, verdict = estimates[name], verdicts[name]
    seconds = sorted(measured.seconds[name])[len(measured.seconds[name]) // 2]
    slower = verdict is Verdict.REGRESSION
    return Row(
        **row,
        cells=(duration(seconds), duration(seconds * (1 + found.median)), _ratio(found)),
        word=str(verdict),
        exit=Exit.REGRESSION if slower else _undecided(verdict),
        data={
            "n": n,
            "seconds": seconds,
            "ratio": 1 + found.median,
            "low": 1 + found.low,
            "high": 1 + found.high,
            "blocks": measured.differences[name],
        },
    )


def _undecided(verdict: Verdict) -> Exit:
    return Exit.INCONCLUSIVE if verdict is Verdict.INCONCLUSIVE else Exit.PASS


def _ratio(found: Estimate) -> str:
    low, high = figures(1 + found.low), figures(1 + found.high)
    return f"{figures(1 + found.median)} [{low}, {high}]"
