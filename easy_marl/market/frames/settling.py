"""Settle the markets of a table of offers."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from easy_marl.market.frames.markets import Batch, Columns, OfOffers, markets_of
from easy_marl.market.markets import NOBODY, Rules, Units
from easy_marl.market.payment import Payment
from easy_marl.market.settlement import settled_by


class Settled(NamedTuple):
    """What settling a table of offers gives, in the libraries that the tables came from."""

    prices: Any
    """A row for each of demand, in the same order: the hour, `price` in currency/MWh, `unserved`
    in MW, and `marginal`, the unit at which supply reaches demand; null where none does."""
    dispatch: Any
    """A row for each offer, in the same order: the hour, the unit, `cleared` in MW, and `revenue`
    in currency; `cost` and `profit` where costs are known."""


def settle(
    offers: Any,
    demand: Any,
    *,
    columns: Columns | None = None,
    pricing: str = "uniform",
    price_floor: float | None = None,
    price_cap: float | None = None,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-9,
    threads: int | None = None,
    backend: str | None = None,
) -> Settled:
    """Clear all hours of a table of offers, and tell what every unit is paid.

    Parameters
    ----------
    offers : table
        As in `clear`. It may have a column `cost`, the marginal cost in currency/MWh.
    demand, columns
        As in `clear`.
    pricing, price_floor, price_cap
        As in `easy_marl.market.settle`.
    ties, scarcity_price, tolerance, threads, backend
        As in `clear_batch`.

    Returns
    -------
    Settled
        Tables of prices and of dispatch, with the keys that were given.

    Raises
    ------
    TypeError, ValueError
        As `clear`, and for options of `easy_marl.market.settle`.

    Examples
    --------
    >>> import pyarrow as pa
    >>> offers = pa.table(
    ...     {"hour": [1, 1], "unit": ["a", "b"], "bid": [30.0, 25.0], "quantity": [20.0, 20.0]}
    ... )
    >>> settled = settle(offers, pa.table({"hour": [1], "demand": [35.0]}))
    >>> settled.prices.to_pylist()
    [{'hour': 1, 'price': 30.0, 'unserved': 0.0, 'marginal': 'a'}]
    >>> settled.dispatch["revenue"].to_pylist()
    [450.0, 600.0]
    """
    payment = Payment.of(pricing, price_floor, price_cap)
    rules = Rules.of(ties, scarcity_price, tolerance, threads, backend)
    markets = markets_of(offers, demand, columns, cost=True)
    known = ("cost", "profit") if "cost" in markets.offers.names else ()
    count = len(markets.demand)
    prices, unserved = np.empty((2, count))
    marginal = np.full(count, NOBODY, np.int64)
    dispatch = OfOffers(markets.offers, "cleared", "revenue", *known)
    with markets.placing_errors():
        for batch in markets.batches():
            settled = settled_by(payment, rules, batch.given, batch.costs)
            hours = batch.bucket.hours
            prices[hours], unserved[hours] = settled.prices, settled.unserved
            marginal[hours] = _rows(batch, settled.marginal)
            dispatch.put(batch.bucket, cleared=settled.cleared, revenue=settled.revenue)
            if settled.cost is not None and settled.profit is not None:
                dispatch.put(batch.bucket, cost=settled.cost, profit=settled.profit)
    told: dict[str, Any] = {"price": prices, "unserved": unserved}
    if "unit" in markets.offers.names:
        told["marginal"] = markets.offers.taken("unit", marginal, marginal == NOBODY)
    return Settled(markets.demand.with_columns(told), dispatch.table())


def _rows(batch: Batch, marginal: Units) -> Units:
    """Return where the marginal units stand in the table of offers, or `NOBODY`."""
    markets, units = batch.given[0].shape
    which = np.arange(markets), np.maximum(marginal, 0)
    rows = batch.bucket.rows
    found = which[0] * units + which[1] if rows is None else rows[which]
    return np.where(marginal == NOBODY, NOBODY, found)
