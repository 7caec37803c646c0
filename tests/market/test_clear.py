"""One market: cases worked out by hand."""

import math
from typing import Any

import numpy as np
import pytest

from easy_marl.market import Backend

BIDS = np.array([25.0, 30.0, 35.0, 40.0, 45.0])
QUANTITIES = np.full(5, 20.0)


def check(result: tuple[float, Any], price: float, cleared: list[float]) -> None:
    assert type(result[0]) is float
    assert result[0] == price
    assert result[1].tolist() == cleared
    assert result[1].dtype == np.float64


# The six cases of the earlier study.


def test_basic(backend: Backend) -> None:
    check(backend.clear(BIDS, QUANTITIES, 70.0), 40.0, [20.0, 20.0, 20.0, 10.0, 0.0])


def test_demand_above_supply(backend: Backend) -> None:
    check(backend.clear(BIDS, QUANTITIES, 150.0), 45.0, [20.0] * 5)


def test_partial_demand(backend: Backend) -> None:
    check(backend.clear(BIDS, QUANTITIES, 15.0), 25.0, [15.0, 0.0, 0.0, 0.0, 0.0])


def test_random(backend: Backend) -> None:
    bids = np.random.default_rng(42).permutation(100) / 4  # all different
    quantities = 1.0 + np.arange(100) % 7
    order = sorted(range(100), key=lambda unit: bids[unit])
    expected, rest, price = [0.0] * 100, 200.0, math.nan
    for unit in order:  # small integers: exact in any order
        expected[unit] = min(rest, float(quantities[unit]))
        rest -= expected[unit]
        if rest == 0.0:
            price = bids[unit]
            break
    check(backend.clear(bids, quantities, 200.0), price, expected)


def test_single_unit(backend: Backend) -> None:
    check(backend.clear([30.0], [50.0], 20.0), 30.0, [20.0])
    check(backend.clear([30.0], [50.0], 80.0), 30.0, [50.0])


def test_zero_demand(backend: Backend) -> None:
    check(backend.clear(BIDS[::-1], QUANTITIES, 0.0), 25.0, [0.0] * 5)


# What the study's cases could not see.


