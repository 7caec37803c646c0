"""Calls chosen to tell backends apart: the set on which every one must match the reference."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.adversarial import batch, order, step, tolerances
from bench.adversarial.markets import (
    RULES,
    STRICT,
    Array,
    Market,
    containers,
    example,
    markets,
    said,
)
from pytest_duel.catalogue.model import Example


def clear_examples() -> Iterator[Example]:
    """Yield the adversarial set of `clear`."""
    for labelled, choice in (
        (markets(), (*RULES, *STRICT)),
        (order.markets(), STRICT),
    ):
        for turn, (label, market) in enumerate(labelled):
            # One rule each, in turn: demands come by nines and fives, so all meet all.
            rules = choice[turn % len(choice)]
            yield example(f"{label}, {said(rules)}", market, rules)
    for label, market, options in tolerances.cases():
        yield example(label, market, options)
    for label, container in containers():
        for rules in RULES:
            yield example(f"{label}, {said(rules)}", container, rules)
    for label, bad, options in faults():
        yield example(label, bad, options)


def batch_examples() -> Iterator[Example]:
    """Yield the adversarial set of `clear_batch`."""
    yield from batch.examples()
    for label, arguments, options in tolerances.batches():
        yield example(label, arguments, options)
    for label, (bids, quantities, demand), options in faults():
        if np.ndim(demand) == 0:
            pair = [demand, demand]
            rows = np.ma.stack(pair) if demand is np.ma.masked else np.array(pair)
            yield example(label, (bids, quantities, rows), options)


def step_examples() -> Iterator[Example]:
    """Yield the adversarial set of `step_batch`."""
    yield from step.examples()


def faults() -> Iterator[tuple[str, Market, Mapping[str, Any]]]:
    """Yield every kind of bad input, and pairs that tell which fault comes first."""
    good: tuple[list[float], list[float], float] = ([30.0, 20.0, 10.0], [5.0, 5.0, 5.0], 12.0)
    bids, quantities, demand = good
    yield "unknown ties", good, {"ties": "median"}
    yield "ties of another type", good, {"ties": 1}
    for tolerance in (1.0, -0.1, np.nan, np.inf, True, None, "0", np.float64(1.5), [0.0], 10**400):
        yield f"tolerance {tolerance!r}", good, {"tolerance": tolerance}
    for number in (0, np.float32(0.25), np.int8(0), np.float64(1e-9), -0.0):
        yield f"good tolerance {number!r}", good, {"tolerance": number}
    yield from _masked(good)
    dtypes = (bool, np.float16, np.longdouble, complex, object, "U3", "S3", "M8[s]", "m8[s]")
    for dtype in dtypes:
        wrong = np.ones(3).astype(dtype) if dtype != "M8[s]" else np.zeros(3, dtype)
        yield f"{dtype} bids", (wrong, quantities, demand), {}
        yield f"{dtype} quantities", (bids, wrong, demand), {}
        yield f"{dtype} demand", (bids, quantities, wrong[0]), {}
    scalars: tuple[Any, ...] = (True, "12", 1j, None, 2**70, np.float16(3))
    for scalar in scalars:
        yield f"demand {scalar!r}", (bids, quantities, scalar), {}
    scalars = (True, "12", 1j, 2**70, [3.0], np.nan, np.inf)
    for scalar in scalars:
        yield f"scarcity price {scalar!r}", good, {"scarcity_price": scalar}
    for shape in ((), (1, 3), (3, 1), (1, 1, 3)):
        yield f"bids of shape {shape}", (np.ones(shape), quantities, demand), {}
        yield f"quantities of shape {shape}", (bids, np.ones(shape), demand), {}
    yield "demand of shape (1,)", (bids, quantities, [12.0]), {}
    yield "no units", (np.empty(0), np.empty(0), demand), {}
    yield "no bids", (np.empty(0), quantities, demand), {}
    yield "no quantities", (bids, np.empty(0), demand), {}
    yield "lengths", (bids, quantities[:2], demand), {}
    yield "one quantity", (bids, [5.0], demand), {}
    for value in (np.nan, np.inf, -np.inf):
        for at in (0, 1, 2):
            yield f"bids[{at}] {value}", (_put(bids, at, value), quantities, demand), {}
            yield f"quantities[{at}] {value}", (bids, _put(quantities, at, value), demand), {}
        yield f"demand {value}", (bids, quantities, value), {}
        yield f"float32 {value}", (_put(bids, 2, value).astype("f4"), quantities, demand), {}
    yield "two faults in bids", ([1.0, np.nan, np.inf], quantities, demand), {}
    yield "negative quantity", (bids, _put(quantities, 2, -1.5), demand), {}
    yield "negative integer quantity", (bids, np.array([1, -2, -3]), demand), {}
    yield "negative float32 quantity", (bids, np.array([1, -0.1, 3], "f4"), demand), {}
    yield "least negative quantity", (bids, _put(quantities, 1, -5e-324), demand), {}
    yield "strided negative quantity", (bids, np.array([1, 9, -2, 9, -3, 9.0])[::2], demand), {}
    yield "negative demand", (bids, quantities, -5.0), {}
    yield "negative integer demand", (bids, quantities, -5), {}
    yield "late in a long array", (np.r_[np.ones(999), np.nan], np.ones(1000), demand), {}
    yield from _among_very_many()
    yield "option before dtype", ([True], quantities, demand), {"ties": "none"}
    yield "tolerance before dtype", ([True], quantities, demand), {"tolerance": 2.0}
    yield "ties before tolerance", good, {"ties": "none", "tolerance": 2.0}
    yield "dtype before dimension", (np.ones((2, 2)), np.ones(3, bool), demand), {}
    yield "scarcity dtype before dimension", (np.ones((2, 2)), [1.0], 1.0), {"scarcity_price": "a"}
    yield "dimension before empty", (np.empty(0), np.ones((2, 2)), demand), {}
    yield "scalar dimension before empty", (np.empty(0), [1.0], 1.0), {"scarcity_price": [1.0]}
    yield "empty before lengths", ([1.0], np.empty(0), demand), {}
    yield "lengths before finite", ([np.nan, 1.0], quantities, demand), {}
    yield "finite before sign", (bids, _put(quantities, 0, -1.0), np.nan), {}
    yield "quantities before demand", (bids, _put(quantities, 2, -1.0), -1.0), {}
    yield "bids before quantities", (_put(bids, 2, np.nan), _put(quantities, 0, np.nan), 1.0), {}
    yield "scarcity price before sign", (bids, quantities, -1.0), {"scarcity_price": np.nan}


def _masked(good: Any) -> Iterator[tuple[str, Market, Mapping[str, Any]]]:
    """Yield masked arrays, with masked entries and without."""
    bids, quantities, demand = good
    some, none = (np.ma.array(bids, mask=[False, one, False]) for one in (True, False))
    yield "masked bids", (some, quantities, demand), {}
    yield "masked quantities", (bids, some, demand), {}
    yield "masked demand", (bids, quantities, np.ma.masked), {}
    yield "masked scarcity price", good, {"scarcity_price": np.ma.masked}
    yield "nothing is masked", (none, none, demand), {}
    yield "without a mask", (np.ma.array(bids), np.ma.array(quantities), demand), {}
    yield "masked before dtype", (some.astype(bool), quantities, demand), {}
    yield "dtype of bids before masked quantities", (np.ones(3, bool), some, demand), {}
    yield "masked before dimension", (np.ones((2, 2)), some, demand), {}
    yield "masked in a list", ([*bids[:2], np.ma.masked], quantities, demand), {}
    yield "a masked array in a tuple", (bids, (some, none), demand), {}


def _among_very_many() -> Iterator[tuple[str, Market, Mapping[str, Any]]]:
    """Yield a bad value in the last lanes, where the units do not fill a vector."""
    n = order.VERY_MANY[0]
    bids, quantities = np.random.default_rng(n).uniform(20.0, 100.0, n), np.full(n, 5.0)
    for at in (0, n // 2, n - 5, n - 1):
        yield f"bids[{at}] of {n} nan", (_put(bids, at, np.nan), quantities, 3.0 * n), {}
        for value in (np.inf, -5e-324):
            bad = _put(quantities, at, value)
            yield f"quantities[{at}] of {n} {value}", (bids, bad, 3.0 * n), {}


def _put(values: Sequence[float] | Array, at: int, value: float) -> Array:
    changed = np.array(values)
    changed[at] = value
    return changed
