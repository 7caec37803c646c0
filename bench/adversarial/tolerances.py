"""Markets whose price depends on the last bits of a sum, or on who offers nothing.

Supply is within ulps of demand, or of demand less the tolerance, at a step; where a backend finds
the margin in another way than the reference, it must still find the same. Units that offer nothing
stand at every place of the merit order.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from bench.adversarial.markets import Array, Valid
from bench.adversarial.order import (
    LARGEST,
    MANY,
    SUMMED,
    TINY,
    VERY_MANY,
    merit_order,
    running_sums,
)

Generator = np.random.Generator
Case = tuple[str, Valid, Mapping[str, Any]]
"""A label, a market and its options."""

TOLERANCES = (0.0, 1e-9, 1e-3, 0.5, float(np.nextafter(1.0, 0.0)), TINY, 1e-16)
ULPS = (0, -1, 1, -2, 2, -30, 30, -1000, 1000)
# Around every change of algorithm, of any backend.
BESIDE = (SUMMED - 1, SUMMED)
SIZES = (1, 2, 3, 5, 6, 7, 8, 9, 16, 17, 32, 33, 64, *sorted(MANY), *BESIDE, *VERY_MANY[1:])
LARGE = 4096
OPTIONS: tuple[Mapping[str, Any], ...] = (
    {},
    {"ties": "pro_rata"},
    {"scarcity_price": 3000.0},
    {"ties": "pro_rata", "scarcity_price": -1.0},
    {},
)


def cases() -> Iterator[Case]:
    """Yield labelled markets of both kinds, at every size."""
    for n in SIZES:
        rng = np.random.default_rng([n, 49])
        found = [*near_demand(n, rng), *of_nothing(n, rng)]
        # Large markets take a while. Of how many there are, seven is no divisor.
        for turn, (label, market, options) in enumerate(found):
            if n < LARGE or turn % 7 == 0:
                yield f"{label}, n = {n}", market, options


def bids_of(n: int, rng: Generator) -> list[tuple[str, Array]]:
    """Return bids (n,): distinct, tied, and zeros of both signs among others."""
    zeros = np.where(rng.random(n) < 0.5, rng.choice([-0.0, 0.0], n), rng.integers(-2, 3, n))
    return [
        ("distinct", rng.uniform(20.0, 100.0, n)),
        ("tied", rng.integers(-1, n // 3 + 1, n).astype(np.float64)),
        ("zero", zeros.astype(np.float64)),
    ]


def amounts_of(n: int, rng: Generator) -> list[tuple[str, Array]]:
    """Return quantities (n,) of which sums are rounded, or are not."""
    base = rng.uniform(10.0, 50.0, n)
    return [
        ("tenths", np.full(n, 0.1)),
        ("whole tenths", rng.integers(1, 900, n) / 10.0),
        ("whole", np.floor(base)),
        ("distinct", base),
        ("absorbed", rng.choice([1e16, 1.0, 3.0], n)),
        ("denormal", rng.integers(0, 9, n) * TINY),
    ]


def near_demand(n: int, rng: Generator) -> Iterator[Case]:
    """Yield markets with a demand that a step of supply just reaches, or just does not."""
    bids, turn = [(name, own, merit_order(own)) for name, own in bids_of(n, rng)], 0
    for amount_name, amounts in amounts_of(n, rng):
        for tolerance in TOLERANCES:
            bid_name, own, order = bids[turn % len(bids)]
            options = {**OPTIONS[turn % len(OPTIONS)], "tolerance": tolerance}
            for ulps, demand in residuals(running_sums(order, amounts), tolerance, rng):
                label = f"{bid_name} bids, {amount_name} quantities, {ulps} ulps from a step"
                yield f"{label}, {options}", (own, amounts, demand), options
            turn += 1


def residuals(supply: Array, tolerance: float, rng: Generator) -> Iterator[tuple[int, float]]:
    """Yield demands a few ulps from a step, and demands that are enough a few ulps from one."""
    for ulps in ULPS:
        for demand in beside_a_step(supply, ulps, tolerance, rng):
            yield ulps, demand


def beside_a_step(supply: Array, ulps: int, tolerance: float, rng: Generator) -> list[float]:
    """Return a demand so many ulps from a step, and one that is enough so many ulps from it."""
    at = -1 if rng.random() < 0.5 else rng.integers(len(supply))
    step = float(supply[at])
    about = min(step / (1.0 - tolerance), LARGEST)
    return [min(max(0.0, one + ulps * math.ulp(one)), LARGEST) for one in {step, about}]


def of_nothing(n: int, rng: Generator) -> Iterator[Case]:
    """Yield markets in which some units offer nothing, or all."""
    places = np.arange(n)
    margin = n // 2
    who = {
        "the cheapest": places < max(1, n // 4),
        "the dearest": places >= n - max(1, n // 4),
        "the margin": abs(places - margin) <= max(1, n // 8),
        "all but the margin": places != margin,
        "all but the dearest": places != n - 1,
        "every second": places % 2 == 0,
        "nearly all": rng.random(n) < 0.9,
        "all": places >= 0,
    }
    turn = 0
    for name, idle in who.items():
        for bid_name, bids in bids_of(n, rng):
            order = merit_order(bids)
            quantities = rng.choice([0.1, 7.0, 30.5], n)
            quantities[order[idle]] = rng.choice([0.0, -0.0], int(idle.sum()))
            supply = running_sums(order, quantities)
            total = float(supply[-1])
            for demand in (
                0.0,
                -0.0,
                TINY,
                3 * TINY,
                float(supply[margin]),
                total,
                1.1 * total + 1.0,
            ):
                tolerance = TOLERANCES[turn % len(TOLERANCES)]
                options = {**OPTIONS[turn % len(OPTIONS)], "tolerance": tolerance}
                label = f"{bid_name} bids, {name} offer nothing, {demand!r} demand, {options}"
                yield label, (bids, quantities, demand), options
                turn += 1
            turn += 1  # so that tolerances do not keep step with demands


def batches() -> Iterator[tuple[str, tuple[Array, Array, Array], Mapping[str, Any]]]:
    """Yield batches of the same: rows that share their bids, their quantities, both or neither."""
    for n in (1, 3, 6, 7, 20, 33, 65, 130, 701):
        rng = np.random.default_rng([n, 50])
        for turn, tolerance in enumerate(TOLERANCES):
            bid_name, bids = bids_of(n, rng)[turn % 3]
            amount_name, amounts = amounts_of(n, rng)[turn % 6]
            amounts = np.where(rng.random(n) < 0.3, rng.choice([0.0, -0.0], n), amounts)
            order = merit_order(bids)
            near = [one for _, one in residuals(running_sums(order, amounts), tolerance, rng)]
            demand = np.array([0.0, TINY, *near])
            rows = demand.size, 1
            own_amounts = rng.permuted(np.tile(amounts, rows), axis=1)
            own_amounts[-2] = 0.0  # nobody offers anything
            own_demand = demand.copy()
            for row in range(2, demand.size - 2):
                supply = running_sums(order, own_amounts[row])
                steps = [one for _, one in residuals(supply, tolerance, rng)]
                own_demand[row] = rng.choice(steps)
            shift = rng.permutation(n)
            own_bids, shifted = np.tile(bids[shift], rows), np.tile(amounts[shift], rows)
            for who, batch in {
                "one of each": (bids, amounts, demand),
                "one order": (bids, own_amounts, own_demand),
                "one offer": (np.tile(bids, rows), amounts, demand),
                "rows": (own_bids, shifted, demand),
                "none offers": (bids, np.zeros(n), demand),
            }.items():
                options = {**OPTIONS[(turn + n) % len(OPTIONS)], "tolerance": tolerance,
                           "threads": (None, 1, 2)[turn % 3]}  # fmt: skip
                label = f"{who} of {bid_name} bids, {amount_name} quantities, near demand"
                yield f"{label}, n = {n}, {options}", batch, options
