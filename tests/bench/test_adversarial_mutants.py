"""Clearing that is wrong in one place is caught by the adversarial set."""

import math
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

import pytest

from bench.adversarial import examples
from easy_marl.market import get_backend
from pytest_duel.catalogue import outcomes
from pytest_duel.catalogue.model import Example
from tests.bench import shortcuts
from tests.bench.shortcuts import Order, Variant


@cache
def valid_examples() -> list[tuple[Example, outcomes.Outcome]]:
    """Return the markets of less than 200 units in float64, and how they clear."""
    reference = get_backend("numpy").clear
    return [
        (one, outcomes.outcome(reference, *one.make()))
        for one in examples.clear_examples()
        if " bids, " in one.label or one.label.startswith(("a pair", "the margin", "passes"))
        if len(one.make()[0][0]) < 200
    ]


Family = Callable[[str], str]
"""What of a label names the family, or an empty text where it has none."""


def of_bids(label: str) -> str:
    return label.partition(" bids, ")[0].partition(", n = ")[0]


@cache
def by_family(family: Family) -> dict[str, list[tuple[Example, outcomes.Outcome]]]:
    found: dict[str, list[tuple[Example, outcomes.Outcome]]] = {}
    for example, expected in valid_examples():
        if name := family(example.label):
            found.setdefault(name, []).append((example, expected))
    return found


def wrong(clear: Callable[..., Any], example: Example, expected: outcomes.Outcome) -> bool:
    found = outcomes.outcome(clear, *example.make())
    return outcomes.differ(("price", "cleared"), found, expected) is not None


def missed(
    clear: Callable[..., Any], families: Iterable[str], family: Family = of_bids
) -> list[str]:
    """Return those of the families that do not show that `clear` is wrong."""
    known = by_family(family)
    return [name for name in families if not any(wrong(clear, *one) for one in known[name])]


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
    for right in shortcuts.right, shortcuts.absorbing:
        clear = shortcuts.clearing(right)
        assert not [one.label for one, expected in valid_examples() if wrong(clear, one, expected)]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.__name__)
def test_a_shortcut_is_caught_by_the_families_made_for_it(variant: Variant) -> None:
    assert not missed(shortcuts.clearing(variant), VARIANTS[variant])


@pytest.mark.parametrize("sharing", SHARINGS, ids=lambda sharing: sharing.__name__)
def test_sharing_among_the_wrong_units_is_caught(sharing: Callable[..., Order]) -> None:
    assert not missed(shortcuts.clearing(shortcuts.right, sharing), SHARINGS[sharing])


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
    clear = shortcuts.clearing(shortcuts.right, enough=enough)
    assert not missed(clear, ("tenths", "whole tenths", "distinct"), near_demand)


def near_demand(label: str) -> str:
    """Return the quantities, where demand is near a step of them."""
    quantities = label.partition(" bids, ")[2].partition(" quantities, ")[0]
    return quantities if " ulps from a step" in label else ""


def of_nothing(label: str) -> str:
    """Return who offers nothing."""
    who, offers_nothing, _ = label.partition(" bids, ")[2].partition(" offer nothing")
    return who if offers_nothing else ""


def test_a_price_set_by_an_offer_of_nothing_is_caught() -> None:
    both = "all but the margin", "every second", "nearly all"
    cheap = shortcuts.clearing(shortcuts.set_by_nothing)
    assert not missed(cheap, ("the cheapest", *both), of_nothing)
    dear = shortcuts.clearing(shortcuts.right, last_offer=lambda _, order: order[-1])
    assert not missed(dear, ("the dearest", *both), of_nothing)
    first = shortcuts.clearing(
        shortcuts.right,
        last_offer=lambda quantities, order: (
            shortcuts.last_offer(quantities, order) if quantities.any() else order[0]
        ),
    )
    assert not missed(first, ("all",), of_nothing)


@cache
def valid_batches() -> list[tuple[Example, outcomes.Outcome]]:
    reference = get_backend("numpy").clear_batch
    found = [
        (one, outcomes.outcome(reference, *one.make()))
        for one in examples.batch_examples()
        if ", n = " in one.label and not one.label.startswith("out")
    ]
    assert not any(expected.raised for _, expected in found)
    return found


def wrong_batches(clear_batch: Callable[..., Any], family: str = "") -> Iterator[str]:
    """Yield the labels, of those that match `family`, of batches that show what is wrong."""
    outputs = "prices", "cleared"
    for one, expected in valid_batches():
        if re.match(family, one.label):
            found = outcomes.outcome(clear_batch, *one.make())
            if outcomes.differ(outputs, found, expected):
                yield one.label


def test_the_batches_are_right_but_for_their_shortcut() -> None:
    assert len(valid_batches()) > 500
    assert not list(wrong_batches(shortcuts.looped))


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
    for family in families:
        assert any(wrong_batches(clear_batch, family)), family
