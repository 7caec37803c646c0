"""The base against itself: other benchmarks, where those that were drawn cannot be measured."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import pytest

from pytest_duel.gate.plan import Spares, contests
from pytest_duel.paired import engine
from pytest_duel.paired.client import TIMEOUT, RefusalError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.sides import Launched
from simulated_gate import BASE, HEAD, plan_of

NAMES = ("one", "two", "three", "four", "five")
DRAWN = ("one", "three")
BLOCKS = 6


class Side:
    """A side that skips some benchmarks, and times the others at once."""

    def __init__(self, name: str, skipped: Sequence[str]) -> None:
        self.name, self.skipped = name, skipped

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        match request["do"]:
            case "open" if request["name"] in self.skipped:
                raise RefusalError(self.name, "skipped: not on this machine")
            case "open":
                return {"calls": 1, "limit": None, "answers": None}
            case "time":
                return {"seconds": 1e-4 * request["calls"]}
        return {}

    def dismiss(self) -> None:
        pass

    def close(self, seconds: float = 0.0) -> None:
        pass


@pytest.mark.parametrize(("skipped", "nulls"), [
    ((), DRAWN),
    (("one",), ("three", "two")),
    (("one", "two", "three"), ("five", "four")),
    (("one", "two", "three", "four"), ("five",)),
])  # fmt: skip
def test_benchmarks_that_skip_themselves_are_replaced(
    skipped: Sequence[str], nulls: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "lanes", lambda: [0])
    monkeypatch.setattr(engine, "usable_cpus", lambda: [0])
    monkeypatch.setattr(engine, "pinned", lambda others: nullcontext())

    def launch(arm: Arm, cpus: Sequence[int]) -> Launched:
        return Launched(Side(arm.name, skipped), {"do": "hello", "cpus": list(cpus)})

    own = plan_of(NAMES)
    assert own.nulls == DRAWN
    instead = Spares(own, BASE).instead
    measuring = Engine(launch, contests(own, BASE, HEAD), seed=1, most=BLOCKS, instead=instead)
    for _ in measuring.blocks():
        pass
    found = measuring.measured.differences
    assert sorted(name for name in found if name.startswith("A/A ")) == [
        f"A/A {name}" for name in sorted(nulls)
    ]
    assert {name for name in found if " " not in name} == {*NAMES} - {*skipped}
