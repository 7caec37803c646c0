"""Shortcuts to the merit order, each without the care that it needs: clearing that is wrong."""

import bisect
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.adversarial.markets import Array
from bench.adversarial.order import TINY

Order = NDArray[np.intp]
Plan = tuple[Order, Array, int]
"""A merit order, the supply of the units before each of them, and the marginal one's rank."""
Variant = Callable[[Array, Array, float], Plan]
"""From bids, quantities and the supply that is to be reached, which is more than nothing."""

FEW = 64  # as many units may be ranked by words, more are dropped into buckets


def single(bids: Array) -> NDArray[np.float32]:
    with np.errstate(over="ignore", under="ignore"):
        return bids.astype(np.float32)


def words(bids: Array) -> NDArray[np.int32]:
    """Return what is left of a bid next to a six-bit index, as an integer of the same order."""
    bits = single(bids + 0.0).view(np.int32)
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)) >> 6


def buckets(bids: Array) -> Array:
    """Return where interpolation over n buckets puts each unit; one bucket where it cannot."""
    with np.errstate(all="ignore"):
        scale = (bids.size - 1) / (bids.max() - bids.min())
        places = np.floor((bids - bids.min()) * scale)
    return places if np.isfinite(places).all() else np.zeros(bids.size)


def inversions(bids: Array, group: NDArray[Any]) -> int:
    """Count the pairs in a group whose dearer unit has the lower index: moves to sort it."""
    dearer = bids[:, None] > bids
    return int(np.count_nonzero(np.triu(dearer & (group[:, None] == group))))


def stable(keys: NDArray[Any]) -> Order:
    return np.argsort(keys, kind="stable")


def planned(
    order: Order, quantities: Array, demand: float, sums: Callable[[Array], Array] = np.cumsum
) -> Plan:
    """Plan a market of a given order as `docs/semantics.md` has it."""
    supply = np.concatenate([[0.0], sums(quantities[order])])
    return order, supply[:-1], int(np.argmax(np.append(supply[1:] >= demand, True)))


def tied(bids: Array, price: float, order: Order, marginal: int) -> Order:
    """Return the units that share pro rata."""
    return np.flatnonzero(bids == price)


def enough(demand: float, tolerance: float) -> float:
    """Return what supply reaches demand."""
    return demand - tolerance * demand


def last_offer(quantities: Array, order: Order) -> int:
    """Return the unit that sets the price under scarcity."""
    return int(([unit for unit in order if quantities[unit] > 0.0] or order)[-1])


def clearing(
    variant: Variant,
    sharing: Callable[..., Order] = tied,
    enough: Callable[[float, float], float] = enough,
    last_offer: Callable[[Array, Order], int] = last_offer,
) -> Callable[..., Any]:
    """Return a `clear` that takes float64 arrays, and is right where its parts are."""

    @np.errstate(all="ignore")
    def clear(
        bids: Any,
        quantities: Any,
        demand: Any,
        ties: str = "first",
        scarcity_price: Any = None,
        tolerance: float = 1e-9,
    ) -> tuple[float, Array]:
        demand, quantities = demand + 0.0, quantities + 0.0
        reached = enough(demand, tolerance)
        # Who offers nothing never reaches what is more than nothing.
        order, supply, marginal = variant(bids, quantities, max(reached, TINY))
        if marginal == bids.size and reached > 0.0:
            highest = bids[last_offer(quantities, order)]
            return float(highest if scarcity_price is None else scarcity_price), quantities
        if marginal == bids.size:
            return float(bids[order[0]]), quantities
        unit, cleared = order[marginal], np.zeros(bids.size)
        price = bids[unit]
        cleared[order[:marginal]] = quantities[order[:marginal]]
        if ties == "first":
            cleared[unit] = min(demand - supply[marginal], quantities[unit])
        else:
            units = sharing(bids, price, order, marginal)
            total = np.cumsum(quantities[units])[-1]
            left = demand - supply[np.argmax(bids[order] == price)]
            shares = np.minimum(quantities[units] * (left / total), quantities[units])
            cleared[units] = shares if total > 0.0 else 0.0
        return float(price), cleared

    return clear


def right(bids: Array, quantities: Array, demand: float) -> Plan:
    return planned(stable(bids), quantities, demand)


# The order of up to 64 units.


def by_float32(bids: Array, quantities: Array, demand: float) -> Plan:
    """Compare bids as float32."""
    return planned(stable(single(bids) if bids.size <= FEW else bids), quantities, demand)


def by_words(bids: Array, quantities: Array, demand: float) -> Plan:
    """Leave units of equal words in the order of their indices."""
    return planned(stable(words(bids) if bids.size <= FEW else bids), quantities, demand)


def repaired_once(bids: Array, quantities: Array, demand: float) -> Plan:
    """Exchange neighbours of equal words, once."""
    order = stable(words(bids) if bids.size <= FEW else bids)
    for k in range(bids.size - 1):
        if bids[order[k + 1]] < bids[order[k]]:
            order[k : k + 2] = order[k + 1], order[k]
    return planned(order, quantities, demand)


