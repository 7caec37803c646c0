"""The numba backend: kernels compiled when first called, and kept on disk.

This is their Python face: it brings arguments into the form that the kernels take. They refuse
bad numbers without a word; the reference then says what is wrong.
"""

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import numba
import numpy as np
from numpy.typing import ArrayLike

from easy_marl.market import arguments, reference, step_arguments
from easy_marl.market import numba_kernels as kernels
from easy_marl.market.arguments import FLOAT64, Cleared, Floats, Inputs, Out
from easy_marl.market.stepping import GOOD, Model, Outcome, Singles, State

_PRO_RATA = {"first": 0, "pro_rata": 1}
_NO_PRICE = math.nan

_WORTH_THREADS = 5_000
"""Numbers in a batch from which on several threads pay."""

_threads = threading.Lock()
"""Held by who uses numba's threads: not every threading layer can serve two at once."""


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
    tolerance: float = 1e-9,
) -> tuple[float, Cleared]:
    """Clear one market; see `easy_marl.market.clear`."""
    if (
        type(bids) is type(quantities) is np.ndarray
        and bids.dtype is quantities.dtype is FLOAT64
        and bids.ndim == quantities.ndim == 1
        and bids.size == quantities.size > 0
        and bids.flags.carray
        and quantities.flags.carray
        and (type(demand) is float or type(demand) is np.float64)
        and (scarcity_price is None or type(scarcity_price) is float)
        and type(tolerance) is float
        and 0.0 <= tolerance < 1.0
        and type(ties) is str
        and ties in _PRO_RATA
    ):
        # The common case needs no conversion.
        cleared = np.empty(bids.size)
        price = (kernels.clear if bids.size < kernels.BUCKET_SUMS else kernels.clear_by_sums)(
            bids,
            quantities,
            float(demand),
            _PRO_RATA[ties],
            _NO_PRICE if scarcity_price is None else _as_float(scarcity_price),
            tolerance,
            cleared,
        )
        if price == price:  # not NaN
            return price, cleared
    return _clear_any(bids, quantities, demand, ties, scarcity_price, tolerance)


def _clear_any(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    ties: str,
    scarcity_price: ArrayLike | None,
    tolerance: float,
) -> tuple[float, Cleared]:
    arguments.check_ties(ties)
    tolerance = arguments.check_tolerance(tolerance)
    market = arguments.one_market(bids, quantities, demand, scarcity_price)
    dispatch = np.empty(market.bids.shape)
    price = (kernels.clear if market.bids.size < kernels.BUCKET_SUMS else kernels.clear_by_sums)(
        market.bids,
        market.quantities,
        float(market.demand),
        _PRO_RATA[ties],
        _as_float(market.scarcity_price),
        tolerance,
        dispatch,
    )
    if math.isnan(price):
        return reference.clear(
            bids,
            quantities,
            demand,
            ties=ties,
            scarcity_price=scarcity_price,
            tolerance=tolerance,
        )
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
    tolerance: float = 1e-9,
    out: Out | None = None,
    threads: int | None = None,
) -> Out:
    """Clear many markets; see `easy_marl.market.clear_batch`.

    With `threads` of 2 or more, the rows are divided among as many of numba's threads, but no
    more than `numba.get_num_threads()`. It is a hint: a small batch stays on one thread, and so
    does one that comes while another has the threads. The results are the same. The first such
    call compiles kernels of its own, and numba's threads are not for forked processes.
    """
    arguments.check_ties(ties)
    tolerance = arguments.check_tolerance(tolerance)
    arguments.check_threads(threads)
    batch = arguments.many_markets(bids, quantities, demand, scarcity_price, out)
    pins = arguments.pinned(*batch[:3])
    units = batch.bids.shape[-1]
    shape = batch.demand.size, units
    scarcity = _as_float(batch.scarcity_price)
    if not _all_good(batch, scarcity):
        return reference.clear_batch(
            bids,
            quantities,
            demand,
            ties=ties,
            scarcity_price=scarcity_price,
            tolerance=tolerance,
            out=out,
        )
    prices, cleared = arguments.outputs(out, (bids, quantities, demand), shape, batch.dtype)
    pins += arguments.pinned(prices, cleared)
    same = batch.dtype is np.float64
    dispatch = cast("Floats", cleared) if same else np.empty(shape)
    rows = kernels.Rows(
        batch.bids.reshape(-1, units),
        batch.quantities.reshape(-1, units),
        batch.demand,
        batch.bids.ndim == 1,
        batch.quantities.ndim == 1,
    )
    rules = kernels.Rules(_PRO_RATA[ties], scarcity, tolerance, _by_sums(units))
    # Of a subclass, such as a memmap, numba knows nothing.
    room = np.asarray(prices), np.asarray(dispatch)
    batched = rows[:], rules[:], room
    with _granted(threads, shape) as parts:
        if parts == 1:
            kernels.clear_rows(*batched)
        else:
            kernels.clear_rows_on_threads(*batched, parts)
    if not same:
        arguments.store(dispatch, cleared)
    del pins
    return prices, cleared


