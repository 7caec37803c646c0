"""Measuring what a gate has prepared: answers first, then times."""

from collections.abc import Iterator, Mapping

from pytest_duel.gate.plan import Spares, contests, null_name
from pytest_duel.gate.prepare import Prepared
from pytest_duel.gate.question import Announce
from pytest_duel.paired import cores
from pytest_duel.paired.block import Block
from pytest_duel.paired.checking import Checked, check
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.in_turns import TurnsBlock
from pytest_duel.paired.pytest_client import pytest_workers
from pytest_duel.paired.sampling import LEAST, LOOKS, Progress, Sampled, sample
from pytest_duel.paired.schedule import Budget
from pytest_duel.paired.surroundings import surrounded
from pytest_duel.statistics.paired import Decide, decide
from pytest_duel.support.units import duration


def checked_answers(ready: Prepared, announce: Announce) -> Checked:
    """Let both arms check the answers of the benchmarks that ask for it."""
    names = [name for name, one in ready.own.run.items() if one.is_checked]
    if not names:
        return Checked()
    announce(f"checking the answers of {len(names)} benchmarks on both sides ...")
    together = not ready.settings.in_turns
    arms = [ready.in_block(arm, 0) for arm in (ready.base, ready.head)]
    found = check(arms, ready.tests, names, together=together)
    announce(f"  {len(found.reasons)} are wrong ({duration(found.seconds)})")
    return found


def measure(
    ready: Prepared,
    checked: Checked,
    seed: int | str,
    announce: Announce,
    *,
    extra: Mapping[str, float] | None = None,
    judge: Decide = decide,
) -> Sampled:
    """Sample until every benchmark is decided, or the budget is spent.

    Parameters
    ----------
    ready
        Both arms.
    checked
        What the arms answered.
    seed
        Of the order.
    announce
        Told how far it is.
    extra
        More work for the head, by benchmark, as a share.
    judge
        Makes verdicts of estimates.
    """
    pairs = contests(ready.own, ready.base, ready.head, extra)
    budget = Budget(
        seconds=ready.settings.budget,
        lanes=lanes(ready),
        blocks=LOOKS[0],
        least=LEAST,
        benchmarks=len(pairs),
        overhead=(4 if ready.own.nulls else 2) * ready.collecting,  # workers begin in turns
    )
    block = TurnsBlock if ready.settings.in_turns else Block

    def draw(arm: Arm, number: int) -> Arm:
        return surrounded(ready.in_block(arm, number), seed, number)

    def tell_error(name: str, why: str) -> None:
        if name in ready.own.measured:
            announce(f"error: {name}: {why}")

    engine = Engine(
        pytest_workers(ready.tests), pairs, seed, budget, block, draw=draw, tell=tell_error,
        instead=Spares(ready.own, ready.base).instead, reach=ready.placing.reach,
    )  # fmt: skip
    engine.give_up(dict(wrong_contests(ready, checked)))
    limits = {name: ready.own.limit(name) for name in ready.own.thresholds}
    nulls = {null_name(name): limit for name, limit in ready.own.thresholds.items()}

    def tell(now: Progress) -> None:
        announce(
            f"block {now.blocks}: {now.undecided} of {len(ready.own.measured)} benchmarks "
            f"undecided after {now.elapsed:.0f} s, at most {now.left:.0f} s left"
        )

    return sample(engine, limits, nulls, ready.settings.budget, tell, judge)


def lanes(ready: Prepared) -> int:
    """Return how many blocks run side by side."""
    if ready.settings.in_turns:
        return 1
    cpus = len(cores.lanes())
    pairs = contests(ready.own, ready.base, ready.head)
    width = max((one.cpus for one in pairs if one.cpus <= cpus), default=1)
    return max(1, cpus // width)


def wrong_contests(ready: Prepared, checked: Checked) -> Iterator[tuple[str, str]]:
    """Yield the names of contests that must not be timed, and why."""
    base, head = (checked.wrong.get(arm.name, {}) for arm in (ready.base, ready.head))
    for name in ready.own.measured:
        pair = ready.own.pair(name)
        reason = head.get(pair.second.name) or base.get(pair.first.name)
        if reason:
            yield name, reason
        if pair.first.name in base:
            yield null_name(name), base[pair.first.name]
