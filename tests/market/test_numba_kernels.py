"""The numba kernels: bids that change their way of sorting, bad numbers, threads."""

import itertools
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.adversarial import order
from easy_marl.market import numba_backend, numba_kernels, reference

Array = NDArray[np.float64]
Rng = np.random.Generator

LARGEST = float(np.finfo(np.float64).max)
TINY = math.ulp(0.0)
SUMMED = numba_kernels.BUCKET_SUMS
# Insertion sort never gives up to 64 units; 128 units fill one group of buckets.
SIZES = (1, 2, 3, 5, 63, 64, 65, 66, 127, 128, 129, 130, 1000, 5000)

FAMILIES: dict[str, Callable[[int, Rng], NDArray[Any]]] = {
    "uniform": lambda n, rng: rng.uniform(20.0, 100.0, n),
    "sorted": lambda n, rng: np.sort(rng.uniform(20.0, 100.0, n)),
    "reversed": lambda n, rng: np.sort(rng.uniform(20.0, 100.0, n))[::-1].copy(),
    "equal": lambda n, rng: np.full(n, 30.0),
    "all but three equal": lambda n, rng: rng.permutation(np.r_[np.full(n, 30.0), 1.0, 2.0, 99.0])[
        :n
    ],
    "pairs": lambda n, rng: rng.permutation(np.repeat(rng.uniform(20.0, 100.0, n), 2)[:n]),
    "three values": lambda n, rng: rng.choice([10.0, 20.0, 30.0], n),
    "negative": lambda n, rng: rng.uniform(-100.0, 100.0, n),
    "zeros": lambda n, rng: rng.choice([-0.0, 0.0], n),
    "around zero": lambda n, rng: rng.choice([-TINY, -0.0, 0.0, TINY], n),
    "denormal": lambda n, rng: rng.integers(-n, n, n) * TINY,
    "adjacent doubles": lambda n, rng: 50.0 + rng.integers(0, 9, n) * math.ulp(50.0),
    "all adjacent doubles": lambda n, rng: 50.0 + rng.permutation(n) * math.ulp(50.0),
    "adjacent ties in a crowd": lambda n, rng: np.r_[
        50.0 + rng.integers(0, 5, n - n // 9) * math.ulp(50.0), rng.uniform(0, 1e6, n // 9)
    ],
    "largest of both signs": lambda n, rng: rng.choice([-LARGEST, LARGEST], n),
    "range overflows": lambda n, rng: rng.uniform(-1.0, 1.0, n) * LARGEST,
    "one far away": lambda n, rng: np.r_[rng.uniform(20.0, 100.0, n - 1), 1e300],
    "one as far as can be": lambda n, rng: np.r_[-LARGEST, rng.uniform(20.0, 100.0, n - 1)],
    "price cap": lambda n, rng: np.where(
        rng.random(n) < 0.01, 15000.0, rng.uniform(20.0, 100.0, n)
    ),
    "clusters": lambda n, rng: rng.choice([10.0, 50.0, 90.0], n) + rng.normal(0.0, 0.01, n),
    "clusters of ties": lambda n, rng: np.round(
        rng.choice([1.0, 1e3, 1e6], n) + rng.normal(0.0, 0.1, n), 2
    ),
    "geometric": lambda n, rng: 1.5 ** np.arange(n)[::-1].clip(0, 1700),
    "every magnitude": lambda n, rng: (
        rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-320.0, 308.0, n)
    ),
    "close to zero, and not": lambda n, rng: rng.standard_cauchy(n) ** 5,
}


def quantities_of(n: int, rng: Rng) -> Iterator[Array]:
    base = rng.uniform(10.0, 50.0, n)
    yield base
    yield np.where(rng.random(n) < 0.4, rng.choice([-0.0, 0.0], n), base)
    yield rng.choice([1e16, 1.0, 1e-3, 0.1], n)  # the order of additions shows
    yield np.zeros(n)
    yield np.full(n, 1e308)  # supply overflows


