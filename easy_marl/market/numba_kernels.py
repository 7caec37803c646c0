"""The compiled kernels of the numba backend.

They take native C-contiguous float64 arrays only, so that each is compiled once, when it is first
called. No fastmath: the bits have to be those of the reference. They are memory-safe on any bits,
whatever another thread writes into the inputs meanwhile: what they index with is their own, or
read once and kept within bounds. All are in this one file, because numba's cache does not notice
a change in another: who changes a record of `stepping` must touch this file.

Records are NamedTuples, but not where Python calls: there they are plain tuples of the same
fields, because numba takes a microsecond more to look into each NamedTuple that it is given.

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
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from easy_marl.market.arguments import Floats
from easy_marl.market.stepping import GOOD, Outcome, Singles, State

F = TypeVar("F", bound=Callable[..., Any])
Units = NDArray[np.uint32]


class Rules(NamedTuple):
    """What is the same for all markets of a call."""

    pro_rata: int
    """Whether ties share pro rata, 0 or 1."""
    scarcity_price: float
    """NaN is none, infinite is bad."""
    tolerance: float
    by_sums: bool | None
    """Whether sums over buckets are tried before units are sorted. If not, it is None: a type of
    its own, for which kernels are compiled without those sums."""


class Market(NamedTuple):
    """One market."""

    bids: Floats
    quantities: Floats
    demand: float
    """Not -0.0."""
    enough: float
    """The supply that reaches demand."""


class Rows(NamedTuple):
    """Many markets."""

    bids: Floats
    """(rows, units), or (1, units) for all."""
    quantities: Floats
    """The same."""
    demand: Floats
    """(rows,)"""
    share_bids: bool
    share_quantities: bool


class Cleared(NamedTuple):
    """Room for the results of many markets."""

    prices: Floats
    cleared: Floats


class Extent(NamedTuple):
    """The lowest and the highest bid."""

    low: float
    high: float


class Scratch(NamedTuple):
    """Room to put units in merit order."""

    order: Units
    """(units,): the merit order."""
    own: Units
    """(units,): the bucket of each unit."""
    ends: Units
    """(buckets,): the end of each bucket."""


class Marginal(NamedTuple):
    """Where supply reaches demand; or else the end of the merit order and all supply."""

    place: int
    """In the merit order; negative where the search was given up."""
    supply: float
    """Of the units before that place."""
    begin: int
    """A place at or before the first of its ties; from here on units are in order."""
    before: float
    """Supply of the units before that one."""


class Shared(NamedTuple):
    """What rows have in common: the merit order and the cumulative supply, as far as they do."""

    order: Units
    supply: Floats


class Constants(NamedTuple):
    """The first fields of `stepping.Model`."""

    capacities: Floats
    costs: Floats
    agent_features: Singles
    hour_features: Singles
    bid_change: float
    bid_penalty: float
    shortage_penalty: float
    reward_scale: float
    demand_scale: float
    learner: int
    """Negative where all agents act."""


class Others(NamedTuple):
    """The units other than the learner, in merit order."""

    bids: Floats
    quantities: Floats
    limits: Floats
    """From what bid on the learner comes later."""
    supply: Floats
    """(units + 1,): of the first 0, 1, 2, … of them."""
    last: int
    """How many there are up to the last that offers something."""


class Setting(NamedTuple):
    """What is the same for all environments of a step."""

    constants: Constants
    rules: Rules
    others: Others


class Workspace(NamedTuple):
    """Room for one market in which all agents decide."""

    scratch: Scratch
    bids: Floats
    quantities: Floats


class Row(NamedTuple):
    """Room for one environment's results, of each agent."""

    rewards: Floats
    dispatch: Floats
    profits: Floats


class Offer(NamedTuple):
    """What the learner offers, and the demand in its market."""

    bid: float
    quantity: float
    demand: float


class Sale(NamedTuple):
    """How it went for the learner."""

    price: float
    amount: float
    shortage: float
    """Demand that offers do not reach."""


