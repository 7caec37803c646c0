"""Clear the markets of a table of offers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from easy_marl.market.api import clear_batch
from easy_marl.market.arguments import Cleared as Dispatch
from easy_marl.market.frames.layout import buckets_of
from easy_marl.market.frames.tables import Table, read

OFFERS = ("hour", "unit", "bid", "quantity")
DEMAND = ("hour", "demand")


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
    columns: Mapping[str, str | None] | None = None,
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
    names = _names(columns)
    offered = read("offers", offers, {role: names[role] for role in OFFERS if role in names})
    demanded = read("demand", demand, {role: names[role] for role in DEMAND})
    rules = {
        "ties": ties,
        "scarcity_price": scarcity_price,
        "tolerance": tolerance,
        "threads": threads,
        "backend": backend,
    }
    try:
        prices, dispatch = _clear(offered, demanded, rules)
    except ValueError:
        _check_values(offered, demanded)
        raise
    keys = tuple(role for role in ("hour", "unit") if role in names)
    return Cleared(
        demanded.with_column(("hour",), "price", prices),
        offered.with_column(keys, "cleared", dispatch),
    )


def _names(columns: Mapping[str, str | None] | None) -> dict[str, str]:
    """Return the names of columns by role, without those that are not there."""
    names: dict[str, str | None] = {role: role for role in (*OFFERS, *DEMAND)}
    for role, name in (columns or {}).items():
        if role not in names:
            known = ", ".join(map(repr, names))
            raise ValueError(f"columns has an entry for {role!r}: the known ones are {known}")
        if not (isinstance(name, str) or (name is None and role == "unit")):
            raise TypeError(f"columns[{role!r}] is {name!r}: it must be the name of a column")
        names[role] = name
    return {role: name for role, name in names.items() if name is not None}


def _clear(offers: Table, demand: Table, rules: Mapping[str, Any]) -> tuple[np.ndarray, Dispatch]:
    """Return the price of each row of demand, and what each row of offers delivers."""
    bids, quantities = offers.numbers("bid"), offers.numbers("quantity")
    load = demand.numbers("demand")
    prices = np.empty(len(demand))
    dispatch = np.empty(len(offers), np.float32 if quantities.dtype == np.float32 else np.float64)
    for bucket in buckets_of(offers, demand):
        prices[bucket.hours], cleared = clear_batch(
            bucket.bids(bids), bucket.quantities(quantities), load[bucket.hours], **rules
        )
        if bucket.rows is None:
            return prices, cleared.reshape(-1)
        bucket.put(cleared, dispatch)
    return prices, dispatch


def _check_values(offers: Table, demand: Table) -> None:
    """Raise for the first bad number, which the kernel knows by another place."""
    columns = (offers, "bid"), (offers, "quantity"), (demand, "demand")
    for table, role in columns:
        table.check_values(role, sign=False)
    for table, role in columns[1:]:
        table.check_values(role, sign=True)
