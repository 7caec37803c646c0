"""The numba backend: kernels compiled when first called, and kept on disk.

The kernels take native C-contiguous float64 arrays only, so that each is compiled once. No
fastmath: the bits have to be those of the reference.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from easy_marl.market import arguments, errors
from easy_marl.market.arguments import FLOAT64, TIES, Cleared, Floats, Inputs, Out
from easy_marl.market.errors import Fault

F = TypeVar("F", bound=Callable[..., Any])

# Module constants are constants to the compiler.
_NONE, _NOT_FINITE, _NEGATIVE = int(Fault.NONE), int(Fault.NOT_FINITE), int(Fault.NEGATIVE)
_LARGEST = float(np.finfo(np.float64).max)
_SIGN = -(2**63)
_BYTES = 8
_FEW = 64  # up to here insertion sort is the faster one


def _compiled(function: F) -> F:
    """Compile a kernel; numba has no type hints, so this is where they would be lost."""
    return cast("F", numba.njit(cache=True, nogil=True)(function))


def version() -> str:
    """Return the version of numba."""
    return str(numba.__version__)


def clear(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
) -> tuple[float, Cleared]:
    """Clear one market; see `easy_marl.market.clear`."""
    if (
        type(bids) is np.ndarray
        and type(quantities) is np.ndarray
        and bids.dtype is FLOAT64
        and quantities.dtype is FLOAT64
        and bids.ndim == 1
        and bids.shape == quantities.shape != (0,)
        and bids.flags.carray
        and quantities.flags.carray
        and (type(demand) is float or type(demand) is np.float64)
        and (scarcity_price is None or type(scarcity_price) is float)
        and type(ties) is str
        and ties in TIES
    ):
        # The common case needs no conversion.
        cleared = np.empty(bids.shape)
        price, fault, argument, index = _clear(
            bids,
            quantities,
            float(demand),
            ties == "pro_rata",
            scarcity_price is not None,
            0.0 if scarcity_price is None else scarcity_price,
            cleared,
        )
        if fault:
            given = bids, quantities, demand, scarcity_price
            raise errors.bad_value(fault, argument, index, given)
        return price, cleared
    return _clear_any(bids, quantities, demand, ties, scarcity_price)


def _clear_any(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    ties: str,
    scarcity_price: ArrayLike | None,
) -> tuple[float, Cleared]:
    arguments.check_ties(ties)
    market = arguments.one_market(bids, quantities, demand, scarcity_price)
    dispatch = np.empty(market.bids.shape)
    price, fault, argument, index = _clear(
        market.bids,
        market.quantities,
        float(market.demand),
        ties == "pro_rata",
        *_scarcity(market),
        dispatch,
    )
    if fault:
        raise errors.bad_value(fault, argument, index, (bids, quantities, demand, scarcity_price))
    if market.dtype is np.float64:
        return price, dispatch
    cleared = np.empty(len(dispatch), market.dtype)
    arguments.store(dispatch, cleared)
    return price, cleared


def clear_batch(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    out: Out | None = None,
    threads: int | None = None,
) -> Out:
    """Clear many markets on one thread; see `easy_marl.market.clear_batch`."""
    arguments.check_ties(ties)
    arguments.check_threads(threads)
    batch = arguments.many_markets(bids, quantities, demand, scarcity_price)
    fault, argument, index = _find_fault(
        batch.bids.reshape(-1), batch.quantities.reshape(-1), batch.demand, *_scarcity(batch)
    )
    if fault:
        raise errors.bad_value(fault, argument, index, (bids, quantities, demand, scarcity_price))
    units = batch.bids.shape[-1]
    shape = batch.demand.size, units
    prices, cleared = arguments.outputs(out, (bids, quantities, demand), shape, batch.dtype)
    same = batch.dtype is np.float64
    dispatch = cast("Floats", cleared) if same else np.empty(shape)
    _clear_rows(
        batch.bids.reshape(-1, units),
        batch.quantities.reshape(-1, units),
        batch.demand,
        ties == "pro_rata",
        batch.bids.ndim == 1,
        batch.quantities.ndim == 1,
        *_scarcity(batch),
        np.asarray(prices),  # of a subclass, such as a memmap, numba knows nothing
        np.asarray(dispatch),
    )
    if not same:
        arguments.store(dispatch, cleared)
    return prices, cleared


def _scarcity(inputs: Inputs) -> tuple[bool, float]:
    """Return whether there is a scarcity price, and the price or a number in its place."""
    if inputs.scarcity_price is None:
        return False, 0.0
    return True, float(inputs.scarcity_price)


@_compiled
def _clear(
    bids: Floats,
    quantities: Floats,
    demand: float,
    pro_rata: bool,
    has_scarcity_price: bool,
    scarcity_price: float,
    cleared: Floats,
) -> tuple[float, int, int, int]:
    """Clear one market into `cleared`; return the price, and a fault, its argument and index."""
    demands = np.array([demand])
    fault, argument, index = _find_fault(
        bids, quantities, demands, has_scarcity_price, scarcity_price
    )
    if fault != _NONE:
        return 0.0, fault, argument, index
    order = _merit_order(bids)
    price = _dispatch(
        order, bids, quantities, demand, pro_rata, has_scarcity_price, scarcity_price, cleared
    )
    return price, fault, argument, index


@_compiled
def _clear_rows(
    bids: Floats,
    quantities: Floats,
    demand: Floats,
    pro_rata: bool,
    same_bids: bool,
    same_quantities: bool,
    has_scarcity_price: bool,
    scarcity_price: float,
    prices: Floats,
    cleared: Floats,
) -> None:
    """Clear all rows of a batch of good numbers."""
    if same_bids:
        order = _merit_order(bids[0])
    for row in range(demand.size):
        own_bids = bids[0 if same_bids else row]
        own_quantities = quantities[0 if same_quantities else row]
        if not same_bids:
            order = _merit_order(own_bids)
        prices[row] = _dispatch(
            order,
            own_bids,
            own_quantities,
            demand[row],
            pro_rata,
            has_scarcity_price,
            scarcity_price,
            cleared[row],
        )


@_compiled
def _find_fault(
    bids: Floats,
    quantities: Floats,
    demand: Floats,
    has_scarcity_price: bool,
    scarcity_price: float,
) -> tuple[int, int, int]:
    """Return a fault, its argument and its index, in the order of `docs/semantics.md`."""
    index = _first_not_finite(bids)
    if index >= 0:
        return _NOT_FINITE, 0, index
    index = _first_not_finite(quantities)
    if index >= 0:
        return _NOT_FINITE, 1, index
    index = _first_not_finite(demand)
    if index >= 0:
        return _NOT_FINITE, 2, index
    if has_scarcity_price and not abs(scarcity_price) <= _LARGEST:
        return _NOT_FINITE, 3, 0
    index = _first_negative(quantities)
    if index >= 0:
        return _NEGATIVE, 1, index
    index = _first_negative(demand)
    if index >= 0:
        return _NEGATIVE, 2, index
    return _NONE, 0, 0


@_compiled
def _first_not_finite(values: Floats) -> int:
    # Counting has no early exit, so that it vectorises.
    bad = 0
    for index in range(values.size):
        bad += not abs(values[index]) <= _LARGEST
    if bad:
        for index in range(values.size):
            if not abs(values[index]) <= _LARGEST:
                return index
    return -1


@_compiled
def _first_negative(values: Floats) -> int:
    bad = 0
    for index in range(values.size):
        bad += values[index] < 0.0
    if bad:
        for index in range(values.size):
            if values[index] < 0.0:
                return index
    return -1


@_compiled
def _merit_order(bids: Floats) -> NDArray[np.intp]:
    """Return the units by ascending bid, ties by ascending index.

    Both sorts are stable, so ties need no care, and neither can leave its arrays, whatever
    bits the bids hold. numba's own `argsort` is an unstable quicksort, and slower than the
    radix sort from about 100 units on.
    """
    if bids.size <= _FEW:
        return _insertion_sort(bids)
    return _radix_sort(bids)


@_compiled
def _insertion_sort(bids: Floats) -> NDArray[np.intp]:
    order = np.empty(bids.size, np.intp)
    for unit in range(bids.size):
        bid = bids[unit]
        place = unit
        while place > 0 and bids[order[place - 1]] > bid:
            order[place] = order[place - 1]
            place -= 1
        order[place] = unit
    return order


@_compiled
def _radix_sort(bids: Floats) -> NDArray[np.intp]:
    """Sort by one byte of the keys after the other, the lowest first."""
    n = bids.size
    keys = np.empty(n, np.uint64)
    order = np.arange(n)
    counts = np.zeros((_BYTES, 256), np.intp)
    bits = (bids + 0.0).view(np.int64)  # + 0.0 gives -0.0 the key of 0.0
    for unit in range(n):
        # Flip all bits of negative bids and the sign of others: keys order as the bids do.
        key = np.uint64(bits[unit] ^ ((bits[unit] >> 63) | _SIGN))
        keys[unit] = key
        for byte in range(_BYTES):
            counts[byte, _digit(key, byte)] += 1

    sorted_keys, sorted_order = np.empty_like(keys), np.empty_like(order)
    for byte in range(_BYTES):
        starts = counts[byte]
        if starts[_digit(keys[0], byte)] == n:
            continue  # all alike
        start = 0
        for digit in range(256):
            count = starts[digit]
            starts[digit] = start
            start += count
        for k in range(n):
            digit = _digit(keys[k], byte)
            place = starts[digit]
            starts[digit] = place + 1
            sorted_keys[place] = keys[k]
            sorted_order[place] = order[k]
        keys, sorted_keys = sorted_keys, keys
        order, sorted_order = sorted_order, order
    return order


@_compiled
def _digit(key: np.uint64, byte: int) -> Any:
    return np.intp((key >> np.uint64(8 * byte)) & np.uint64(255))


@_compiled
def _dispatch(
    order: NDArray[np.intp],
    bids: Floats,
    quantities: Floats,
    demand: float,
    pro_rata: bool,
    has_scarcity_price: bool,
    scarcity_price: float,
    cleared: Floats,
) -> float:
    """Dispatch one market of good numbers into `cleared`, and return the price."""
    demand += 0.0  # -0.0 reads as 0.0
    supply = 0.0
    cleared[:] = 0.0
    for k in range(order.size):
        unit = order[k]
        offered = quantities[unit] + 0.0
        reached = supply + offered
        if reached >= demand:
            if pro_rata:
                _share(order, k, bids, quantities, demand, cleared)
            else:
                cleared[unit] = min(demand - supply, offered)
            return float(bids[unit])
        cleared[unit] = offered
        supply = reached
    return scarcity_price if has_scarcity_price else float(bids[order[-1]])


@_compiled
def _share(
    order: NDArray[np.intp],
    marginal: int,
    bids: Floats,
    quantities: Floats,
    demand: float,
    cleared: Floats,
) -> None:
    """Share what the cheaper units leave among all units at the price, pro rata."""
    price = bids[order[marginal]]
    supply = 0.0
    first = 0
    # The bound is for bids that another thread changes meanwhile.
    while first < marginal and bids[order[first]] < price:
        supply += quantities[order[first]] + 0.0
        first += 1
    # In merit order units with equal bids stand in the order of their indices.
    total = 0.0
    stop = first
    while stop < order.size and bids[order[stop]] == price:
        total += quantities[order[stop]] + 0.0
        stop += 1
    ratio = (demand - supply) / total if total > 0.0 else 0.0
    for k in range(first, stop):
        offered = quantities[order[k]] + 0.0
        cleared[order[k]] = min(offered * ratio, offered)