MOST_UNITS = 2**31
"""So many units have buckets that can be counted in 32 bits."""

BAD_HOUR = -2
"""What `check_step` returns where the first hour is bad; one less where the second is."""

# Module constants are constants to the compiler. Thresholds: from or up to how many units a method
# is the fastest, by measurement on fresh markets with uniform bids.
BUCKET_SUMS = 700
"""From so many units on, sums over buckets are tried before units are sorted."""
_ONLY_INSERTION = 6  # up to so many units are sorted by insertion, not dealt into buckets before
_ALWAYS_INSERTION = 64  # up to so many, insertion is not given up, whatever their bids

# How the methods do it, by measurement likewise.
_BUCKETS = 2  # for each unit that is sorted; more cost more to count than they save in moves
_GROUP = 256  # so many buckets are sorted, then added up, then the next
_SHARING = 4  # so many units share a bucket of which there are sums;
_NARROW = 512  # beyond about so many buckets,
_SHARING_MORE = 16  # so many more share one
_CROWD = 0.125  # so much of all supply in one bucket tells that bids are too crowded for this

_LARGEST = float(np.finfo(np.float64).max)
_TINY = float(np.nextafter(0.0, 1.0))
_SIGN = -(2**63)
_ALL_BUT_SIGN = 2**63 - 1
_BYTES = 8
_EXPONENT = 2047 * 2**52  # these bits of a double are those of the power of two below it
_HALF = 0.5 * float(np.finfo(np.float64).eps)  # half a last place, relative to that power
_UNKNOWN = 2.0**1000  # from here on powers are not worth to be known
_SLACK = 2.0**-20  # relatively, sums of so many units in two orders differ by less


def _compiled(function: F, **options: Any) -> F:
    """Compile a function; numba has no type hints for it, so this is where they would be lost."""
    options = {"nogil": True, "error_model": "numpy", **options}
    try:
        return cast("F", numba.njit(cache=True, **options)(function))
    except RuntimeError:  # there is no folder to keep it in: compile it anew in each process
        return cast("F", numba.njit(**options)(function))


def _kernel(function: F) -> F:
    """Compile a function that may allocate."""
    return _compiled(function, _nrt=True)


def _kernel_on_threads(function: F) -> F:
    """Compile a function that may allocate, and whose `prange` runs on several threads."""
    return _compiled(function, _nrt=True, parallel=True)


def _step(function: F) -> F:
    """Compile a function that allocates nothing, so that its arrays need no reference counts.

    Those would take longer than all else in a market of five units. Such a function must return no
    array, nor a record with one: its caller would take the reference for counted.
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

    It is NaN, and nothing is written, where a number is bad or there are too many units. So many
    arguments, because the call takes longer with fewer that are tuples.
    """
    market = Market(bids, quantities, demand + 0.0, _enough(demand, tolerance))
    extent = _extent(bids)
    if not _good(market, extent, scarcity_price):
        return np.nan
    rules = Rules(pro_rata, scarcity_price, tolerance, None)
    scratch = _scratch(bids.size)
    marginal = _find(market, extent, scratch, rules.by_sums)
    return _dispatch(market, scratch.order, marginal, rules, cleared)


@_kernel
def clear_by_sums(
    bids: Floats,
    quantities: Floats,
    demand: float,
    pro_rata: int,
    scarcity_price: float,
    tolerance: float,
    cleared: Floats,
) -> float:
    """Do the same by sums over buckets, which pays from `BUCKET_SUMS` units on."""
    market = Market(bids, quantities, demand + 0.0, _enough(demand, tolerance))
    extent = _extent(bids)
    if not _good(market, extent, scarcity_price):
        return np.nan
    rules = Rules(pro_rata, scarcity_price, tolerance, True)
    scratch = _scratch(bids.size)
    marginal = _find(market, extent, scratch, rules.by_sums)
    return _dispatch(market, scratch.order, marginal, rules, cleared)