def repaired_but_the_last(bids: Array, quantities: Array, demand: float) -> Plan:
    """Do not look whether the last two words are equal."""
    order = stable(bids)
    last = words(bids)[order[-2:]]
    if 1 < bids.size <= FEW and last[0] == last[1]:
        order[-2:] = np.sort(order[-2:])
    return planned(order, quantities, demand)


# The order of any number of units.


def by_bits(bids: Array, quantities: Array, demand: float) -> Plan:
    """Sort by the bits, in which -0.0 comes before 0.0."""
    return planned(np.lexsort((~np.signbit(bids), bids)), quantities, demand)


def flushed(bids: Array, quantities: Array, demand: float) -> Plan:
    """Read denormals as zero."""
    normal = np.where(abs(bids) < np.finfo(float).tiny, 0.0, bids)
    return planned(stable(normal), quantities, demand)


def unstable(bids: Array, quantities: Array, demand: float) -> Plan:
    """Let the last of tied units go first."""
    return planned(np.lexsort((-np.arange(bids.size), bids)), quantities, demand)


# The walk over buckets of more than 64 units.


def unstable_at_last(bids: Array, quantities: Array, demand: float) -> Plan:
    """Sort in full where that takes many moves, without regard to ties."""
    many = bids.size > FEW and inversions(bids, buckets(bids)) > 4 * bids.size
    return (unstable if many else right)(bids, quantities, demand)


def swept(bids: Array, quantities: Array, demand: float) -> Plan:
    """Exchange neighbours in three sweeps, and take that for sorted."""
    order = stable(buckets(bids) if bids.size > FEW else bids)
    for sweep in range(3):
        for k in range(sweep % 2, bids.size - 1, 2):
            if bids[order[k + 1]] < bids[order[k]]:
                order[k : k + 2] = order[k + 1], order[k]
    return planned(order, quantities, demand)


def stopping_early(bids: Array, quantities: Array, demand: float) -> Plan:
    """Stop at the first unit that meets the demand, with others of its bucket to come."""
    lying = stable(buckets(bids) if bids.size > FEW else bids)
    seen = int(np.argmax(np.append(np.cumsum(quantities[lying]) >= demand, True))) + 1
    parts = np.sort(lying[:seen]), np.sort(lying[seen:])
    order = np.concatenate([part[stable(bids[part])] for part in parts])
    return planned(order, quantities, demand)


def adding_as_they_lie(bids: Array, quantities: Array, demand: float) -> Plan:
    """Add up whole buckets unsorted, and only the marginal one in order."""
    groups = buckets(bids) if bids.size > FEW else bids
    order = stable(bids)
    lying = np.concatenate([[0.0], np.cumsum(quantities[stable(groups)])])
    first = np.searchsorted(groups[order], groups[order])  # where each unit's bucket begins
    supply = lying[first]
    for k in range(1, bids.size):
        if first[k] < k:
            supply[k] = supply[k - 1] + quantities[order[k - 1]]
    reached = np.append(supply + quantities[order] >= demand, True)
    return order, supply, int(np.argmax(reached))


def not_looking_again(bids: Array, quantities: Array, demand: float) -> Plan:
    """Having moved a unit to its place, add again, but do not ask again what meets the demand."""
    order, supply, marginal = right(bids, quantities, demand)
    if bids.size <= FEW or marginal == bids.size:
        return order, supply, marginal
    groups = buckets(bids)[order]
    bucket = np.flatnonzero(groups == groups[marginal])
    seen: list[int] = []
    for unit in np.sort(order[bucket]).tolist():
        bisect.insort(seen, unit, key=lambda one: (bids[one], one))
        sums = np.cumsum([supply[bucket[0]], *quantities[seen]])
        if seen[-1] == unit and sums[-1] >= demand:
            return order, supply, marginal
    return order, supply, int(bucket[-1]) + 1


# Adding as units lie, more than 64 of them.


def absorbing(
    bids: Array,
    quantities: Array,
    demand: float,
    *,
    half_way: bool = True,
    binades: bool = True,
    below: bool = True,
) -> Plan:
    """Add eight units at once, each rounded first, and do not look for the margin among them."""
    order, supply, marginal = right(bids, quantities, demand)
    if bids.size <= FEW:
        return order, supply, marginal
    sums, one_by_one = [0.0], []
    for start in range(0, bids.size, 8):
        eight = quantities[order[start : start + 8]]
        power = np.ldexp(0.5, np.frexp(sums[-1])[1]) if sums[-1] > 0.0 else 0.0
        rounded = (power + eight) - power
        total = sums[-1] + rounded.sum()
        bound = min(demand, 2.0 * power) if binades else demand
        absorbed = total < bound or (not below and total == bound)
        if half_way and (abs(eight - rounded) == power * 2.0**-53).any():
            absorbed = False
        sums += np.cumsum([sums[-1], *(rounded if absorbed else eight)])[1:].tolist()
        one_by_one += [not absorbed] * eight.size
    reached = np.append((np.array(sums[1:]) >= demand) & one_by_one, True)
    return order, np.array(sums[:-1]), int(np.argmax(reached))


