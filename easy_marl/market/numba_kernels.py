"""The compiled kernels of the numba backend.

They take native C-contiguous float64 arrays only, so that each is compiled once, when it is first
called. No fastmath: the bits have to be those of the reference. They are memory-safe on any bits,
whatever another thread writes into the inputs meanwhile: what they index with is their own. All
are in this one file, because numba's cache does not notice a change in another.

Merit order: units are dealt into buckets by where their bids lie between the lowest and the
highest, which leaves them nearly sorted, and an insertion sort does the rest. Both are stable, so
ties need no care. Where bids crowd into few buckets, those are divided; where that does not help,
a radix sort takes over.

Of many units most are never sorted. As long as supply stays below the next power of two, every
sum is rounded to the same last place. So adding a quantity is adding the nearest multiple of that
place: such additions are exact, and come out the same in any order. The exception is a quantity
half way between two multiples. A first sum over each bucket, in whatever order, tells between
which powers of two supply is there; a second one adds what is rounded. Only where supply passes a
power of two or reaches demand, and where a quantity is half way, a bucket is sorted and added unit
by unit. The walk over all buckets proves what the first sums told.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from easy_marl.market.arguments import Floats
from easy_marl.market.stepping import GOOD, Singles

F = TypeVar("F", bound=Callable[..., Any])
Units = NDArray[np.uint32]
Market = tuple[Floats, Floats, float]
"""Bids, quantities and demand."""
Rows = tuple[Floats, Floats, Floats]
"""Bids and quantities of many markets, of shape (rows or 1, units), and their demand."""
Same = tuple[bool, bool]
"""Whether there is one row of bids, and of quantities, for all markets."""
Rules = tuple[int, float, float, bool | None]
"""Whether ties share pro rata (0 or 1), the scarcity price (NaN is none, infinite is bad), the
tolerance, and whether units are many. If not that is None: a type of its own, for which kernels
are compiled without what is for many."""
Out = tuple[Floats, Floats]
"""Room for the prices and what is cleared."""
Numbers = tuple[float, float, float, float, float]
"""Change of bids and its penalty, penalty of a shortage, scales of rewards and of demand."""
Constants = tuple[Floats, Floats, Singles, Singles, int]
"""Capacities, costs, features of agents and of hours; and who learns, -1 if all."""
State = tuple[NDArray[np.int64], Floats, NDArray[np.bool_]]
"""Hours, demand, and whether an environment is active."""
Outcome = tuple[Floats, Singles, Floats, Floats, Floats]
"""Room for rewards, observations, prices, dispatch and profits."""
Others = tuple[Floats, Floats, Floats, Floats]
"""Units in merit order: bids, quantities, from what bid on the learner comes later; supply."""
Scratch = tuple[Units, Units, Units]
"""Room for the merit order, the bucket of each unit, and the end of each bucket."""
Marginal = tuple[int, float, int, float]
"""Place of the marginal unit in the merit order, and the supply before it; then a place at or
before the first of its ties, from where on units are in order, and the supply before that."""

MOST_UNITS = 2**31
"""So many units have buckets that can be counted in 32 bits."""

MANY = 700
"""So many units are not all sorted, by measurement."""

BAD_HOUR = -2
"""What `check_step` returns where the first hour is bad; one less where the second is."""

# Module constants are constants to the compiler.
_LARGEST = float(np.finfo(np.float64).max)
_TINY = float(np.nextafter(0.0, 1.0))
_SIGN = -(2**63)
_ALL_BUT_SIGN = 2**63 - 1
_BYTES = 8

# By measurement, on fresh markets with uniform bids.
_BUCKETS = 2  # for each unit; more cost more to count than they save in moves
_GROUP = 256  # so many buckets are sorted, then added up, then the next
_FEWEST = 6  # so many are not even dealt into buckets
_FEW = 64  # so many units are sorted fastest by insertion, whatever their bids
_SHARING = 4  # so many of `MANY` share a bucket;
_NARROW = 512  # beyond about so many buckets,
_SHARING_MORE = 16  # so many more share one
_CROWD = 0.125  # so much of all supply in one bucket tells that bids are too crowded for this

_EXPONENT = 2047 * 2**52  # these bits of a double are those of the power of two below it
_HALF = 0.5 * float(np.finfo(np.float64).eps)  # half a last place, relative to that power
_UNKNOWN = 2.0**1000  # from here on powers are not worth to be known
_SLACK = 2.0**-20  # relatively, sums of so many units in two orders differ by less


def _compiled(function: F, **options: Any) -> F:
    """Compile a function; numba has no type hints for it, so this is where they would be lost."""
    compiler: Any = numba.njit(cache=True, nogil=True, error_model="numpy", **options)
    return cast("F", compiler(function))


def _kernel(function: F) -> F:
    """Compile a function that may allocate."""
    return _compiled(function, _nrt=True)


def _kernel_on_threads(function: F) -> F:
    """Compile a function that may allocate, and whose `prange` runs on several threads."""
    return _compiled(function, _nrt=True, parallel=True)


def _step(function: F) -> F:
    """Compile a function that allocates nothing, so that its arrays need no reference counts.

    Those would take longer than all else in a market of five units.
    """
    return _compiled(function, _nrt=False)


@_kernel
def clear(
    bids: Floats,
    quantities: Floats,
    demand: float,
    pro_rata: int,
    scarcity_price: float,
    tolerance: float,
    cleared: Floats,
) -> float:
    """Clear one market into `cleared`, and return the price.

    It is NaN, and nothing is written, where a number is bad or there are too many units.
    """
    low, high = _extent(bids)
    market, rules = (bids, quantities, demand), (pro_rata, scarcity_price, tolerance, None)
    if not _good(market, low, high, scarcity_price):
        return np.nan
    scratch = _scratch(bids.size)
    target = _target(demand, tolerance)
    marginal = _find((bids, quantities, target), low, high, scratch, rules[3])
    return _dispatch(market, scratch[0], marginal, rules, cleared)


@_kernel
def clear_many(
    bids: Floats,
    quantities: Floats,
    demand: float,
    pro_rata: int,
    scarcity_price: float,
    tolerance: float,
    cleared: Floats,
) -> float:
    """Do the same, where it pays from `MANY` units on."""
    low, high = _extent(bids)
    market, rules = (bids, quantities, demand), (pro_rata, scarcity_price, tolerance, True)
    if not _good(market, low, high, scarcity_price):
        return np.nan
    scratch = _scratch(bids.size)
    target = _target(demand, tolerance)
    marginal = _find((bids, quantities, target), low, high, scratch, rules[3])
    return _dispatch(market, scratch[0], marginal, rules, cleared)


@_kernel
def all_good(bids: Floats, quantities: Floats, demand: Floats) -> bool:
    """Return whether all numbers of a batch are good; all arrays are one-dimensional."""
    if bids.size > 0:
        low, high = _extent(bids)
        if not _finite(low, high):
            return False
    return _offers(quantities) and _offers(demand)


@_kernel
def clear_rows(rows: Rows, same: Same, rules: Rules, out: Out) -> None:
    """Clear all markets of a batch of good numbers."""
    scratch = _scratch(rows[0].shape[1])
    _clear_some(0, rows[2].size, rows, same, _shared(rows, same), rules, scratch, out)


@_kernel_on_threads
def clear_rows_on_threads(rows: Rows, same: Same, rules: Rules, out: Out, parts: int) -> None:
    """Do the same, so many parts of the rows at once."""
    shared = _shared(rows, same)
    count = rows[2].size
    for part in numba.prange(parts):
        scratch = _scratch(rows[0].shape[1])
        first, stop = part * count // parts, (part + 1) * count // parts
        _clear_some(first, stop, rows, same, shared, rules, scratch, out)


@_kernel
def _scratch(units: int) -> Scratch:
    order, own = np.empty(units, np.uint32), np.empty(units, np.uint32)
    return order, own, np.empty(_BUCKETS * units, np.uint32)


@_kernel
def _shared(rows: Rows, same: Same) -> tuple[Units, Floats]:
    """Return the merit order and the cumulative supply of all rows, as far as they share them."""
    bids, quantities, _ = rows
    order, own, ends = _scratch(bids.shape[1])
    supply = np.empty(bids.shape[1])
    if same[0]:
        _sort(bids[0], (order, own, ends))
    if same[0] and same[1]:
        total = 0.0
        for k in range(order.size):
            total += quantities[0, order[k]] + 0.0
            supply[k] = total
    return order, supply


@_step
def _clear_some(
    first: int,
    stop: int,
    rows: Rows,
    same: Same,
    shared: tuple[Units, Floats],
    rules: Rules,
    scratch: Scratch,
    out: Out,
) -> None:
    """Clear the rows from `first` to before `stop`."""
    order, supply = shared
    prices, cleared = out
    for row in range(first, stop):
        bids = rows[0][0 if same[0] else row]
        quantities = rows[1][0 if same[1] else row]
        demand = rows[2][row]
        market = bids, quantities, demand
        target = _target(demand, rules[2])
        if not same[0]:
            low, high = _extent(bids)
            marginal = _find((bids, quantities, target), low, high, scratch, rules[3])
            prices[row] = _dispatch(market, scratch[0], marginal, rules, cleared[row])
            continue
        if same[1]:
            marginal = _reach(supply, target)
        else:
            marginal = _add(0, order.size, order, quantities, target, 0.0)
        prices[row] = _dispatch(market, order, marginal, rules, cleared[row])


@_step
def _good(market: Market, low: float, high: float, scarcity_price: float) -> bool:
    """Return whether all numbers of one market are good, of bids from `low` to `high`."""
    return (
        _finite(low, high)
        and _offers(market[1])
        and 0.0 <= market[2] <= _LARGEST
        and not np.isinf(scarcity_price)
        and market[0].size <= MOST_UNITS
    )


@_step
def _finite(low: float, high: float) -> bool:
    return low >= -_LARGEST and high <= _LARGEST


@_step
def _offers(values: Floats) -> bool:
    """Return whether all are finite and none is negative."""
    # Counting has no early exit, so that it vectorises.
    bad = 0
    for index in range(values.size):
        bad += not 0.0 <= values[index] <= _LARGEST
    return bad == 0


@_step
def _extent(bids: Floats) -> tuple[float, float]:
    """Return the lowest and the highest bid; NaN counts as lowest or highest.

    Compared by their keys, which vectorises.
    """
    low, high = _key(bids[0]), _key(bids[0])
    for unit in range(bids.size):
        key = _key(bids[unit])
        low, high = min(low, key), max(high, key)
    return _bid(low), _bid(high)


@_step
def _key(bid: float) -> int:
    """Return an integer that orders as the bid does, but -0.0 before 0.0 and NaN outside."""
    bits = np.float64(bid).view(np.int64)
    return int(bits ^ ((bits >> 63) & _ALL_BUT_SIGN))


@_step
def _bid(key: int) -> float:
    return float(np.int64(key ^ ((key >> 63) & _ALL_BUT_SIGN)).view(np.float64))


@_step
def _enough(demand: float, tolerance: float) -> float:
    """Return the supply that reaches demand."""
    demand += 0.0  # -0.0 reads as 0.0
    return demand - tolerance * demand


@_step
def _target(demand: float, tolerance: float) -> float:
    """Return the supply at which the marginal unit is found.

    It is never zero, so that who offers nothing is never marginal: its supply is that before it.
    """
    return max(_enough(demand, tolerance), _TINY)


@_step
def _find(
    market: Market, low: float, high: float, scratch: Scratch, many: bool | None
) -> Marginal:
    """Find the marginal unit of good numbers, sorting no further than demand reaches.

    Here and below, the market's demand is what `_target` returns.
    """
    bids, quantities, demand = market
    order, _, ends = scratch
    if order.size <= _FEWEST:
        for unit in range(order.size):
            order[unit] = unit
        _insertion_sort(bids, order, 0, order.size)
        return _add(0, order.size, order, quantities, demand, 0.0)
    if many is not None:
        marginal = _add_buckets(market, low, high, scratch)
        if marginal[0] >= 0:
            return marginal
    _distribute(bids, low, high, scratch)
    marginal = _sort_and_add(market, order, ends)
    if marginal[0] < 0:
        _sort_crowd(bids, low, high, scratch)
        marginal = _add(0, order.size, order, quantities, demand, 0.0)
    return marginal


@_step
def _sort_and_add(market: Market, order: Units, ends: Units) -> Marginal:
    """Find the marginal unit; its place is negative if the bids are too crowded for that."""
    bids, quantities, demand = market
    supply = 0.0
    begin = stop = 0
    while begin < order.size:
        stop = min(stop + _GROUP, ends.size)
        end = int(ends[stop - 1])
        if not _insertion_sort(bids, order, begin, end):
            return -1, 0.0, 0, 0.0
        marginal = _add(begin, end, order, quantities, demand, supply)
        if marginal[0] < end:
            return marginal
        begin, supply = end, marginal[1]
    return begin, supply, 0, 0.0


@_step
def _add(
    begin: int, end: int, order: Units, quantities: Floats, demand: float, supply: float
) -> Marginal:
    """Add up a part of the merit order until supply reaches demand."""
    before = supply
    for k in range(begin, end):
        reached = supply + (quantities[order[k]] + 0.0)
        if reached >= demand:
            return k, supply, begin, before
        supply = reached
    return end, supply, begin, before


@_step
def _add_buckets(market: Market, low: float, high: float, scratch: Scratch) -> Marginal:
    """Find the marginal unit, sorting only the buckets in which the order counts.

    Its place is negative where those are too many or too crowded. Of the order, only the marginal
    unit's bucket is left, at the end; if supply does not reach demand, nothing.
    """
    bids, quantities, demand = market
    order, own, ends = scratch
    buckets = min(order.size // _SHARING, _NARROW + order.size // _SHARING_MORE)
    if not _number(bids, low, high, buckets, own):
        return -1, 0.0, 0, 0.0
    doubles = ends.view(np.float64)  # of which each takes the room of two numbers
    powers, sums = doubles[:buckets], doubles[buckets : 2 * buckets]
    latest, room = ends[4 * buckets : 5 * buckets], ends[5 * buckets :]
    sums[:] = 0.0
    half = own.size // 2
    for unit in range(half):  # so that two of sorted bids do not wait for each other
        sums[own[unit]] += quantities[unit]
        sums[own[unit + half]] += quantities[unit + half]
    for unit in range(2 * half, own.size):
        sums[own[unit]] += quantities[unit]
    if not _find_powers(sums, demand, powers):
        return -1, 0.0, 0, 0.0
    if not _add_rounded(quantities, powers, sums, latest, own):
        return -1, 0.0, 0, 0.0
    supply = 0.0
    for bucket in range(buckets):
        power = powers[bucket]
        if power < _UNKNOWN:
            reached = supply + sums[bucket]
            known = power <= supply or reached == 0.0
            if not (known and reached < min(power + power, demand)):
                return -1, 0.0, 0, 0.0
            supply = reached
            continue
        begin = order.size
        link = int(latest[bucket])
        while link > 0:
            begin -= 1
            order[begin] = link - 1
            link = int(own[link - 1])
        if not _sort_last(bids, begin, order, own, room):
            return -1, 0.0, 0, 0.0
        marginal = _add(begin, order.size, order, quantities, demand, supply)
        if marginal[0] < order.size:
            return marginal
        supply = marginal[1]
    return order.size, supply, 0, 0.0


@_step
def _find_powers(sums: Floats, demand: float, powers: Floats) -> bool:
    """Find the highest power of two that is not above supply, one for all units of a bucket.

    It is unknown where supply may pass another or reach demand, and does not matter before any
    supply. False means that the units of one bucket offer much of all, which tells of a crowd.
    """
    supply = most = 0.0
    for bucket in range(sums.size):
        least = supply * (1.0 - _SLACK)
        supply += sums[bucket]
        most = max(most, sums[bucket])
        power = 1.0 if supply == 0.0 else _bid(_key(least) & _EXPONENT)
        stays = supply * (1.0 + _SLACK) < min(power + power, demand)
        powers[bucket] = power if stays else _UNKNOWN
    return most <= _CROWD * supply


@_step
def _add_rounded(
    quantities: Floats, powers: Floats, sums: Floats, latest: Units, own: Units
) -> bool:
    """Add up what the units of each bucket add to a supply of its power, in whatever order.

    Where a unit is half way between two last places, the power becomes unknown; False means that
    those are too many. Also chain the units of each bucket: `latest` has the number of the last
    one, which has that of the one before, and so on to zero; numbers begin with one.
    """
    sums[:] = 0.0
    latest[:] = 0
    few = sums.size // 4
    for unit in range(own.size):
        bucket = own[unit]
        power = powers[bucket]
        rounded = (power + quantities[unit]) - power
        sums[bucket] += rounded
        own[unit] = latest[bucket]
        latest[bucket] = unit + 1
        # Exact below the next power of two. Beyond, no matter: it is not below in the walk either.
        if np.abs(quantities[unit] - rounded) >= power * _HALF:
            powers[bucket] = _UNKNOWN
            few -= 1
            if few < 0:
                return False
    return True


@_step
def _sort_last(bids: Floats, begin: int, order: Units, own: Units, room: Units) -> bool:
    """Sort the order from a place on; False means that it was given up.

    If it takes long, they are dealt into buckets of their own, which leaves them nearly sorted.
    """
    if _insertion_sort(bids, order, begin, order.size):
        return True
    units = order.size - begin
    if 3 * units > room.size:
        return False
    dealt, ends = room[:units], room[units : 3 * units]
    low = high = bids[order[begin]]
    for k in range(begin, order.size):
        low, high = min(low, bids[order[k]]), max(high, bids[order[k]])
    last = ends.size - 1.0
    scale = last / (high - low)
    ends[:] = 0
    for k in range(begin, order.size):
        unit = order[k]
        own[unit] = _bucket((bids[unit] - low) * scale, last)
        ends[own[unit]] += np.uint32(1)
    _count_up(ends)
    for k in range(begin, order.size):
        unit = order[k]
        dealt[ends[own[unit]]] = unit
        ends[own[unit]] += np.uint32(1)
    for k in range(units):
        order[begin + k] = dealt[k]
    return _insertion_sort(bids, order, begin, order.size)


@_step
def _reach(supply: Floats, demand: float) -> Marginal:
    """Find where cumulative supply reaches demand."""
    low, high = 0, supply.size
    while low < high:
        middle = (low + high) // 2
        if supply[middle] >= demand:
            high = middle
        else:
            low = middle + 1
    return low, supply[low - 1] if low > 0 else 0.0, 0, 0.0


@_step
def _sort(bids: Floats, scratch: Scratch) -> None:
    """Put all units in merit order."""
    low, high = _extent(bids)
    _distribute(bids, low, high, scratch)
    if not _insertion_sort(bids, scratch[0], 0, bids.size):
        _sort_crowd(bids, low, high, scratch)


@_step
def _distribute(bids: Floats, low: float, high: float, scratch: Scratch) -> None:
    """Order the units by bucket; bucket numbers rise with the bids, and equal bids share one."""
    order, own, ends = scratch
    if _number(bids, low, high, ends.size, own):
        _deal(scratch)
        return
    for unit in range(own.size):
        order[unit] = unit
    own[:] = 0
    ends[:] = own.size


@_step
def _number(bids: Floats, low: float, high: float, buckets: int, own: Units) -> bool:
    """Find the bucket of each unit; False means that the bids are equal or nearly so."""
    last = buckets - 1.0
    scale = last / (high - low)
    if scale > _LARGEST:
        return False
    for unit in range(own.size):
        own[unit] = _bucket((bids[unit] - low) * scale, last)
    return True


@_step
def _bucket(place: float, last: float) -> np.uint32:
    # In this order the comparisons make a bucket of any bits, NaN as well.
    place = place if place < last else last
    return np.uint32(place if place > 0.0 else 0.0)


@_step
def _deal(scratch: Scratch) -> None:
    """Order the units by bucket, those of one bucket by index."""
    order, own, ends = scratch
    ends[:] = 0
    for unit in range(own.size):
        ends[own[unit]] += np.uint32(1)
    _count_up(ends)
    for unit in range(own.size):
        place = ends[own[unit]]
        ends[own[unit]] = place + np.uint32(1)
        order[place] = unit


@_step
def _count_up(counts: Units) -> None:
    """Turn counts into the sums of those before."""
    begin = np.uint32(0)
    for bucket in range(counts.size):
        count = counts[bucket]
        counts[bucket] = begin
        begin += count


@_step
def _sort_crowd(bids: Floats, low: float, high: float, scratch: Scratch) -> None:
    """Sort after `_distribute` has put too many units into too few buckets.

    Each bucket is divided into as many as its units should have. That copes with clusters of bids
    and with a few bids far away; bids of many magnitudes are left to the radix sort.
    """
    order, own, ends = scratch
    scale = (ends.size - 1.0) / (high - low)
    for unit in range(own.size):
        bucket = own[unit]
        first = _BUCKETS * ends[bucket - 1] if bucket > 0 else 0
        buckets = _BUCKETS * ends[bucket] - first
        within = ((bids[unit] - low) * scale - bucket) * buckets
        within = within if within < buckets - 1.0 else buckets - 1.0
        own[unit] = np.uint32(first + int(within if within > 0.0 else 0.0))
    _deal(scratch)
    if not _insertion_sort(bids, order, 0, order.size):
        _radix_sort(bids, order)


@_step
def _insertion_sort(bids: Floats, order: Units, begin: int, end: int) -> bool:
    """Sort a part of the order; False means that it took too many moves and was given up."""
    if begin == end:
        return True
    units = moves = end - begin  # uniform bids need a quarter of these moves
    highest = bids[order[begin]]
    for k in range(begin + 1, end):
        unit = order[k]
        bid = bids[unit]
        if bid < highest:
            place = k
            while place > begin and bid < bids[order[place - 1]]:
                order[place] = order[place - 1]
                place -= 1
            order[place] = unit
            moves -= k - place
            if moves < 0 and units > _FEW:
                return False
        else:
            highest = bid
    return True


@_kernel
def _radix_sort(bids: Floats, order: Units) -> None:
    """Sort by one byte of the keys after the other, the lowest first."""
    keys = np.empty(order.size, np.uint64)
    for unit in range(order.size):
        order[unit] = unit
        # + 0.0 gives -0.0 the key of 0.0; without a sign, negative bids come first.
        keys[unit] = np.uint64(_key(bids[unit] + 0.0) ^ _SIGN)
    sorted_keys, sorted_order = np.empty_like(keys), np.empty_like(order)
    units = order
    starts = np.empty(256, np.intp)
    for byte in range(_BYTES):
        starts[:] = 0
        for k in range(keys.size):
            starts[_digit(keys[k], byte)] += 1
        if starts[_digit(keys[0], byte)] == keys.size:
            continue  # all alike
        start = 0
        for digit in range(256):
            count = starts[digit]
            starts[digit] = start
            start += count
        for k in range(keys.size):
            digit = _digit(keys[k], byte)
            place = starts[digit]
            starts[digit] = place + 1
            sorted_keys[place] = keys[k]
            sorted_order[place] = units[k]
        keys, sorted_keys = sorted_keys, keys
        units, sorted_order = sorted_order, units
    for k in range(order.size):  # assigning one array to another would take a second to compile
        order[k] = units[k]


@_step
def _digit(key: np.uint64, byte: int) -> Any:
    return np.intp((key >> np.uint64(8 * byte)) & np.uint64(255))


@_step
def _dispatch(
    market: Market, order: Units, marginal: Marginal, rules: Rules, cleared: Floats
) -> float:
    """Dispatch the units given the marginal one, and return the price."""
    bids, quantities, demand = market
    place, supply, begin, before = marginal
    if place == order.size:
        for unit in range(order.size):
            cleared[unit] = quantities[unit] + 0.0
        if _enough(demand, rules[2]) == 0.0:  # and nobody offers anything
            return float(bids[_cheapest(bids)])
        return float(bids[_dearest(bids, quantities)]) if np.isnan(rules[1]) else rules[1]
    price = float(bids[order[place]])
    for unit in range(order.size):
        cleared[unit] = quantities[unit] + 0.0 if bids[unit] < price else 0.0
    # In merit order, units with equal bids stand side by side, in the order of their indices.
    first = place
    while first > begin and bids[order[first - 1]] == price:
        first -= 1
    if rules[0]:
        _share(market, order, (first, supply, begin, before), cleared)
        return price
    for k in range(first, place):
        cleared[order[k]] = quantities[order[k]] + 0.0
    unit = order[place]
    cleared[unit] = min((demand + 0.0) - supply, quantities[unit] + 0.0)
    return price


@_step
def _cheapest(bids: Floats) -> int:
    """Return the first unit in merit order."""
    first = 0
    for unit in range(bids.size):
        if bids[unit] < bids[first]:
            first = unit
    return first


@_step
def _dearest(bids: Floats, quantities: Floats) -> int:
    """Return the last unit in merit order of those that offer something, or of all."""
    last = -1
    for unit in range(bids.size):
        if quantities[unit] > 0.0 and (last < 0 or bids[unit] >= bids[last]):
            last = unit
    if last >= 0:
        return last
    last = 0
    for unit in range(bids.size):
        if bids[unit] >= bids[last]:
            last = unit
    return last


@_step
def _share(market: Market, order: Units, marginal: Marginal, cleared: Floats) -> None:
    """Share what the cheaper units leave among all units at the price, pro rata."""
    bids, quantities, demand = market
    first, _, begin, supply = marginal
    for k in range(begin, first):
        supply += quantities[order[k]] + 0.0
    price = bids[order[first]]
    total = 0.0
    stop = first
    while stop < order.size and bids[order[stop]] == price:
        total += quantities[order[stop]] + 0.0
        stop += 1
    ratio = ((demand + 0.0) - supply) / total if total > 0.0 else 0.0
    for k in range(first, stop):
        offered = quantities[order[k]] + 0.0
        cleared[order[k]] = min(offered * ratio, offered)


@_kernel
def check_step(state: State, actions: Singles) -> int:
    """Return the position of the first bad action, or `GOOD`, or `BAD_HOUR` less the row."""
    hours, demand, active = state
    for row in range(hours.size):
        if not 0 <= hours[row] < demand.shape[1] - active[row]:
            return BAD_HOUR - row
    numbers = actions.shape[1] * actions.shape[2]
    position = 0
    for row in range(hours.size):
        bad = 0
        for agent in range(actions.shape[1]):
            for number in range(actions.shape[2]):
                bad += not -1.0 <= actions[row, agent, number] <= 1.0
        if bad and active[row]:
            for agent in range(actions.shape[1]):
                for number in range(actions.shape[2]):
                    if not -1.0 <= actions[row, agent, number] <= 1.0:
                        return int(position + actions.shape[2] * agent + number)
        position += numbers
    return GOOD


@_kernel
def step_rows(
    constants: Constants,
    numbers: Numbers,
    rules: Rules,
    state: State,
    actions: Singles,
    outcome: Outcome,
) -> None:
    """Take a step in all active environments of a batch of good numbers."""
    others = _others(constants)
    room = _market_room(constants)
    count = state[0].size
    _step_some(0, count, constants, numbers, rules, state, actions, outcome, others, room)


@_kernel_on_threads
def step_rows_on_threads(
    constants: Constants,
    numbers: Numbers,
    rules: Rules,
    state: State,
    actions: Singles,
    outcome: Outcome,
    parts: int,
) -> None:
    """Do the same, so many parts of the environments at once."""
    others = _others(constants)
    count = state[0].size
    for part in numba.prange(parts):
        room = _market_room(constants)
        first, stop = part * count // parts, (part + 1) * count // parts
        _step_some(first, stop, constants, numbers, rules, state, actions, outcome, others, room)


@_kernel
def _market_room(constants: Constants) -> tuple[Scratch, Floats, Floats]:
    """Return room to clear a market in which all agents decide; else next to nothing."""
    units = constants[1].size if constants[4] < 0 else 1
    return _scratch(units), np.empty(units), np.empty(units)


@_kernel
def _others(constants: Constants) -> Others:
    """Put the units in merit order that never change their bids, where only the learner does."""
    capacities, costs, _, _, learner = constants
    count = costs.size - 1 if learner >= 0 else 0
    bids, quantities = np.empty(count), np.empty(count)
    limits, supply = np.empty(count), np.zeros(count + 1)
    if learner < 0:
        return bids, quantities, limits, supply
    scratch = _scratch(costs.size)
    _sort(costs, scratch)
    place = 0
    for k in range(costs.size):
        unit = scratch[0][k]
        if unit == learner:
            continue
        bids[place], quantities[place] = costs[unit], capacities[unit] + 0.0
        # Of two units with equal bids, the one with the lower index comes first.
        limits[place] = bids[place] if unit < learner else np.nextafter(bids[place], np.inf)
        supply[place + 1] = supply[place] + quantities[place]
        place += 1
    return bids, quantities, limits, supply


@_step
def _step_some(
    first: int,
    stop: int,
    constants: Constants,
    numbers: Numbers,
    rules: Rules,
    state: State,
    actions: Singles,
    outcome: Outcome,
    others: Others,
    room: tuple[Scratch, Floats, Floats],
) -> None:
    """Take a step in the environments from `first` to before `stop`, and observe them."""
    hours, demand, active = state
    rewards, observations, prices, dispatch, profits = outcome
    for row in range(first, stop):
        now = demand[row, hours[row]]
        if not active[row]:
            prices[row] = 0.0
            for agent in range(rewards.shape[1]):
                rewards[row, agent] = dispatch[row, agent] = profits[row, agent] = 0.0
        elif constants[4] >= 0:
            prices[row] = _step_one(
                constants, numbers, rules, now, actions[row, 0], others,
                rewards[row], dispatch[row], profits[row],
            )  # fmt: skip
        else:
            prices[row] = _step_all(
                constants, numbers, rules, now, actions[row], room,
                rewards[row], dispatch[row], profits[row],
            )  # fmt: skip
        hours[row] += active[row]
        _observe(constants, numbers, hours[row], demand[row], observations[row])


@_step
def _step_all(
    constants: Constants,
    numbers: Numbers,
    rules: Rules,
    demand: float,
    actions: Singles,
    room: tuple[Scratch, Floats, Floats],
    rewards: Floats,
    dispatch: Floats,
    profits: Floats,
) -> float:
    """Clear a market in which all agents decide, and return the price."""
    capacities, costs, _, _, _ = constants
    scratch, bids, quantities = room
    for unit in range(bids.size):
        withheld = max(0.0, np.float64(actions[unit, 0]))
        bids[unit] = costs[unit] + np.float64(actions[unit, 1]) * numbers[0]
        quantities[unit] = capacities[unit] * (1.0 - withheld)
    market = bids, quantities, demand
    low, high = _extent(bids)
    target = _target(demand, rules[2])
    marginal = _find((bids, quantities, target), low, high, scratch, rules[3])
    price = _dispatch(market, scratch[0], marginal, rules, dispatch)
    short = marginal[0] == bids.size and marginal[1] < _enough(demand, rules[2])
    shortage = demand - marginal[1] if short else 0.0
    penalty = numbers[2] * shortage
    for unit in range(bids.size):
        profits[unit] = (price - costs[unit]) * dispatch[unit]
        rewards[unit] = _reward(numbers, bids[unit] - costs[unit], profits[unit], penalty)
    return price


@_step
def _step_one(
    constants: Constants,
    numbers: Numbers,
    rules: Rules,
    demand: float,
    action: Singles,
    others: Others,
    rewards: Floats,
    dispatch: Floats,
    profits: Floats,
) -> float:
    """Clear a market in which only the learner decides, and return the price."""
    cost = constants[1][constants[4]]
    bid = cost + np.float64(action[1]) * numbers[0]
    quantity = constants[0][constants[4]] * (1.0 - max(0.0, np.float64(action[0]))) + 0.0
    price, dispatch[0], shortage = _clear_one((bid, quantity, demand), others, rules)
    penalty = numbers[2] * shortage
    profits[0] = (price - cost) * dispatch[0]
    rewards[0] = _reward(numbers, bid - cost, profits[0], penalty)
    return price


@_step
def _clear_one(
    offer: tuple[float, float, float], others: Others, rules: Rules
) -> tuple[float, float, float]:
    """Return the price, what the one unit delivers, and the demand that offers do not reach.

    Up to where the one unit comes in the merit order, supply is that of the others.
    """
    bid, quantity, demand = offer
    bids, quantities, limits, supplies = others
    target = _target(demand, rules[2])
    place = _first_above(limits, bid)
    supply = supplies[place]
    if supply >= target:
        marginal = _reach(supplies[1 : place + 1], target)
        return _told(offer, others, rules, place, marginal[0])
    if supply + quantity >= target:
        if rules[0]:
            return bid, _share_one(offer, others, place), 0.0
        return bid, min((demand + 0.0) - supply, quantity), 0.0
    supply += quantity
    for k in range(place, bids.size):
        supply += quantities[k]
        if supply >= target:
            return _told(offer, others, rules, place, k)
    if supply >= _enough(demand, rules[2]):  # nobody offers anything
        return bid if place == 0 else bids[0], 0.0, 0.0
    price = _last_bid(offer, others, place) if np.isnan(rules[1]) else rules[1]
    return price, quantity, demand - supply


@_step
def _last_bid(offer: tuple[float, float, float], others: Others, place: int) -> float:
    """Return the bid of the last unit in merit order that offers something, or of the last."""
    bid, quantity, _ = offer
    bids, quantities, _, _ = others
    last = bids.size
    while last > 0 and quantities[last - 1] == 0.0:
        last -= 1
    if quantity > 0.0 and last <= place:
        return bid
    if last > 0:
        return float(bids[last - 1])
    return bid if place == bids.size else float(bids[bids.size - 1])


@_step
def _told(
    offer: tuple[float, float, float], others: Others, rules: Rules, place: int, marginal: int
) -> tuple[float, float, float]:
    """Return the same where another unit is marginal."""
    price = others[0][marginal]
    if rules[0] and offer[0] == price:
        return price, _share_one(offer, others, place), 0.0
    return price, offer[1] if place <= marginal else 0.0, 0.0


@_step
def _share_one(offer: tuple[float, float, float], others: Others, place: int) -> float:
    """Return what the one unit gets of what cheaper units leave, where it bids the price."""
    price, quantity, demand = offer
    bids, quantities, _, supplies = others
    first = place
    while first > 0 and bids[first - 1] == price:
        first -= 1
    total = 0.0
    for k in range(first, place):
        total += quantities[k]
    total += quantity
    stop = place
    while stop < bids.size and bids[stop] == price:
        total += quantities[stop]
        stop += 1
    ratio = ((demand + 0.0) - supplies[first]) / total if total > 0.0 else 0.0
    return min(quantity * ratio, quantity)


@_step
def _first_above(limits: Floats, bid: float) -> int:
    """Return how many limits a bid has reached; they ascend."""
    low, high = 0, limits.size
    while low < high:
        middle = (low + high) // 2
        if limits[middle] <= bid:
            low = middle + 1
        else:
            high = middle
    return low


@_step
def _reward(numbers: Numbers, markup: float, profit: float, penalty: float) -> float:
    """Return a reward, worked out from left to right as it is written down."""
    charge = numbers[1] * (markup * markup)
    return ((profit - charge) - penalty) * numbers[3]


@_step
def _observe(
    constants: Constants, numbers: Numbers, hour: int, demand: Floats, observations: Singles
) -> None:
    """Write what the agents see of the hour that comes next."""
    _, _, agents, hours, learner = constants
    seen = np.float32(demand[hour] * numbers[4])
    static = 1 + agents.shape[1]
    for row in range(observations.shape[0]):
        agent = row if learner < 0 else learner
        observations[row, 0] = seen
        for feature in range(agents.shape[1]):
            observations[row, 1 + feature] = agents[agent, feature]
        for feature in range(hours.shape[1]):
            observations[row, static + feature] = hours[hour, feature]
