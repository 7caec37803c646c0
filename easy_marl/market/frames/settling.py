"""Settle the markets of a table of offers."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from easy_marl.market import settlement
from easy_marl.market.frames.markets import Batch, Columns, OfOffers, markets_of
from easy_marl.market.markets import NOBODY, Units


class Settled(NamedTuple):
    """What settling a table of offers gives, in the libraries that the tables came from."""

    prices: Any
    """A row for each of demand, in the same order: the hour, `price` in currency/MWh, `unserved`
    in MW, and `marginal`, the unit at which supply reaches demand; missing where none does."""
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
    markets = markets_of(offers, demand, columns, cost=True)
    known = ("cost", "profit") if "cost" in markets.offers.names else ()
    count = len(markets.demand)
    prices, unserved = np.empty((2, count))
    marginal = np.full(count, NOBODY, np.int64)
    dispatch = OfOffers(markets.offers, "cleared", "revenue", *known)
    with markets.placing_errors():
        for batch in markets.batches():
            settled = settlement.settle(
                batch.bids, batch.quantities, batch.demand, costs=batch.costs,
                pricing=pricing, price_floor=price_floor, price_cap=price_cap,
                ties=ties, scarcity_price=scarcity_price, tolerance=tolerance,
                threads=threads, backend=backend,
            )  # fmt: skip
            hours = batch.bucket.hours
            prices[hours], unserved[hours] = settled.prices, settled.unserved
            marginal[hours] = _rows(batch, settled.marginal)
            dispatch.put(batch.bucket, cleared=settled.cleared, revenue=settled.revenue)
            if settled.cost is not None and settled.profit is not None:
                dispatch.put(batch.bucket, cost=settled.cost, profit=settled.profit)
    told: dict[str, Any] = {"price": prices, "unserved": unserved}
    if "unit" in markets.offers.names:
        units = markets.offers.column("unit")[np.maximum(marginal, 0)].to_list()
        told["marginal"] = [
            None if row == NOBODY else unit for row, unit in zip(marginal, units, strict=True)
        ]
    return Settled(markets.demand.with_columns(told), dispatch.table())


def _rows(batch: Batch, marginal: Units) -> Units:
    """Return where the marginal units stand in the table of offers, or `NOBODY`."""
    markets, units = batch.bids.shape
    which = np.arange(markets), np.maximum(marginal, 0)
    rows = batch.bucket.rows
    found = which[0] * units + which[1] if rows is None else rows[which]
    return np.where(marginal == NOBODY, NOBODY, found)
