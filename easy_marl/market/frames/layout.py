"""Which row of a table of offers is which offer of which market.

Rows may stand in any order, and hours may have different numbers of offers. Within a market,
offers stand in the order of their units, so that ties do not depend on the order of rows.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from easy_marl.market.frames.tables import Column, Numbers, Table

Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]


class Bucket(NamedTuple):
    """R markets of about as many offers, as one batch of W units."""

    hours: Indices
    """(R,): rows of the table of demand."""
    rows: Indices | None
    """(R, W): rows of the table of offers; None where they lie as they should."""
    padding: Mask | None
    """(R, W): where a market has fewer offers; None where none has."""

    def bids(self, bids: Numbers) -> Numbers:
        """Return the bids of a batch; what is padded bids as the market's last unit does."""
        return bids.reshape(len(self.hours), -1) if self.rows is None else bids[self.rows]

    def quantities(self, quantities: Numbers) -> Numbers:
        """Return the quantities of a batch; what is padded offers nothing, so it sets no price."""
        offered = self.bids(quantities)
        return offered if self.padding is None else np.where(self.padding, 0, offered)

    def put(self, values: Numbers, into: Numbers | None, offers: int) -> Numbers:
        """Write values (R, W) to a column of so many offers, made where there is none yet."""
        if self.rows is None:  # then all rows are in this bucket
            return values.reshape(-1)
        if into is None:
            into = np.empty(offers, values.dtype)
        if self.padding is None:
            into[self.rows] = values
        else:
            into[self.rows[~self.padding]] = values[~self.padding]
        return into


def buckets_of(offers: Table, demand: Table) -> list[Bucket]:
    """Return the markets in which all offers are, or raise where keys do not fit together."""
    demanded = _hours_of(demand)
    units = offers.keys("unit") if "unit" in offers.names else None
    runs = _runs(offers.keys("hour"), len(demand))
    hours = _rows_of_demand(runs, demanded, offers, demand)
    times = np.bincount(hours, minlength=len(demand))
    _check_all_offered(times, demand)
    if times.max(initial=0) <= 1:  # each hour stands in one place
        regular = _regular(hours, runs, units, offers)
        if regular is not None:
            return [regular]
    return _irregular(np.repeat(hours, runs.counts), units, offers, len(demand))


class _Runs(NamedTuple):
    """The stretches of equal values in a column of L rows."""

    starts: Indices
    counts: Indices
    values: "_Encoded"


def _runs(column: Column, hours: int) -> _Runs:
    """Return the stretches; nothing is hashed unless there are more than so many hours."""
    values = _comparable(column)
    changes = np.flatnonzero(np.asarray(values[1:] != values[:-1])) + 1
    starts = np.concatenate([[0], changes])[: len(column)]
    begins = column[starts]
    few = len(starts) <= hours
    values = _Encoded(begins.to_list(), np.arange(len(starts))) if few else _encoded(begins)
    return _Runs(starts, np.diff(starts, append=len(column)), values)


def _comparable(column: Column) -> Any:
    """Return a column, or an array of its integers, which compares in half the time."""
    return column.to_numpy() if column.dtype.is_integer() else column


def _hours_of(demand: Table) -> dict[Any, int]:
    """Return the rows of demand by hour."""
    hours = demand.keys("hour").to_list()
    rows = dict(zip(hours, range(len(hours)), strict=True))
    if len(rows) < len(hours):
        again = next(row for row, hour in enumerate(hours) if rows[hour] != row)
        raise ValueError(
            f"{demand.place('hour')} is {demand.value('hour', again)!r} in row {again} and in row "
            f"{rows[hours[again]]}: an hour must have one demand"
        )
    return rows


def _rows_of_demand(
    runs: _Runs, demanded: dict[Any, int], offers: Table, demand: Table
) -> Indices:
    """Return where demand of the hours stands that offers come in."""
    values, codes = runs.values
    try:
        return np.array([demanded[value] for value in values], np.intp)[codes]
    except KeyError as error:
        row = int(runs.starts[(codes == values.index(error.args[0])).argmax()])
        raise ValueError(
            f"{offers.place('hour')} is {offers.value('hour', row)!r} in row {row}: "
            f"demand has no such hour{_other_type(offers, demand)}"
        ) from None