@_kernel
def all_good(bids: Floats, quantities: Floats, demand: Floats) -> bool:
    """Return whether all numbers of a batch are good; all arrays are one-dimensional."""
    if bids.size > 0 and not _finite(_extent(bids)):
        return False
    return _offers(quantities) and _offers(demand)


@_kernel
def clear_rows(rows: tuple[Any, ...], rules: tuple[Any, ...], out: tuple[Floats, Floats]) -> None:
    """Clear all markets of a batch of good numbers: fields of `Rows`, `Rules` and `Cleared`."""
    batch = Rows(*rows)
    scratch = _scratch(batch.bids.shape[1])
    whole = 0, batch.demand.size
    _clear_some(whole, batch, _shared(batch), Rules(*rules), scratch, Cleared(*out))


@_kernel_on_threads
def clear_rows_on_threads(
    rows: tuple[Any, ...], rules: tuple[Any, ...], out: tuple[Floats, Floats], parts: int
) -> None:
    """Do the same, so many parts of the rows at once."""
    units, count = rows[0].shape[1], rows[2].size
    shared = _shared(Rows(*rows))[:]
    for part in numba.prange(parts):  # whose threads can be given plain tuples only
        scratch = _scratch(units)
        some = part * count // parts, (part + 1) * count // parts
        _clear_some(some, Rows(*rows), Shared(*shared), Rules(*rules), scratch, Cleared(*out))


@_kernel
def _scratch(units: int) -> Scratch:
    order, own = np.empty(units, np.uint32), np.empty(units, np.uint32)
    return Scratch(order, own, np.empty(_BUCKETS * units, np.uint32))


@_kernel
def _shared(rows: Rows) -> Shared:
    """Sort and add up what all rows have in common."""
    scratch = _scratch(rows.bids.shape[1])
    order = scratch.order
    supply = np.empty(order.size)
    if rows.share_bids:
        _sort(rows.bids[0], scratch)
    if rows.share_bids and rows.share_quantities:
        total = 0.0
        for k in range(order.size):
            total += rows.quantities[0, order[k]] + 0.0
            supply[k] = total
    return Shared(order, supply)


@_step
def _clear_some(
    some: tuple[int, int], rows: Rows, shared: Shared, rules: Rules, scratch: Scratch, out: Cleared
) -> None:
    """Clear the rows from the first to before the second of `some`."""
    for row in range(some[0], some[1]):
        bids = rows.bids[0 if rows.share_bids else row]
        quantities = rows.quantities[0 if rows.share_quantities else row]
        demand = rows.demand[row]
        market = Market(bids, quantities, demand + 0.0, _enough(demand, rules.tolerance))
        cleared = out.cleared[row]
        if not rows.share_bids:
            marginal = _find(market, _extent(bids), scratch, rules.by_sums)
            out.prices[row] = _dispatch(market, scratch.order, marginal, rules, cleared)
            continue
        order = shared.order
        if rows.share_quantities:
            marginal = _reach(shared.supply, _target(market.enough))
        else:
            marginal = _add(market, order, 0, order.size, 0.0)
        out.prices[row] = _dispatch(market, order, marginal, rules, cleared)


@_step
def _enough(demand: float, tolerance: float) -> float:
    """Return the supply that reaches demand."""
    demand += 0.0  # -0.0 reads as 0.0
    return demand - tolerance * demand


@_step
def _target(enough: float) -> float:
    """Return the supply at which the marginal unit is found.

    It is never zero. So who offers nothing is not marginal: its supply is that before it.
    """
    return max(enough, _TINY)


@_step
def _good(market: Market, extent: Extent, scarcity_price: float) -> bool:
    """Return whether all numbers of one market are good, of bids of that extent."""
    return (
        _finite(extent)
        and _offers(market.quantities)
        and 0.0 <= market.demand <= _LARGEST
        and not np.isinf(scarcity_price)
        and market.bids.size <= MOST_UNITS
    )


