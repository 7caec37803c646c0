"""The same markets as tables, to time the way from tables to the kernel and back."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.scenarios import Floats, Market, stack
from pytest_duel.catalogue.model import Arguments, Call

if TYPE_CHECKING:
    from easy_marl.market.frames import Cleared

THREADS = 2

Columns = dict[str, Floats]

LIBRARIES: dict[str, Callable[[Any, Columns], Any]] = {
    "polars": lambda polars, columns: polars.DataFrame(columns),
    "pandas": lambda pandas, columns: pandas.DataFrame(columns),
    "pyarrow": lambda pyarrow, columns: pyarrow.table(columns),
}
"""From a library and columns to a table of it."""


def as_rows(pool: Sequence[Market], batch: int) -> list[Arguments]:
    """Arrange markets into batches in which each has bids and quantities of its own."""

    def own(values: Floats, demand: Floats) -> Floats:
        return np.array(np.broadcast_to(values, (len(demand), values.shape[-1])))

    return [
        (own(bids, demand), own(quantities, demand), demand)
        for bids, quantities, demand in stack(pool, batch)
    ]


def of_library(name: str) -> Mapping[str, Call]:
    """Return what clears batches as tables of a library; tables are made in the first call."""
    frames = import_module("easy_marl.market.frames")
    library, make = import_module(name), LIBRARIES[name]
    made: dict[int, tuple[Arguments, Any, Any]] = {}

    def clear_table(*batch: Floats) -> tuple[Floats, Floats]:
        key = id(batch[0])
        if key not in made:
            offers, demand = _columns(*batch)
            made[key] = batch, make(library, offers), make(library, demand)
        _, offered, demanded = made[key]
        cleared: Cleared = frames.clear(offered, demanded, threads=THREADS)
        prices = cleared.prices["price"].to_numpy()
        return prices, cleared.dispatch["cleared"].to_numpy().reshape(batch[0].shape)

    return {"clear_table": clear_table}


def _columns(bids: Floats, quantities: Floats, demand: Floats) -> tuple[Columns, Columns]:
    """Return the columns of a table of offers, and of one of demand."""
    markets, units = bids.shape
    hours = np.arange(markets)
    offers = {
        "hour": np.repeat(hours, units),
        "unit": np.tile(np.arange(units), markets),
        "bid": bids.ravel(),
        "quantity": quantities.ravel(),
    }
    return offers, {"hour": hours, "demand": demand}