def _other_type(offers: Table, demand: Table) -> str:
    """Tell of types of hours that are never equal."""
    own, other = offers.column("hour").dtype, demand.column("hour").dtype
    if own == other or (own.is_integer() and other.is_integer()):
        return ""
    return f", and its hours have type {other}, those of offers {own}"


def _check_all_offered(times: Indices, demand: Table) -> None:
    """Raise unless each hour of demand comes in offers as often as once."""
    if not times.all():
        row = int(times.argmin())
        hour = demand.value("hour", row)
        raise ValueError(
            f"{demand.place('hour')} is {hour!r} in row {row}: offers has no such hour, and a "
            "market needs at least one offer"
        )


def _regular(hours: Indices, runs: _Runs, units: Column | None, offers: Table) -> Bucket | None:
    """Return all markets as one bucket, where each hour has the same units in the same order.

    This is how most tables are, and takes a fraction of the time: no row is moved.
    """
    if len(hours) == 0 or np.ptp(runs.counts):
        return None
    count = int(runs.counts[0])
    if units is None:
        return Bucket(hours, None, None)
    values = _comparable(units)
    if not (values[count:] == values[: len(units) - count]).all():
        return None
    names = units[:count].to_list()
    order = sorted(range(count), key=names.__getitem__)
    for one, next_one in pairwise(order):
        if names[one] == names[next_one]:
            raise _twice(offers, one, next_one)
    if order == list(range(count)):
        return Bucket(hours, None, None)
    return Bucket(hours, runs.starts[:, np.newaxis] + np.array(order), None)


def _irregular(hours: Indices, units: Column | None, offers: Table, markets: int) -> list[Bucket]:
    """Return markets in buckets of at most twice as many offers, for rows in any order."""
    order = np.arange(len(hours))
    if units is not None:
        ranks = _ranks(units)
        order = _sorted(order, ranks)
    order = _sorted(order, hours)
    if units is not None:
        same = (hours[order[1:]] == hours[order[:-1]]) & (ranks[order[1:]] == ranks[order[:-1]])
        if same.any():
            first = int(same.argmax())
            raise _twice(offers, *sorted(order[first : first + 2].tolist()))
    counts = np.bincount(hours, minlength=markets)
    starts = np.cumsum(counts) - counts
    sizes = np.ceil(np.log2(counts))
    return [
        _bucket(np.flatnonzero(sizes == size), starts, counts, order) for size in np.unique(sizes)
    ]


def _bucket(hours: Indices, starts: Indices, counts: Indices, order: Indices) -> Bucket:
    counts = counts[hours, np.newaxis]
    places = np.arange(counts.max())
    rows = order[starts[hours, np.newaxis] + np.minimum(places, counts - 1)]
    return Bucket(hours, rows, places >= counts if np.ptp(counts) else None)


def _ranks(units: Column) -> Indices:
    """Return where the unit of each row comes among all units, in the order of their values."""
    values, codes = _encoded(units)
    ranks = np.empty(len(values), np.intp)
    ranks[sorted(range(len(values)), key=values.__getitem__)] = np.arange(len(values))
    return ranks[codes]


class _Encoded(NamedTuple):
    """A column as values, and which of them stands in each row."""

    values: list[Any]
    codes: Indices


def _encoded(column: Column) -> _Encoded:
    """Return a column as the values that differ."""
    encoded = column.to_arrow()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.unify_dictionaries().combine_chunks()
    if not isinstance(encoded, pa.DictionaryArray):
        encoded = encoded.dictionary_encode()
    codes = encoded.indices.to_numpy()
    rows = np.full(len(encoded.dictionary), -1)  # in which each is found; some categories are not
    rows[codes] = np.arange(len(codes))
    there = rows >= 0
    # The library makes a list of them in less time than Arrow.
    return _Encoded(column[rows[there]].to_list(), (np.cumsum(there) - 1)[codes])


def _sorted(order: Indices, ranks: Indices) -> Indices:
    """Return rows in the order of their ranks, those of one rank in the order that they had."""
    # NumPy sorts 16 bits by digits, which is much faster than comparing.
    keys = ranks.astype(np.min_scalar_type(int(ranks.max(initial=0))))
    return order[np.argsort(keys[order], kind="stable")]


def _twice(offers: Table, row: int, again: int) -> ValueError:
    return ValueError(
        f"offers has {offers.keyed(row)} in row {row} and in row {again}: "
        "a unit must have one offer in an hour"
    )