def step_batch(
    model: Model,
    state: State,
    actions: Singles,
    outcome: Outcome,
    *,
    threads: int | None = None,
) -> int:
    """Take one hour in every active environment; see `easy_marl.market.stepping`.

    `threads` is a hint, as in `clear_batch`. Hours are checked first. A thread that writes them
    afterwards gets odd results, never memory that is not its own.
    """
    given = step_arguments.check(model, state, actions, outcome, threads)
    model, state, actions, outcome = given
    bad = int(kernels.check_step(state[:], actions))
    if bad <= kernels.BAD_HOUR:
        raise step_arguments.bad_hour(given, kernels.BAD_HOUR - bad)
    if bad != GOOD:
        return bad
    rules = kernels.Rules(
        _PRO_RATA[model.ties],
        _as_float(model.scarcity_price),
        model.tolerance,
        _by_sums(len(model.costs)),
    )
    # The constants are all that is in a model before its rules.
    constants = model[: len(kernels.Constants._fields)]
    batch = constants, rules[:], state[:], actions, outcome[:]
    with _granted(threads, (len(state.hours), len(model.costs))) as parts:
        if parts == 1:
            kernels.step_rows(*batch)
        else:
            kernels.step_rows_on_threads(*batch, parts)
    return GOOD


def _by_sums(units: int) -> bool | None:
    """Return whether sums over buckets pay, as the kernels take it."""
    return None if units < kernels.BUCKET_SUMS else True


def _as_float(scarcity_price: ArrayLike | None) -> float:
    """Return the scarcity price as the kernels take it: NaN is none, infinite is bad."""
    if scarcity_price is None:
        return _NO_PRICE
    price = float(cast("float", scarcity_price))
    return math.inf if math.isnan(price) else price


def _all_good(batch: Inputs, scarcity_price: float) -> bool:
    """Return whether the kernels can clear the batch."""
    if math.isinf(scarcity_price) or batch.bids.shape[-1] > kernels.MOST_UNITS:
        return False
    return kernels.all_good(batch.bids.reshape(-1), batch.quantities.reshape(-1), batch.demand)


@contextmanager
def _granted(threads: int | None, shape: tuple[int, int]) -> Iterator[int]:
    """Take threads for a batch of this shape, and yield how many there are."""
    wanted = min(threads or 1, shape[0])
    if wanted < 2 or math.prod(shape) < _WORTH_THREADS or not _threads.acquire(blocking=False):
        yield 1
        return
    try:
        there_are = numba.get_num_threads()
        numba.set_num_threads(min(wanted, there_are))
        try:
            yield min(wanted, there_are)
        finally:
            numba.set_num_threads(there_are)
    finally:
        _threads.release()
