"""Valid markets chosen to tell backends apart, and what all adversarial sets share."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pytest_duel.catalogue.model import Arguments, Example

Array = NDArray[np.float64]
Market = tuple[ArrayLike, ArrayLike, Any]
Valid = tuple[Array, Array, float]

SIZES = (1, 2, 3, 5, 16, 17, 20, 33, 64, 65, 100, 257, 1000, 4099)
RULES: tuple[Mapping[str, Any], ...] = (
    {},
    {"scarcity_price": 3000.0},
    {"ties": "pro_rata"},
    {"ties": "pro_rata", "scarcity_price": -0.0},
)
STRICT: tuple[Mapping[str, Any], ...] = tuple({**rules, "tolerance": 0.0} for rules in RULES)
"""The same without tolerance, which would hide what an ulp shows."""


def bid_families(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """Yield bids (n,) that break a careless sort."""
    base = rng.uniform(20.0, 100.0, n)
    tiny = np.nextafter(0.0, 1.0)
    yield "distinct", base
    yield "all equal", np.full(n, 30.0)
    yield "equal pairs", rng.permutation(np.repeat(base, 2)[:n])
    yield "three values", rng.choice([10.0, 20.0, 30.0], n)
    yield "one group of ties", np.where(rng.random(n) < 0.5, 40.0, base)
    yield "sorted", np.sort(base)
    yield "reversed", np.sort(base)[::-1].copy()
    yield "sorted ties reversed", np.sort(np.repeat(base, 3)[:n])[::-1].copy()
    yield "negative", base - 60.0
    yield "signed zeros", rng.choice([-0.0, 0.0], n)
    yield "around zero", rng.choice([-tiny, -0.0, 0.0, tiny], n)
    yield "denormal", rng.integers(-4, 5, n) * tiny
    yield "adjacent doubles", 50.0 + rng.integers(0, 4, n) * np.spacing(50.0)
    yield "equal high bits", 1.0 + rng.integers(0, 4 * n, n) * np.spacing(1.0)
    yield "adjacent ties", 50.0 - rng.integers(0, max(1, n // 8), n) * np.spacing(25.0)
    yield "huge", rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 1.0, n) * np.finfo(float).max
    yield "every magnitude", rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-300, 300, n)


def quantity_families(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    """Yield quantities (n,) that break a careless sum."""
    base = rng.uniform(10.0, 50.0, n)
    yield "distinct", base
    yield "some zero", np.where(rng.random(n) < 0.4, 0.0, base)
    yield "all zero", np.zeros(n)
    yield "negative zeros", np.where(rng.random(n) < 0.5, -0.0, base)
    yield "equal", np.full(n, 20.0)
    yield "rounding", rng.choice([1e16, 1.0, 1e-3, 0.1], n)
    yield "overflow", np.full(n, 1e308)


def demands(
    bids: Array, quantities: Array, rng: np.random.Generator
) -> Iterator[tuple[str, float]]:
    """Yield demands on, just below and just above every kind of step."""
    with np.errstate(over="ignore"):
        supply = np.cumsum(quantities[np.argsort(bids, kind="stable")])
    total = float(min(supply[-1], np.finfo(float).max))
    step = float(min(supply[rng.integers(len(supply))], total))
    yield "zero", 0.0
    yield "negative zero", -0.0
    yield "the least", float(np.nextafter(0.0, 1.0))
    yield "70 %", 0.7 * total
    yield "a step", step
    yield "above a step", float(np.nextafter(step, total))
    yield "below a step", float(np.nextafter(step, 0.0))
    yield "all supply", total
    if total < np.finfo(float).max:
        yield "scarce", float(np.nextafter(total, np.inf)) + 1.0


def markets(most: float = math.inf) -> Iterator[tuple[str, Valid]]:
    """Yield labelled valid markets: every family of bids, against quantities in turn.

    Parameters
    ----------
    most
        Units in a market.
    """
    for n in (size for size in SIZES if size <= most):
        rng = np.random.default_rng([n, 2026])
        quantities = list(quantity_families(n, rng))
        for turn, (bid_name, bids) in enumerate(bid_families(n, rng)):
            for quantity_name, amounts in (quantities[0], quantities[turn % len(quantities)]):
                for demand_name, demand in demands(bids, amounts, rng):
                    label = f"{bid_name} bids, {quantity_name} quantities, {demand_name} demand"
                    yield f"{label}, n = {n}", (bids, amounts, demand)


def containers() -> Iterator[tuple[str, Market]]:
    """Yield a small and a larger market in every form that np.asarray takes."""
    for copies, demand in (1, 24.0), (10, 120.0):
        bids = np.tile([30.0, 20.0, 40.0, 20.0, 30.0, 10.0, 50.0], copies)
        quantities = np.tile([5.0, 7.0, 11.0, 3.0, 2.0, 8.0, 6.0], copies)
        for form, market in _forms(bids, quantities, demand):
            yield f"{form}, n = {len(bids)}", market
    yield "tuples of int, n = 3", ((3, 1, 2), (10, 20, 30), 25)


def _forms(bids: Array, quantities: Array, demand: float) -> Iterator[tuple[str, Market]]:
    """Yield dtypes, strides, byte orders, sequences; `demand` fits into the least integers."""
    for code in ("f4", ">f8", ">f4", "i1", "u1", "i2", "u4", "i8", "u8", ">i4"):
        scalar = np.dtype(code).type(demand)
        yield f"{code} bids", (bids.astype(code), quantities, demand)
        yield f"{code} quantities", (bids, quantities.astype(code), demand)
        yield f"all {code}", (bids.astype(code), quantities.astype(code), scalar)
    fractions = (quantities / 3.0).astype("f4")
    yield "float32 thirds", (bids, fractions, 0.4 * demand)
    yield "float32 scarce", (bids, fractions, 4.0 * demand)
    yield "every second", (np.repeat(bids, 2)[::2], np.repeat(quantities, 2)[::2], demand)
    yield "backwards", (bids[::-1], quantities[::-1], demand)
    yield "one value", (np.broadcast_to(np.float64(30.0), len(bids)), quantities, demand)
    yield "column", (np.stack([bids, bids], axis=1)[:, 0], quantities, demand)
    yield "unaligned", (unaligned(bids), unaligned(quantities), demand)
    yield "read-only", (read_only(bids), read_only(quantities), demand)
    yield "lists", (bids.tolist(), quantities.tolist(), demand)
    yield "int demand", (bids, quantities, int(demand))
    yield "NumPy demand", (bids, quantities, np.float64(demand + 0.5))
    yield "float32 demand", (bids, quantities, np.float32(demand + 0.3))
    yield "0-d demand", (bids, quantities, np.array(int(demand)))
    yield "large int demand", (bids, quantities, 2**63 + 5)


def unaligned(values: Array) -> Array:
    """Return a copy that starts at an odd address."""
    raw = np.empty(values.nbytes + 1, np.uint8)
    view = raw[1:].view(values.dtype).reshape(values.shape)
    view[...] = values
    return view


def read_only(values: Array) -> Array:
    """Return a copy that cannot be written to."""
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def said(rules: Mapping[str, Any]) -> str:
    """Return options as a label has them."""
    return ", ".join(f"{name}={value!r}" for name, value in rules.items()) or "default rules"


def example(label: str, arguments: Arguments, options: Mapping[str, Any]) -> Example:
    """Return a call that may see the same arrays each time."""
    return Example(label, lambda: (arguments, options))