@_step
def _finite(extent: Extent) -> bool:
    return extent.low >= -_LARGEST and extent.high <= _LARGEST


@_step
def _offers(values: Floats) -> bool:
    """Return whether all are finite and none is negative."""
    # Counting has no early exit, so that it vectorises.
    bad = 0
    for index in range(values.size):
        bad += not 0.0 <= values[index] <= _LARGEST
    return bad == 0


@_step
def _extent(bids: Floats) -> Extent:
    """Find the lowest and the highest bid; NaN counts as lowest or highest.

    Compared by their keys, which vectorises.
    """
    low, high = _key(bids[0]), _key(bids[0])
    for unit in range(bids.size):
        key = _key(bids[unit])
        low, high = min(low, key), max(high, key)
    return Extent(_bid(low), _bid(high))


@_step
def _key(bid: float) -> int:
    """Return an integer that orders as the bid does, but -0.0 before 0.0 and NaN outside."""
    bits = np.float64(bid).view(np.int64)
    return int(bits ^ ((bits >> 63) & _ALL_BUT_SIGN))


@_step
def _bid(key: int) -> float:
    return float(np.int64(key ^ ((key >> 63) & _ALL_BUT_SIGN)).view(np.float64))


@_step
def _find(market: Market, extent: Extent, scratch: Scratch, by_sums: bool | None) -> Marginal:
    """Find the marginal unit of good numbers, sorting no further than demand reaches."""
    order = scratch.order
    if order.size <= _ONLY_INSERTION:
        for unit in range(order.size):
            order[unit] = unit
        _insertion_sort(market.bids, order, 0, order.size)
        return _add(market, order, 0, order.size, 0.0)
    if by_sums is not None:
        marginal = _add_buckets(market, extent, scratch)
        if marginal.place >= 0:
            return marginal
    _distribute(market.bids, extent, scratch)
    marginal = _sort_and_add(market, scratch)
    if marginal.place < 0:
        _sort_crowd(market.bids, extent, scratch)
        marginal = _add(market, order, 0, order.size, 0.0)
    return marginal


@_step
def _given_up() -> Marginal:
    return Marginal(-1, 0.0, 0, 0.0)


@_step
def _sort_and_add(market: Market, scratch: Scratch) -> Marginal:
    """Find the marginal unit; given up if the bids are too crowded for that."""
    order, ends = scratch.order, scratch.ends
    supply = 0.0
    begin = stop = 0
    while begin < order.size:
        stop = min(stop + _GROUP, ends.size)
        end = int(np.int64(ends[stop - 1]))  # a record of other integers is of another type
        if not _insertion_sort(market.bids, order, begin, end):
            return _given_up()
        marginal = _add(market, order, begin, end, supply)
        if marginal.place < end:
            return marginal
        begin, supply = end, marginal.supply
    return Marginal(begin, supply, 0, 0.0)


@_step
def _add(market: Market, order: Units, begin: int, end: int, supply: float) -> Marginal:
    """Add up a part of the merit order until supply reaches demand."""
    before, target = supply, _target(market.enough)
    for k in range(begin, end):
        reached = supply + (market.quantities[order[k]] + 0.0)
        if reached >= target:
            return Marginal(k, supply, begin, before)
        supply = reached
    return Marginal(end, supply, begin, before)


