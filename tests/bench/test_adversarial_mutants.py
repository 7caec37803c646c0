"""Clearing that is wrong in one place is caught by the adversarial set."""

import math
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from bench.adversarial import examples
from easy_marl.market import get_backend
from pytest_duel.catalogue import parity
from pytest_duel.catalogue.model import Example
from tests.bench import shortcuts
from tests.bench.shortcuts import Order, Variant


@cache
def valid_examples() -> list[tuple[Example, parity.Outcome]]:
    """Return the markets of less than 200 units in float64, and how they clear."""
    reference = get_backend("numpy").clear
    return [
        (one, parity.outcome(reference, *one.make()))
        for one in examples.clear_examples()
        if " bids, " in one.label or one.label.startswith(("a pair", "the margin", "passes"))
        if len(one.make()[0][0]) < 200
    ]


def caught(clear: Callable[..., Any]) -> set[str]:
    """Return the families of bids that show that `clear` is wrong."""
    return {
        one.label.partition(" bids, ")[0].partition(", n = ")[0]
        for one, expected in valid_examples()
        if parity.differ(("price", "cleared"), parity.outcome(clear, *one.make()), expected)
    }


SHORT = "one float32", "pairs", "far pairs", "below float32", "beyond float32", "around zero"
WORDS = *SHORT, "one word", "two words", "half way", "denormal as float32", "edge of float32"
CLUSTERS = "clusters of 4", "clusters of 32", "outlier 1e+300, descending", "two clusters"
TIES = "all equal", "one cheaper, first", "clusters with ties", "zeros between"
VARIANTS: dict[Variant, tuple[str, ...]] = {
    shortcuts.by_float32: SHORT,
    shortcuts.by_words: (*WORDS, *(f"minus {name}" for name in WORDS), "a pair at rank 0"),
    shortcuts.repaired_once: ("one float32", "minus one float32", "one word"),
    shortcuts.repaired_but_the_last: (
        "pairs",
        "a pair at rank 7",
        "a pair at rank 47",
        "a pair at rank 62",
    ),
    shortcuts.by_bits: ("around zero", "zeros cheapest", "zeros dearest", "zeros between"),
    shortcuts.flushed: ("around zero", "denormals", "infinite scale"),
    shortcuts.unstable: (*TIES, "one float32 and ties"),
    shortcuts.unstable_at_last: ("outlier and ties, descending",),
    shortcuts.swept: CLUSTERS,
    shortcuts.stopping_early: (*CLUSTERS, "on borders", "a pair at rank 65"),
    shortcuts.adding_as_they_lie: (
        "the margin moves up",
        "the margin moves up by an ulp",
        "clusters of 8",
    ),
    shortcuts.not_looking_again: (
        *CLUSTERS,
        "the margin moves down",
        "the margin moves down by an ulp",
    ),
    shortcuts.absorbing_half_way: (
        "clusters of 8",
        "passes a power of two by half a place at rank 127, meets rank 127",
    ),
    shortcuts.absorbing_across: (
        "far pairs",
        "passes a power of two by less than half a place at rank 64, meets rank 65",
    ),
    shortcuts.absorbing_what_meets: (
        "all equal",
        "passes a power of two by a place at rank 42, meets rank 126",
    ),
    shortcuts.pairwise: (
        "all equal",
        "one word",
        "clusters of 8",
        "the margin moves up by an ulp",
    ),
    shortcuts.exceeding: ("one float32", "two clusters"),
    shortcuts.last_of_equal_sums: ("one float32", "all equal"),
}
SHARINGS = {
    shortcuts.tied_so_far: TIES,
    shortcuts.tied_in_bits: ("zeros cheapest", "zeros between"),
}


def test_the_variants_are_right_but_for_their_shortcut() -> None:
    assert len(valid_examples()) > 5_000
    assert not caught(shortcuts.clearing(shortcuts.right))
    assert not caught(shortcuts.clearing(shortcuts.absorbing))


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_a_shortcut_is_caught_by_the_families_made_for_it(variant: Variant) -> None:
    assert set(VARIANTS[variant]) <= caught(shortcuts.clearing(variant))


@pytest.mark.parametrize("sharing", SHARINGS, ids=lambda sharing: sharing.__name__)
def test_sharing_among_the_wrong_units_is_caught(sharing: Callable[..., Order]) -> None:
    assert set(SHARINGS[sharing]) <= caught(shortcuts.clearing(shortcuts.right, sharing))