@pytest.mark.parametrize("n", [2, 16, 17, 64, 65, 66, 1000])
def test_equal_bids_are_dispatched_by_index(backend: Backend, n: int) -> None:
    price, cleared = backend.clear(np.full(n, 7.0), np.ones(n), n / 2 + 0.25)
    expected = [1.0] * (n // 2) + [n / 2 + 0.25 - n // 2] + [0.0] * n
    assert price == 7.0
    assert cleared.tolist() == expected[:n]


@pytest.mark.parametrize("n", [3, 200])
def test_zeros_of_both_signs_tie_and_the_price_keeps_its_sign(backend: Backend, n: int) -> None:
    bids = np.zeros(n)
    bids[1::2] = -0.0
    for demand, sign in (0.0, 1.0), (1.0, 1.0), (1.5, -1.0), (n + 1.0, math.copysign(1, bids[-1])):
        price, cleared = backend.clear(bids, np.ones(n), demand)
        assert math.copysign(1.0, price) == sign
        assert cleared.tolist() == [min(max(demand - unit, 0.0), 1.0) for unit in range(n)]


@pytest.mark.parametrize("ties", ["first", "pro_rata"])
@pytest.mark.parametrize("demand", [-0.0, 5.0, 50.0])
def test_no_negative_zero_is_dispatched(backend: Backend, ties: str, demand: float) -> None:
    _, cleared = backend.clear([2.0, 1.0, 1.0], [-0.0, -0.0, 10.0], demand, ties=ties)
    assert not np.signbit(cleared).any()


def test_supply_that_meets_demand_exactly_is_no_scarcity(backend: Backend) -> None:
    strict: dict[str, Any] = {"scarcity_price": 3000.0, "tolerance": 0}
    price, cleared = backend.clear(BIDS, QUANTITIES, 100.0, **strict)
    assert price == 45.0
    assert cleared.tolist() == [20.0] * 5
    price, _ = backend.clear(BIDS, QUANTITIES, np.nextafter(100.0, 101.0), **strict)
    assert price == 3000.0


@pytest.mark.parametrize("value", [3000, -5, 0.0, -0.0, np.float32(2.5), np.array(7)])
def test_scarcity_price(backend: Backend, value: Any) -> None:
    price, cleared = backend.clear([1.0, 2.0], [3.0, 4.0], 8.0, scarcity_price=value)
    assert type(price) is float
    assert repr(price) == repr(float(value))
    assert cleared.tolist() == [3.0, 4.0]


def test_negative_bids(backend: Backend) -> None:
    check(backend.clear([-5.0, 3.0, -20.0], [10.0, 10.0, 10.0], 15.0), -5.0, [5.0, 0.0, 10.0])


# Tolerance, and offers of nothing.


def test_the_rounding_of_a_sum_sets_no_price(backend: Backend) -> None:
    bids, quantities = [10.0] * 10 + [1000.0], [0.1] * 10 + [50.0]
    price, cleared = backend.clear(bids, quantities, 1.0)
    assert price == 10.0
    assert cleared.tolist() == pytest.approx([*quantities[:10], 0.0], rel=1e-15)
    price, cleared = backend.clear(bids, quantities, 1.0, tolerance=0)
    assert price == 1000.0
    assert cleared[-1] == math.ulp(0.5)


@pytest.mark.parametrize("n", [3, 6, 10, 63, 70, 500, 3000])
def test_all_supply_reaches_a_demand_of_as_much(backend: Backend, n: int) -> None:
    """Whatever a tenth times n and n tenths differ by."""
    price, cleared = backend.clear(np.arange(n), np.full(n, 0.1), 0.1 * n, scarcity_price=3000)
    assert price == n - 1.0
    assert cleared.sum() == pytest.approx(0.1 * n)


@pytest.mark.parametrize(
    ("tolerance", "price"),
    [
        (0, 3.0),
        (0.25 - 1e-12, 3.0),
        (0.25, 2.0),
        (np.float32(0.25), 2.0),
        (0.5 - 1e-12, 2.0),
        (0.5, 1.0),
        (math.nextafter(1.0, 0.0), 1.0),
    ],
)
def test_supply_is_reached_within_the_tolerance(
    backend: Backend, tolerance: float, price: float
) -> None:
    bids, quantities = [1.0, 2.0, 3.0], [4.0, 2.0, 9.0]
    result = backend.clear(bids, quantities, 8.0, tolerance=tolerance)
    check(result, price, [4.0, 2.0 if price > 1.0 else 0.0, 2.0 if price > 2.0 else 0.0])
    found = backend.clear_batch(bids, quantities, [8.0], tolerance=tolerance)
    assert found[0].tolist() == [price]
    assert found[1].tolist() == [result[1].tolist()]


def test_what_is_left_is_dispatched_in_full_and_no_more(backend: Backend) -> None:
    """The tolerance says who is marginal, not how much it gets."""
    check(backend.clear([1, 2, 3], [4, 5, 9], 8, tolerance=0.5), 1.0, [4.0, 0.0, 0.0])
    check(backend.clear([1, 2, 3], [9, 5, 9], 8, tolerance=0.5), 1.0, [8.0, 0.0, 0.0])
    pro_rated = backend.clear([1, 1, 3], [4, 12, 9], 12, tolerance=0.5, ties="pro_rata")
    check(pro_rated, 1.0, [3.0, 9.0, 0.0])


@pytest.mark.parametrize("ties", ["first", "pro_rata"])
@pytest.mark.parametrize("n", [3, 60, 300, 2000])
def test_an_offer_of_nothing_sets_no_price(backend: Backend, ties: str, n: int) -> None:
    """Cheapest, in the middle, dearest; with demand on each step and beyond."""
    bids = np.repeat([-5.0, 10.0, 15.0, 20.0, 9000.0], n)
    quantities = np.repeat([0.0, 5.0, -0.0, 5.0, 0.0], n)
    demand = np.array([0.0, 5.0 * n, 7.5 * n, 10.0 * n, 11.0 * n])
    for each, expected in zip(demand, [10.0, 10.0, 20.0, 20.0, 20.0], strict=True):
        price, cleared = backend.clear(bids, quantities, each, ties=ties)
        assert price == expected
        assert cleared.sum() == pytest.approx(min(each, 10.0 * n))
        assert not cleared[quantities == 0.0].any()
    for own in quantities, np.tile(quantities, (5, 1)):
        prices, _ = backend.clear_batch(bids, own, demand, ties=ties)
        assert prices.tolist() == [10.0, 10.0, 20.0, 20.0, 20.0]


@pytest.mark.parametrize("n", [1, 20, 300, 2000])
def test_where_nobody_offers_anything_all_bids_count(backend: Backend, n: int) -> None:
    bids, nothing = np.arange(n) - 5.0, np.zeros(n)
    for demand, expected in (0.0, -5.0), (-0.0, -5.0), (5e-324, n - 6.0), (7.0, n - 6.0):
        check(backend.clear(bids, nothing, demand), expected, [0.0] * n)
    # Of the least demand, most is less than nothing.
    check(backend.clear(bids, nothing, 5e-324, tolerance=0.75), -5.0, [0.0] * n)
    check(backend.clear(bids, nothing, 7.0, scarcity_price=99), 99.0, [0.0] * n)


def test_the_last_of_equal_bids_that_offers_something_is_the_price(backend: Backend) -> None:
    for quantities, sign in (([1, 1, 0], -1.0), ([1, 0, 0], 1.0), ([0, 0, 0], 1.0)):
        price, _ = backend.clear([0.0, -0.0, 0.0], quantities, 9.0)
        assert math.copysign(1.0, price) == sign
    price, _ = backend.clear([-0.0, 0.0], [0.0, 0.0], 0.0)
    assert math.copysign(1.0, price) == -1.0


def test_a_dear_offer_of_nothing_is_no_scarcity_price(backend: Backend) -> None:
    check(backend.clear([10, 20, 9000.0], [5, 5, 0.0], 20.0), 20.0, [5.0, 5.0, 0.0])
    check(backend.clear([10, 20, 9000.0], [5, 5, 0.0], 20.0, scarcity_price=9), 9.0, [5, 5, 0])


def test_a_unit_without_supply_sets_no_price_it_cannot_meet(backend: Backend) -> None:
    check(backend.clear([1.0, 2.0, 3.0], [10.0, 0.0, 10.0], 10.0), 1.0, [10.0, 0.0, 0.0])
    check(backend.clear([1.0, 2.0, 3.0], [0.0, 0.0, 10.0], 5.0), 3.0, [0.0, 0.0, 5.0])
    check(backend.clear([1.0, 2.0], [0.0, 0.0], 0.0), 1.0, [0.0, 0.0])


def test_supply_is_added_in_merit_order_one_unit_at_a_time(backend: Backend) -> None:
    # Pairwise, or in index order, the small quantities would reach 1e16 + 2 together.
    bids = np.array([2.0, 2.0, 1.0])
    rules: dict[str, Any] = {"scarcity_price": 9.0, "tolerance": 0}
    price, cleared = backend.clear(bids, [1.0, 1.0, 1e16], 1e16 + 2, **rules)
    assert price == 9.0
    assert cleared.tolist() == [1.0, 1.0, 1e16]


def test_supply_beyond_the_largest_float(backend: Backend) -> None:
    huge = np.finfo(np.float64).max
    check(backend.clear([1.0, 2.0, 3.0], [huge, huge, 1.0], huge), 1.0, [huge, 0.0, 0.0])
    check(
        backend.clear([1.0, 1.0], [huge / 2, huge], huge, ties="pro_rata"),
        1.0,
        [0.0, 0.0],  # the supply at the price is infinite
    )


@pytest.mark.parametrize("ties", ["first", "pro_rata"])
def test_floating_point_flags_of_numpy_do_not_matter(backend: Backend, ties: str) -> None:
    quantities = np.array([1e38, 1e-44, 1.0], np.float32)
    huge, tiny = np.full(3, 1e308), np.full(3, 5e-324)
    with np.errstate(all="raise"):
        _, cleared = backend.clear([1, 1, 1], quantities, 1e-45, ties=ties)
        assert cleared.dtype == np.float32
        assert backend.clear([1, 2, 3], huge, 1e308, ties=ties)[0] == 1.0
        assert backend.clear([1, 1, 1], tiny, 5e-324, ties=ties)[0] == 1.0


# ties="pro_rata"


def pro_rata(
    backend: Backend, bids: Any, quantities: Any, demand: float, **options: Any
) -> tuple[float, list[float]]:
    price, cleared = backend.clear(bids, quantities, demand, ties="pro_rata", **options)
    return price, cleared.tolist()


def test_pro_rata_shares_in_proportion(backend: Backend) -> None:
    result = pro_rata(backend, [2.0, 1.0, 2.0, 3.0], [30.0, 10.0, 10.0, 5.0], 30.0)
    assert result == (2.0, [15.0, 10.0, 5.0, 0.0])


def test_pro_rata_reaches_units_behind_the_marginal_one(backend: Backend) -> None:
    assert pro_rata(backend, [1.0] * 4, [8.0] * 4, 4.0) == (1.0, [1.0] * 4)


def test_pro_rata_without_ties_is_first(backend: Backend) -> None:
    assert pro_rata(backend, BIDS, QUANTITIES, 70.0) == (40.0, [20.0, 20.0, 20.0, 10.0, 0.0])


def test_pro_rata_shares_between_zeros_of_both_signs(backend: Backend) -> None:
    assert pro_rata(backend, [0.0, -0.0], [4.0, 12.0], 4.0) == (0.0, [1.0, 3.0])


def test_pro_rata_has_no_effect_under_scarcity_or_at_zero_demand(backend: Backend) -> None:
    assert pro_rata(backend, [1.0, 1.0], [2.0, 4.0], 9.0) == (1.0, [2.0, 4.0])
    assert pro_rata(backend, [1.0, 1.0], [2.0, 4.0], 9.0, scarcity_price=5) == (5.0, [2.0, 4.0])
    assert pro_rata(backend, [1.0, 1.0], [2.0, 4.0], 0.0) == (1.0, [0.0, 0.0])
    assert pro_rata(backend, [1.0, 1.0], [0.0, 0.0], 0.0) == (1.0, [0.0, 0.0])


def test_pro_rata_dispatches_no_more_than_is_offered(backend: Backend) -> None:
    # What is left of the demand, 2, rounds to more than the 1.5 at the price.
    bids, quantities = [1.0, 2.0], [1e16 + 2, 1.5]
    result = pro_rata(backend, bids, quantities, 1e16 + 4, tolerance=0)
    assert result == (2.0, quantities)


# Data types


@pytest.mark.parametrize("demand", [70, 70.0, np.int8(70), np.uint64(70), np.float32(70)])
@pytest.mark.parametrize("wrap", [lambda value: value, np.array], ids=["scalar", "0-d"])
def test_kinds_of_demand(backend: Backend, demand: Any, wrap: Any) -> None:
    check(backend.clear(BIDS, QUANTITIES, wrap(demand)), 40.0, [20.0, 20.0, 20.0, 10.0, 0.0])


@pytest.mark.parametrize(
    "dtype", ["f4", ">f4", "f8", ">f8", "i1", "<i2", ">i4", "i8", "u1", ">u8"]
)
def test_kinds_of_arrays(backend: Backend, dtype: str) -> None:
    bids, quantities = BIDS.astype(dtype), QUANTITIES.astype(dtype)
    price, cleared = backend.clear(bids, quantities, 70)
    assert type(price) is float
    assert price == 40.0
    assert cleared.tolist() == [20.0, 20.0, 20.0, 10.0, 0.0]
    assert cleared.dtype == (np.float32 if dtype[-2:] == "f4" else np.float64)
    assert cleared.dtype.isnative
    assert cleared.flags.c_contiguous
    assert cleared.flags.writeable


def test_views_of_all_kinds(backend: Backend) -> None:
    packed = np.zeros(5, dtype=[("pad", "i1"), ("bid", "f8"), ("quantity", "f8")])
    packed["bid"], packed["quantity"] = BIDS, QUANTITIES
    read_only = BIDS.copy()
    read_only.flags.writeable = False
    spread = np.repeat(BIDS, 3)[::3]
    same = np.broadcast_to(np.float64(20.0), 5)
    for bids in BIDS.tolist(), packed["bid"], read_only, spread, BIDS[::-1].copy()[::-1]:
        for quantities in (20,) * 5, packed["quantity"], same:
            result = backend.clear(bids, quantities, 70.0)
            check(result, 40.0, [20.0, 20.0, 20.0, 10.0, 0.0])


def test_float32_is_rounded_once_at_the_end(backend: Backend) -> None:
    quantities = np.array([0.1, 0.2, 0.7], np.float32)
    demand = 0.5
    wide = quantities.astype(np.float64)
    _, cleared = backend.clear([1.0, 2.0, 3.0], quantities, demand)
    assert cleared.dtype == np.float32
    assert cleared[2] == np.float32(demand - (wide[0] + wide[1]))


def test_large_integers_are_rounded_to_the_nearest_double(backend: Backend) -> None:
    price, cleared = backend.clear([2**63 + 1025], np.array([2**64 - 1], np.uint64), 2**53 + 1)
    assert price == float(2**63 + 1025)
    assert cleared.tolist() == [float(2**53)]


def test_inputs_stay_as_they_were(backend: Backend) -> None:
    bids, quantities = BIDS.copy(), QUANTITIES.copy()
    _, cleared = backend.clear(bids, quantities, 1000.0)
    cleared[:] = -1.0
    assert bids.tolist() == BIDS.tolist()
    assert quantities.tolist() == QUANTITIES.tolist()
