"""The markets that a table of offers and one of demand describe."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from easy_marl.market.frames.layout import Bucket, buckets_of
from easy_marl.market.frames.tables import Numbers, Table, read

OFFERS = ("hour", "unit", "bid", "quantity", "cost")
DEMAND = ("hour", "demand")
"""What the columns of the tables are for: their roles, and their names unless told."""

Columns = Mapping[str, str | None]


class Batch(NamedTuple):
    """Markets of about as many offers, as arrays."""

    bucket: Bucket
    given: tuple[Numbers, Numbers, Numbers]
    """Bids, quantities and demand."""
    costs: Numbers | None


class Markets(NamedTuple):
    """Both tables; `markets_of` reads them."""

    offers: Table
    demand: Table

    def batches(self) -> Iterator[Batch]:
        """Yield all markets, or raise where the tables do not fit together."""
        roles = [role for role in ("bid", "quantity", "cost") if role in self.offers.names]
        numbers = {role: self.offers.numbers(role) for role in roles}
        load = self.demand.numbers("demand")
        for bucket in buckets_of(self.offers, self.demand):
            bids, quantities = numbers["bid"], numbers["quantity"]
            yield Batch(
                bucket,
                (bucket.bids(bids), bucket.quantities(quantities), load[bucket.hours]),
                bucket.bids(numbers["cost"]) if "cost" in numbers else None,
            )

    @contextmanager
    def placing_errors(self) -> Iterator[None]:
        """Have errors tell bad numbers by their place in the tables, not by that in a batch."""
        try:
            yield
        except ValueError:
            amounts = (self.offers, "quantity"), (self.demand, "demand")
            prices = [(self.offers, role) for role in ("bid", "cost") if role in self.offers.names]
            for table, role in (*prices, *amounts):
                table.check_values(role, sign=False)
            for table, role in amounts:
                table.check_values(role, sign=True)
            raise


class OfOffers:
    """What each offer gets: columns that are filled bucket by bucket."""

    def __init__(self, offers: Table, *names: str) -> None:
        self._offers = offers
        self._columns: dict[str, Numbers | None] = dict.fromkeys(names)

    def put(self, bucket: Bucket, **columns: Numbers) -> None:
        """Write what the offers of a bucket get, (R, W) in each column."""
        for name, values in columns.items():
            self._columns[name] = bucket.put(values, self._columns[name], len(self._offers))

    def table(self) -> Any:
        """Return the columns as a table of the caller's library."""
        none = np.empty(0)  # where no bucket came, there is no row
        return self._offers.with_columns(
            {name: none if values is None else values for name, values in self._columns.items()}
        )


def markets_of(offers: object, demand: object, columns: Columns | None, cost: bool) -> Markets:
    """Read the tables that a caller gave; `cost` says whether costs are of use."""
    names = _names(columns)
    roles = OFFERS if cost else OFFERS[:-1]
    optional = {"cost"} - set(columns or ())
    return Markets(
        read("offers", offers, {role: names[role] for role in roles if role in names}, optional),
        read("demand", demand, {role: names[role] for role in DEMAND}),
    )


def _names(columns: Columns | None) -> dict[str, str]:
    """Return the names of columns by role, without those that are not there."""
    names: dict[str, str | None] = {role: role for role in (*OFFERS, *DEMAND)}
    for role, name in (columns or {}).items():
        if role not in names:
            known = ", ".join(map(repr, names))
            raise ValueError(f"columns has an entry for {role!r}: the known ones are {known}")
        if not (isinstance(name, str) or (name is None and role in ("unit", "cost"))):
            raise TypeError(f"columns[{role!r}] is {name!r}: it must be the name of a column")
        names[role] = name
    if names["unit"] == names["hour"]:
        raise ValueError(
            f"columns has {names['hour']!r} for 'hour' and for 'unit': they must differ"
        )
    return {role: name for role, name in names.items() if name is not None}