ENOUGH: dict[str, Callable[[float, float], float]] = {
    "strict": lambda demand, _: demand,
    "multiplied": lambda demand, tolerance: demand * (1.0 - tolerance),
    "absolute": lambda demand, tolerance: demand - tolerance,
    "an ulp more": lambda demand, tolerance: math.nextafter(
        demand - tolerance * demand, math.inf if demand > 0.0 else 0.0
    ),
    "an ulp less": lambda demand, tolerance: math.nextafter(demand - tolerance * demand, 0.0),
}


@pytest.mark.parametrize("enough", ENOUGH.values(), ids=ENOUGH)
def test_another_tolerance_is_caught(enough: Callable[[float, float], float]) -> None:
    found = near_demand(shortcuts.clearing(shortcuts.right, enough=enough))
    assert found >= {"tenths", "whole tenths", "distinct"}


def near_demand(clear: Callable[..., Any]) -> set[str]:
    """Return the families of quantities near demand that show that `clear` is wrong."""
    return {
        one.label.partition(" bids, ")[2].partition(" quantities, ")[0]
        for one, expected in valid_examples()
        if " ulps from a step" in one.label
        if parity.differ(("price", "cleared"), parity.outcome(clear, *one.make()), expected)
    }


def of_nothing(clear: Callable[..., Any]) -> set[str]:
    """Return who offers nothing in the markets that show that `clear` is wrong."""
    return {
        one.label.partition(" bids, ")[2].partition(" offer nothing")[0]
        for one, expected in valid_examples()
        if " offer nothing" in one.label
        if parity.differ(("price", "cleared"), parity.outcome(clear, *one.make()), expected)
    }


def test_a_price_set_by_an_offer_of_nothing_is_caught() -> None:
    cheap = of_nothing(shortcuts.clearing(shortcuts.set_by_nothing))
    assert cheap >= {"the cheapest", "all but the margin", "every second", "nearly all"}
    dear = of_nothing(shortcuts.clearing(shortcuts.right, last_offer=lambda _, order: order[-1]))
    assert dear >= {"the dearest", "all but the margin", "every second", "nearly all"}
    first = shortcuts.clearing(
        shortcuts.right,
        last_offer=lambda quantities, order: (
            shortcuts.last_offer(quantities, order) if quantities.any() else order[0]
        ),
    )
    assert of_nothing(first) >= {"all"}


@cache
def valid_batches() -> list[tuple[Example, parity.Outcome]]:
    reference = get_backend("numpy").clear_batch
    found = [
        (one, parity.outcome(reference, *one.make()))
        for one in examples.batch_examples()
        if ", n = " in one.label and not one.label.startswith("out")
    ]
    assert not any(expected.raised for _, expected in found)
    return found


def caught_in_batches(clear_batch: Callable[..., Any]) -> str:
    """Return the labels of the batches that show that `clear_batch` is wrong, one a line."""
    outputs = "prices", "cleared"
    return "\n".join(
        one.label
        for one, expected in valid_batches()
        if parity.differ(outputs, parity.outcome(clear_batch, *one.make()), expected)
    )


def test_the_batches_are_right_but_for_their_shortcut() -> None:
    assert len(valid_batches()) > 500
    assert not caught_in_batches(shortcuts.looped)


@pytest.mark.parametrize(
    ("clear_batch", "families"),
    [
        (
            shortcuts.searched_badly,
            (r"one order of .* bids, some zero", r"one order of .*, absorb.* by row"),
        ),
        (
            shortcuts.left_behind,
            (r"\d\d mixed rows, n = 16", r"\d\d mixed rows, n = 65, one order", "1001 rows"),
        ),
        (shortcuts.halved, (r"\d\d mixed rows", "1001 rows", ".*2-d bids")),
        (
            shortcuts.added_in_float32,
            ("float32 thirds, 1-d bids, 1-d", "float32 thirds, 2-d bids, 2-d"),
        ),
    ],
)
def test_a_wrong_batch_is_caught_by_the_rows_made_for_it(
    clear_batch: Callable[..., Any], families: tuple[str, ...]
) -> None:
    found = caught_in_batches(clear_batch)
    for family in families:
        assert re.search(f"^{family}", found, re.MULTILINE), family
