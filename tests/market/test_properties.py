"""Properties of all backends, on numbers chosen to break them."""

import itertools
import math
import struct
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easy_marl.market import Backend, get_backend

LARGEST = float(np.finfo(np.float64).max)
# Few values, so that ties are common; neighbours one ulp apart, so that keys cut short show.
AWKWARD = [0.0, -0.0, 1.0, math.nextafter(1, 2), math.nextafter(1, 0), 5e-324, 2.5e-310, 0.1, 0.3]
AWKWARD += [1e16, 1e16 + 2, 1e308, LARGEST]
few = st.sampled_from([*AWKWARD, *(-value for value in AWKWARD)])
numbers = few | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-3, 3).map(float)
powers = st.builds(math.ldexp, st.sampled_from([1.0, -1.0]), st.integers(-1074, 1023))
TOLERANCES = [0, 1e-9, 1e-3, 0.5, math.nextafter(1.0, 0.0), 5e-324, 1e-16]
SIZES = st.integers(1, 12) | st.sampled_from([16, 17, 63, 64, 65, 66, 130])

quick = settings(suppress_health_check=[HealthCheck.too_slow])


def bits(*values: Any) -> list[bytes]:
    return [np.asarray(value).tobytes() for value in values]


@st.composite
def arrays(draw: st.DrawFn, n: int, sign: bool = True) -> np.ndarray:
    """Long arrays repeat a few numbers in a drawn order; short ones are drawn one by one."""
    if n <= 12:
        values = np.array(draw(st.lists(numbers, min_size=n, max_size=n)))
    else:
        pool = draw(st.lists(numbers, min_size=1, max_size=20))
        seed = draw(st.integers(0, 2**32 - 1))
        values = np.random.default_rng(seed).choice(np.array(pool), n)
    return values if sign else np.abs(values)


