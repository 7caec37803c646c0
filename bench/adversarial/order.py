"""Markets that break shortcuts to the merit order.

A fast kernel does not sort. Up to 64 units it counts the ranks of 32-bit words: the bid as a
float32 whose low six bits gave way to the index; where words are equal, whole bids decide. Up to
400 it drops units into about n buckets by interpolating between the lowest and the highest bid,
and adds supply in order up to the marginal unit, whose bucket is the last one that it sorts;
where that takes too many moves, it sorts in full. Beyond, it adds whole buckets as they lie, eight
units at a time, each quantity rounded as the supply's last place asks for. It puts units in order
only where supply passes a power of two or reaches demand, or where a quantity is half way between
two roundings. Very many units it deals no more: it adds up each bucket as they lie, twice, and
follows a chain to the units of those few buckets in which the order counts. Where buckets lie it
takes from a sample.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.adversarial.markets import Array, Valid
from bench.wheel import CRATE

Generator = np.random.Generator


def _thresholds() -> Mapping[str, int]:
    """Return up to how many units `rust` goes which way, by the name of the way."""
    source = (CRATE / "core/src/thresholds.rs").read_text(encoding="utf-8")
    found = re.findall(r"const (\w+): usize = ([\d_]+);", source)
    return {name: int(number) for name, number in found}


THRESHOLDS = _thresholds()
COUNTED, WALKED, DEALT = (
    THRESHOLDS[name] for name in ("RANK_COUNT", "BUCKET_WALK", "BUCKET_BLOCKS")
)
PAIRS = THRESHOLDS["ALL_PAIRS"]


def _summed() -> int:
    """Return from how many units on `numba` tries sums over buckets."""
    source = (CRATE.parent / "easy_marl/market/numba_kernels.py").read_text(encoding="utf-8")
    found = re.search(r"^BUCKET_SUMS = (\d+)$", source, re.MULTILINE)
    if found is None:
        raise ValueError("numba_kernels.py has no BUCKET_SUMS")
    return int(found[1])


SUMMED = _summed()

# Around every width of vectors, and the change of algorithm.
# Large before small: what a market leaves in scratch memory must not reach the next.
WIDTHS = (15, 16, 17, 31, 32, 33, 47, 48, 49)
FEW = (COUNTED + 1, 1, 2, PAIRS, PAIRS + 1, *WIDTHS, COUNTED - 1, COUNTED)
MANY = (
    *(5000, COUNTED + 1, 4096, COUNTED + 2, 1000, WALKED, WALKED + 1),
    *(127, WALKED + 8, 128, 777, 129, WALKED - 100),
)
VERY_MANY = (DEALT + 3620, DEALT + 1, DEALT)
LARGEST = float(np.finfo(np.float64).max)
TINY = float(np.nextafter(0.0, 1.0))
GAP = float(np.spacing(64.0))
POWER = 2.0**1000
SINGLE_GAP = float(np.spacing(np.float32(64.0)))


def short_keys(n: int, rng: Generator) -> Iterator[tuple[str, Array]]:
    """Yield bids (n,) of which many get the same word, and the mirror image of each."""
    for name, bids in _short_keys(n, rng):
        yield name, bids
        yield f"minus {name}", -bids[::-1]  # descending again


def _short_keys(n: int, rng: Generator) -> Iterator[tuple[str, Array]]:
    up = np.arange(n, dtype=np.float64)
    down = up[::-1]
    base = rng.uniform(20.0, 100.0, n)
    above = np.nextafter(base, np.inf)
    # One float32, so that without the whole bid they would stay in index order.
    yield "one float32", 64.0 + down * GAP
    yield "one float32 and ties", 64.0 + np.floor(rng.permutation(up) / 3.0) * GAP
    # Neighbours as float32, told apart only by the six bits that are given up …
    yield "one word", 64.0 + down * SINGLE_GAP
    # … or not, where the seventh bit changes among them.
    yield "two words", 64.0 + (down + 32.0) * SINGLE_GAP
    # Adjacent doubles to either side of where rounding to float32 turns from down to up.
    yield "half way", 64.0 + (n - 0.5 - up // 3) * SINGLE_GAP + (1.0 - up % 3) * GAP
    # Equal words here and there, next to each other and far apart, with ties among them.
    yield "pairs", np.stack([above, base], axis=1).reshape(-1)[:n]
    yield "far pairs", np.concatenate([above[: n // 2], base])[:n]
    yield "pairs with ties", np.stack([above, base, above, base], axis=1).reshape(-1)[:n]
    # All infinite as float32, some only by rounding; the words of infinities look like NaN.
    yield "beyond float32", np.geomspace(1e308, 3.5e38, n)
    yield "edge of float32", rng.choice(_edge_of_float32(), n)
    # All zero as float32, of either sign; then denormal, which some modes flush to zero.
    yield "below float32", 2.0 ** -(160.0 + 8.0 * up)
    yield "denormal as float32", (down + 1.0) * 2.0**-151
    yield "around zero", rng.choice([-1e-40, -1e-46, -TINY, -0.0, 0.0, TINY, 1e-46, 1e-40], n)


def _edge_of_float32() -> Array:
    """Return doubles about the largest float32, and about where rounding goes to infinity."""
    largest = float(np.finfo(np.float32).max)
    turn = largest + 2.0**103
    return np.array([largest, np.nextafter(turn, 0.0), turn, np.nextafter(turn, np.inf), 1e300])


def crowded_buckets(n: int, rng: Generator) -> Iterator[tuple[str, Array]]:
    """Yield bids (n,) that interpolation puts into few buckets, or into none."""
    base = rng.uniform(20.0, 100.0, n)
    down = np.sort(base)[::-1]
    up = np.arange(n, dtype=np.float64)
    # One bid stretches the range, so that all others share a bucket, to the limit and beyond.
    for outlier in (1e300, -1e300, LARGEST, -LARGEST):
        yield f"outlier {outlier:.0e}", np.where(up == rng.integers(n), outlier, base)
        yield f"outlier {outlier:.0e}, descending", np.where(up == n // 2, outlier, down)
    tied = np.sort(np.repeat(base, 3)[:n])[::-1]
    yield "outlier and ties, descending", np.where(up == n // 2, 1e300, tied)
    yield "infinite range", np.where(up == 0.0, LARGEST, np.where(up == n - 1, -LARGEST, down))
    # Buckets per currency unit: infinite, so that the lowest bid gets 0 · inf; just finite.
    yield "denormals", rng.permutation(up) * TINY
    yield "infinite scale", rng.permutation(up) * 2.0**-1030
    yield "large scale", rng.permutation(up) * 2.0**-1023
    # No range at all, or one that a single bid makes.
    yield "all equal", np.full(n, 30.0)
    for place, at in ("first", 0), ("half way", n // 2), ("last", n - 1):
        yield f"one cheaper, {place}", np.where(up == at, 29.0, 30.0)
        yield f"one an ulp dearer, {place}", np.where(up == at, np.nextafter(30.0, 31.0), 30.0)
    # Most buckets empty, a few full.
    yield "two clusters", np.where(rng.random(n) < 0.5, 64.0, 120.0) + rng.permutation(n) * GAP
    yield "geometric", np.geomspace(1e300, 1e-300, n)
    yield "geometric of both signs", rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-99, 99, n)
    yield "skewed", 100.0 * rng.random(n) ** 16
    # Ever more moves within a bucket, in total from about n / 2 to 16 n: some budget runs out.
    for size in (2, 3, 4, 8, 32):
        yield f"clusters of {size}", _clusters(n, size, rng)
    yield "clusters with ties", np.floor(_clusters(n, 8, rng) * 2.0**19) / 2.0**19
    # Nothing to tell apart but the last bit.
    for name, steps in ("up", up), ("down", up[::-1]), ("shuffled", rng.permutation(up)):
        yield f"ulp by ulp {name}", 64.0 + steps * GAP
    # Where interpolation with n buckets rounds either way.
    yield "on borders", rng.permutation(up) + rng.integers(-1, 2, n) * GAP
    # The price has the sign of the unit that sets it: the first, the last, or any.
    zeros = np.where(rng.random(n) < 0.5, rng.choice([-0.0, 0.0], n), base)
    yield "zeros cheapest", zeros
    yield "zeros dearest", -zeros
    yield "zeros between", np.where(rng.random(n) < 0.5, zeros, -base)


def spread_bids(n: int, rng: Generator) -> Iterator[tuple[str, Array]]:
    """Yield bids (n,) that lie over many buckets, whatever few of them tell."""
    base = rng.uniform(20.0, 100.0, n)
    far = np.array([-LARGEST, -1e300, -5.0, -0.0, 0.0, 200.0, 200.0, 1e300, LARGEST])
    places = rng.integers(n, size=far.size)
    beyond = base.copy()
    beyond[places] = far
    yield "uniform", base
    yield "some far off", beyond
    yield "ascending", np.sort(base)
    yield "descending", np.sort(base)[::-1]
    yield "normal", rng.normal(60.0, 10.0, n)
    yield "tied in places", np.floor(base * 4.0)
    yield "on borders of buckets", rng.integers(0, 256, n).astype(np.float64)
    yield "about borders", 64.0 + rng.integers(0, 256, n) + rng.integers(-1, 2, n) * GAP
    yield "zeros between", np.where(rng.random(n) < 0.01, rng.choice([-0.0, 0.0], n), base - 60.0)


def spread_sums(n: int, rng: Generator) -> Iterator[tuple[str, Array]]:
    """Yield quantities (n,) as units have them, and some that make the order count."""
    base = rng.uniform(10.0, 50.0, n)
    above = np.ldexp(20.0 * n, rng.integers(-5, 2, n))
    yield "distinct", base
    yield "whole", np.floor(base)
    yield "in tenths", np.floor(10.0 * base) / 10.0
    yield "one large", np.where(np.arange(n) == rng.integers(n), 8.0 * n, base)
    yield "few half way", np.where(rng.random(n) < 0.002, half_way(base, above), base)
    yield "some half way", np.where(rng.random(n) < 0.02, half_way(base, above), base)
    yield "some zero", np.where(rng.random(n) < 0.4, rng.choice([0.0, -0.0], n), base)
    yield "powers of two", np.ldexp(1.0, rng.integers(0, 12, n))
    yield "in turns", base * np.array([1.0, 5.0, 5.0, 5.0])[np.arange(n) % 4]
    yield (
        "large and half way",
        np.where(np.arange(n) == n // 2, half_way(np.full(n, 1.5 * n), 4.0 * n), base),
    )
    # So large a supply tells whether a power that is not known can be taken for one that is.
    huge = np.ldexp(base, int(np.ceil(np.log2(POWER / (20.0 * n)))))
    yield "huge and half way", np.where(rng.random(n) < 0.5, half_way(huge, POWER), huge)


def spread_cuts(supply: Array, rng: Generator) -> list[tuple[str, float]]:
    """Return demands of which each cuts the supply in another place, one of them beyond it."""
    step = float(supply[rng.integers(len(supply) // 8, len(supply))])
    power = float(2.0 ** np.floor(np.log2(step)))
    return [
        ("a step", step),
        ("an ulp less than a step", float(np.nextafter(step, 0.0))),
        ("an ulp more than a step", float(np.nextafter(step, np.inf))),
        ("a power of two", power),
        ("just below a power of two", power * (1.0 - 1e-5)),
        ("too much", 1.01 * float(supply[-1])),
        ("far too much", 9.0 * float(supply[-1])),
    ]


def spread_markets(n: int, rng: Generator) -> Iterator[tuple[str, Valid]]:
    """Yield markets of bids that are spread, with all quantities, and demands in turn."""
    quantities = list(spread_sums(n, rng))
    all_bids = [(name, bids, merit_order(bids)) for name, bids in spread_bids(n, rng)]
    pairs = itertools.product(all_bids, quantities)
    for turn, ((bid_name, bids, order), (name, amounts)) in enumerate(pairs):
        cuts = spread_cuts(running_sums(order, amounts), rng)
        cut_name, demand = cuts[(turn + turn // len(cuts)) % len(cuts)]
        label = f"{bid_name} bids, {name} quantities, {cut_name} demand, n = {n}"
        yield label, (bids, amounts, demand)


def _clusters(n: int, size: int, rng: Generator) -> Array:
    """Return groups of near bids, each descending by index with all others in between."""
    centres = rng.uniform(20.0, 100.0, -(-n // size))
    return (centres + np.arange(size)[::-1, None] * 2.0**-20).reshape(-1)[:n]


def hard_sums(n: int, rng: Generator) -> Iterator[tuple[str, Array]]:
    """Yield quantities (n,) whose sums depend on the order of adding, or stand still at times."""
    base = rng.uniform(10.0, 50.0, n)
    yield "distinct", base
    yield "absorbing", rng.choice([1e16, 1.0, 1e-16], n)
    yield "some zero", np.where(rng.random(n) < 0.4, rng.choice([0.0, -0.0], n), base)
    yield "absorbed", np.where(rng.random(n) < 2.0 / n, 2.0**53, rng.choice([1.0, 3.0], n))
    yield "overflowing", np.where(rng.random(n) < 0.1, 1e308, base)


def absorbed_sums(n: int, rng: Generator) -> Iterator[tuple[str, Array]]:
    """Yield quantities (n,) that cannot be added in any order, all of them or some."""
    base = rng.uniform(10.0, 50.0, n)
    above = 2.0 ** rng.uniform(5.0, np.log2(40.0 * n), n)
    yield "one", np.ones(n)  # every power of two is met
    yield "half way", half_way(base, 0.5 * float(base.sum()))
    yield "some half way", np.where(rng.random(n) < 0.1, half_way(base, 20.0 * n), base)
    yield "half way somewhere", half_way(base, above)
    yield "of many magnitudes", np.ldexp(base, rng.integers(-60, 60, n))
    yield "doubling at times", np.where(rng.random(n) < 6.0 / n, above**3, base)
    yield "denormal", np.floor(rng.uniform(0.0, 9.0, n)) * TINY
    yield "about the least normal", rng.uniform(0.0, 4.0, n) * float(np.finfo(float).tiny)


def half_way(quantities: Array, supply: Array | float) -> Array:
    """Return about these, but half way between two numbers where added to such a supply."""
    place = np.spacing(supply)
    half: Array = (np.floor(quantities / place) + 0.5) * place  # no step rounds
    return half


def merit_order(bids: Array) -> NDArray[np.intp]:
    """Return the units (n,), the cheapest first."""
    return np.argsort(bids, kind="stable")


def running_sums(order: NDArray[np.intp], quantities: Array) -> Array:
    """Return the supply (n,) of the first 1, 2, … units of a merit order, short of infinity."""
    with np.errstate(over="ignore"):
        supply = np.cumsum(quantities[order])
    return np.minimum(supply, LARGEST)


def cuts(bids: Array, quantities: Array, rng: Generator) -> Iterator[tuple[str, float]]:
    """Yield demands on a step of the supply curve and one ulp beside it, none, and too much."""
    supply = running_sums(merit_order(bids), quantities)
    rank = int(rng.integers(len(supply)))
    yield "zero", float(rng.choice([0.0, -0.0]))
    yield f"rank {rank}'s", float(supply[rank])
    yield f"an ulp less than rank {rank}'s", float(np.nextafter(supply[rank], 0.0))
    yield f"an ulp more than rank {rank}'s", float(np.nextafter(supply[rank], LARGEST))
    yield "an ulp too much", float(np.nextafter(supply[-1], LARGEST))


def one_pair(n: int, rng: Generator) -> Iterator[tuple[str, Valid]]:
    """Yield markets with one pair of bids an ulp apart, in the wrong order, at every rank.

    A search for equal words that skips the last lane of a vector, say, misses one of them.
    """
    for rank in range(n - 1):
        ascending = np.arange(n) + 20.0
        ascending[0] -= 0.3  # no other bid is on the border of a bucket
        ascending[rank + 1] = np.nextafter(ascending[rank], np.inf)
        order = rng.permutation(n)
        order[rank : rank + 2] = np.sort(order[rank : rank + 2])[::-1]
        quantities = rng.uniform(10.0, 50.0, n)
        bids = np.empty(n)
        bids[order] = ascending
        dearer = float(quantities[order[: rank + 1]].sum() - 1.0)
        yield f"a pair at rank {rank}", (bids, quantities, dearer)


def moving_margins(n: int, rng: Generator) -> Iterator[tuple[str, Valid]]:
    """Yield markets whose margin moves where four units of a bucket are added as they lie there.

    They come in descending order. So whoever adds first and sorts later has to add again, and to
    look again which unit meets the demand.
    """
    rank = n // 2
    order = rng.permutation(n)
    four = np.sort(order[rank : rank + 4])
    bids = np.empty(n)
    bids[order] = np.arange(n)
    bids[four] = rank + np.arange(4)[::-1] * 2.0**-20
    cheaper = 4.0 * rank

    quantities = np.full(n, 4.0)
    quantities[four] = 1.0, 1.0, 1.0, 1e16  # the cheapest absorbs the others
    yield "the margin moves up", (bids, quantities.copy(), 1e16 + cheaper + 2.0)
    quantities[four] = 1e16, 1.0, 1.0, 1.0  # in turn
    yield "the margin moves down", (bids, quantities, 1e16 + cheaper + 4.0)

    # Where the sum passes a power of two, it depends on the order even of like quantities.
    quantities = np.full(n, (1024.0 - 60.0) / rank)
    before = np.cumsum(quantities[:rank])[-1]
    for name, sign in ("up", 1.0), ("down", -1.0):
        right = lying = 0.0
        while (lying - right) * sign <= 0.0:  # a few tries: rounding goes either way
            quantities[four] = rng.uniform(10.0, 50.0, 4)
            lying = float(np.cumsum([before, *quantities[four]])[-1])
            right = float(np.cumsum([before, *quantities[four[::-1]]])[-1])
        yield f"the margin moves {name} by an ulp", (bids, quantities.copy(), max(right, lying))


def passed_powers(n: int, rng: Generator) -> Iterator[tuple[str, Valid]]:
    """Yield markets whose supply comes just below, to or just beyond a power of two at a rank.

    One place below it is left; the next quantity is half of that, or what comes next to half.
    """
    for rank in sorted({1, n // 3, n // 2, n // 2 + 1, n - 2}):
        power = 2.0 ** np.ceil(np.log2(40.0 * n))
        place = float(np.spacing(power / 2.0))
        last = {
            "less than half a place": float(np.nextafter(0.5 * place, 0.0)),
            "half a place": 0.5 * place,
            "more than half a place": float(np.nextafter(0.5 * place, 1.0)),
            "a place": place,
            "twice as much": power,
        }
        for name, quantity in last.items():
            supply = np.sort(np.floor(rng.uniform(0.0, power - place, rank) / place)) * place
            supply[-1] = power - place
            ordered = np.concatenate([np.diff(supply, prepend=0.0), rng.uniform(10.0, 50.0, n)])
            ordered[rank] = quantity
            bids, quantities = rng.permutation(np.arange(n)) + 0.5, np.empty(n)
            order = merit_order(bids)
            quantities[order] = ordered[:n]
            total = running_sums(order, quantities)
            for where in rank - 1, rank, min(rank + 9, n - 1), n - 1:
                label = f"passes a power of two by {name} at rank {rank}, meets rank {where}"
                yield label, (bids, quantities, float(total[where]))


def _with_cuts(
    bid_name: str, bids: Array, quantities: list[tuple[str, Array]], turn: int, rng: Generator
) -> Iterator[tuple[str, Valid]]:
    """Yield labelled markets of these bids and the quantities whose turn it is."""
    n = bids.size
    quantity_name, amounts = quantities[turn % len(quantities)]
    for number, (demand_name, demand) in enumerate(cuts(bids, amounts, rng), turn):
        if n < 200 or number % 3 == 0:  # large markets take a while
            label = f"{bid_name} bids, {quantity_name} quantities, {demand_name} demand"
            yield f"{label}, n = {n}", (bids, amounts, demand)


def markets(most: float = math.inf) -> Iterator[tuple[str, Valid]]:
    """Yield labelled valid markets: every family at every size, against quantities in turn.

    Parameters
    ----------
    most
        Units in a market.
    """
    for families, sizes in (short_keys, FEW), (crowded_buckets, MANY):
        for start, n in _up_to(most, sizes):
            rng = np.random.default_rng([n, 42])
            quantities = list(hard_sums(n, rng))
            for turn, (bid_name, bids) in enumerate(families(n, rng), start):
                yield from _with_cuts(bid_name, bids, quantities, turn, rng)
    for start, n in _up_to(most, MANY):
        rng = np.random.default_rng([n, 44])
        quantities = list(absorbed_sums(n, rng))
        for turn, (bid_name, bids) in enumerate(crowded_buckets(n, rng), start):
            yield from _with_cuts(bid_name, bids, quantities, turn, rng)
    for _, n in _up_to(most, VERY_MANY):
        yield from spread_markets(n, np.random.default_rng([n, 45]))
    for _, n in _up_to(most, sorted({*FEW, *MANY})):
        rng = np.random.default_rng([n, 43])
        if n < 200:
            for label, market in one_pair(n, rng):
                yield f"{label}, n = {n}", market
        if n >= 8:
            for label, market in moving_margins(n, rng):
                yield f"{label}, n = {n}", market
            for label, market in passed_powers(n, rng):
                yield f"{label}, n = {n}", market


def _up_to(most: float, sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the sizes that are not larger, each behind its place among all."""
    return ((place, n) for place, n in enumerate(sizes) if n <= most)
