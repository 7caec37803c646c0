"""Who is paid what: markets cleared and settled, unit by unit or in totals.

`docs/settlement.md` has the rules. All is float64, whatever the inputs are.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from easy_marl.market import arguments
from easy_marl.market.arguments import Floats
from easy_marl.market.markets import Markets, Rules, Units, checked, rows_of
from easy_marl.market.payment import Payment

Given = tuple[ArrayLike, ArrayLike, ArrayLike]
"""Bids, quantities and demand."""

_AT_ONCE = 2**17
"""About so many numbers are dispatched at once, or they would not stay near the processor."""
_FEWEST = 32
"""At least so many markets, or bids that all have in common would be sorted again and again."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Settlement:
    """B markets of N units, cleared and settled.

    Attributes
    ----------
    prices : ndarray of float64, shape (B,)
        In currency/MWh, within floor and cap.
    cleared : ndarray of float64, shape (B, N)
        What each unit delivers, in MW.
    marginal : ndarray of int64, shape (B,)
        The unit at which supply reaches demand; -1 where it does not.
    unserved : ndarray of float64, shape (B,)
        Demand in MW that offers do not reach; zero where they do.
    revenue : ndarray of float64, shape (B, N)
        What each unit is paid, in currency.
    cost : ndarray of float64, shape (B, N), or None
        What its delivery costs, in currency; None where costs were not given.
    profit : ndarray of float64, shape (B, N), or None
        What is left of the revenue, in currency; None where costs were not given.
    """

    prices: Floats
    cleared: Floats
    marginal: Units
    unserved: Floats
    revenue: Floats
    cost: Floats | None
    profit: Floats | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Sums:
    """What markets or units come to; all arrays are float64 and of the same shape.

    Attributes
    ----------
    energy : ndarray
        What is delivered, in MWh.
    revenue : ndarray
        What is paid for it, in currency.
    cost : ndarray or None
        What it costs, in currency; None where costs were not given.
    """

    energy: Floats
    revenue: Floats
    cost: Floats | None

    @property
    def profit(self) -> Floats | None:
        """Revenue less cost, in currency; None where costs were not given."""
        return None if self.cost is None else self.revenue - self.cost


@dataclass(frozen=True, eq=False, kw_only=True)
class Totals:
    """B markets of N units, cleared and settled, of which sums are kept.

    Attributes
    ----------
    prices, marginal, unserved
        As in `Settlement`.
    hours : Sums
        What each market comes to over its units, shape (B,).
    units : Sums
        What each unit comes to over the markets, shape (N,).
    """

    prices: Floats
    marginal: Units
    unserved: Floats
    hours: Sums
    units: Sums


def settle(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    costs: ArrayLike | None = None,
    pricing: str = "uniform",
    price_floor: float | None = None,
    price_cap: float | None = None,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-9,
    threads: int | None = None,
    backend: str | None = None,
) -> Settlement:
    """Clear many markets of an hour each, and tell what every unit is paid.

    Parameters
    ----------
    bids, quantities, demand
        As in `clear_batch`.
    costs : array_like, shape (N,) or (B, N), optional
        Marginal cost of each unit, in currency/MWh; finite, may be negative.
    pricing : {"uniform", "pay_as_bid"}, default "uniform"
        Whether all are paid the price of the market, or each unit its own bid.
    price_floor, price_cap : float, optional
        The least and the most that is paid for a MWh, in currency/MWh; finite, any sign. Bids
        beyond them keep their place in the merit order, and what clears does not change.
    ties, scarcity_price, tolerance, threads, backend
        As in `clear_batch`.

    Returns
    -------
    Settlement
        Alike to the last bit on every backend.

    Raises
    ------
    TypeError, ValueError, BackendUnavailable
        As `clear_batch`; and if one of the options here does not fit.

    Examples
    --------
    >>> settled = settle([30.0, 25.0], [20.0, 20.0], [10.0, 35.0], costs=[20.0, 20.0])
    >>> settled.revenue.tolist()
    [[0.0, 250.0], [450.0, 600.0]]
    >>> settled.profit.tolist()
    [[0.0, 50.0], [150.0, 200.0]]
    """
    return settled_by(
        Payment.of(pricing, price_floor, price_cap),
        Rules.of(ties, scarcity_price, tolerance, threads, backend),
        (bids, quantities, demand),
        costs,
    )


def settled_by(
    payment: Payment, rules: Rules, given: Given, costs: ArrayLike | None
) -> Settlement:
    """Return what `settle` does, by rules that are checked."""
    markets, known = _checked(given, costs, rules)
    cleared = markets.clear()
    paid = payment.paid(cleared.prices, markets.bids)
    return Settlement(
        prices=payment.bounded(cleared.prices),
        cleared=cleared.dispatch,
        marginal=cleared.marginal,
        unserved=cleared.unserved,
        revenue=paid * cleared.dispatch,
        cost=None if known is None else known * cleared.dispatch,
        profit=None if known is None else (paid - known) * cleared.dispatch,
    )


