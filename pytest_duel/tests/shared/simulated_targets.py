"""Targets whose truth is known: blocks that are drawn, not measured."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pytest_duel.catalogue.model import Target
from pytest_duel.duel.targets import judge, name_of
from pytest_duel.paired.measurements import Measurements
from pytest_duel.verdicts.model import Judgement
from simulated import Noise, normal

BLOCKS = 12
UNIFORM = "uniform"
NUMBA, RUST, FLOOR = ("numba", UNIFORM), ("rust", UNIFORM), ("floor", UNIFORM)
TARGETS = (
    Target("clear", NUMBA, RUST, (5, 1000), at_least=2.0),
    Target("clear", NUMBA, RUST, (100_000,), at_least=1.5),
    Target("clear", NUMBA, RUST, (5, 1000), at_least=3.0, mean=True),
    Target("clear", RUST, FLOOR, (5,), at_most=2.0),
    Target("clear", ("rust", "tied"), RUST, (5, 1000), at_most=1.3),
)
RATIOS = {
    "clear[numba-uniform-5] / clear[rust-uniform-5]": 6.5,
    "clear[numba-uniform-1000] / clear[rust-uniform-1000]": 1.6,
    "clear[numba-uniform-100000] / clear[rust-uniform-100000]": 1.501,
    "clear[rust-uniform-5] / clear[floor-uniform-5]": 1.4,
    "clear[rust-tied-5] / clear[rust-uniform-5]": 1.1,
    "clear[rust-tied-1000] / clear[rust-uniform-1000]": 1.45,
}
WRONG = {
    "clear[rust-tied-5] / clear[rust-uniform-5]": "working tree: rust disagrees with numpy",
}
DATA = {
    "when": "2026-11-23T09:00:00+00:00",
    "machine": {
        "cpu": "A CPU",
        "usable_cores": 2,
        "virtualisation": "kvm",
        "versions": {"python": "3.11.7", "numpy": "2.4.6", "numba": None},
    },
    "commit": {"id": "1" * 40, "dirty": False},
    "seed": 0,
}


def drawn(
    targets: Sequence[Target],
    ratio: Callable[[str], float],
    rng: np.random.Generator,
    *,
    noise: Noise = normal,
    sd: float = 0.01,
    blocks: int = BLOCKS,
    errors: Mapping[str, str] | None = None,
) -> Measurements:
    """Return blocks in which each contest has this ratio."""
    wrong = errors or {}
    pairs = dict.fromkeys(name_of(one.cases(n)) for one in targets for n in one.sizes)
    names = [name for name in pairs if name not in wrong]
    own = noise(rng, (len(names), blocks), sd)
    return Measurements(
        differences={
            name: list(np.log(ratio(name)) + row) for name, row in zip(names, own, strict=True)
        },
        seconds={name: [1.2e-6] * blocks for name in names},
        errors=dict(wrong),
        blocks=blocks,
        compared=True,
    )


def judged_targets() -> Judgement:
    """Judge targets of which some are met, missed, open, and one that cannot be measured."""
    measured = drawn(TARGETS, RATIOS.__getitem__, np.random.default_rng(5), errors=WRONG)
    return judge(TARGETS, measured, BLOCKS, DATA)