def absorbing_half_way(bids: Array, quantities: Array, demand: float) -> Plan:
    """Round what is half way to even, whatever the supply."""
    return absorbing(bids, quantities, demand, half_way=False)


def absorbing_across(bids: Array, quantities: Array, demand: float) -> Plan:
    """Go on rounding to the same place when supply passes a power of two."""
    return absorbing(bids, quantities, demand, binades=False)


def absorbing_what_meets(bids: Array, quantities: Array, demand: float) -> Plan:
    """Go on where supply meets the demand exactly, or a power of two."""
    return absorbing(bids, quantities, demand, below=False)


# The sums.


def in_eights(values: Array) -> Array:
    inside: Array = np.cumsum(np.append(values, np.zeros(-values.size % 8)).reshape(-1, 8), axis=1)
    before = np.concatenate([[0.0], np.cumsum(inside[:-1, -1])])
    sums: Array = inside + before[:, None]
    return sums.reshape(-1)[: values.size]


def pairwise(bids: Array, quantities: Array, demand: float) -> Plan:
    """Add up eight units at a time, then the eights."""
    return planned(stable(bids), quantities, demand, in_eights)


def exceeding(bids: Array, quantities: Array, demand: float) -> Plan:
    """Want more than what is demanded."""
    order, supply, _ = right(bids, quantities, demand)
    reached = np.append(supply + quantities[order] > demand, True)
    return order, supply, int(np.argmax(reached))


def set_by_nothing(bids: Array, quantities: Array, demand: float) -> Plan:
    """Take a demand of nothing as reached by who offers nothing."""
    return planned(stable(bids), quantities, 0.0 if demand == TINY else demand)


def last_of_equal_sums(bids: Array, quantities: Array, demand: float) -> Plan:
    """Find a unit that meets the demand by bisection, but not always the first."""
    order, supply, marginal = right(bids, quantities, demand)
    reached = supply + quantities[order]
    if marginal < bids.size and reached[marginal] == demand:
        marginal = int(np.flatnonzero(reached == demand)[-1])
    return order, supply, marginal


# Sharing pro rata.


def tied_so_far(bids: Array, price: float, order: Order, marginal: int) -> Order:
    """Forget the units at the price that come after the marginal one."""
    return np.sort(order[: marginal + 1][bids[order[: marginal + 1]] == price])


def tied_in_bits(bids: Array, price: float, order: Order, marginal: int) -> Order:
    """Tell -0.0 from 0.0."""
    return np.flatnonzero((bids == price) & (np.signbit(bids) == np.signbit(price)))


# Batches.


def looped(
    bids: Any, quantities: Any, demand: Any, *, variant: Variant = right, **rules: Any
) -> tuple[Array, Array]:
    """Clear row by row."""
    rules.pop("threads", None)
    bids, quantities, demand = np.asarray(bids), np.asarray(quantities), np.asarray(demand)
    shape = demand.size, bids.shape[-1]
    prices, cleared = np.empty(shape[0]), np.empty(shape)
    rows = zip(np.broadcast_to(bids, shape).astype(np.float64),
               np.broadcast_to(quantities, shape).astype(np.float64),
               demand.astype(np.float64), strict=True)  # fmt: skip
    clear = clearing(variant)
    for row, market in enumerate(rows):
        prices[row], cleared[row] = clear(*market, **rules)
    single = quantities.dtype.type is np.float32
    with np.errstate(over="ignore", under="ignore"):
        return prices, cleared.astype(np.float32 if single else np.float64)


def searched_badly(*batch: Any, **rules: Any) -> tuple[Array, Array]:
    return looped(*batch, variant=last_of_equal_sums, **rules)


def left_behind(*batch: Any, **rules: Any) -> tuple[Array, Array]:
    """Write what is dispatched, over what the last row left."""
    prices, cleared = looped(*batch, **rules)
    for row in range(1, len(prices)):
        cleared[row] = np.where(cleared[row] == 0.0, cleared[row - 1], cleared[row])
    return prices, cleared


def halved(*batch: Any, threads: int | None = None, **rules: Any) -> tuple[Array, Array]:
    """Give each of two threads half of the rows, rounded down."""
    prices, cleared = looped(*batch, **rules)
    if threads == 2 and len(prices) % 2:
        prices[-1] = 0.0
    return prices, cleared


def added_in_float32(*batch: Any, **rules: Any) -> tuple[Array, Array]:
    def sums(values: Array) -> Array:
        return np.cumsum(single(values)).astype(np.float64)

    def variant(bids: Array, quantities: Array, demand: float) -> Plan:
        return planned(stable(bids), quantities, demand, sums)

    narrow = np.asarray(batch[1]).dtype.type is np.float32
    return looped(*batch, variant=variant if narrow else right, **rules)