def demands_of(bids: Array, quantities: Array, rng: Rng) -> Iterator[float]:
    with np.errstate(over="ignore"):
        supply = np.add.accumulate(quantities[np.argsort(bids, kind="stable")])
    total = min(float(supply[-1]), LARGEST)
    step = min(float(supply[rng.integers(len(supply))]), LARGEST)
    yield from (0.0, -0.0, TINY, 0.3 * total, 0.7 * total, step, math.nextafter(step, 0.0))
    yield from (math.nextafter(step, LARGEST), total, min(1.2 * total, LARGEST))


def check(
    bids: Array,
    quantities: Array,
    demand: float,
    ties: str,
    scarcity_price: float | None,
    tolerance: float = 0.0,
) -> None:
    """Hold a kernel against the reference; it must not leave the work to it, as its face may."""
    cleared = np.full(len(bids), -1.0)
    none = math.nan if scarcity_price is None else scarcity_price
    clear = numba_kernels.clear if len(bids) < SUMMED else numba_kernels.clear_by_sums
    price = clear(bids, quantities, demand, int(ties == "pro_rata"), none, tolerance, cleared)
    expected, dispatch = reference.clear(
        bids,
        quantities,
        demand,
        ties=ties,
        scarcity_price=scarcity_price,
        tolerance=tolerance,
    )
    assert np.float64(price).tobytes() == np.float64(expected).tobytes()
    assert np.array_equal(cleared.view(np.int64), dispatch.view(np.int64))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_way_of_sorting_agrees_with_the_reference(family: str) -> None:
    rng = np.random.default_rng(9)
    rules = itertools.cycle(
        itertools.product([0.0, 1e-9, 0.5], [("first", None), ("pro_rata", None), ("first", -0.0)])
    )
    for n in SIZES:
        bids = FAMILIES[family](n, rng)
        for quantities in quantities_of(n, rng):
            for demand in demands_of(bids, quantities, rng):
                tolerance, options = next(rules)
                check(bids, quantities, demand, *options, tolerance)


