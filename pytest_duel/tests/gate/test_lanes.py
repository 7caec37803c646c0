"""How many blocks of a gate run side by side, which is what budgets and forecasts count with."""

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_duel.gate.measure import lanes
from pytest_duel.gate.prepare import Prepared
from pytest_duel.paired import cores
from pytest_duel.paired.arms.recipe import Recipe
from pytest_duel.paired.pytest_client import Suite
from simulated_gate import BASE, HEAD, SETTINGS, TITLE, benchmark, plan_of


@pytest.mark.parametrize(("cpus", "in_turns", "expected"), [
    ((1, 1), False, 4), ((1, 2), False, 2), ((3, 1), False, 1), ((4, 1), False, 1),
    ((5, 1), False, 4), ((5, 2), False, 2), ((1, 1), True, 1),
])  # fmt: skip
def test_a_benchmark_of_several_cpus_leaves_fewer_lanes(
    cpus: tuple[int, ...],
    in_turns: bool,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cores, "lanes", lambda: [0, 1, 2, 3])
    names = ["one", "two"]
    measured = {
        name: replace(benchmark(name), marker={"cpus": number})
        for name, number in zip(names, cpus, strict=True)
    }
    ready = Prepared(
        BASE, HEAD, Suite(tmp_path, tmp_path), plan_of(names, measured=measured),
        replace(SETTINGS, in_turns=in_turns), TITLE, collecting=0.0, recipe=Recipe(),
    )  # fmt: skip
    assert lanes(ready) == expected
