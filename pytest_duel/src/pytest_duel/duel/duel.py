"""Which of two arms is faster, at every size of a scenario, and by how much."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from statistics import median
from typing import Any

from pytest_duel.catalogue.model import Case, Catalogue, Tier
from pytest_duel.paired import parity
from pytest_duel.paired.client import catalogue_workers
from pytest_duel.paired.engine import Arm, Contest, Engine, Measurements
from pytest_duel.paired.install import ArmName
from pytest_duel.statistics.paired import Estimate, Verdict, decide, estimate
from pytest_duel.support.units import share
from pytest_duel.verdicts.model import Judgement, Row
from pytest_duel.verdicts.rows import blameless, numbers, ratio, row

ALPHA = 0.01
THRESHOLD = 0.02
"""A change that is smaller does not matter, unless another threshold is asked for."""
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
    catalogue: str
    """``module:function`` that returns it, for the workers."""
    cpus: int = 1
    """As many as threads work at once in either backend."""

    def case(self, slot: int, n: int) -> Case:
        """Return what an arm is asked to do."""
        return Case(self.kernel, self.names[slot].backend, self.scenario, n)


def plan_sizes(
    catalogue: Catalogue, kernel: str, scenario: str, tier: Tier, asked: Sequence[int]
) -> tuple[int, ...]:
    """Return the sizes of the scenario's sweep, or those asked for."""
    cases = catalogue.cases(kernel, tier, scenarios=[scenario], sizes=asked)
    return tuple(dict.fromkeys(case.n for case in cases))


def contests(plan: Plan, arms: tuple[Arm, Arm]) -> list[Contest]:
    """Return a contest for each size, and at the smallest the first arm against itself."""
    own = [
        Contest(str(n), arms, (astuple(plan.case(0, n)), astuple(plan.case(1, n))), cpus=plan.cpus)
        for n in plan.sizes
    ]
    least = astuple(plan.case(0, min(plan.sizes)))
    return [*own, Contest(NULL, (arms[0], arms[0]), (least, least), cpus=plan.cpus)]


def run(plan: Plan, arms: tuple[Arm, Arm], announce: Callable[[int], None]) -> Measurements:
    """Check that both arms are right, then run the plan's blocks of what is."""
    engine = Engine(catalogue_workers(plan.catalogue), contests(plan, arms), plan.seed)
    engine.give_up(_wrong(plan, arms))
    return take_blocks(engine, plan.blocks, announce)


def take_blocks(engine: Engine, number: int, announce: Callable[[int], None]) -> Measurements:
    """Run so many blocks; what has begun by then may add to some contests."""
    with closing(engine.blocks()) as blocks:
        for measured in blocks:
            announce(measured.blocks)
            if measured.blocks >= number and measured.compared:
                engine.stop()
    return engine.measured


def _wrong(plan: Plan, arms: tuple[Arm, Arm]) -> dict[str, str]:
    """Return why a contest must not be timed."""
    cases = [{n: plan.case(slot, n) for n in plan.sizes} for slot in (0, 1)]
    checked = parity.check(
        [(arm, own.values()) for arm, own in zip(arms, cases, strict=True)], plan.catalogue
    )
    wrong: dict[str, str] = {}
    for own, one in zip(cases, checked, strict=True):
        wrong |= {str(n): one.wrong[case.id] for n, case in own.items() if case.id in one.wrong}
    return wrong


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
        rows=blameless(rows) if void else tuple(rows),
        warnings=(null,) if void else (),
        notes=(
            f"{measured.blocks} blocks, each two fresh processes on one CPU; the block is "
            f"the sample. A ratio below 1 says that {other} is faster; a verdict needs "
            f"{share(plan.threshold)} and holds for all sizes together, at a level of "
            f"{share(ALPHA)}",
            null,
        ),
        void=void,
        data={
            "blocks": measured.blocks,
            "seed": plan.seed,
            "threshold": plan.threshold,
            "nulls": _null_numbers(measured),
        },
    )


def _null(plan: Plan, measured: Measurements) -> tuple[str, bool]:
    """Tell what the first arm against itself gave, and whether that voids all."""
    if NULL not in measured.differences:
        return f"{NULL} could not be measured: {measured.errors.get(NULL)}", True
    found = estimate(measured.differences[NULL])
    verdict = decide({NULL: found}, {NULL: plan.threshold}, ALPHA)[NULL]
    said = f"{plan.names[0]} against itself: {ratio(found)}"
    void = verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT)
    return (
        f"{said}, so this machine tells differences where there are none" if void else said,
        void,
    )


def _null_numbers(measured: Measurements) -> dict[str, Any]:
    """Return the same for machines; nothing where it could not be measured."""
    if NULL not in measured.differences:
        return {}
    blocks, seconds = measured.differences[NULL], measured.seconds[NULL]
    return {NULL: numbers(estimate(blocks), median(seconds), blocks)}


def _row(
    plan: Plan,
    n: int,
    measured: Measurements,
    estimates: Mapping[str, Estimate],
    verdicts: Mapping[str, Verdict],
) -> Row:
    name = str(n)
    one, other = map(str, plan.names)
    return row(
        f"{plan.kernel}[{one} {other}-{plan.scenario}-{n}]",
        (f"{plan.kernel}, {plan.scenario}", f"n = {n:,}"),
        measured,
        (estimates[name], verdicts[name]) if name in estimates else None,
        compared=ratio,
        contest=name,
        data={"n": n},
    )