@_step
def _add_buckets(market: Market, extent: Extent, scratch: Scratch) -> Marginal:
    """Find the marginal unit, sorting only the buckets in which the order counts.

    Given up where those are too many or too crowded. Of the order, only the marginal unit's bucket
    is left, at the end; if supply does not reach demand, nothing.
    """
    bids, quantities, target = market.bids, market.quantities, _target(market.enough)
    order, own, ends = scratch.order, scratch.own, scratch.ends
    buckets = min(order.size // _SHARING, _NARROW + order.size // _SHARING_MORE)
    if not _number(bids, extent, buckets, own):
        return _given_up()
    doubles = ends.view(np.float64)  # of which each takes the room of two numbers
    powers, sums = doubles[:buckets], doubles[buckets : 2 * buckets]
    latest, room = ends[4 * buckets : 5 * buckets], ends[5 * buckets :]
    _add_lying(quantities, sums, own)
    if not _find_powers(sums, target, powers):
        return _given_up()
    if not _add_rounded(quantities, powers, sums, latest, own):
        return _given_up()
    supply = 0.0
    for bucket in range(buckets):
        power = powers[bucket]
        if power < _UNKNOWN:
            reached = supply + sums[bucket]
            known = power <= supply or reached == 0.0
            if not (known and reached < min(power + power, target)):
                return _given_up()
            supply = reached
            continue
        begin = _unchain(int(latest[bucket]), own, order)
        if not _sort_last(bids, begin, order, own, room):
            return _given_up()
        marginal = _add(market, order, begin, order.size, supply)
        if marginal.place < order.size:
            return marginal
        supply = marginal.supply
    return Marginal(order.size, supply, 0, 0.0)


@_step
def _add_lying(quantities: Floats, sums: Floats, own: Units) -> None:
    """Add up the units of each bucket as they lie."""
    sums[:] = 0.0
    half = own.size // 2
    for unit in range(half):  # so that two of sorted bids do not wait for each other
        sums[own[unit]] += quantities[unit]
        sums[own[unit + half]] += quantities[unit + half]
    for unit in range(2 * half, own.size):
        sums[own[unit]] += quantities[unit]


@_step
def _unchain(link: int, own: Units, order: Units) -> int:
    """Put the units of a chain at the end of the order, and return where they begin."""
    begin = order.size
    while link > 0:
        begin -= 1
        order[begin] = link - 1
        link = int(own[link - 1])
    return begin


@_step
def _find_powers(sums: Floats, target: float, powers: Floats) -> bool:
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
        stays = supply * (1.0 + _SLACK) < min(power + power, target)
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
def _reach(supply: Floats, target: float) -> Marginal:
    """Find where cumulative supply reaches a target."""
    low, high = 0, supply.size
    while low < high:
        middle = (low + high) // 2
        if supply[middle] >= target:
            high = middle
        else:
            low = middle + 1
    return Marginal(low, supply[low - 1] if low > 0 else 0.0, 0, 0.0)


@_step
def _sort(bids: Floats, scratch: Scratch) -> None:
    """Put all units in merit order."""
    extent = _extent(bids)
    _distribute(bids, extent, scratch)
    if not _insertion_sort(bids, scratch.order, 0, bids.size):
        _sort_crowd(bids, extent, scratch)


@_step
def _distribute(bids: Floats, extent: Extent, scratch: Scratch) -> None:
    """Order the units by bucket; bucket numbers rise with the bids, and equal bids share one."""
    order, own, ends = scratch.order, scratch.own, scratch.ends
    if _number(bids, extent, ends.size, own):
        _deal(scratch)
        return
    for unit in range(own.size):
        order[unit] = unit
    own[:] = 0
    ends[:] = own.size


@_step
def _number(bids: Floats, extent: Extent, buckets: int, own: Units) -> bool:
    """Find the bucket of each unit; False means that the bids are equal or nearly so."""
    low, last = extent.low, buckets - 1.0
    scale = last / (extent.high - low)
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
    order, own, ends = scratch.order, scratch.own, scratch.ends
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
def _sort_crowd(bids: Floats, extent: Extent, scratch: Scratch) -> None:
    """Sort after `_distribute` has put too many units into too few buckets.

    Each bucket is divided into as many as its units should have. That copes with clusters of bids
    and with a few bids far away; bids of many magnitudes are left to the radix sort.
    """
    order, own, ends = scratch.order, scratch.own, scratch.ends
    scale = (ends.size - 1.0) / (extent.high - extent.low)
    for unit in range(own.size):
        bucket = own[unit]
        first = _BUCKETS * ends[bucket - 1] if bucket > 0 else 0
        buckets = _BUCKETS * ends[bucket] - first
        within = ((bids[unit] - extent.low) * scale - bucket) * buckets
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
            if moves < 0 and units > _ALWAYS_INSERTION:
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
    bids, quantities, place = market.bids, market.quantities, marginal.place
    if place == order.size:
        for unit in range(order.size):
            cleared[unit] = quantities[unit] + 0.0
        if market.enough == 0.0:  # and nobody offers anything
            return float(bids[_cheapest(bids)])
        scarce = np.isnan(rules.scarcity_price)
        return float(bids[_dearest(bids, quantities)]) if scarce else rules.scarcity_price
    price = float(bids[order[place]])
    for unit in range(order.size):
        cleared[unit] = quantities[unit] + 0.0 if bids[unit] < price else 0.0
    # In merit order, units with equal bids stand side by side, in the order of their indices.
    first = place
    while first > marginal.begin and bids[order[first - 1]] == price:
        first -= 1
    if rules.pro_rata:
        _share(market, order, marginal, first, cleared)
        return price
    for k in range(first, place):
        cleared[order[k]] = quantities[order[k]] + 0.0
    unit = order[place]
    cleared[unit] = min(market.demand - marginal.supply, quantities[unit] + 0.0)
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
def _share(market: Market, order: Units, marginal: Marginal, first: int, cleared: Floats) -> None:
    """Share what the cheaper units leave among all units at the price, pro rata.

    In the order, `first` is the place of the first of them.
    """
    bids, quantities = market.bids, market.quantities
    supply = marginal.before
    for k in range(marginal.begin, first):
        supply += quantities[order[k]] + 0.0
    price = bids[order[first]]
    total = 0.0
    stop = first
    while stop < order.size and bids[order[stop]] == price:
        total += quantities[order[stop]] + 0.0
        stop += 1
    ratio = (market.demand - supply) / total if total > 0.0 else 0.0
    for k in range(first, stop):
        offered = quantities[order[k]] + 0.0
        cleared[order[k]] = min(offered * ratio, offered)


@_kernel
def check_step(state: tuple[Any, ...], actions: Singles) -> int:
    """Return the position of the first bad action, or `GOOD`, or `BAD_HOUR` less the row.

    The state is given as the fields of `State`.
    """
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
    constants: tuple[Any, ...],
    rules: tuple[Any, ...],
    state: tuple[Any, ...],
    actions: Singles,
    outcome: tuple[Any, ...],
) -> None:
    """Take a step in all active environments of a batch of good numbers.

    All but the actions are given as the fields of `Constants`, `Rules`, `State` and `Outcome`.
    """
    fixed = Constants(*constants)
    setting = Setting(fixed, Rules(*rules), _others(fixed))
    whole = 0, actions.shape[0]
    _step_some(whole, setting, State(*state), actions, Outcome(*outcome), _workspace(fixed))


