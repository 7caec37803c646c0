"""Calls chosen to tell backends apart: the set on which every one must match the reference."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bench.registry import Arguments, Example

Array = NDArray[np.float64]
Market = tuple[ArrayLike, ArrayLike, Any]

SIZES = (1, 2, 3, 5, 16, 17, 20, 33, 64, 65, 100, 257, 1000, 4099)
RULES: tuple[Mapping[str, Any], ...] = (
    {},
    {"scarcity_price": 3000.0},
    {"ties": "pro_rata"},
    {"ties": "pro_rata", "scarcity_price": -0.0},
)


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


def markets() -> Iterator[tuple[str, tuple[Array, Array, float]]]:
    """Yield labelled valid markets: every family of bids, against quantities in turn."""
    for n in SIZES:
        rng = np.random.default_rng([n, 2026])
        quantities = list(quantity_families(n, rng))
        for turn, (bid_name, bids) in enumerate(bid_families(n, rng)):
            for quantity_name, amounts in (quantities[0], quantities[turn % len(quantities)]):
                for demand_name, demand in demands(bids, amounts, rng):
                    label = f"{bid_name} bids, {quantity_name} quantities, {demand_name} demand"
                    yield f"{label}, n = {n}", (bids, amounts, demand)


def containers() -> Iterator[tuple[str, Market]]:
    """Yield one market in every form that np.asarray takes: dtypes, strides, byte orders."""
    bids = np.array([30.0, 20.0, 40.0, 20.0, 30.0, 10.0, 50.0])
    quantities = np.array([5.0, 7.0, 11.0, 3.0, 2.0, 8.0, 6.0])
    demand = 24.0
    for code in ("f4", ">f8", ">f4", "i1", "u1", "i2", "u4", "i8", "u8", ">i4"):
        yield f"{code} bids", (bids.astype(code), quantities, demand)
        yield f"{code} quantities", (bids, quantities.astype(code), demand)
        yield f"all {code}", (bids.astype(code), quantities.astype(code), np.dtype(code).type(24))
    fractions = (quantities / 3.0).astype("f4")
    yield "float32 thirds", (bids, fractions, 9.7)
    yield "float32 scarce", (bids, fractions, 97.0)
    yield "every second", (np.repeat(bids, 2)[::2], np.repeat(quantities, 2)[::2], demand)
    yield "backwards", (bids[::-1], quantities[::-1], demand)
    yield "one value", (np.broadcast_to(np.float64(30.0), 7), quantities, demand)
    yield "column", (np.stack([bids, bids], axis=1)[:, 0], quantities, demand)
    yield "unaligned", (_unaligned(bids), _unaligned(quantities), demand)
    yield "read-only", (_read_only(bids), _read_only(quantities), demand)
    yield "lists", (bids.tolist(), quantities.tolist(), demand)
    yield "tuples of int", ((3, 1, 2), (10, 20, 30), 25)
    yield "int demand", (bids, quantities, 24)
    yield "NumPy demand", (bids, quantities, np.float64(24.5))
    yield "float32 demand", (bids, quantities, np.float32(24.3))
    yield "0-d demand", (bids, quantities, np.array(24))
    yield "large int demand", (bids, quantities, 2**63 + 5)


def _unaligned(values: Array) -> Array:
    raw = np.empty(values.nbytes + 1, np.uint8)
    view = raw[1:].view(values.dtype)
    view[...] = values
    return view


def _read_only(values: Array) -> Array:
    copy = values.copy()
    copy.flags.writeable = False
    return copy


def faults() -> Iterator[tuple[str, Market, Mapping[str, Any]]]:
    """Yield every kind of bad input, and pairs that tell which fault comes first."""
    good: tuple[list[float], list[float], float] = ([30.0, 20.0, 10.0], [5.0, 5.0, 5.0], 12.0)
    bids, quantities, demand = good
    yield "unknown ties", good, {"ties": "median"}
    yield "ties of another type", good, {"ties": 1}
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
    yield "option before dtype", ([True], quantities, demand), {"ties": "none"}
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


def _put(values: list[float], at: int, value: float) -> Array:
    changed = np.array(values)
    changed[at] = value
    return changed


def clear_examples() -> Iterator[Example]:
    """Yield the adversarial set of `clear`."""
    for turn, (label, market) in enumerate(markets()):
        # One rule each, in turn: demands come by nines, so all meet all.
        rules = RULES[turn % len(RULES)]
        yield _example(f"{label}, {_said(rules)}", market, rules)
    for label, container in containers():
        for rules in RULES:
            yield _example(f"{label}, {_said(rules)}", container, rules)
    for label, bad, options in faults():
        yield _example(label, bad, options)


def batch_examples() -> Iterator[Example]:
    """Yield the adversarial set of `clear_batch`."""
    yield from _batches_of_markets()
    for label, (bids, quantities, demand) in containers():
        rows = np.array([demand, demand])
        both = np.stack([np.asarray(bids)] * 2), np.stack([np.asarray(quantities)] * 2)
        for rules in RULES:
            yield _example(f"{label}, {_said(rules)}", (bids, quantities, rows), rules)
            yield _example(f"{label} in rows, {_said(rules)}", (*both, rows), rules)
    for label, (bids, quantities, demand), options in faults():
        if np.ndim(demand) == 0:
            rows = np.array([demand, demand])
            yield _example(label, (bids, quantities, rows), options)
    yield from _batch_shapes()
    yield from _outputs()


def _batches_of_markets() -> Iterator[Example]:
    for n in SIZES:
        rng = np.random.default_rng([n, 7])
        bids = np.stack([row for _, row in bid_families(n, rng)])
        amounts = list(quantity_families(n, rng))
        quantities = np.stack([amounts[i % len(amounts)][1] for i in range(len(bids))])
        with np.errstate(over="ignore"):
            supply = np.minimum(quantities.sum(axis=1), 1e308)
        demand = supply * rng.choice([0.0, 0.3, 0.7, 1.0, 1.0 + 1e-9], len(bids))
        views = {
            "rows": (bids, quantities, demand),
            "one merit order": (bids[3], quantities, demand),
            "one offer": (bids, quantities[0], demand),
            "one of each": (bids[3], quantities[0], demand),
            "Fortran order": (np.asfortranarray(bids), np.asfortranarray(quantities), demand),
            "backwards": (bids[::-1, ::-1], quantities[::-1, ::-1], demand[::-1]),
            "float32": (bids[:15].astype("f4"), np.float32(np.minimum(quantities[:15], 1e30)),
                        np.minimum(demand[:15], 1e30).astype("f4")),
        }  # fmt: skip
        for label, arrays in views.items():
            for rules in RULES:
                yield _example(f"{label}, n = {n}, {_said(rules)}", arrays, rules)


def _batch_shapes() -> Iterator[Example]:
    one, two = np.ones(3), np.ones((2, 3))
    empty = np.empty((0, 3))
    shapes: list[tuple[Any, Any, Any]] = [
        (one, one, np.empty(0)), (empty, empty, np.empty(0)), (empty, one, np.empty(0)),
        (empty, np.ones(2), np.empty(0)), (np.empty((0, 0)), np.empty((0, 0)), np.empty(0)),
        (np.empty((2, 0)), two, np.ones(2)), (one, one, 1.0), (one, one, np.ones((2, 1))),
        (np.ones(()), one, np.ones(2)), (np.ones((1, 2, 3)), one, np.ones(2)),
        (two, one, np.ones(1)), (two, two[:1], np.ones(2)), (two[:1], two, np.ones(2)),
        (two, np.ones((2, 1)), np.ones(2)), (two, np.ones((3, 3)), np.ones(2)),
        (empty, np.full((0, 3), np.nan), [np.nan]), (np.full(3, np.nan), one, np.empty(0)),
        (two, two, [1.0, np.nan]), (two, two, [1.0, -2.0]), (two, -two, [1.0, 2.0]),
        (two, np.array([[1, 2, 3], [4, -5, -6]]), [1, 2]),
        (np.array([[1.0, 2.0, 3.0], [4.0, np.nan, np.inf]]), two, np.ones(2)),
        (np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]]).T, two, np.ones(2)),
    ]  # fmt: skip
    for arrays in shapes:
        yield _example(f"shapes {[np.shape(array) for array in arrays]}", arrays, {})
    counts: tuple[Any, ...] = (None, 1, 2, 1000, 2**70)
    for threads in counts:
        yield _example(f"threads {threads}", (two, two, np.ones(2)), {"threads": threads})
    counts = (0, -1, 1.0, True, "2")
    for threads in counts:
        yield _example(f"threads {threads!r}", (two, two, np.ones(2)), {"threads": threads})
        options = {"threads": threads, "ties": "no"}
        yield _example(f"ties before threads {threads!r}", (two, two, np.ones(2)), options)


def _outputs() -> Iterator[Example]:
    def inputs() -> tuple[Array, Array, Array]:
        return np.arange(6.0).reshape(2, 3), np.ones((2, 3)), np.array([1.0, 2.5])

    for label, make in _output_makers().items():

        def call(make: Callable[..., Any] = make) -> tuple[Arguments, Mapping[str, Any]]:
            arguments = inputs()
            return arguments, {"out": make(*arguments)}

        yield Example(f"out: {label}", call)

    def bad_value() -> tuple[Arguments, Mapping[str, Any]]:
        return (np.full((2, 3), np.nan), np.ones((2, 3)), np.ones(2)), {"out": []}

    yield Example("value before out", bad_value)

    def single() -> tuple[Arguments, Mapping[str, Any]]:
        bids, quantities, demand = inputs()
        wrong = np.empty(2), np.empty((2, 3))
        return (bids, quantities.astype("f4"), demand), {"out": wrong}

    yield Example("out: float64 for float32 quantities", single)


def _output_makers() -> dict[str, Callable[[Array, Array, Array], Any]]:
    def views(gap: int) -> tuple[Array, Array]:
        raw = np.empty(8 + gap)
        return raw[:2], raw[2 + gap : 8 + gap].reshape(2, 3)

    return {
        "right": lambda *_: (np.empty(2), np.empty((2, 3))),
        "neighbours": lambda *_: views(0),
        "a list": lambda *_: [np.empty(2), np.empty((2, 3))],
        "three": lambda *_: (np.empty(2), np.empty((2, 3)), None),
        "lists inside": lambda *_: ([0.0, 0.0], np.empty((2, 3))),
        "float32 prices": lambda *_: (np.empty(2, "f4"), np.empty((2, 3))),
        "big-endian prices": lambda *_: (np.empty(2, ">f8"), np.empty((2, 3))),
        "float32 cleared": lambda *_: (np.empty(2), np.empty((2, 3), "f4")),
        "prices' shape": lambda *_: (np.empty((2, 1)), np.empty((2, 3))),
        "cleared's shape": lambda *_: (np.empty(2), np.empty((3, 2))),
        "strided prices": lambda *_: (np.empty(4)[::2], np.empty((2, 3))),
        "Fortran cleared": lambda *_: (np.empty(2), np.empty((3, 2)).T),
        "unaligned prices": lambda *_: (_unaligned(np.zeros(2)), np.empty((2, 3))),
        "read-only cleared": lambda *_: (np.empty(2), _read_only(np.empty((2, 3)))),
        "dtype before shape": lambda *_: (np.empty(3, "f4"), np.empty((2, 3))),
        "prices before cleared": lambda *_: (np.empty(3), np.empty((2, 3), "f4")),
        "overlapping": lambda *_: views(-1),
        "prices over demand": lambda _b, _q, demand: (demand, np.empty((2, 3))),
        "cleared over bids": lambda bids, _q, _d: (np.empty(2), bids),
        "cleared over quantities": lambda _b, quantities, _d: (np.empty(2), quantities),
        "prices over bids": lambda bids, _q, _d: (bids[0, :2], np.empty((2, 3))),
    }


def _said(rules: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in rules.items()) or "default rules"


def _example(label: str, arguments: Arguments, options: Mapping[str, Any]) -> Example:
    return Example(label, lambda: (arguments, options))
