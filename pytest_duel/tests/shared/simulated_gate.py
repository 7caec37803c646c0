"""Gates whose truth is known: blocks that are drawn, not measured."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from pytest_duel.gate.collect import Benchmark
from pytest_duel.gate.findings import judge
from pytest_duel.gate.plan import NULLS, Plan, contests, null_name, spread
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.checking import Checked
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.sampling import sample
from pytest_duel.paired.sides import Launched
from pytest_duel.verdicts.model import Judgement

SETTINGS = Settings()
TITLE = "the working tree against main (0123456789)"
NONE: Mapping[str, float] = MappingProxyType({})
FINE: Mapping[str, str] = MappingProxyType({})
BASE, HEAD = Arm("base"), Arm("head")


def benchmark(name: str) -> Benchmark:
    """Return the benchmark of a name such as ``clear[rust-uniform-5]``."""
    file = f"bench/test_{name.partition('[')[0]}.py"
    return Benchmark(name, file, f"/{file}", {}, {})


def plan_of(
    names: Sequence[str], placement_bounds: Mapping[str, float] = NONE, **more: object
) -> Plan:
    """Return the plan of a gate on these benchmarks, each with the usual threshold."""
    whole = Plan(
        measured={name: benchmark(name) for name in names},
        thresholds=dict.fromkeys(names, SETTINGS.threshold),
        nulls=tuple(spread(names, NULLS)),
        placement_bounds=placement_bounds,
    )
    return replace(whole, **more)  # type: ignore[arg-type]


def no_worker(arm: Arm, cpus: Sequence[int]) -> Launched:
    raise AssertionError("nothing is measured")


class Drawn(Engine):
    """Blocks with these changes of the head, and with noise of 0.4 %, or each contest's own."""

    def __init__(
        self,
        contests: Sequence[Contest],
        changes: Mapping[str, float],
        noise: Mapping[str, float] = NONE,
    ) -> None:
        super().__init__(no_worker, contests, seed=0)
        self.changes, self.noise = changes, noise

    def blocks(self) -> Generator[Measurements]:
        rng = np.random.default_rng(3)
        names = [one.name for one in self.roster.contests]
        while not self._stopped:
            own = dict(zip(names, rng.normal(0.0, 1.0, len(names)), strict=True))
            alive = [one.name for one in self.roster.contests]
            found = Measurements(
                differences={
                    name: [
                        float(np.log1p(self.changes.get(name, 0.0)))
                        + self.noise.get(name, 0.004) * own[name]
                    ]
                    for name in alive
                },
                seconds={name: [1.2e-6] for name in alive},
                drifts={name: [0.0] for name in alive},
                blocks=1,
                compared=True,
                own_modules=1,
            )
            self.measured.add(found)
            yield self.measured


def gated(
    plan: Plan,
    changes: Mapping[str, float] = NONE,
    *,
    noise: Mapping[str, float] = NONE,
    wrong: Mapping[str, str] = FINE,
    quote: str = "",
) -> Judgement:
    """Judge a gate in which the head's benchmarks, or the nulls, have changed by so much."""
    engine = Drawn(contests(plan, BASE, HEAD), changes, noise)
    engine.give_up(wrong)
    limits = {name: plan.limit(name) for name in plan.measured}
    nulls = {null_name(name): plan.thresholds[name] for name in plan.nulls}
    sampled = sample(engine, limits, nulls, SETTINGS.budget, lambda _: None)
    sampled = replace(sampled, seconds=87.4)  # of which a golden file must not depend
    checked = Checked({HEAD.name: wrong}, len(plan.measured), 3.0)
    found = judge(plan, sampled, TITLE, SETTINGS, checked)
    return replace(found, notes=(*found.notes, *([quote] if quote else [])))