@_kernel_on_threads
def step_rows_on_threads(
    constants: tuple[Any, ...],
    rules: tuple[Any, ...],
    state: tuple[Any, ...],
    actions: Singles,
    outcome: tuple[Any, ...],
    parts: int,
) -> None:
    """Do the same, so many parts of the environments at once."""
    count = actions.shape[0]
    others = _others(Constants(*constants))[:]
    for part in numba.prange(parts):
        fixed = Constants(*constants)
        setting = Setting(fixed, Rules(*rules), Others(*others))
        some = part * count // parts, (part + 1) * count // parts
        _step_some(some, setting, State(*state), actions, Outcome(*outcome), _workspace(fixed))


@_kernel
def _workspace(constants: Constants) -> Workspace:
    """Return room to clear a market in which all agents decide; else next to nothing."""
    units = constants.costs.size if constants.learner < 0 else 1
    return Workspace(_scratch(units), np.empty(units), np.empty(units))


@_kernel
def _others(constants: Constants) -> Others:
    """Put the units in merit order that never change their bids, where only the learner does."""
    capacities, costs, learner = constants.capacities, constants.costs, constants.learner
    count = costs.size - 1 if learner >= 0 else 0
    bids, quantities = np.empty(count), np.empty(count)
    limits, supply = np.empty(count), np.zeros(count + 1)
    if learner < 0:
        return Others(bids, quantities, limits, supply, 0)
    scratch = _scratch(costs.size)
    _sort(costs, scratch)
    place = last = 0
    for k in range(costs.size):
        unit = scratch.order[k]
        if unit == learner:
            continue
        bids[place], quantities[place] = costs[unit], capacities[unit] + 0.0
        # Of two units with equal bids, the one with the lower index comes first.
        limits[place] = bids[place] if unit < learner else np.nextafter(bids[place], np.inf)
        supply[place + 1] = supply[place] + quantities[place]
        place += 1
        last = place if quantities[place - 1] > 0.0 else last
    return Others(bids, quantities, limits, supply, last)


