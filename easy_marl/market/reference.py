"""The specification in NumPy: `docs/semantics.md` as code, written to be read.

Every other backend is held against this one to the last bit.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easy_marl.market import arguments, errors
from easy_marl.market.arguments import Cleared, Floats, Inputs, Out
from easy_marl.market.errors import Fault


class Rules(NamedTuple):
    """What is the same for all markets of a call."""

    ties: str
    scarcity_price: float | Floats | None
    tolerance: float


def version() -> str:
    """Return the version of NumPy, which does the work."""
    return np.__version__


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
    arguments.check_ties(ties)
    tolerance = arguments.check_tolerance(tolerance)
    market = arguments.one_market(bids, quantities, demand, scarcity_price)
    check_values(market, (bids, quantities, demand, scarcity_price))
    order = _merit_order(market.bids)
    rules = Rules(ties, market.scarcity_price, tolerance)
    price, dispatch = _dispatch(order, market.bids, market.quantities, market.demand, rules)
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
    """Clear many markets, one after the other; see `easy_marl.market.clear_batch`."""
    arguments.check_ties(ties)
    tolerance = arguments.check_tolerance(tolerance)
    arguments.check_threads(threads)
    batch = arguments.many_markets(bids, quantities, demand, scarcity_price, out)
    pins = arguments.pinned(*batch[:3])
    check_values(batch, (bids, quantities, demand, scarcity_price))
    shape = batch.demand.size, batch.bids.shape[-1]
    prices, cleared = arguments.outputs(out, (bids, quantities, demand), shape, batch.dtype)
    pins += arguments.pinned(prices, cleared)

    all_bids = np.broadcast_to(batch.bids, shape)
    all_quantities = np.broadcast_to(batch.quantities, shape)
    rules = Rules(ties, batch.scarcity_price, tolerance)
    order = _merit_order(batch.bids) if batch.bids.ndim == 1 else None
    for row in range(len(prices)):
        prices[row], dispatch = _dispatch(
            _merit_order(all_bids[row]) if order is None else order,
            all_bids[row],
            all_quantities[row],
            batch.demand[row],
            rules,
        )
        arguments.store(dispatch, cleared[row])
    del pins
    return prices, cleared


def supply(bids: Floats, quantities: Floats) -> float:
    """Return what all units offer in MW, added in merit order."""
    return float(_running_sum(quantities[_merit_order(bids)] + 0.0)[-1])


def enough(demand: Any, tolerance: float) -> Any:
    """Return the supply in MW that reaches a demand in MW, which is not -0.0."""
    return demand - tolerance * demand


def _merit_order(bids: Floats) -> NDArray[np.intp]:
    """Return the units by ascending bid, ties by ascending index."""
    return np.argsort(bids, kind="stable")


@np.errstate(over="ignore", under="ignore")
def _dispatch(
    order: NDArray[np.intp],
    bids: Floats,
    quantities: Floats,
    demand: Any,
    rules: Rules,
) -> tuple[float, Floats]:
    """Return the price and what each unit delivers in one market of good numbers."""
    asked = bids[order]
    offered = quantities[order] + 0.0  # -0.0 reads as 0.0
    demand = demand + 0.0
    supply = _running_sum(offered)
    delivered = np.zeros_like(offered)

    # Who can set the price: who offers something, or all if none does.
    offering = offered > 0.0 if offered.any() else np.ones_like(offered, bool)
    reached = np.flatnonzero(offering & (supply >= enough(demand, rules.tolerance)))
    if reached.size == 0:  # scarcity
        highest = asked[offering][-1]
        price = highest if rules.scarcity_price is None else rules.scarcity_price
        delivered[:] = offered
    else:
        marginal = reached[0]
        price = asked[marginal]
        if rules.ties == "first":
            left = demand - (supply[marginal - 1] if marginal > 0 else 0.0)
            delivered[:marginal] = offered[:marginal]
            delivered[marginal] = min(left, offered[marginal])
        else:
            # In merit order, units with equal bids stand in the order of their indices.
            first = np.searchsorted(asked, price, side="left")
            stop = np.searchsorted(asked, price, side="right")
            left = demand - (supply[first - 1] if first > 0 else 0.0)
            at_price = offered[first:stop]
            total = _running_sum(at_price)[-1]
            delivered[:first] = offered[:first]
            if total > 0.0:
                delivered[first:stop] = np.minimum(at_price * (left / total), at_price)

    cleared = np.empty_like(delivered)
    cleared[order] = delivered
    return float(price), cleared


def _running_sum(values: Floats) -> Floats:
    """Return the sums of the first 1, 2, … values, added one after the other."""
    return np.add.accumulate(values)


def check_values(inputs: Inputs, given: tuple[Any, ...]) -> None:
    """Raise for the first number that is not finite, then for the first negative one."""
    arrays = inputs.bids, inputs.quantities, inputs.demand, inputs.scarcity_price
    for argument, array in enumerate(arrays):
        if array is not None:
            good = np.isfinite(array)
            if not good.all():
                raise errors.bad_value(Fault.NOT_FINITE, argument, int(good.argmin()), given)
    for argument, array in (1, inputs.quantities), (2, inputs.demand):
        good = array >= 0.0
        if not good.all():
            raise errors.bad_value(Fault.NEGATIVE, argument, int(good.argmin()), given)
