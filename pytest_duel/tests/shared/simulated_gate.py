"""Gates whose truth is known: blocks that are drawn, not measured."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from pytest_duel.catalogue.model import Case
from pytest_duel.paired.client import catalogue_workers
from pytest_duel.paired.engine import Arm, Contest, Engine, Measurements
from pytest_duel.selftest import catalogue_gate as gate
from pytest_duel.selftest.catalogue_gate import Parity, Scope
from pytest_duel.selftest.catalogue_judgement import judge
from pytest_duel.selftest.catalogue_settings import Settings
from pytest_duel.verdicts.model import Judgement

SETTINGS = Settings(("*",))
TITLE = "the working tree against main (0123456789)"
NONE: Mapping[str, float] = MappingProxyType({})
FINE: Mapping[str, str] = MappingProxyType({})


def case(name: str) -> Case:
    """Return the case with an id such as ``clear[rust-uniform-5]``."""
    kernel, _, rest = name.removesuffix("]").partition("[")
    backend, scenario, n = rest.split("-")
    return Case(kernel, backend, scenario, int(n))


def scope_of(cases: Sequence[str], controls: Sequence[str] = (), **more: object) -> Scope:
    thresholds = dict.fromkeys([*cases, *controls], SETTINGS.threshold)
    whole = Scope({one: case(one) for one in cases}, {one: case(one) for one in controls}, (),
                  thresholds, {})  # fmt: skip
    return replace(whole, **more)  # type: ignore[arg-type]


class Drawn(Engine):
    """Blocks with these changes of the head, and with noise of 0.4 %, or each contest's own."""

    def __init__(
        self,
        contests: Sequence[Contest],
        changes: Mapping[str, float],
        noise: Mapping[str, float] = NONE,
    ) -> None:
        super().__init__(catalogue_workers("no:catalogue"), contests, seed=0)
        self.changes, self.noise = changes, noise

    def blocks(self) -> Generator[Measurements]:
        rng = np.random.default_rng(3)
        names = [one.name for one in self.contests]
        while not self._stopped:
            own = dict(zip(names, rng.normal(0.0, 1.0, len(names)), strict=True))
            alive = [one.name for one in self.contests]
            found = Measurements(
                differences={
                    name: [
                        float(np.log1p(self.changes.get(name, 0.0)))
                        + self.noise.get(name, 0.004) * own[name]
                    ]
                    for name in alive
                },
                seconds={name: [1.2e-6] for name in alive},
                blocks=1,
                compared=True,
            )
            self.measured.add(found)
            yield self.measured


def gated(
    scope: Scope,
    changes: Mapping[str, float] = NONE,
    *,
    noise: Mapping[str, float] = NONE,
    wrong: Mapping[str, str] = FINE,
    notes: Mapping[str, str] = FINE,
    settings: Settings = SETTINGS,
    quote: str = "",
) -> Judgement:
    """Judge a gate in which the head's cases, or the nulls, have changed by so much."""
    base, head = Arm("main", ("b",)), Arm("working tree", ("h",))
    engine = Drawn(gate.contests(scope, base, head), changes, noise)
    engine.give_up(wrong)
    sampled = gate.measure(scope, engine, settings, lambda _: None)
    sampled = replace(sampled, seconds=87.4)  # of which a golden file must not depend
    return judge(scope, sampled, Parity(3912, wrong), TITLE, settings.threshold, notes, quote)