@st.composite
def markets(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    n = draw(SIZES)
    bids, quantities = draw(arrays(n)), draw(arrays(n, sign=False))
    if draw(st.booleans()):
        with np.errstate(over="ignore"):
            quantities = np.minimum(quantities, 1e38).astype(np.float32)
    near = near_steps(bids, quantities, draw(st.integers(0, n - 1)))
    demand = draw(st.sampled_from(near) | arrays(1, sign=False).map(lambda a: a[0]))
    return bids, quantities, float(demand)


def near_steps(bids: np.ndarray, quantities: np.ndarray, rank: int) -> list[float]:
    """Return demands at, just beside and below a step of the supply curve, and at its ends.

    Beside means also that what is enough within a tolerance is beside the step.
    """
    order = np.argsort(bids, kind="stable")
    with np.errstate(over="ignore"):
        steps = np.add.accumulate(quantities[order], dtype=np.float64)
    step, supply = (min(float(steps[at]), LARGEST) for at in (rank, -1))
    beside = math.nextafter(step, 0), min(math.nextafter(step, math.inf), LARGEST)
    within = [min(step / (1.0 - tolerance), LARGEST) for tolerance in TOLERANCES if tolerance]
    ulps = [-1000.0, -30.0, -1.0, 0.0, 1.0, 30.0, 1000.0]
    moved = [demand + math.ulp(demand) * some for demand, some in zip(within, ulps, strict=False)]
    near = [min(max(demand, 0.0), LARGEST) for demand in (*within, *moved)]
    above = min(math.nextafter(supply, math.inf), LARGEST)
    return [0.0, -0.0, 5e-324, step, *beside, step / 3, above, *near]


@st.composite
def clusters(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Bids a few steps from a few values: crowded where keys cut short and buckets are equal.

    The values may be far apart; the steps are ulps, or powers of two times as long. Quantities
    whose sum depends on the order of adding show any other order, even of units dispatched.
    """
    n = draw(st.integers(1, 200) | st.sampled_from([8, 9, 16, 17, 32, 33, 64, 65]))
    centres = np.array(draw(st.lists(few | powers, min_size=1, max_size=4)))
    longer, most = draw(st.integers(0, 45)), draw(st.integers(1, n))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    near = rng.integers(len(centres), size=n)
    with np.errstate(over="ignore"):
        steps = np.ldexp(np.minimum(abs(np.spacing(centres)), 2.0**971), longer)
        bids = centres[near] + rng.integers(-1, most, n) * steps[near]
    bids = np.clip(bids, -LARGEST, LARGEST)
    bids = np.where(bids == 0.0, rng.choice([-0.0, 0.0], n), bids)
    order = draw(st.sampled_from(["drawn", "ascending", "descending"]))
    if order != "drawn":
        bids = np.sort(bids)[:: 1 if order == "ascending" else -1].copy()
    offers = draw(st.sampled_from([[1e16, 1.0, 1e-16], [0.0, -0.0, 7.0], [1.0, 3.0, 2.0**53]]))
    return bids, draw(st.just(rng.choice(offers, n)) | arrays(n, sign=False))


options = st.fixed_dictionaries(
    {
        "ties": st.sampled_from(["first", "pro_rata"]),
        "scarcity_price": st.none() | numbers,
        "tolerance": st.sampled_from(TOLERANCES),
    }
)


@quick
@given(markets(), options)
def test_agrees_with_the_reference_to_the_last_bit(
    backend: Backend, market: Any, options: Any
) -> None:
    price, cleared = backend.clear(*market, **options)
    expected_price, expected_cleared = get_backend("numpy").clear(*market, **options)
    assert type(price) is float
    assert cleared.dtype == expected_cleared.dtype
    assert bits(price, cleared) == bits(expected_price, expected_cleared)


@quick
@given(clusters(), options, st.data())
def test_agrees_on_clusters_to_the_last_bit(
    backend: Backend, units: Any, options: Any, data: Any
) -> None:
    bids, quantities = units
    for demand in near_steps(bids, quantities, data.draw(st.integers(0, bids.size - 1))):
        found = backend.clear(bids, quantities, demand, **options)
        expected = get_backend("numpy").clear(bids, quantities, demand, **options)
        assert bits(*found) == bits(*expected)


@st.composite
def markets_of_nothing(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, float]:
    """Draw markets in which some offer nothing, or all; demand is near a step, or nothing."""
    n = draw(SIZES)
    bids, quantities = draw(arrays(n)), draw(arrays(n, sign=False))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    idle = rng.random(n) < draw(st.sampled_from([0.1, 0.5, 0.9, 1.0]))
    order = np.argsort(bids, kind="stable")
    first, last = draw(st.booleans()), draw(st.booleans())
    idle[order[: n // 3]] |= first
    idle[order[n - n // 3 :]] |= last
    quantities = np.where(idle, rng.choice([0.0, -0.0], n), quantities)
    near = near_steps(bids, quantities, draw(st.integers(0, n - 1)))
    return bids, quantities, draw(st.sampled_from(near))


@quick
@given(markets_of_nothing(), options)
def test_agrees_where_some_offer_nothing(backend: Backend, market: Any, options: Any) -> None:
    found = backend.clear(*market, **options)
    assert bits(*found) == bits(*get_backend("numpy").clear(*market, **options))


@quick
@given(markets_of_nothing(), options)
def test_who_offers_nothing_might_as_well_not_be_there(
    backend: Backend, market: Any, options: Any
) -> None:
    bids, quantities, demand = market
    there = quantities > 0.0
    price, cleared = backend.clear(*market, **options)
    assert not cleared[~there].any()
    if there.any():
        left = backend.clear(bids[there], quantities[there], demand, **options)
        assert bits(price, cleared[there]) == bits(*left)


@quick
@given(markets(), st.sampled_from(["first", "pro_rata"]))
def test_a_larger_tolerance_gives_no_higher_price(
    backend: Backend, market: Any, ties: str
) -> None:
    prices = [
        backend.clear(*market, ties=ties, tolerance=tolerance)[0]
        for tolerance in sorted(TOLERANCES)
    ]
    assert prices == sorted(prices, reverse=True)


@quick
@given(markets(), options)
def test_dispatch_stays_within_offers(backend: Backend, market: Any, options: Any) -> None:
    _, cleared = backend.clear(*market, **options)
    assert (cleared >= 0.0).all()
    assert (cleared <= market[1]).all()


@quick
@given(markets(), st.sampled_from(["first", "pro_rata"]))
def test_price_is_a_bid(backend: Backend, market: Any, ties: str) -> None:
    bids = market[0]
    price, _ = backend.clear(*market, ties=ties)
    assert struct.pack("d", price) in {struct.pack("d", bid) for bid in bids}


ordinary = st.integers(1, 80).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(-20, 20).map(float), min_size=n, max_size=n).map(np.array),
        st.lists(st.floats(0, 500), min_size=n, max_size=n).map(np.array),
        st.floats(0, 1.2),
    )
)


@quick
@given(ordinary, st.sampled_from(["first", "pro_rata"]))
def test_dispatch_meets_demand_or_is_all_there_is(
    backend: Backend, market: Any, ties: str
) -> None:
    bids, quantities, share = market
    supply = math.fsum(quantities)
    demand = share * supply
    _, cleared = backend.clear(bids, quantities, demand, ties=ties, tolerance=0)
    assert math.fsum(cleared) == pytest.approx(min(demand, supply), rel=1e-12, abs=1e-300)


@quick
@given(ordinary, st.sampled_from(["first", "pro_rata"]))
def test_cheaper_units_run_in_full_and_dearer_ones_not_at_all(
    backend: Backend, market: Any, ties: str
) -> None:
    bids, quantities, share = market
    demand = share * math.fsum(quantities)
    price, cleared = backend.clear(bids, quantities, demand, ties=ties)
    if demand > 0.0:
        assert (cleared[bids < price] == quantities[bids < price]).all()
    assert (cleared[bids > price] == 0.0).all()


@quick
@given(ordinary)
def test_pro_rata_treats_equal_offers_alike(backend: Backend, market: Any) -> None:
    bids, quantities, share = market
    quantities = np.round(quantities / 100) * 100  # equal quantities are common, too
    _, cleared = backend.clear(bids, quantities, share * quantities.sum(), ties="pro_rata")
    alike: dict[tuple[float, float], float] = {}
    for bid, quantity, dispatched in zip(bids, quantities, cleared, strict=True):
        assert alike.setdefault((bid, quantity), dispatched) == dispatched


@quick
@given(markets(), options, st.randoms(use_true_random=False))
def test_the_order_of_untied_units_does_not_matter(
    backend: Backend, market: Any, options: Any, random: Any
) -> None:
    bids, quantities, demand = market
    _, different = np.unique(bids, return_index=True)
    bids, quantities = bids[different], quantities[different]
    permutation = random.sample(range(len(bids)), len(bids))
    price, cleared = backend.clear(bids, quantities, demand, **options)
    again, permuted = backend.clear(bids[permutation], quantities[permutation], demand, **options)
    assert bits(price, cleared[permutation]) == bits(again, permuted)


@st.composite
def batches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, n = draw(st.integers(0, 4)), draw(SIZES)
    stacked = [np.array([draw(arrays(n, sign)) for _ in range(rows)]).reshape(rows, n)
               for sign in (True, False)]  # fmt: skip
    shared = draw(arrays(n)), draw(arrays(n, sign=False))
    bids = draw(st.sampled_from([stacked[0], shared[0]]))
    quantities = draw(st.sampled_from([stacked[1], shared[1]]))
    if draw(st.booleans()):
        quantities = np.minimum(quantities, 1e38).astype(np.float32)
    return bids, quantities, draw(arrays(rows, sign=False)).astype(np.float64)


@quick
@given(batches(), options)
def test_a_batch_is_a_loop(backend: Backend, batch: Any, options: Any) -> None:
    bids, quantities, demand = batch
    shape = demand.size, bids.shape[-1]
    prices, cleared = backend.clear_batch(bids, quantities, demand, **options)
    assert prices.shape == demand.shape
    assert prices.dtype == np.float64
    assert cleared.shape == shape
    assert cleared.dtype == quantities.dtype
    rows = zip(np.broadcast_to(bids, shape), np.broadcast_to(quantities, shape), demand,
               strict=True)  # fmt: skip
    for row, market in enumerate(rows):
        price, dispatch = backend.clear(*market, **options)
        assert bits(prices[row], cleared[row]) == bits(price, dispatch)


@quick
@given(clusters(), options, st.data())
def test_one_merit_order_serves_any_demand(
    backend: Backend, units: Any, options: Any, data: Any
) -> None:
    bids, quantities = units
    ranks = data.draw(st.lists(st.integers(0, bids.size - 1), min_size=1, max_size=9))
    demand = np.array([near for rank in ranks for near in near_steps(bids, quantities, rank)])
    own = np.stack([np.roll(quantities, row) for row in range(demand.size)])
    for offers in quantities, own:
        found = backend.clear_batch(bids, offers, demand, threads=data.draw(st.integers(1, 3)),
                                    **options)  # fmt: skip
        expected = get_backend("numpy").clear_batch(bids, offers, demand, **options)
        assert bits(*found) == bits(*expected)


@pytest.mark.parametrize("n", [2, 3, 64, 65, 100, 5000])
def test_neighbouring_floats_are_told_apart(backend: Backend, n: int) -> None:
    bids = np.array(list(itertools.accumulate(range(n - 1), lambda bid, _: math.nextafter(bid, 9),
                                              initial=1.0)))[::-1]  # fmt: skip
    _, cleared = backend.clear(bids, np.ones(n), n - 1.0)
    assert cleared.tolist() == [0.0] + [1.0] * (n - 1)


def test_any_bits_are_safe_while_another_thread_writes(backend: Backend) -> None:
    """Inputs that change between validation and clearing may give an error or odd results."""
    rng = np.random.default_rng(5)
    bids, quantities = rng.uniform(-1, 1, (40, 300)), rng.uniform(0, 1, (40, 300))
    raw = bids.view(np.uint64).reshape(-1)
    stop = threading.Event()

    def scribble() -> None:
        while not stop.is_set():
            np.copyto(raw, rng.integers(0, 2**64, raw.size, np.uint64))
            np.copyto(raw, np.uint64(0))

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        for _ in range(30):
            try:
                _, cleared = backend.clear_batch(bids, quantities, np.full(40, 70.0))
            except ValueError as error:
                assert "bids" in str(error)  # noqa: PT017
            else:
                assert (cleared <= quantities).all()
    finally:
        stop.set()
        writer.join()