@_step
def _step_some(
    some: tuple[int, int],
    setting: Setting,
    state: State,
    actions: Singles,
    outcome: Outcome,
    room: Workspace,
) -> None:
    """Take a step in environments, from the first to before the second of `some`; observe them."""
    after = state.demand.shape[1] - 1
    for row in range(some[0], some[1]):
        # Hours were good when they were checked. Another thread may have written since, so what
        # is read here is read once, and kept where an array has an element.
        hour = min(max(state.hours[row], 0), after)
        results = Row(outcome.rewards[row], outcome.dispatch[row], outcome.profits[row])
        if not (state.active[row] and hour < after):
            outcome.prices[row] = 0.0
            results.rewards[:] = 0.0
            results.dispatch[:] = 0.0
            results.profits[:] = 0.0
        else:
            demand = state.demand[row, hour]
            if setting.constants.learner >= 0:
                price = _step_learner(setting, demand, actions[row, 0], results)
            else:
                price = _step_all(setting, demand, actions[row], room, results)
            outcome.prices[row] = price
            hour += 1
        state.hours[row] = hour
        _observe(setting.constants, hour, state.demand[row], outcome.observations[row])


@_step
def _step_all(
    setting: Setting, demand: float, actions: Singles, room: Workspace, results: Row
) -> float:
    """Clear a market in which all agents decide, and return the price."""
    constants, rules = setting.constants, setting.rules
    costs, bids, quantities = constants.costs, room.bids, room.quantities
    for unit in range(bids.size):
        withheld = max(0.0, np.float64(actions[unit, 0]))
        bids[unit] = costs[unit] + np.float64(actions[unit, 1]) * constants.bid_change
        quantities[unit] = constants.capacities[unit] * (1.0 - withheld)
    market = Market(bids, quantities, demand + 0.0, _enough(demand, rules.tolerance))
    marginal = _find(market, _extent(bids), room.scratch, rules.by_sums)
    price = _dispatch(market, room.scratch.order, marginal, rules, results.dispatch)
    reached = marginal.place < bids.size or marginal.supply >= market.enough
    penalty = constants.shortage_penalty * (0.0 if reached else market.demand - marginal.supply)
    for unit in range(bids.size):
        results.profits[unit] = (price - costs[unit]) * results.dispatch[unit]
        markup = bids[unit] - costs[unit]
        results.rewards[unit] = _reward(constants, markup, results.profits[unit], penalty)
    return price


@_step
def _step_learner(setting: Setting, demand: float, action: Singles, results: Row) -> float:
    """Clear a market in which only the learner decides, and return the price."""
    constants = setting.constants
    cost = constants.costs[constants.learner]
    bid = cost + np.float64(action[1]) * constants.bid_change
    withheld = max(0.0, np.float64(action[0]))
    quantity = constants.capacities[constants.learner] * (1.0 - withheld) + 0.0
    sale = _sell(Offer(bid, quantity, demand + 0.0), setting.others, setting.rules)
    penalty = constants.shortage_penalty * sale.shortage
    profit = (sale.price - cost) * sale.amount
    results.dispatch[0] = sale.amount
    results.profits[0] = profit
    results.rewards[0] = _reward(constants, bid - cost, profit, penalty)
    return sale.price


