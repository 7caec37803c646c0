"""Tables of the caller's, whatever library they come from: read, looked up, and given back."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
from narwhals.dependencies import is_into_series
from narwhals.exceptions import DuplicateError
from numpy.typing import NDArray

Column = nw.Series[Any]
Numbers = NDArray[Any]

KEYS = ("hour", "unit")
"""The roles of columns that tell rows apart."""

_FLOATS = (nw.Float64, nw.Float32)
_TELLING = (nw.String, nw.Categorical, nw.Enum, nw.Date, nw.Datetime, nw.Time)
"""What tells rows apart, beside integers. Floats do not: some that look equal are not."""


class Table(NamedTuple):
    """A table that was read; `read` makes it."""

    name: str
    """The argument it was given as."""
    frame: nw.DataFrame[Any]
    names: Mapping[str, str]
    """Its columns by what they are for: the roles."""
    restored: Callable[[nw.DataFrame[Any]], Any]
    """Makes a table of the caller's library of one that was derived from `frame`."""

    def __len__(self) -> int:
        return len(self.frame)

    def place(self, role: str) -> str:
        """Return how a column is called in errors."""
        return f"{self.name}[{self.names[role]!r}]"

    def value(self, role: str, row: int) -> Any:
        """Return one value of a column."""
        return self.column(role)[row : row + 1].to_list()[0]

    def keyed(self, row: int) -> str:
        """Return how a row is called by its keys in errors."""
        roles = [role for role in KEYS if role in self.names]
        return ", ".join(f"{role} {self.value(role, row)!r}" for role in roles)

    def column(self, role: str) -> Column:
        """Return a column as it is."""
        return self.frame[self.names[role]]

    def keys(self, role: str) -> Column:
        """Return a column by which rows are told apart, or raise if it cannot serve.

        Times of a time zone come in UTC: where clocks are put back, Python has no difference
        between the hour before and the hour after, and none is equal to a time of another zone.
        """
        column = self.column(role)
        if not (column.dtype.is_integer() or column.dtype in _TELLING):
            raise TypeError(
                f"{self.place(role)} has type {column.dtype}: "
                "it must be integers, strings, dates or times"
            )
        # An array of integers has none that is missing, and some libraries look at each.
        whole = column.dtype.is_integer() and column.to_numpy().dtype.kind in "iu"
        if not whole and column.null_count():
            row = int(column.is_null().to_numpy().argmax())
            raise ValueError(f"{self.place(role)} is null in row {row}: it must not be null")
        if isinstance(column.dtype, nw.Datetime) and column.dtype.time_zone is not None:
            return column.dt.convert_time_zone("UTC")
        return column

    def numbers(self, role: str) -> Numbers:
        """Return a column as an array, NaN where it is null; or raise if it has no numbers."""
        column = self.column(role)
        if not (column.dtype.is_integer() or column.dtype in _FLOATS):
            raise TypeError(
                f"{self.place(role)} has type {column.dtype}: "
                "it must be float64, float32 or integer"
            )
        return column.to_numpy()

    def taken(self, role: str, rows: NDArray[np.intp], missing: NDArray[np.bool_]) -> Any:
        """Return the values of a column in these rows, as Arrow has them; some are null."""
        values = self.column(role)[np.where(missing, 0, rows)].to_arrow()
        return values.take(pa.array(np.arange(len(rows)), mask=missing))

    def check_values(self, role: str, *, sign: bool) -> None:
        """Raise for the first number in a column that is not finite, or is negative."""
        numbers = self.numbers(role)
        good = numbers >= 0 if sign else np.isfinite(numbers)
        if not good.all():
            row = int(good.argmin())
            null = self.column(role).is_null().to_numpy()[row]
            value = "null" if null else repr(numbers[row].item())
            rule = "not be negative" if sign else "be finite"
            where = f"row {row} ({self.keyed(row)})"
            raise ValueError(f"{self.place(role)} is {value} in {where}: it must {rule}")

    def with_columns(self, columns: Mapping[str, Any]) -> Any:
        """Return the keys, and other columns beside them, as a table of the caller's library.

        The others are arrays of NumPy or Arrow.
        """
        backend = self.frame.implementation
        keys = {role: self.names[role] for role in KEYS if role in self.names}
        added = []
        for name, values in columns.items():
            for role in keys:
                if keys[role] == name:
                    raise ValueError(
                        f"{self.place(role)} would be lost: the results have a column {name!r}, "
                        f"so the one of the {role} must have another name"
                    )
            if backend.is_pandas_like():
                given = values if isinstance(values, np.ndarray) else values.to_pandas()
            else:  # of NumPy's arrays, Polars would make copies
                given = pa.array(values) if isinstance(values, np.ndarray) else values
            added.append(nw.new_series(name, given, backend=backend))
        return self.restored(self.frame.select([*keys.values()]).with_columns(*added))


def read(name: str, given: Any, names: Mapping[str, str], optional: Collection[str] = ()) -> Table:
    """Read a table in which columns are called so, or raise if it is none or lacks one.

    It may lack those of `optional` roles.
    """
    try:
        table = _opened(name, given)
        there = table.collect_schema().names()
    except DuplicateError as error:
        raise ValueError(f"{name} has columns of the same name: {error}") from None
    found = {
        role: column for role, column in names.items() if column in there or role not in optional
    }
    for column in found.values():
        if column not in there:
            listed = ", ".join(map(repr, there)) or "none"
            raise ValueError(f"{name} has no column {column!r}: it has {listed}")
    if isinstance(table, nw.DataFrame):
        return Table(name, table, found, nw.to_native)
    return _collected(name, given, table.select(*dict.fromkeys(found.values())), found)


def _opened(name: str, given: Any) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    table = nw.from_native(given, pass_through=True)
    if isinstance(table, nw.DataFrame | nw.LazyFrame):
        return table
    if hasattr(given, "__arrow_c_stream__") and not is_into_series(given):
        return nw.from_arrow(given, backend="pyarrow")
    raise TypeError(
        f"{name} has type {type(given).__name__}: it must be a table of Polars, pandas, PyArrow "
        "or DuckDB, or one that has __arrow_c_stream__"
    )


def _collected(name: str, given: Any, table: nw.LazyFrame[Any], names: Mapping[str, str]) -> Table:
    """Return a table that was not in memory; those that are made of it are lazy again."""
    if table.implementation.is_duckdb():
        frame = table.collect("pyarrow")
        return Table(name, frame, names, lambda made: _related(given, made.to_native()))
    if table.implementation.is_polars():
        return Table(name, table.collect(), names, lambda made: made.lazy().to_native())
    return Table(name, table.collect(), names, nw.to_native)


def _related(relation: Any, results: Any) -> Any:  # noqa: ARG001  named in the query
    """Return results as a relation of DuckDB, on the connection of another one."""
    return relation.query("given", "SELECT * FROM results")