def totals(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    costs: ArrayLike | None = None,
    pricing: str = "uniform",
    price_floor: float | None = None,
    price_cap: float | None = None,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-9,
    threads: int | None = None,
    backend: str | None = None,
) -> Totals:
    """Clear many markets of an hour each, and add up what `settle` tells.

    What each unit delivers in each market is never held at once, so that a call takes memory for
    its results only, and less time.

    Parameters
    ----------
    bids, quantities, demand, costs, pricing, price_floor, price_cap
        As in `settle`.
    ties, scarcity_price, tolerance, threads, backend
        As in `clear_batch`.

    Returns
    -------
    Totals
        Alike to the last bit on every backend. In which order sums are added is not said.

    Raises
    ------
    TypeError, ValueError, BackendUnavailable
        As `settle`.

    Examples
    --------
    >>> year = totals([30.0, 25.0], [20.0, 20.0], [10.0, 35.0], costs=[20.0, 20.0])
    >>> year.hours.revenue.tolist(), year.units.revenue.tolist()
    ([250.0, 1050.0], [450.0, 850.0])
    """
    payment = Payment.of(pricing, price_floor, price_cap)
    rules = Rules.of(ties, scarcity_price, tolerance, threads, backend)
    markets, known = _checked((bids, quantities, demand), costs, rules)
    count = len(markets.demand)
    size = max(_FEWEST, _AT_ONCE // markets.units)
    prices = np.empty(count)
    told = Totals(
        prices=prices,
        marginal=np.empty(count, np.int64),
        unserved=np.empty(count),
        hours=_room(count, known),
        units=_room(markets.units, known),
    )
    dispatch = np.empty((min(size, count), markets.units))
    for start in range(0, max(count, 1), size):  # once where there is no market: to check
        rows = slice(start, start + size)
        some = markets.rows(rows)
        cleared = some.clear((prices[rows], dispatch[: len(some.demand)]))
        told.marginal[rows] = cleared.marginal
        told.unserved[rows] = cleared.unserved
        paid = payment.paid(cleared.prices, some.bids)
        _add(told, rows, cleared.dispatch, paid, None if known is None else rows_of(known, rows))
    prices[:] = payment.bounded(prices)
    return told


def _checked(given: Given, costs: ArrayLike | None, rules: Rules) -> tuple[Markets, Floats | None]:
    """Return the markets, and costs where they are known."""
    markets = checked(*given, rules)
    if costs is None:
        return markets, None
    return markets, arguments.of_units("costs", costs, markets.bids.shape, markets.demand.shape)


def _room(length: int, costs: Floats | None) -> Sums:
    """Return zeros to add to."""
    energy, revenue, cost = np.zeros((3, length))
    return Sums(energy=energy, revenue=revenue, cost=None if costs is None else cost)


class _Both(NamedTuple):
    """What a block of R markets comes to."""

    by_hour: Floats
    """(R,)."""
    by_unit: Floats
    """(N,)."""


def _add(told: Totals, rows: slice, dispatch: Floats, paid: Floats, costs: Floats | None) -> None:
    """Add what a block of markets comes to, which are these rows of all."""
    energy = _Both(dispatch.sum(axis=1), dispatch.sum(axis=0))
    revenue = _worth(paid, dispatch, energy)
    told.hours.energy[rows], told.hours.revenue[rows] = energy.by_hour, revenue.by_hour
    told.units.energy[:] += energy.by_unit
    told.units.revenue[:] += revenue.by_unit
    if costs is not None and told.hours.cost is not None and told.units.cost is not None:
        cost = _worth(costs, dispatch, energy)
        told.hours.cost[rows] = cost.by_hour
        told.units.cost[:] += cost.by_unit


def _worth(each: Floats, dispatch: Floats, energy: _Both) -> _Both:
    """Return sums of `each` · `dispatch`, where `each` is (N,), (R, 1) or (R, N).

    By `einsum`, whose sums do not depend on a number of threads, as those of BLAS may.
    """
    if each.ndim == 1:
        return _Both(np.einsum("rn,n->r", dispatch, each), each * energy.by_unit)
    if each.shape[1] == 1:
        price = each[:, 0]
        return _Both(price * energy.by_hour, np.einsum("rn,r->n", dispatch, price))
    return _Both(np.einsum("rn,rn->r", dispatch, each), np.einsum("rn,rn->n", dispatch, each))
