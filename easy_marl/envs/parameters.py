"""What a bidding environment is about: its generators, its demand, and what is rewarded.

A new preset is a function here and an entry in `PRESETS`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easy_marl import fleets
from easy_marl.market import errors
from easy_marl.market.arguments import (
    as_array,
    check_number,
    check_ties,
    check_tolerance,
    is_int,
)
from easy_marl.market.payment import Payment

Floats = NDArray[np.float64]

RANDOM = "random"
"""The `start` of episodes that begin in an hour that is drawn."""

_UNSAID: Any = None
"""Where a value follows from the others unless it is given."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Parameters:
    """The constants of a bidding environment; checked when made, and read-only.

    Attributes
    ----------
    capacities : ndarray of float64, shape (N,)
        What each generator can deliver, in MW; not negative, and not all zero.
    costs : ndarray of float64, shape (N,)
        Its marginal cost, in currency/MWh; may be negative.
    demand : ndarray of float64, shape (T or more,)
        Demand of each hour before it is disturbed, in MW; not negative. An episode takes T + 1 of
        them; after the last one comes the first.
    hours : int
        T, the hours of an episode. Without it, as many as `demand` has.
    start : int or "random"
        The hour of `demand` in which episodes begin; or each begins in one that is drawn, all
        equally likely.
    deviation : float
        Standard deviation of demand, relative to that of the hour. Each hour of each episode is
        drawn from a normal distribution, but not below a tenth of the undisturbed demand.
    bid_change : float
        The largest change of a bid from cost, in currency/MWh: an action's second number times it.
    bid_penalty : float
        Charge on the square of that change, in currency per (currency/MWh)².
    shortage_penalty : float
        Charge on demand that all offers together do not reach, in currency/MWh, to every agent.
    reward_scale : float
        Rewards are in currency times this. Without it, 1 / (largest capacity · `bid_change`),
        which makes them of order one; 1 / largest capacity where bids cannot change.
    ties : {"first", "pro_rata"}
        Who delivers where bids equal the price; see `easy_marl.market.clear`.
    scarcity_price : float, optional
        The price where offers do not reach demand; without it, the highest bid of those who offer
        something.
    tolerance : float
        Offers reach demand where at most this share of it is left; at least 0 and less than 1.
    pricing : {"uniform", "pay_as_bid"}
        Whether all are paid the price of the market, or each its own bid.
    price_floor, price_cap : float, optional
        The least and the most that is paid for a MWh, in currency/MWh; see
        `easy_marl.market.settle`.

    Raises
    ------
    TypeError, ValueError
        If a value does not fit; the message names it.

    Notes
    -----
    `dataclasses.replace` keeps `hours` and `reward_scale` as they are, even if they followed from
    what it changes.

    Examples
    --------
    >>> parameters = Parameters(capacities=[50.0, 80.0], costs=[20.0, 30.0], demand=[60.0, 90.0])
    >>> parameters.agents, parameters.hours
    (2, 2)
    """

    capacities: Floats
    costs: Floats
    demand: Floats
    hours: int = _UNSAID
    start: int | str = 0
    deviation: float = 0.05
    bid_change: float = 20.0
    bid_penalty: float = 0.1
    shortage_penalty: float = 10.0
    reward_scale: float = _UNSAID
    ties: str = "first"
    scarcity_price: float | None = None
    tolerance: float = 1e-9
    pricing: str = "uniform"
    price_floor: float | None = None
    price_cap: float | None = None

    if TYPE_CHECKING:  # what is taken is wider than what is kept

        def __init__(
            self,
            *,
            capacities: ArrayLike,
            costs: ArrayLike,
            demand: ArrayLike,
            hours: int | None = None,
            start: int | str = 0,
            deviation: float = 0.05,
            bid_change: float = 20.0,
            bid_penalty: float = 0.1,
            shortage_penalty: float = 10.0,
            reward_scale: float | None = None,
            ties: str = "first",
            scarcity_price: float | None = None,
            tolerance: float = 1e-9,
            pricing: str = "uniform",
            price_floor: float | None = None,
            price_cap: float | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        self._set("capacities", _amounts("capacities", self.capacities))
        self._set("costs", _numbers("costs", self.costs) + 0.0)  # no -0.0
        self._set("demand", _amounts("demand", self.demand))
        for name in "deviation", "bid_change", "bid_penalty", "shortage_penalty":
            self._set(name, _amount(name, getattr(self, name)))
        if self.scarcity_price is not None:
            self._set("scarcity_price", check_number("scarcity_price", self.scarcity_price))
        self._set("tolerance", check_tolerance(self.tolerance))
        for name, rule in self.payment()._asdict().items():
            self._set(name, rule)
        self._check()
        self._set("hours", _hours(self.hours, self.demand))
        self._set("start", _start(self.start, self.demand))
        scale = self._scale() if self.reward_scale is None else self.reward_scale
        self._set("reward_scale", _amount("reward_scale", scale))
        if not math.isfinite(self._largest_return()):
            raise ValueError("the parameters are so large that a return could overflow")
        if not self._largest_observation() < float(np.finfo(np.float32).max):
            raise ValueError("capacities are so small that observed demand could overflow")

    @property
    def agents(self) -> int:
        """How many generators there are: N."""
        return len(self.costs)

    def profile(self, start: int | None = None) -> Floats:
        """Return undisturbed demand of the hours and of the one after them, shape (T + 1,), MW.

        Parameters
        ----------
        start
            The hour of `demand` in which the episode begins; without it, that of the parameters.

        Raises
        ------
        ValueError
            If no start was given, and that of the parameters is drawn.
        """
        if start is None:
            if isinstance(self.start, str):
                raise ValueError(
                    f"start is {self.start!r}: profile needs the hour in which an episode begins"
                )
            start = self.start
        return self.demand[(start + np.arange(self.hours + 1)) % len(self.demand)]

    def largest_demand(self) -> float:
        """Return what demand never reaches, in MW: ten standard deviations do not happen."""
        return float(self.demand.max() * (1.0 + 10.0 * self.deviation))

    def payment(self) -> Payment:
        """Return the rules by which generators are paid."""
        return Payment.of(self.pricing, self.price_floor, self.price_cap)

    def __reduce__(self) -> tuple[Any, ...]:
        """Make copies and pickles anew, or their arrays could be written to."""
        return _remade, ({field.name: getattr(self, field.name) for field in fields(self)},)

    def _set(self, name: str, value: Any) -> None:
        """Set a value of this frozen object while it is made."""
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        object.__setattr__(self, name, value)

    def _check(self) -> None:
        """Check what concerns several values, and the option."""
        if self.costs.shape != self.capacities.shape:
            raise ValueError(
                f"costs has shape {self.costs.shape}: capacities has shape "
                f"{self.capacities.shape}, and both must have as many generators"
            )
        check_ties(self.ties)
        if not self.capacities.any():
            raise ValueError("capacities are all zero: some generator must have capacity")

    def _scale(self) -> float:
        return 1.0 / (float(self.capacities.max()) * (self.bid_change or 1.0))

    @np.errstate(over="ignore")
    def _largest_return(self) -> float:
        """Return a bound on what an episode adds up."""
        largest = np.float64(np.abs(self.costs).max()) + self.bid_change
        price = largest + abs(self.scarcity_price or 0.0)
        price = largest + np.abs(self.payment().bounded(np.array([-price, price]))).max()
        demand = self.largest_demand()
        profit = price * (self.capacities.sum() + demand)
        charge = 4.0 * self.bid_penalty * np.square(largest)
        shortage = self.shortage_penalty * demand
        largest = (profit + charge + shortage) * max(1.0, self.reward_scale)
        return float(largest * self.hours)

    @np.errstate(over="ignore", divide="ignore")
    def _largest_observation(self) -> float:
        """Return a bound on demand as it is observed, and on what it is multiplied by."""
        scale = 1.0 / self.capacities.sum()
        return float(scale * max(1.0, self.largest_demand()))


def _remade(attributes: dict[str, Any]) -> Parameters:
    return Parameters(**attributes)


def default(agents: int = 5, **options: Any) -> Parameters:
    """Return equal generators with equally spaced costs, and a day's sinusoidal demand.

    Costs go from 20 to 40 currency/MWh, each generator has 100 MW, and demand swings between 35 %
    of all capacity at 3 o'clock and 85 % at 15 o'clock.

    Parameters
    ----------
    agents
        How many, at least 1.
    **options
        Other attributes of `Parameters`.
    """
    return _day(np.linspace(20.0, 40.0, _count("agents", agents)), options)


def competitive(agents: int = 6, **options: Any) -> Parameters:
    """Return the same with costs in pairs, so that bids tie.

    Parameters
    ----------
    agents
        How many, at least 1.
    **options
        Other attributes of `Parameters`.
    """
    pairs = np.linspace(20.0, 40.0, -(-_count("agents", agents) // 2))
    return _day(np.repeat(pairs, 2)[:agents], options)


def duopoly(**options: Any) -> Parameters:
    """Return two equal generators, in hours with known equilibria.

    Each has 100 MW and costs of 20 currency/MWh, and may bid up to 40. Demand is first 60 MW,
    which either can serve alone: the price is cost. Then it is 120, 150 and 190 MW, for which both
    are needed: the price is the highest bid. Bids are not charged for; demand is not disturbed.

    Parameters
    ----------
    **options
        Other attributes of `Parameters`.
    """
    given: dict[str, Any] = {
        "capacities": [100.0, 100.0],
        "costs": [20.0, 20.0],
        "demand": [60.0, 120.0, 150.0, 190.0],
        "deviation": 0.0,
        "bid_change": 20.0,
        "bid_penalty": 0.0,
    }
    return Parameters(**(given | options))


def fleet(name: str = "ACTIVSg2000", **options: Any) -> Parameters:
    """Return a real fleet of `easy_marl.fleets` with its hours of demand, undisturbed.

    Parameters
    ----------
    name
        One of `easy_marl.fleets.names()`.
    **options
        Other attributes of `Parameters`: with `hours=24` an episode is the year's first day, and
        with `start="random"` too, any 24 hours of it.
    """
    real = fleets.load(name)
    given: dict[str, Any] = {
        "capacities": real.capacities,
        "costs": real.costs,
        "demand": real.demand,
        "deviation": 0.0,
    }
    return Parameters(**(given | options))


PRESETS: dict[str, Callable[..., Parameters]] = {
    "default": default,
    "competitive": competitive,
    "duopoly": duopoly,
    **{name: (lambda name=name, **options: fleet(name, **options)) for name in fleets.names()},
}
"""Parameters by name."""


def preset(name: str, **options: Any) -> Parameters:
    """Return parameters by name.

    Parameters
    ----------
    name
        "default", "competitive", "duopoly", or the name of a real fleet.
    **options
        What the function of that name takes.

    Raises
    ------
    ValueError
        If there is no such name, or an option does not fit.
    """
    if not isinstance(name, str) or name not in PRESETS:
        raise ValueError(f"parameters is {name!r}: the presets are {', '.join(PRESETS)}")
    return PRESETS[name](**options)


def _day(costs: Floats, options: dict[str, Any]) -> Parameters:
    capacities = np.full(len(costs), 100.0)
    swing = 0.6 - 0.25 * np.cos(2.0 * np.pi * (np.arange(24) - 3.0) / 24.0)
    given = {"capacities": capacities, "costs": costs, "demand": swing * capacities.sum()}
    return Parameters(**(given | options))


def _hours(given: int | None, demand: Floats) -> int:
    if given is None:
        return len(demand)
    hours = _count("hours", given)
    if hours > len(demand):
        raise ValueError(f"demand has {len(demand)} hours: hours is {hours}, and needs as many")
    return hours


def _start(given: int | str, demand: Floats) -> int | str:
    if isinstance(given, str) and given == RANDOM:
        return RANDOM
    if not is_int(given) or not 0 <= given < len(demand):
        raise ValueError(
            f"start is {given!r}: start must be an hour of demand from 0 to {len(demand) - 1}, "
            f"or {RANDOM!r}"
        )
    return int(given)


def _count(name: str, value: Any) -> int:
    if not is_int(value) or value < 1:
        raise ValueError(f"{name} is {value!r}: {name} must be a positive int")
    return int(value)


def _amount(name: str, value: Any) -> float:
    number = check_number(name, value)
    if value < 0:  # as given: a longdouble may be less than all floats below zero
        raise ValueError(f"{name} is {value!r}: {name} must not be negative")
    return number + 0.0


def _numbers(name: str, values: ArrayLike, least: float = -math.inf) -> Floats:
    """Return a copy in float64 of finite numbers, none less than `least`."""
    try:
        array = as_array(values)
    except ValueError as error:  # ragged
        raise ValueError(f"{name} is no array: {error}") from None
    if array is None:
        raise errors.masked(name)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}: {name} must be numbers")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(
            f"{name} has shape {array.shape}: {name} must be one-dimensional and not empty"
        )
    with np.errstate(over="ignore", under="ignore"):
        numbers = array.astype(np.float64)
    _check_each(name, array, np.isfinite(numbers), "finite")
    _check_each(name, array, array >= least, "not negative")
    return numbers


def _amounts(name: str, values: ArrayLike) -> Floats:
    return _numbers(name, values, 0.0) + 0.0


def _check_each(name: str, array: NDArray[Any], good: NDArray[np.bool_], rule: str) -> None:
    """Raise for the first number that is not good."""
    if not good.all():
        first = int(good.argmin())
        raise ValueError(f"{name}[{first}] is {array[first].item()!r}: {name} must be {rule}")
