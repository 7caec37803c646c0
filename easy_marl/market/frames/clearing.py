"""Clear the markets of a table of offers."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from easy_marl.market.api import clear_batch
from easy_marl.market.frames.markets import Columns, OfOffers, markets_of
from easy_marl.market.markets import Rules


class Cleared(NamedTuple):
    """What clearing a table of offers gives, in the libraries that the tables came from."""

    prices: Any
    """A row for each of demand, in the same order: the hour, and `price` in currency/MWh."""
    dispatch: Any
    """A row for each offer, in the same order: the hour, the unit, and `cleared` in MW."""


def clear(
    offers: Any,
    demand: Any,
    *,
    columns: Columns | None = None,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-9,
    threads: int | None = None,
    backend: str | None = None,
) -> Cleared:
    """Clear all hours of a table of offers.

    Parameters
    ----------
    offers : table
        A row for each offer, in any order, with columns `hour`, `unit`, `bid` (currency/MWh) and
        `quantity` (MW). Hours may have different numbers of offers.
    demand : table
        A row for each hour, in any order and of any library, with columns `hour` and `demand`
        (MW).
    columns : mapping, optional
        What columns are called, where it is something else, such as ``{"bid": "price_eur"}``.
        With ``{"unit": None}`` there is no such column: offers of an hour are told apart by their
        order.
    ties, scarcity_price, tolerance, threads, backend
        As in `clear_batch`. The first unit is the one whose key comes first in order.

    Returns
    -------
    Cleared
        Tables of prices and of dispatch, with the keys that were given.

    Raises
    ------
    TypeError, ValueError
        If a table or a column does not fit; the message names the column, the row, its keys and
        the value. Options are those of `clear_batch`.

    Examples
    --------
    >>> import pyarrow as pa
    >>> offers = pa.table(
    ...     {"hour": [1, 1], "unit": ["a", "b"], "bid": [30.0, 25.0], "quantity": [20.0, 20.0]}
    ... )
    >>> cleared = clear(offers, pa.table({"hour": [1], "demand": [35.0]}))
    >>> cleared.prices.to_pylist()
    [{'hour': 1, 'price': 30.0}]
    >>> cleared.dispatch.to_pylist()[0]
    {'hour': 1, 'unit': 'a', 'cleared': 15.0}
    """
    rules = Rules.of(ties, scarcity_price, tolerance, threads, backend)
    markets = markets_of(offers, demand, columns, cost=False)
    prices = np.empty(len(markets.demand))
    dispatch = OfOffers(markets.offers, "cleared")
    with markets.placing_errors():
        for batch in markets.batches():
            prices[batch.bucket.hours], cleared = clear_batch(*batch.given, **rules._asdict())
            dispatch.put(batch.bucket, cleared=cleared)
    return Cleared(markets.demand.with_columns({"price": prices}), dispatch.table())