@_step
def _sell(offer: Offer, others: Others, rules: Rules) -> Sale:
    """Clear a market of sorted units and one more.

    Up to where the one unit comes in the merit order, supply is that of the others.
    """
    enough = _enough(offer.demand, rules.tolerance)
    target = _target(enough)
    place = _first_above(others.limits, offer.bid)
    supply = others.supply[place]
    if supply >= target:
        marginal = _reach(others.supply[1 : place + 1], target)
        return _sell_at(offer, others, rules, place, marginal.place)
    if supply + offer.quantity >= target:
        if rules.pro_rata:
            return Sale(offer.bid, _share_one(offer, others, place), 0.0)
        return Sale(offer.bid, min(offer.demand - supply, offer.quantity), 0.0)
    supply += offer.quantity
    for k in range(place, others.bids.size):
        supply += others.quantities[k]
        if supply >= target:
            return _sell_at(offer, others, rules, place, k)
    if supply >= enough:  # nobody offers anything
        return Sale(offer.bid if place == 0 else others.bids[0], 0.0, 0.0)
    scarce = np.isnan(rules.scarcity_price)
    price = _highest(offer, others, place) if scarce else rules.scarcity_price
    return Sale(price, offer.quantity, offer.demand - supply)


@_step
def _highest(offer: Offer, others: Others, place: int) -> float:
    """Return the bid of the last unit in merit order that offers something, or of the last."""
    if others.last > place:
        return float(others.bids[others.last - 1])
    if offer.quantity > 0.0 or (others.last == 0 and place == others.bids.size):
        return offer.bid
    return float(others.bids[others.last - 1 if others.last > 0 else others.bids.size - 1])


@_step
def _sell_at(offer: Offer, others: Others, rules: Rules, place: int, marginal: int) -> Sale:
    """Return the same where another unit is marginal."""
    price = others.bids[marginal]
    if rules.pro_rata and offer.bid == price:
        return Sale(price, _share_one(offer, others, place), 0.0)
    return Sale(price, offer.quantity if place <= marginal else 0.0, 0.0)


@_step
def _share_one(offer: Offer, others: Others, place: int) -> float:
    """Return what the one unit gets of what cheaper units leave, where it bids the price."""
    first = place
    while first > 0 and others.bids[first - 1] == offer.bid:
        first -= 1
    total = 0.0
    for k in range(first, place):
        total += others.quantities[k]
    total += offer.quantity
    stop = place
    while stop < others.bids.size and others.bids[stop] == offer.bid:
        total += others.quantities[stop]
        stop += 1
    ratio = (offer.demand - others.supply[first]) / total if total > 0.0 else 0.0
    return min(offer.quantity * ratio, offer.quantity)


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
def _reward(constants: Constants, markup: float, profit: float, penalty: float) -> float:
    """Return a reward, worked out from left to right as it is written down."""
    charge = constants.bid_penalty * (markup * markup)
    return ((profit - charge) - penalty) * constants.reward_scale


@_step
def _observe(constants: Constants, hour: int, demand: Floats, observations: Singles) -> None:
    """Write what the agents see of the hour that comes next."""
    agents, hours, learner = constants.agent_features, constants.hour_features, constants.learner
    seen = np.float32(demand[hour] * constants.demand_scale)
    static = 1 + agents.shape[1]
    for row in range(observations.shape[0]):
        agent = row if learner < 0 else learner
        observations[row, 0] = seen
        for feature in range(agents.shape[1]):
            observations[row, 1 + feature] = agents[agent, feature]
        for feature in range(hours.shape[1]):
            observations[row, static + feature] = hours[hour, feature]
