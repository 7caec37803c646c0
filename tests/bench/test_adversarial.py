"""The adversarial set, and the reference that answers it.

Every backend is held against the reference on this set, so here the set is held against the
table of errors in `docs/semantics.md`, and the reference against a second implementation.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.adversarial import examples, markets, order, tolerances
from easy_marl.market import get_backend
from pytest_duel.catalogue import outcomes
from pytest_duel.catalogue.model import Example

SEMANTICS = Path(__file__).resolve().parent.parent.parent / "docs" / "semantics.md"

NUMBER = r"[-\d.e+naif]+"
SHAPE = r"\([\d, ]*\)"
DTYPE = r"\S+"

# One pattern for every message of the table, in its order; True: `clear` can raise it.
MESSAGES: list[tuple[str, bool]] = [
    (r"ValueError: ties is .+: ties must be 'first' or 'pro_rata'", True),
    (
        r"ValueError: tolerance is .+: tolerance must be a number that is at least 0 "
        "and less than 1",
        True,
    ),
    (r"ValueError: threads is .+: threads must be a positive int or None", False),
    (rf"TypeError: (\w+) has dtype {DTYPE}: \1 must be float64, float32 or integer", True),
    (
        r"TypeError: (\w+) has masked entries: \1 must not be masked",
        True,
    ),
    (rf"ValueError: (\w+) has shape {SHAPE}: \1 must be one-dimensional", True),
    (rf"ValueError: (demand|scarcity_price) has shape {SHAPE}: \1 must be a scalar", True),
    (rf"ValueError: (\w+) has shape {SHAPE}: \1 must be one- or two-dimensional", False),
    (rf"ValueError: demand has shape {SHAPE}: demand must be one-dimensional", False),
    (rf"ValueError: (\w+) has shape {SHAPE}: a market needs at least one unit", True),
    (
        rf"ValueError: quantities has shape {SHAPE}: bids has shape {SHAPE}, "
        "and both must have as many units",
        True,
    ),
    (
        rf"ValueError: (bids|quantities) has shape {SHAPE}: demand has shape {SHAPE}, "
        "and both must have as many markets",
        False,
    ),
    (rf"ValueError: (\w+)(\[[\d, ]+\])? is {NUMBER}: \1 must be finite", True),
    (rf"ValueError: (\w+)(\[[\d, ]+\])? is -{NUMBER}: \1 must not be negative", True),
    (
        r"ValueError: out has type \w+: out must be a tuple \(prices, cleared\) "
        r"of two NumPy arrays",
        False,
    ),
    (r"ValueError: out\[\d\] is a masked array: (prices|cleared) must not be masked", False),
    (rf"ValueError: out\[\d\] has dtype {DTYPE}: (prices|cleared) must be float\d\d", False),
    (
        rf"ValueError: out\[\d\] has shape {SHAPE}: (prices|cleared) must have shape {SHAPE}",
        False,
    ),
    (r"ValueError: out\[\d\] is not C-contiguous: (prices|cleared) must be C-contiguous", False),
    (r"ValueError: out\[\d\] is not aligned: (prices|cleared) must be aligned", False),
    (r"ValueError: out\[\d\] is read-only: (prices|cleared) must be writeable", False),
    (r"ValueError: out\[0\] overlaps out\[1\]: outputs must not overlap", False),
    (r"ValueError: out\[\d\] overlaps \w+: outputs must not overlap inputs", False),
]


def documented() -> list[str]:
    """Return the first example of every row of the table, with its exception."""
    text, _, _ = SEMANTICS.read_text(encoding="utf-8").partition("### A step of environments")
    rows = re.findall(r"^\|.*?\| `(TypeError|ValueError)` \| `([^`]+)`", text, re.MULTILINE)
    return [f"{error}: {message}" for error, message in rows]


def test_the_table_of_errors_is_the_one_known_here() -> None:
    messages = documented()
    assert len(messages) == len(MESSAGES)
    for message, (pattern, _) in zip(messages, MESSAGES, strict=True):
        assert re.fullmatch(pattern, message), message


@cache
def raised(kernel: str) -> frozenset[str]:
    """Return what the reference raises on the adversarial set of `kernel`."""
    call = getattr(get_backend("numpy"), kernel)
    found = [
        outcomes.outcome(call, *example.make()).raised
        for example in bad_examples(EXAMPLES[kernel])
    ]
    return frozenset(text for text in found if text)


EXAMPLES: dict[str, Callable[[], Iterable[Example]]] = {
    "clear": examples.clear_examples,
    "clear_batch": examples.batch_examples,
}
KERNELS = pytest.mark.parametrize("kernel", EXAMPLES)


def bad_examples(examples: Callable[[], Iterable[Example]]) -> Iterable[Example]:
    """Leave out the valid markets, which are most of the set and raise nothing."""
    return (example for example in examples() if ", n = " not in example.label)


@KERNELS
def test_every_row_of_the_table_is_provoked(kernel: str) -> None:
    for pattern, single in MESSAGES:
        if single if kernel == "clear" else "a scalar" not in pattern:
            assert any(re.fullmatch(pattern, said) for said in raised(kernel)), pattern


def test_scarcity_price_is_checked_in_a_batch_too() -> None:
    assert any(
        said.startswith("ValueError: scarcity_price has shape") for said in raised("clear_batch")
    )


@KERNELS
def test_nothing_is_raised_that_the_table_does_not_have(kernel: str) -> None:
    known = [pattern for pattern, _ in MESSAGES]
    strange = {s for s in raised(kernel) if not any(re.fullmatch(p, s) for p in known)}
    assert not strange


@KERNELS
def test_every_argument_is_bad_in_every_way(kernel: str) -> None:
    said = raised(kernel)
    for argument in "bids", "quantities", "demand", "scarcity_price":
        assert any(re.match(rf"TypeError: {argument} has dtype", text) for text in said)
        assert any(re.search(rf"{argument}(\[.*\])? is (nan|inf)", text) for text in said)
    for argument in "quantities", "demand":
        assert any(re.search(rf"{argument}(\[.*\])? is -\d+:", text) for text in said)  # integers
        assert any(re.search(rf"{argument}(\[.*\])? is -\d+\.\d", text) for text in said)
    assert any(re.search(r"\[[1-9]", text) for text in said)
    if kernel == "clear_batch":
        assert any(re.search(r"\[1, [1-9]", text) for text in said)


def straightforward(
    bids: Any,
    quantities: Any,
    demand: Any,
    ties: str = "first",
    scarcity_price: Any = None,
    tolerance: float = 1e-9,
) -> tuple[float, Any]:
    """Clear one valid market in plain Python, unit by unit, as `docs/semantics.md` tells it."""
    dtype = np.float32 if np.asarray(quantities).dtype.type is np.float32 else np.float64
    bids = [float(bid) for bid in np.asarray(bids).tolist()]
    offers = [float(offer) + 0.0 for offer in np.asarray(quantities).tolist()]
    demand = float(np.asarray(demand).item()) + 0.0
    cleared = [0.0] * len(bids)
    order = sorted(range(len(bids)), key=lambda unit: bids[unit])  # stable

    last_first = [unit for unit in order[::-1] if offers[unit] > 0.0] or order[::-1]
    can_set = set(last_first)
    supply, marginal = 0.0, None
    for unit in order:
        if unit in can_set and supply + offers[unit] >= demand - tolerance * demand:
            marginal = unit
            break
        supply += offers[unit]
    if marginal is None:
        highest = bids[last_first[0]]
        price = highest if scarcity_price is None else float(np.asarray(scarcity_price).item())
        cleared = offers
    elif ties == "first":
        price = bids[marginal]
        for unit in order[: order.index(marginal)]:
            cleared[unit] = offers[unit]
        cleared[marginal] = min(demand - supply, offers[marginal])
    else:
        price = bids[marginal]
        cheaper = total = 0.0
        for unit in order:
            if bids[unit] < price:
                cheaper += offers[unit]
                cleared[unit] = offers[unit]
        for unit, bid in enumerate(bids):
            if bid == price:
                total += offers[unit]
        for unit, bid in enumerate(bids):
            if bid == price and total > 0.0:
                cleared[unit] = min(offers[unit] * ((demand - cheaper) / total), offers[unit])
    with np.errstate(over="ignore", under="ignore"):
        return price, np.array(cleared).astype(dtype)


LARGE = 1000
"""Plain Python takes long over more units: one such market in seven is enough."""


def valid_markets() -> Iterator[tuple[str, markets.Market, Mapping[str, Any]]]:
    """Yield markets under one rule each, in turn, as backends get them; the odd ones under all."""
    every_rule = (*markets.RULES, *markets.STRICT)
    for label, market in markets.containers():
        for rules in every_rule:
            yield label, market, rules
    yield from tolerances.cases()
    for source, choice in (markets.markets(), every_rule), (order.markets(), markets.STRICT):
        for (label, market), rules in zip(source, cycle(choice), strict=False):
            yield label, market, rules


def test_reference_clears_as_a_straightforward_implementation_does() -> None:
    reference = get_backend("numpy").clear
    compared = 0
    for turn, (label, market, rules) in enumerate(valid_markets()):
        if np.size(market[0]) > LARGE and turn % 7:
            continue
        found = outcomes.outcome(reference, market, rules)
        assert found.raised is None, label
        expected = outcomes.outcome(straightforward, market, rules)
        assert outcomes.differ(("price", "cleared"), found, expected) is None, label
        compared += 1
    assert compared > 18_000


def test_reference_clears_a_batch_as_a_straightforward_loop_does() -> None:
    reference = get_backend("numpy").clear_batch
    compared = 0
    for example in examples.batch_examples():
        arguments, options = example.make()
        if "out" in options:
            continue
        found = outcomes.outcome(reference, arguments, options)
        if found.raised:
            continue
        prices, cleared = found.values
        bids, quantities, demand = map(np.asarray, arguments)
        rules = {name: value for name, value in options.items() if name != "threads"}
        for row in range(len(demand)):
            expected = straightforward(
                bids if bids.ndim == 1 else bids[row],
                quantities if quantities.ndim == 1 else quantities[row],
                demand[row],
                **rules,
            )
            one = outcomes.Outcome((float(prices[row]), cleared[row]))
            difference = outcomes.differ(("price", "cleared"), one, outcomes.Outcome(expected))
            assert difference is None, (example.label, row)
            compared += 1
    assert compared > 2_000


@KERNELS
def test_the_set_is_the_same_every_time(kernel: str) -> None:
    first, second = EXAMPLES[kernel](), EXAMPLES[kernel]()
    labels = set()
    for one, other in zip(first, second, strict=True):
        assert one.label == other.label
        labels.add(one.label)
        if ", n = " in one.label and not one.label.endswith("default rules"):
            continue  # the same arrays under another rule
        for left, right in zip(one.make()[0], other.make()[0], strict=True):
            # Of longdouble and object, some bits mean nothing.
            if isinstance(left, np.ndarray) and left.dtype.char in "bBhHiIlLqQfd":
                # A masked array gives other bytes where it is masked.
                left, right = np.asarray(left), np.asarray(right)
                assert left.tobytes() == right.tobytes(), one.label
    # A label tells which example it was.
    assert len(labels) > 500
