"""The families of `bench/adversarial/order.py` are what their names say."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.adversarial import batch, order
from bench.adversarial.markets import Array, Valid
from bench.adversarial.order import FEW, LARGEST, MANY
from tests.bench.shortcuts import buckets, inversions, single, words

Claim = Callable[[Array], bool]


def fullest(bids: Array) -> int:
    return int(np.unique(buckets(bids), return_counts=True)[1].max())


def descending(bids: Array) -> bool:
    return bool((np.diff(bids) < 0.0).all())


def distinct(values: NDArray[np.generic]) -> int:
    return len(np.unique(values))


SHORT = pytest.mark.parametrize("n", [n for n in FEW if n >= 15])
CROWDED = pytest.mark.parametrize("n", [n for n in MANY if n < 200])


def short_keys(n: int) -> Iterator[tuple[str, Array]]:
    return order.short_keys(n, np.random.default_rng([n, 1]))


def crowded_buckets(n: int) -> Iterator[tuple[str, Array]]:
    return order.crowded_buckets(n, np.random.default_rng([n, 1]))


@SHORT
def test_equal_words_are_in_the_wrong_order(n: int) -> None:
    for name, bids in short_keys(n):
        assert bids.shape == (n,)
        assert inversions(bids, words(bids)) >= n // 4, name


def alike(bids: Array) -> int:
    return int(np.count_nonzero(np.diff(words(bids)) == 0))


SHORT_CLAIMS: dict[str, Claim] = {
    "one float32": lambda bids: distinct(single(bids)) == 1 and descending(bids),
    "one float32 and ties": lambda bids: 1 < distinct(bids) < len(bids),
    "one word": lambda bids: (
        distinct(single(bids)) == len(bids)
        and distinct(words(bids)) == 1 + (len(bids) > 64)
        and descending(bids)
    ),
    "two words": lambda bids: distinct(words(bids)) == 1 + (len(bids) > 32),
    "half way": lambda bids: (
        bool(((np.diff(bids) > -1e-13) & (np.diff(single(bids)) < 0)).any()) and descending(bids)
    ),
    "pairs": lambda bids: alike(bids) >= len(bids) // 2,
    "far pairs": lambda bids: distinct(words(bids)) <= -(-len(bids) // 2) + 1,
    "pairs with ties": lambda bids: (
        alike(bids) >= len(bids) // 2 and distinct(bids) <= len(bids) // 2 + 2
    ),
    "beyond float32": lambda bids: bool(np.isinf(single(bids)).all()) and descending(bids),
    "edge of float32": lambda bids: distinct(np.isinf(single(bids))) == 2,
    "below float32": lambda bids: not single(bids).any() and descending(bids),
    "denormal as float32": lambda bids: (
        span(bids) < 2.0**-126 and bool(single(bids).any()) and descending(bids)
    ),
    "around zero": lambda bids: bool((bids == 0.0).any() and (abs(bids) > 0.0).any()),
}  # fmt: skip


@SHORT
def test_short_keys_do_what_they_are_called(n: int) -> None:
    for name, bids in short_keys(n):
        assert SHORT_CLAIMS[name.removeprefix("minus ")](bids), name


def span(bids: Array) -> float:
    with np.errstate(over="ignore"):
        return float(bids.max() - bids.min())


def buckets_per_unit(bids: Array, count: int) -> float:
    with np.errstate(over="ignore", divide="ignore"):
        return float(np.float64(count) / span(bids))


def clustered(bids: Array, size: int) -> bool:
    n = len(bids)
    each = n / -(-n // size)  # the last group is cut short
    return inversions(bids, buckets(bids)) >= 0.8 * n * (each - 1.0) / 2.0


def by_ulps(bids: Array) -> bool:
    return bool((np.diff(np.sort(bids)) == np.spacing(64.0)).all())


def near_borders(bids: Array) -> bool:
    places = (bids - bids.min()) * ((bids.size - 1) / span(bids))
    off = abs(places - np.round(places))
    return bool((off < 1e-9).all() and (off > 0.0).any())


def odd_one(bids: Array) -> bool:
    return sorted(np.unique(bids, return_counts=True)[1]) == [1, len(bids) - 1]


def both_zeros(bids: Array) -> bool:
    return distinct(np.signbit(bids[bids == 0.0])) == 2


CROWDED_CLAIMS: dict[str, Claim] = {
    r"outlier .*": lambda bids: fullest(bids) >= len(bids) - 1,
    "infinite range": lambda bids: np.isinf(span(bids)),
    "denormals": lambda bids: np.isinf(buckets_per_unit(bids, len(bids) - 1)),
    "infinite scale": lambda bids: np.isinf(buckets_per_unit(bids, len(bids) - 1)),
    "large scale": lambda bids: (
        np.isfinite(buckets_per_unit(bids, len(bids) - 1))
        and np.isinf(buckets_per_unit(bids, 2 * len(bids)))
    ),
    "all equal": lambda bids: span(bids) == 0.0,
    r"one (cheaper|an ulp dearer), .*": odd_one,
    "two clusters": lambda bids: distinct(bids) == len(bids) and distinct(buckets(bids)) <= 3,
    "geometric( of both signs)?": lambda bids: fullest(bids) > 0.8 * len(bids),
    "skewed": lambda bids: fullest(bids) > len(bids) // 3,
    "clusters of 2": lambda bids: clustered(bids, 2),
    "clusters of 3": lambda bids: clustered(bids, 3),
    "clusters of 4": lambda bids: clustered(bids, 4),
    "clusters of 8": lambda bids: clustered(bids, 8),
    "clusters of 32": lambda bids: clustered(bids, 32),
    "clusters with ties": lambda bids: clustered(bids, 4) and distinct(bids) < 0.6 * len(bids),
    "ulp by ulp .*": by_ulps,
    "on borders": near_borders,
    "zeros cheapest": lambda bids: bids.min() == 0.0 and both_zeros(bids),
    "zeros dearest": lambda bids: bids.max() == 0.0 and both_zeros(bids),
    "zeros between": lambda bids: bids.min() < 0.0 < bids.max() and both_zeros(bids),
}  # fmt: skip


@CROWDED
def test_crowded_buckets_do_what_they_are_called(n: int) -> None:
    found = list(crowded_buckets(n))
    assert all(any(re.fullmatch(claim, name) for name, _ in found) for claim in CROWDED_CLAIMS)
    for name, bids in found:
        (holds,) = (claim for known, claim in CROWDED_CLAIMS.items() if re.fullmatch(known, name))
        assert bids.shape == (n,)
        assert holds(bids), name


def margin(market: Valid, order: NDArray[np.intp]) -> int:
    """Return how many units in `order` do not meet the demand."""
    _, quantities, demand = market
    return int(np.count_nonzero(np.cumsum(quantities[order]) < demand))


@pytest.mark.parametrize("n", [n for n in (*FEW, *MANY) if n >= 8])
def test_moving_margins_depend_on_the_order_of_adding(n: int) -> None:
    moves = []
    for _, market in order.moving_margins(n, np.random.default_rng(n)):
        bids = market[0]
        together = words(bids) if n <= 64 else buckets(bids)
        merit, lying = np.argsort(bids, kind="stable"), np.argsort(together, kind="stable")
        assert sorted(merit[n // 2 : n // 2 + 4]) == list(lying[n // 2 : n // 2 + 4])
        moves.append(margin(market, lying) - margin(market, merit))
    assert moves == [-1, 1, -1, 1]


def test_a_pair_is_one_inversion_that_the_demand_cuts_in_two() -> None:
    for rank, (_, market) in enumerate(order.one_pair(65, np.random.default_rng(1))):
        bids = market[0]
        merit = np.argsort(bids, kind="stable")
        assert inversions(bids, words(bids)) == 1
        assert inversions(bids, buckets(bids)) == (rank < 63)  # the highest has its own
        assert margin(market, merit) == rank
        assert bids[merit[rank + 1]] == np.nextafter(bids[merit[rank]], np.inf)


def test_hard_sums_depend_on_the_order_of_adding_or_stand_still() -> None:
    found = dict(order.hard_sums(200, np.random.default_rng(1)))
    for name in "absorbing", "absorbed", "some zero":
        assert (np.diff(np.cumsum(found[name])) == 0.0).any()
    for name in "distinct", "absorbed":
        assert np.cumsum(found[name])[-1] != np.cumsum(found[name][::-1])[-1]
    with np.errstate(over="ignore"):
        assert np.isinf(np.cumsum(found["overflowing"])[-1])


def test_cuts_lie_on_a_step_and_one_ulp_beside_it() -> None:
    rng = np.random.default_rng(1)
    bids, quantities = rng.uniform(20.0, 100.0, 70), rng.uniform(10.0, 50.0, 70)
    supply = np.cumsum(quantities[np.argsort(bids)])
    none, step, below, above, scarce = (cut for _, cut in order.cuts(bids, quantities, rng))
    assert none == 0.0
    assert step in supply
    assert below == np.nextafter(step, 0.0)
    assert above == np.nextafter(step, LARGEST)
    assert scarce == np.nextafter(supply[-1], LARGEST)
    steps = batch.steps(bids, quantities)
    assert set(steps) >= {*supply, *np.nextafter(supply, 0.0), *np.nextafter(supply, LARGEST), 0.0}
