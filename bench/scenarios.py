"""Seeded generators of markets: each returns a pool of (bids, quantities, demand).

Prices are in currency/MWh, quantities and demand in MW; arrays are float64 of shape (n,), where
a scenario does not say otherwise.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easy_marl import fleets

Floats = NDArray[np.floating[Any]]
Market = tuple[Floats, Floats, float]

PLAIN = "plain"
"""Trait: finite numbers in float64 arrays, no options. Every unit offers something, and no step
of supply is within the tolerance of demand, so that who knows of neither is right."""
UNTIED = "untied"
"""Trait: no two bids of a market are equal."""
SUPPLIED = "supplied"
"""Trait: demand is positive and below supply."""

REPEATS = 1000
DEMAND_SHARE = 0.7
SCARCE_SHARE = 1.2
MARKUP = 0.2


def uniform(n: int, markets: int, seed: int) -> list[Market]:
    """Bids U(20, 100), quantities U(10, 50), demand 70 % of supply."""
    return [_uniform(rng, n) for rng in _generators(seed, markets)]


def _generators(seed: int, markets: int) -> list[np.random.Generator]:
    """One generator a market, so that a larger pool starts with the smaller one's markets."""
    return [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(markets)]


def _uniform(rng: np.random.Generator, n: int, share: float = DEMAND_SHARE) -> Market:
    bids = rng.uniform(20.0, 100.0, n)
    quantities = rng.uniform(10.0, 50.0, n)
    return bids, quantities, float(share * quantities.sum())


def tied(n: int, markets: int, seed: int) -> list[Market]:
    """Like `uniform`, but bids come in equal pairs, scattered over the units."""
    pool = []
    for rng in _generators(seed, markets):
        bids, quantities, demand = _uniform(rng, n)
        pool.append((rng.permutation(np.repeat(bids, 2)[:n]), quantities, demand))
    return pool


def ascending(n: int, markets: int, seed: int) -> list[Market]:
    """Like `uniform`, but the units already stand in merit order."""
    return [(np.sort(bids), quantities, d) for bids, quantities, d in uniform(n, markets, seed)]


def descending(n: int, markets: int, seed: int) -> list[Market]:
    """Like `uniform`, but the units stand in merit order from its end to its beginning."""
    return [
        (bids[::-1].copy(), quantities, d) for bids, quantities, d in ascending(n, markets, seed)
    ]


def single(n: int, markets: int, seed: int) -> list[Market]:
    """Like `uniform`, but bids and quantities are rounded to float32; some bids may tie then."""
    return [
        (bids.astype(np.float32), quantities.astype(np.float32), demand)
        for bids, quantities, demand in uniform(n, markets, seed)
    ]


def scarce(n: int, markets: int, seed: int) -> list[Market]:
    """Like `uniform`, but demand is 120 % of supply."""
    return [_uniform(rng, n, SCARCE_SHARE) for rng in _generators(seed, markets)]


def repeated(n: int, markets: int, seed: int) -> list[Market]:  # noqa: ARG001  its size is its own
    """One `uniform` market again and again, as the earlier study timed it."""
    return uniform(n, 1, seed) * REPEATS


def fleet(n: int, markets: int, seed: int) -> list[Market]:  # noqa: ARG001  a year is a year
    """ACTIVSg2000, hour by hour: every unit bids its cost and offers its capacity."""
    costs, capacities, demands = _fleet(n)
    return [(costs, capacities, demand) for demand in demands]


def fleet_markup(n: int, markets: int, seed: int) -> list[Market]:  # noqa: ARG001
    """ACTIVSg2000, hour by hour: every unit marks its cost up by U(0, 20 %), anew each hour."""
    costs, capacities, demands = _fleet(n)
    rng = np.random.default_rng(seed)
    return [(costs * rng.uniform(1.0, 1.0 + MARKUP, n), capacities, demand) for demand in demands]


def _fleet(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64], list[float]]:
    """Return costs, capacities and hourly demand, in writeable arrays as a user's would be."""
    real = fleets.load("ACTIVSg2000")
    if n != len(real.costs):
        raise ValueError(f"{real.name} has {len(real.costs)} units, not {n}")
    return real.costs.copy(), real.capacities.copy(), real.demand.tolist()


def stack(pool: Sequence[Market], batch: int) -> list[tuple[Floats, ...]]:
    """Arrange markets into batches: bids and quantities (batch, n), demand (batch,).

    Arrays that all markets of the pool share stay one-dimensional.
    """
    batches: list[tuple[Floats, ...]] = []
    for start in range(0, len(pool), batch):
        bids, quantities, demand = zip(*pool[start : start + batch], strict=True)
        batches.append((_stack(bids), _stack(quantities), np.array(demand)))
    return batches


def _stack(rows: Sequence[Floats]) -> Floats:
    first = rows[0]
    return first if all(row is first for row in rows) else np.stack(rows)