@st.composite
def crowds(draw: st.DrawFn) -> Array:
    """Bids in clusters of any place, width and size, which no bucket width suits."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    parts = []
    magnitudes = st.sampled_from([0.0, 5e-324, 1e-300, 1e-9, 1.0, 1e5, 1e200, 1e307])
    for _ in range(draw(st.integers(1, 4))):
        place, width = draw(magnitudes) * rng.uniform(-1, 1), draw(magnitudes)
        values = place + width * rng.uniform(-1, 1, draw(st.integers(1, 150)))
        if draw(st.booleans()):
            values = rng.choice(values[:7], len(values))
        parts.append(np.sort(values) if draw(st.booleans()) else values)
    bids = np.concatenate(parts)
    return rng.permutation(bids) if draw(st.booleans()) else bids


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(crowds(), st.sampled_from(["first", "pro_rata"]), st.floats(0, 1.1), st.integers(0, 99))
def test_crowds_of_bids_agree_with_the_reference(
    bids: Array, ties: str, share: float, seed: int
) -> None:
    quantities = np.random.default_rng(seed).uniform(0.0, 9.0, len(bids))
    check(bids, quantities, share * float(quantities.sum()), ties, None)


# Adding buckets without sorting them


def added(bids: Array, quantities: Array, demand: float, pro_rata: int) -> bytes | None:
    """Clear a market of any size by adding whole buckets; None means that it was given up."""
    scratch = numba_kernels._scratch(bids.size)
    scratch.order[:] = scratch.own[:] = bids.size - 1  # what is left of another market
    scratch.ends[:] = 2**32 - 1
    demand += 0.0  # -0.0 reads as 0.0
    market, cleared = numba_kernels.Market(bids, quantities, demand, demand), np.empty(bids.size)
    marginal = numba_kernels._add_buckets(market, numba_kernels._extent(bids), scratch)
    if marginal.place < 0:
        return None
    rules = numba_kernels.Rules(pro_rata, math.nan, 0.0, None)
    price = numba_kernels._dispatch(market, scratch.order, marginal, rules, cleared)
    return bytes(np.r_[price, cleared])


def cleared_by_reference(market: tuple[Array, Array, float], ties: str) -> bytes:
    price, dispatch = reference.clear(*market, ties=ties, tolerance=0.0)
    return bytes(np.r_[price, dispatch])


def test_added_buckets_agree_with_the_reference_or_are_given_up() -> None:
    outcomes = []
    for turn, (label, market) in enumerate(order.markets()):
        if 64 < market[0].size <= 1000:
            ties = "first", "pro_rata"
            result = added(*market, turn % 2)
            outcomes.append(result is not None)
            assert result in (None, cleared_by_reference(market, ties[turn % 2])), label
    assert sum(outcomes) > 1000
    assert not all(outcomes)


def crowd_of_little(n: int, rng: Rng) -> tuple[Array, Array]:
    bids = np.where(np.arange(n) % 2 == 0, 20.0 + 0.01 * rng.random(n), rng.uniform(21, 99, n))
    return bids, np.where(bids < 21.0, 1e-6, rng.uniform(10.0, 50.0, n))


def crowd_at_the_margin(n: int, rng: Rng) -> tuple[Array, Array]:
    """Of all units a tenth are in one bucket, with ties, about where 30 % of supply is reached."""
    bids = rng.uniform(20.0, 100.0, n)
    bids[rng.permutation(n)[: n // 10]] = 42.2 + rng.choice(np.arange(50) / 1000.0, n // 10)
    return bids, rng.uniform(20.0, 30.0, n)


ADDED: dict[str, Callable[[int, Rng], tuple[NDArray[Any], NDArray[Any]]]] = {
    "uniform": lambda n, rng: (rng.uniform(20.0, 100.0, n), rng.uniform(10.0, 50.0, n)),
    "descending": lambda n, rng: (np.arange(n)[::-1] * 1.0, rng.uniform(10.0, 50.0, n)),
    "ties": lambda n, rng: (rng.integers(0, 30, n) * 1.0, rng.uniform(10.0, 50.0, n)),
    "zeros": lambda n, rng: (rng.integers(-99, 1, n) * (rng.random(n) < 0.9), np.ones(n)),
    "small numbers": lambda n, rng: (rng.permutation(n) * 1.0, rng.integers(0, 9, n) * 0.5),
    "tiny": lambda n, rng: (rng.uniform(20.0, 100.0, n), rng.uniform(1e-300, 9e-300, n)),
    "huge": lambda n, rng: (rng.uniform(20.0, 100.0, n), rng.uniform(1e302, 9e302, n)),
    "half for nothing": lambda n, rng: (
        np.arange(n) * 1.0,
        np.where(np.arange(n) < n // 2, rng.choice([0.0, -0.0], n), rng.uniform(10.0, 50.0, n)),
    ),
    "a crowd at the margin": crowd_at_the_margin,
    "lognormal": lambda n, rng: (rng.lognormal(3.0, 0.6, n), rng.uniform(10.0, 50.0, n)),
}


@pytest.mark.parametrize("n", [SUMMED, SUMMED + 1, 5001])
@pytest.mark.parametrize("family", ADDED)
def test_buckets_are_added_wherever_that_pays(family: str, n: int) -> None:
    rng = np.random.default_rng([n, 5])
    for _ in range(20):
        bids, quantities = ADDED[family](n, rng)
        supply = np.add.accumulate(quantities[np.argsort(bids, kind="stable")])
        step = float(supply[rng.integers(n)])
        demands = 0.3 * supply[-1], 0.7 * supply[-1], step, math.nextafter(step, LARGEST)
        for demand, (number, ties) in itertools.product(
            [*demands, 1.2 * supply[-1]], enumerate(["first", "pro_rata"])
        ):
            market = bids, quantities, float(demand)
            assert added(*market, number) == cleared_by_reference(market, ties)


def test_a_crowd_with_little_supply_is_given_up() -> None:
    """There is no room to divide half of all units, and their sum does not tell of them."""
    for n in (SUMMED, 5001):
        bids, quantities = crowd_of_little(n, np.random.default_rng(n))
        assert added(bids, quantities, 0.0, 0) is None
        check(bids, quantities, 0.0, "first", None)


@pytest.mark.parametrize("n", [2, 64, 65, 1000])
@pytest.mark.parametrize("family", FAMILIES)
def test_orders_are_permutations_whatever_the_bits(family: str, n: int) -> None:
    """So that no index is out of bounds, even if bids change after they were found good."""
    rng = np.random.default_rng(4)
    good = FAMILIES[family](n, rng)
    bad = np.where(rng.random(n) < 0.2, rng.choice([np.nan, np.inf, -np.inf], n), good)
    scribbled = rng.integers(0, 2**64, n, np.uint64).view(np.float64)
    quantities = rng.uniform(0.0, 9.0, n)
    for bids in good, bad, scribbled:
        scratch = numba_kernels._scratch(n)
        numba_kernels._sort(bids, scratch)
        assert np.array_equal(np.sort(scratch.order), np.arange(n))
        out = np.empty(1), np.empty((1, n))
        rows = numba_kernels.Rows(
            bids.reshape(1, n), quantities.reshape(1, n), np.array([3.0 * n]), False, False
        )
        for same, pro_rata in itertools.product([(False, False), (True, True)], [0, 1]):
            by_sums = None if n < SUMMED else True
            numba_kernels.clear_rows((*rows[:3], *same), (pro_rata, math.nan, 1e-9, by_sums), out)
            assert (out[1] >= 0.0).all()
            assert (out[1] <= quantities).all()


def test_insertion_sort_gives_up_before_it_takes_long() -> None:
    for n in range(2, 200):
        bids = np.arange(n)[::-1].astype(float)
        order = np.arange(n, dtype=np.uint32)
        assert numba_kernels._insertion_sort(bids, order, 0, n) == (n <= 64)
        assert np.array_equal(np.sort(order), np.arange(n))


# Bad numbers


@pytest.mark.parametrize("n", [1, 2, 9, 70])
def test_a_kernel_refuses_bad_numbers_before_it_writes(n: int) -> None:
    good = np.linspace(1.0, 2.0, n)

    def refuses(bids: Array, quantities: Array, demand: float, scarcity: float) -> bool:
        cleared = np.full(n, -1.0)
        price = numba_kernels.clear(bids, quantities, demand, 0, scarcity, 0.0, cleared)
        assert (cleared == -1.0).all() == math.isnan(price)
        return math.isnan(price)

    assert not refuses(good, good, 1.0, math.nan)
    for value in (math.nan, -math.nan, math.inf, -math.inf):
        assert refuses(good, good, value, math.nan)
    for value in (math.inf, -math.inf):
        assert refuses(good, good, 1.0, value)
    assert refuses(good, good, -TINY, math.nan)
    for at in {0, n // 2, n - 1}:
        for value in (math.nan, -math.nan, math.inf, -math.inf):
            wrong = good.copy()
            wrong[at] = value
            assert refuses(wrong, good, 1.0, math.nan)
            assert refuses(good, wrong, 1.0, math.nan)
        wrong = good.copy()
        wrong[at] = -TINY
        assert refuses(good, wrong, 1.0, math.nan)
        assert not refuses(wrong, good, 1.0, math.nan)


@pytest.mark.parametrize("size", [1, 7, 64, 100])
def test_one_bad_number_anywhere_in_a_batch_is_seen(size: int) -> None:
    good = np.linspace(0.0, 2.0, size)
    assert numba_kernels.all_good(good, good, good)
    assert numba_kernels.all_good(np.empty(0), np.empty(0), np.empty(0))
    for at, which, value in itertools.product(range(size), range(3), [math.nan, -math.inf]):
        wrong = good.copy()
        wrong[at] = value
        bids, quantities, demand = (wrong if which == k else good for k in range(3))
        assert not numba_kernels.all_good(bids, quantities, demand)


# Batches and threads


@pytest.fixture
def any_batch_is_worth_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numba_backend, "_WORTH_THREADS", 0)


def batch(rows: int, n: int, same: tuple[bool, bool]) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng([rows, n])
    families = itertools.cycle(FAMILIES.values())
    bids = np.array([next(families)(n, rng) for _ in range(rows)])
    quantities = rng.uniform(0.0, 9.0, (rows, n))
    demand = quantities.sum(axis=1) * rng.choice([0.0, 0.3, 0.7, 1.0, 1.1], rows)
    return bids[0] if same[0] else bids, quantities[0] if same[1] else quantities, demand


def bits(result: tuple[Any, Any]) -> list[bytes]:
    return [array.tobytes() for array in result]


SAME = list(itertools.product([False, True], repeat=2))


@pytest.mark.usefixtures("any_batch_is_worth_threads")
@pytest.mark.parametrize("same", SAME)
@pytest.mark.parametrize("threads", [None, 1, 2, 3])
def test_threads_do_not_change_a_bit(threads: int | None, same: tuple[bool, bool]) -> None:
    shapes = itertools.product([1, 2, 3, 7, 31], [1, 3, 70, 300])
    for rows, n in [*shapes, (31, 900)]:
        market = batch(rows, n, same)
        for ties in ("first", "pro_rata"):
            expected = reference.clear_batch(*market, ties=ties, scarcity_price=-1)
            result = numba_backend.clear_batch(
                *market, ties=ties, scarcity_price=-1, threads=threads
            )
            assert bits(result) == bits(expected)


@pytest.mark.parametrize("same", SAME)
@pytest.mark.parametrize("parts", [1, 2, 3, 5, 40])
def test_any_division_of_the_rows_gives_the_same(parts: int, same: tuple[bool, bool]) -> None:
    bids, quantities, demand = batch(31, 70, same)
    out = np.empty(31), np.empty((31, 70))
    rows = bids.reshape(-1, 70), quantities.reshape(-1, 70), demand, *same
    numba_kernels.clear_rows_on_threads(rows, (0, math.nan, 1e-9, None), out, parts)
    assert bits(out) == bits(reference.clear_batch(bids, quantities, demand))


@pytest.mark.usefixtures("any_batch_is_worth_threads")
@pytest.mark.parametrize("dtype", ["f4", ">f8", "i2"])
def test_threads_take_other_types(dtype: str) -> None:
    rng = np.random.default_rng(3)
    bids, quantities = rng.integers(0, 99, (2, 9, 80)).astype(dtype)
    demand = quantities.sum(axis=1) * 0.7
    expected = reference.clear_batch(bids, quantities, demand)
    result = numba_backend.clear_batch(bids, quantities, demand, threads=2)
    assert result[1].dtype == expected[1].dtype
    assert bits(result) == bits(expected)


@pytest.mark.usefixtures("any_batch_is_worth_threads")
def test_nothing_is_written_on_bad_input_by_any_thread() -> None:
    bids, quantities, demand = batch(31, 70, (False, False))
    quantities[30, 69] = -1.0
    out = np.full(31, -7.0), np.full((31, 70), -7.0)
    with pytest.raises(ValueError, match=r"^quantities\[30, 69\] is -1.0"):
        numba_backend.clear_batch(bids, quantities, demand, out=out, threads=2)
    assert (out[0] == -7.0).all()
    assert (out[1] == -7.0).all()


@pytest.mark.usefixtures("any_batch_is_worth_threads")
def test_numba_has_as_many_threads_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    market = batch(7, 70, (False, False))
    most = numba.get_num_threads()
    for mask in {1, most}:
        numba.set_num_threads(mask)
        try:
            numba_backend.clear_batch(*market, threads=2)
            assert numba.get_num_threads() == mask
        finally:
            numba.set_num_threads(most)
    for kernel in ("clear_rows", "clear_rows_on_threads"):
        monkeypatch.setattr(numba_kernels, kernel, fail)
    with pytest.raises(KeyboardInterrupt):
        numba_backend.clear_batch(*market, threads=2)
    assert numba.get_num_threads() == most
    assert not numba_backend._threads.locked()


@pytest.mark.usefixtures("any_batch_is_worth_threads")
def test_a_batch_does_not_wait_for_threads() -> None:
    market = batch(7, 70, (False, False))
    with numba_backend._threads:
        result = numba_backend.clear_batch(*market, threads=2)
    assert bits(result) == bits(reference.clear_batch(*market))


@pytest.mark.usefixtures("any_batch_is_worth_threads")
def test_many_python_threads_may_ask_for_threads_at_once() -> None:
    market = batch(31, 300, (False, False))
    expected = bits(reference.clear_batch(*market))
    results: list[list[bytes]] = []

    def work() -> None:
        results.extend(bits(numba_backend.clear_batch(*market, threads=2)) for _ in range(20))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert results == [expected] * 60
