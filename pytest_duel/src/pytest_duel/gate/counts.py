"""Counting the instructions of what was measured, as notes beside its verdicts."""

from dataclasses import replace

from pytest_duel.gate.plan import contests
from pytest_duel.gate.prepare import Prepared
from pytest_duel.gate.question import Announce
from pytest_duel.paired import callgrind
from pytest_duel.paired.sampling import Sampled


def counted(ready: Prepared, sampled: Sampled, announce: Announce) -> Prepared:
    """Count what has an estimate; return the same with what that gave in the plan's notes."""
    arms = ready.base, ready.head
    asked = [one for one in contests(ready.own, *arms) if one.name in sampled.estimates]
    found, errors = callgrind.compare(arms, ready.tests, asked, announce)
    said = {name: f"instructions {one.change:+.2%}" for name, one in found.items()}
    said |= {name: f"instructions not counted: {why}" for name, why in errors.items()}
    notes = {
        name: "; ".join(filter(None, [ready.own.notes.get(name, ""), one]))
        for name, one in said.items()
    }
    return replace(ready, own=replace(ready.own, notes={**ready.own.notes, **notes}))
