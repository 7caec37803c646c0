"""Markets that are cleared block by block, and what settling them needs beside the dispatch."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easy_marl.market import arguments
from easy_marl.market.api import clear_batch
from easy_marl.market.arguments import Floats, Out
from easy_marl.market.registry import get_backend

Units = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOBODY = -1
"""The marginal unit of a market in which supply does not reach demand."""

_ROUNDING = 1e-6
"""More than the order in which a supply is added can change it, relatively."""


class Rules(NamedTuple):
    """How markets clear, and who does it: options of `clear_batch`; `of` makes and checks them."""

    ties: str
    scarcity_price: ArrayLike | None
    """Not checked: what is wrong with it is told after what is wrong with arrays."""
    tolerance: float
    threads: int | None
    backend: str | None

    @classmethod
    def of(
        cls,
        ties: Any,
        scarcity_price: ArrayLike | None,
        tolerance: Any,
        threads: Any,
        backend: Any,
    ) -> "Rules":
        """Return the rules, or raise for the first option that does not fit."""
        arguments.check_ties(ties)
        tolerance = arguments.check_tolerance(tolerance)
        arguments.check_threads(threads)
        get_backend(backend)
        return cls(ties, scarcity_price, tolerance, threads, backend)


class Cleared(NamedTuple):
    """What clearing B markets of N units gives, all in float64."""

    prices: Floats
    """(B,)."""
    dispatch: Floats
    """(B, N), MW."""
    marginal: Units
    """(B,): the unit at which supply reaches demand, or `NOBODY`."""
    unserved: Floats
    """(B,), MW: demand that offers do not reach; zero where they do."""


class Markets(NamedTuple):
    """B markets of N units; `checked` makes them."""

    bids: Floats
    """(N,) or (B, N)."""
    quantities: Floats
    """(N,) or (B, N)."""
    demand: Floats
    """(B,)."""
    rules: Rules
    check_values: Callable[[], None]
    """Raises for the first bad number in what the caller gave."""

    @property
    def units(self) -> int:
        """How many units there are: N."""
        return int(self.bids.shape[-1])

    def rows(self, which: slice | NDArray[np.intp]) -> "Markets":
        """Return some of the markets."""
        return self._replace(
            bids=rows_of(self.bids, which),
            quantities=rows_of(self.quantities, which),
            demand=self.demand[which],
        )

    def with_ties(self, ties: str) -> "Markets":
        """Return the same markets under another rule for ties."""
        return self._replace(rules=self.rules._replace(ties=ties))

    def clear(self, out: Out | None = None) -> Cleared:
        """Clear all markets; `out` is that of `clear_batch`."""
        try:
            prices, dispatch = clear_batch(*self[:3], **self.rules._asdict(), out=out)
        except ValueError:
            self.check_values()  # which names the place in all markets
            raise
        missing = unserved(self.bids, self.quantities, self.demand + 0.0, self.rules.tolerance)
        cleared = Cleared(prices, cast("Floats", dispatch), np.empty(0, np.int64), missing)
        return cleared._replace(marginal=self._marginal(cleared))

    def _marginal(self, cleared: Cleared) -> Units:
        """Return the marginal unit of each market."""
        asks_price = self.bids == cleared.prices[:, np.newaxis]
        # Flat, because that takes a tenth of the time.
        rows, units = np.divmod(np.flatnonzero(asks_price), self.units)
        first = self.rules.ties == "first"
        amounts = cleared.dispatch if first else np.broadcast_to(self.quantities, asks_price.shape)
        takes_part = amounts[rows, units] > 0.0
        rows, units = rows[takes_part], units[takes_part]
        marginal = np.full(len(self.demand), NOBODY, np.int64)
        marginal[rows] = units  # of several in a row, the last one stays
        if not first:
            # Where several share what is left, only the order of merit tells.
            shared = np.flatnonzero(np.bincount(rows) > 1)
            if shared.size:
                marginal[shared] = self.rows(shared).with_ties("first").clear().marginal
        marginal[cleared.unserved > 0.0] = NOBODY
        idle = np.flatnonzero((marginal == NOBODY) & (cleared.unserved == 0.0))
        if idle.size:  # no demand
            offers = asks_price[idle] & (rows_of(self.quantities, idle) > 0.0)
            some = offers.any(axis=1, keepdims=True)
            marginal[idle] = np.where(some, offers, asks_price[idle]).argmax(axis=1)
        return marginal


def checked(bids: ArrayLike, quantities: ArrayLike, demand: ArrayLike, rules: Rules) -> Markets:
    """Check and convert what `clear_batch` takes, all but the values in arrays."""
    from easy_marl.market import reference  # not before: to import the market needs no backend

    given = bids, quantities, demand, rules.scarcity_price
    inputs = arguments.many_markets(*given, out=())
    return Markets(
        inputs.bids,
        inputs.quantities,
        inputs.demand,
        rules,
        lambda: reference.check_values(inputs, given),
    )


@np.errstate(over="ignore")  # a supply beyond all floats is enough
def unserved(bids: Floats, quantities: Floats, demand: Floats, tolerance: float) -> Floats:
    """Return the demand in MW that offers do not reach in each of B markets; else zero.

    Parameters
    ----------
    bids, quantities
        (N,) or (B, N): good numbers.
    demand
        (B,), without -0.0.
    tolerance
        As in `clear`.
    """
    from easy_marl.market import reference

    enough = reference.enough(demand, tolerance)
    missing = np.zeros_like(demand)
    # A sum in merit order takes a sort: only where a sum in any order is not clearly enough.
    rows = np.flatnonzero(quantities.sum(axis=-1) * (1.0 - _ROUNDING) < enough)
    if rows.size:
        supply = _supply(rows_of(bids, rows), rows_of(quantities, rows))
        missing[rows] = np.where(supply < enough[rows], demand[rows] - supply, 0.0)
    return missing


def rows_of(array: Floats, which: slice | NDArray[np.intp]) -> Floats:
    """Return some rows of an array (B, N), or one of shape (N,) that holds for all rows."""
    return array if array.ndim == 1 else array[which]


def _supply(bids: Floats, quantities: Floats) -> Any:
    """Return what all units offer in MW, added in merit order: a number, or (B,)."""
    bids, quantities = np.broadcast_arrays(bids, quantities)
    order = np.argsort(bids, axis=-1, kind="stable")
    offered = np.take_along_axis(quantities, order, axis=-1) + 0.0  # -0.0 reads as 0.0
    return np.add.accumulate(offered, axis=-1)[..., -1]
