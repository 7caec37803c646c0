"""Benchmarks that a change leaves without a verdict: which they are, and which were accepted.

A change must not get rid of a benchmark unseen. So what skips itself here and not as the base has
it is an error, and so is what only the head can run, unless it was accepted by name.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from pytest_duel.gate.plan import NULLS, Plan, spread
from pytest_duel.gate.prepare import Prepared
from pytest_duel.gate.question import Announce
from pytest_duel.paired.checking import check
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.sampling import Sampled

FAILING = "it does not run on the base, which was accepted; measured from the next change on"


def failing_on_base(ready: Prepared, accepted: Sequence[str], announce: Announce) -> Prepared:
    """Return the same with accepted benchmarks as new ones where the head alone can run them.

    Parameters
    ----------
    ready
        What will be measured.
    accepted
        Names of benchmarks. Each of them that is to be measured is run once on both arms.
    announce
        Told that they are.
    """
    asked = [name for name in accepted if name in ready.own.measured]
    if not asked:
        return ready
    announce(f"running what was accepted once on both sides: {', '.join(asked)} ...")
    arms = [ready.in_block(arm, 0) for arm in (ready.base, ready.head)]
    found = check(arms, ready.tests, asked, together=not ready.settings.in_turns)
    base, head = (arm.name for arm in arms)
    new = [name for name in asked if found.runs(head, name) and not found.runs(base, name)]
    return replace(ready, own=_as_new(ready.own, new)) if new else ready


def _as_new(own: Plan, names: Collection[str]) -> Plan:
    measured = {name: one for name, one in own.measured.items() if name not in names}
    return replace(
        own,
        measured=measured,
        thresholds={name: own.thresholds[name] for name in measured},
        nulls=tuple(spread(list(measured), NULLS)),
        new=(*own.new, *names),
        notes={**own.notes, **dict.fromkeys(names, FAILING)},
    )


def stopped(
    ready: Prepared, sampled: Sampled, accepted: Sequence[str], announce: Announce
) -> Prepared:
    """Return the same with the benchmarks that skip themselves since this change, unless accepted.

    A mark, a fixture, a conftest.py or the test itself may do that. So each benchmark that both
    arms skip is run once more on the base, as the base's own test.
    """
    names = _skipped(ready.own, sampled)
    if not names or ready.theirs is None:
        return ready
    announce("running what skips itself once more, as the base has it ...")
    base = _uncompiled(ready.in_block(ready.base, 0))
    found = check([base], ready.theirs, names)
    allowed = {*accepted, *ready.settings.removed}
    new = {name for name in names if name not in found.skipped[base.name]} - allowed
    return replace(ready, own=replace(ready.own, stopped=frozenset(new)))


def _uncompiled(arm: Arm) -> Arm:
    """Return an arm whose workers leave no bytecode, for whatever is new in its tree counts.

    A test may import what was not imported when the tests were collected.
    """
    return replace(arm, environment={**arm.environment, "PYTHONDONTWRITEBYTECODE": "1"})


def about_accepted(own: Plan, sampled: Sampled | None, accepted: Sequence[str]) -> Iterator[str]:
    """Yield which accepted benchmarks have no verdict, and which names had nothing to accept."""
    skipped = _skipped(own, sampled) if sampled else []
    unknown = [name for name in accepted if name in skipped or own.notes.get(name) == FAILING]
    if unknown:
        yield (
            "these were accepted without a verdict, so whether this change made them slower is "
            f"not known: {', '.join(unknown)}"
        )
    idle = [name for name in accepted if name not in (*unknown, *own.removed)]
    if idle:
        yield (
            "--accept names these, of which nothing had to be accepted, so what they lose later "
            f"would go unnoticed: {', '.join(idle)}"
        )


def _skipped(own: Plan, sampled: Sampled) -> list[str]:
    return [name for name in own.measured if name in sampled.measured.skipped]
