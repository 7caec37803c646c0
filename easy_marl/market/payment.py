"""What a market pays: one price to all or to each its bid, within a floor and a cap."""

from typing import Any, NamedTuple

import numpy as np

from easy_marl.market import errors
from easy_marl.market.arguments import Floats, check_number

PRICING = ("uniform", "pay_as_bid")


class Payment(NamedTuple):
    """The rules by which units are paid; `of` makes and checks them."""

    pricing: str = "uniform"
    price_floor: float | None = None
    price_cap: float | None = None

    @classmethod
    def of(cls, pricing: Any, price_floor: Any, price_cap: Any) -> "Payment":
        """Return the rules, or raise for the first option that does not fit."""
        if not (isinstance(pricing, str) and pricing in PRICING):
            raise errors.bad_option("pricing", pricing, "'uniform' or 'pay_as_bid'")
        floor = None if price_floor is None else check_number("price_floor", price_floor)
        cap = None if price_cap is None else check_number("price_cap", price_cap)
        if floor is not None and cap is not None and floor > cap:
            raise errors.bad_option("price_floor", floor, f"at most price_cap, which is {cap!r}")
        return cls(pricing, floor, cap)

    @property
    def is_plain(self) -> bool:
        """Whether all are paid the price that clears the market."""
        return self == Payment()

    def bounded(self, prices: Floats) -> Floats:
        """Return prices, each at least the floor and at most the cap; the same array or a copy."""
        if self.price_floor is not None:
            prices = np.maximum(prices, self.price_floor)
        if self.price_cap is not None:
            prices = np.minimum(prices, self.price_cap)
        return prices

    def paid(self, prices: Floats, bids: Floats) -> Floats:
        """Return what units are paid for each MWh, in a shape that broadcasts to (B, N).

        Parameters
        ----------
        prices
            (B,): those that clear the markets.
        bids
            (N,) or (B, N).
        """
        return self.bounded(bids if self.pricing == "pay_as_bid" else prices[:, np.newaxis])
