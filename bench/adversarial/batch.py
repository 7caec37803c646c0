"""Batches chosen to tell backends apart: rows of every kind, shapes, threads and outputs."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

from bench.adversarial.markets import (
    RULES,
    SIZES,
    STRICT,
    Array,
    Valid,
    bid_families,
    containers,
    example,
    quantity_families,
    read_only,
    said,
    unaligned,
)
from bench.adversarial.order import (
    LARGEST,
    crowded_buckets,
    cuts,
    hard_sums,
    merit_order,
    running_sums,
    short_keys,
)
from pytest_duel.catalogue.model import Arguments, Example

Batch = tuple[Any, Any, Array]


def examples() -> Iterator[Example]:
    """Yield all but the faults that one market has, too."""
    yield from _batches_of_markets()
    yield from _batches_of_containers()
    # One rule and one number of threads each, drawn: in turn, they would keep step with shapes.
    rng = np.random.default_rng(48)
    for label, batch in chain(_merit_orders(), _mixed_rows(), _layouts()):
        threads = (None, 1, 2, 3)[rng.integers(4)]
        options = {**(*RULES, *STRICT)[rng.integers(8)], "threads": threads}
        yield example(f"{label}, {said(options)}", batch, options)
    yield from _many_rows()
    yield from _batch_shapes()
    yield from _outputs()


def _batches_of_containers() -> Iterator[Example]:
    for label, (bids, quantities, demand) in containers():
        rows = np.array([demand, demand])
        both = np.stack([np.asarray(bids)] * 2), np.stack([np.asarray(quantities)] * 2)
        for rules in RULES:
            yield example(f"{label}, {said(rules)}", (bids, quantities, rows), rules)
            yield example(f"{label}, in rows, {said(rules)}", (*both, rows), rules)


def _merit_orders() -> Iterator[tuple[str, Batch]]:
    """Yield one merit order for all rows, and demands on every step and one ulp beside it.

    A search in the sums must find the first that reaches the demand, where units of nothing, or
    of too little to count, make several sums equal.
    """
    for n in (1, 2, 7, 33, 70):
        rng = np.random.default_rng([n, 44])
        tied = rng.integers(-1, n // 3 + 1, n) * rng.choice([-1.0, 1.0], n)  # zeros of both signs
        for name, quantities in hard_sums(n, rng):
            for bid_name, bids in ("distinct", rng.uniform(20.0, 100.0, n)), ("tied", tied):
                label = f"one order of {bid_name} bids, {name} quantities"
                demand = rng.permutation(steps(bids, quantities))
                yield f"{label}, n = {n}", (bids, quantities, demand)
                # The same quantities, shared out anew in each row, and a step of that row.
                own = rng.permuted(np.tile(quantities, (n + 2, 1)), axis=1)
                demand = np.array([rng.choice(steps(bids, row)) for row in own])
                yield f"{label} by row, n = {n}", (bids, own, demand)


def steps(bids: Array, quantities: Array) -> Array:
    """Return demands on each step of a supply curve and one ulp beside it, none, and too much."""
    supply = running_sums(merit_order(bids), quantities)
    below, above = np.nextafter(supply, 0.0), np.nextafter(supply, LARGEST)
    return np.concatenate([supply, below, above, [0.0, -0.0, 0.75 * LARGEST]])


def _market_rows(n: int) -> Iterator[Valid]:
    """Yield markets of n units, each of another nature than the one before."""
    rng = np.random.default_rng([n, 45])
    quantities = [amounts for _, amounts in quantity_families(n, rng)]
    families = zip(short_keys(n, rng), crowded_buckets(n, rng), strict=False)
    for turn, (_, bids) in enumerate(chain.from_iterable(families)):
        amounts = quantities[turn % len(quantities)]
        demands = [demand for _, demand in cuts(bids, amounts, rng)]
        yield bids, amounts, demands[turn % len(demands)]


def _stacked(rows: list[Valid]) -> Batch:
    bids, quantities, demand = zip(*rows, strict=True)
    return np.stack(bids), np.stack(quantities), np.array(demand)


def _mixed_rows() -> Iterator[tuple[str, Batch]]:
    """Yield rows that share nothing, so that one must not see what another left behind."""
    for n in (16, 64, 65, 200):
        bids, quantities, demand = _stacked(list(_market_rows(n)))
        for rows in (len(demand) - 1) | 1, 1, 0:  # odd numbers, and none
            some = slice(len(demand) - rows, None)
            label = f"{rows} mixed rows, n = {n}"
            yield label, (bids[some], quantities[some], demand[some])
            yield f"{label}, one order", (bids[3], quantities[some], demand[some])
            yield f"{label}, one offer", (bids[some], quantities[0], demand[some])


def _many_rows() -> Iterator[Example]:
    """Yield enough rows to be worth several threads, whose number does not divide them."""
    count = 1001
    for n, threads in (48, 2), (70, 3):
        kinds = list(_market_rows(n))
        chosen = np.random.default_rng([n, 46]).integers(len(kinds), size=count)
        bids, quantities, demand = _stacked([kinds[kind] for kind in chosen])
        for label, own, offers in (
            ("rows", bids, quantities),
            ("rows of one order", bids[3], quantities if threads == 2 else quantities[0]),
        ):
            options = {"threads": threads, "tolerance": 0.0}
            label = f"{count} {label}, n = {n}, {said(options)}"
            yield example(label, (own, offers, demand), options)


def _layouts() -> Iterator[tuple[str, Batch]]:
    """Yield dtypes, byte orders and strides in one and in two dimensions."""
    rows, n = 33, 65
    rng = np.random.default_rng(47)
    bids = rng.integers(0, 100, (rows, n)).astype(np.float64)
    quantities = rng.integers(0, 5, (rows, n)).astype(np.float64)
    demand = rng.integers(0, 128, rows).astype(np.float64)  # what an i1 holds
    layouts: dict[str, Callable[[Array], Any]] = {
        "float32 thirds": lambda array: (array / 3.0).astype("f4"),
        "every second": lambda array: np.repeat(array, 2, axis=-1)[..., ::2],
        "every second row": lambda array: np.repeat(array, 2, axis=0)[::2],
        "backwards": lambda array: array[..., ::-1],
        "upside down": lambda array: array[::-1],
        "Fortran order": np.asfortranarray,
        "one row": lambda array: np.broadcast_to(array[:1], array.shape),
        "unaligned": unaligned,
        "read-only": read_only,
    }
    for code in ("f4", ">f4", ">f8", "i1", ">i2", "u8"):
        layouts[code] = lambda array, code=code: array.astype(code)  # type: ignore[misc]
    for name, layout in layouts.items():
        for own in bids, bids[0]:
            for offers in quantities, quantities[0]:
                label = f"{name}, {own.ndim}-d bids, {offers.ndim}-d quantities, n = {n}"
                yield label, (layout(own), layout(offers), layout(demand))


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
        for turn, (label, arrays) in enumerate(views.items(), n):
            for rules in RULES if turn % 2 else STRICT:
                yield example(f"{label}, n = {n}, {said(rules)}", arrays, rules)


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
        yield example(f"shapes {[np.shape(array) for array in arrays]}", arrays, {})
    counts: tuple[Any, ...] = (None, 1, 2, 1000, 2**70)
    for threads in counts:
        yield example(f"threads {threads}", (two, two, np.ones(2)), {"threads": threads})
    counts = (0, -1, 1.0, True, "2")
    for threads in counts:
        yield example(f"threads {threads!r}", (two, two, np.ones(2)), {"threads": threads})
        options = {"threads": threads, "ties": "no"}
        yield example(f"ties before threads {threads!r}", (two, two, np.ones(2)), options)


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
    for dtype in "f8", "f4":
        for label, (bids, quantities, demand) in _mixed_rows():
            offers = np.minimum(quantities, 1e30).astype(dtype)
            yield _into_nan(f"out: full of nan, {dtype}, {label}", (bids, offers, demand))


def _into_nan(label: str, batch: Batch) -> Example:
    """Return a call whose outputs hold what must not be left there."""
    bids, quantities, demand = batch
    shape = demand.size, bids.shape[-1]

    def call() -> tuple[Arguments, Mapping[str, Any]]:
        return batch, {
            "out": (np.full(shape[0], np.nan), np.full(shape, np.nan, quantities.dtype))
        }

    return Example(label, call)


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
        "masked prices": lambda *_: (np.ma.array(np.zeros(2), mask=True), np.empty((2, 3))),
        "masked before dtype": lambda *_: (np.empty(2), np.ma.zeros((2, 3), "f4")),
        "float32 prices": lambda *_: (np.empty(2, "f4"), np.empty((2, 3))),
        "big-endian prices": lambda *_: (np.empty(2, ">f8"), np.empty((2, 3))),
        "float32 cleared": lambda *_: (np.empty(2), np.empty((2, 3), "f4")),
        "prices' shape": lambda *_: (np.empty((2, 1)), np.empty((2, 3))),
        "cleared's shape": lambda *_: (np.empty(2), np.empty((3, 2))),
        "strided prices": lambda *_: (np.empty(4)[::2], np.empty((2, 3))),
        "Fortran cleared": lambda *_: (np.empty(2), np.empty((3, 2)).T),
        "unaligned prices": lambda *_: (unaligned(np.zeros(2)), np.empty((2, 3))),
        "read-only cleared": lambda *_: (np.empty(2), read_only(np.empty((2, 3)))),
        "dtype before shape": lambda *_: (np.empty(3, "f4"), np.empty((2, 3))),
        "prices before cleared": lambda *_: (np.empty(3), np.empty((2, 3), "f4")),
        "overlapping": lambda *_: views(-1),
        "prices over demand": lambda _b, _q, demand: (demand, np.empty((2, 3))),
        "cleared over bids": lambda bids, _q, _d: (np.empty(2), bids),
        "cleared over quantities": lambda _b, quantities, _d: (np.empty(2), quantities),
        "prices over bids": lambda bids, _q, _d: (bids[0, :2], np.empty((2, 3))),
    }
