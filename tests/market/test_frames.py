"""Tables of every library: the numbers of the kernel, by key; and errors that name the place."""

import datetime as dt
import itertools
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easy_marl.market import clear, settle

pa = pytest.importorskip("pyarrow", reason="tables need the extra frames")
pytest.importorskip("narwhals", reason="tables need the extra frames")
frames = pytest.importorskip("easy_marl.market.frames")

Rows = list[dict[str, Any]]
NUMPY: dict[str, Any] = {"backend": "numpy"}


def _polars(table: Any) -> Any:
    return pytest.importorskip("polars").from_arrow(table)


def _pandas(table: Any) -> Any:
    pytest.importorskip("pandas")
    return table.to_pandas().set_index(np.arange(len(table)) + 7)


def _duckdb(given: Any) -> Any:
    return pytest.importorskip("duckdb").connect().sql("FROM given")


class Capsule:
    """A table that has nothing but Arrow's interface."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


LIBRARIES: dict[str, Callable[[Any], Any]] = {
    "pyarrow": lambda table: table,
    "polars": _polars,
    "polars-lazy": lambda table: _polars(table).lazy(),
    "pandas": _pandas,
    "duckdb": _duckdb,
    "capsule": Capsule,
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def rows_of(given: Any) -> Rows:
    """Return the rows of a table of any library."""
    if hasattr(given, "collect"):
        given = given.collect()
    table = given if isinstance(given, pa.Table) else pa.table(given)
    rows: Rows = table.select([name for name in table.column_names if name[0] != "_"]).to_pylist()
    return rows


def offers_of(hours: list[Any], units: list[Any], **columns: Any) -> Any:
    rng = np.random.default_rng(0)
    given = {
        "hour": hours,
        "unit": units,
        "bid": rng.integers(0, 4, len(hours)).astype(float),
        "quantity": rng.integers(0, 9, len(hours)).astype(float),
    }
    return pa.table(given | columns)


def demand_of(hours: list[Any], **columns: Any) -> Any:
    loads = np.random.default_rng(1).integers(0, 20, len(hours)).astype(float)
    return pa.table({"hour": hours, "demand": loads} | columns)


def grid(hours: list[Any], units: list[Any]) -> Any:
    keys = list(itertools.product(hours, units))
    return offers_of([hour for hour, _ in keys], [unit for _, unit in keys])


def expected(offers: Any, demand: Any, **rules: Any) -> tuple[Rows, Rows]:
    """Return prices and dispatch, hour by hour, of tables of PyArrow."""
    offered: Rows = offers.to_pylist()
    prices: Rows = []
    delivered: dict[int, float] = {}
    for one in demand.to_pylist():
        own = [row for row in range(len(offered)) if offered[row]["hour"] == one["hour"]]
        own.sort(key=lambda row: offered[row]["unit"])
        price, cleared = clear(
            [offered[row]["bid"] for row in own],
            [offered[row]["quantity"] for row in own],
            one["demand"],
            **rules,
            **NUMPY,
        )
        prices.append({"hour": one["hour"], "price": price})
        delivered |= dict(zip(own, cleared.tolist(), strict=True))
    dispatch = [
        {"hour": offer["hour"], "unit": offer["unit"], "cleared": delivered[row]}
        for row, offer in enumerate(offered)
    ]
    return prices, dispatch


REGULAR = grid([3, 1, 2], ["a", "b", "c"])
UNSORTED_UNITS = grid([3, 1, 2], ["b", "c", "a"])
SHUFFLED = REGULAR.take(np.random.default_rng(5).permutation(len(REGULAR)))
RAGGED = offers_of([1, 1, 2, 3, 3, 3, 3, 3], ["a", "b", "b", "e", "d", "c", "b", "a"])
CATEGORIES = REGULAR.set_column(1, "unit", REGULAR["unit"].dictionary_encode())
SHUFFLED_CATEGORIES = SHUFFLED.set_column(1, "unit", SHUFFLED["unit"].dictionary_encode())
HOURS_OF_CATEGORIES = SHUFFLED.set_column(
    0,
    "hour",
    pa.DictionaryArray.from_arrays(
        SHUFFLED["hour"].combine_chunks(), ["no", "one", "two", "three"]
    ),
)
TIMES = grid([dt.datetime(2024, 3, 31, hour) for hour in (2, 0, 1)], [10, 9, 11])
SINGLES = REGULAR.set_column(3, "quantity", REGULAR["quantity"].cast(pa.float32()))
INTEGERS = REGULAR.set_column(2, "bid", REGULAR["bid"].cast(pa.int32()))
TABLES = {
    "regular": REGULAR,
    "unsorted units": UNSORTED_UNITS,
    "shuffled": SHUFFLED,
    "ragged": RAGGED,
    "categories": CATEGORIES,
    "shuffled categories": SHUFFLED_CATEGORIES,
    "hours of categories": HOURS_OF_CATEGORIES,
    "times": TIMES,
    "float32": SINGLES,
    "integers": INTEGERS,
}


@pytest.mark.parametrize("table", TABLES)
def test_prices_and_dispatch_in_the_library_that_was_given(library: str, table: str) -> None:
    offers = TABLES[table]
    demand = demand_of(sorted(set(offers["hour"].to_pylist())))
    cleared = frames.clear(LIBRARIES[library](offers), LIBRARIES[library](demand), **NUMPY)
    assert (rows_of(cleared.prices), rows_of(cleared.dispatch)) == expected(offers, demand)
    given = pa.table(LIBRARIES["pyarrow"](offers)) if library == "capsule" else LIBRARIES[library]
    if library != "capsule":
        assert type(cleared.dispatch) is type(given(offers))
        assert type(cleared.prices) is type(given(demand))


@pytest.mark.parametrize("ties", ["first", "pro_rata"])
@pytest.mark.parametrize("table", ["regular", "unsorted units", "shuffled", "ragged"])
def test_options(table: str, ties: str) -> None:
    offers = TABLES[table]
    demand = demand_of(sorted(set(offers["hour"].to_pylist())))
    rules = {"ties": ties, "scarcity_price": 99.0, "tolerance": 0.5}
    cleared = frames.clear(offers, demand, **rules, **NUMPY)
    assert (rows_of(cleared.prices), rows_of(cleared.dispatch)) == expected(
        offers, demand, **rules
    )


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_keys_in_any_order(data: st.DataObject) -> None:
    hours = data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True))
    keys = []
    for hour in hours:
        units = data.draw(st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True))
        keys += [(hour, unit) for unit in units]
    keys = data.draw(st.permutations(keys))
    few = st.sampled_from([0.0, 0.1, 0.2, 1.0, -1.0])
    bids = data.draw(st.lists(few, min_size=len(keys), max_size=len(keys)))
    quantities = np.abs(data.draw(st.lists(few, min_size=len(keys), max_size=len(keys))))
    offers = offers_of(
        [hour for hour, _ in keys], [unit for _, unit in keys], bid=bids, quantity=quantities
    )
    loads = data.draw(
        st.lists(
            st.sampled_from([0.0, 0.1, 0.3, 1.0, 9.0]), min_size=len(hours), max_size=len(hours)
        )
    )
    demand = demand_of(hours, demand=loads)
    rules = {"ties": data.draw(st.sampled_from(["first", "pro_rata"]))}
    cleared = frames.clear(offers, demand, **rules, **NUMPY)
    assert (rows_of(cleared.prices), rows_of(cleared.dispatch)) == expected(
        offers, demand, **rules
    )


@pytest.mark.parametrize("table", ["regular", "unsorted units", "shuffled", "ragged"])
@pytest.mark.parametrize("costs", [True, False])
def test_what_is_paid_is_what_settle_tells(library: str, table: str, costs: bool) -> None:
    offers = TABLES[table]
    if costs:
        offers = offers.append_column("cost", [np.arange(len(offers), dtype=float)])
    demand = demand_of(sorted(set(offers["hour"].to_pylist())), demand=[8.0, 3.0, 99.0])
    rules: dict[str, Any] = {"pricing": "pay_as_bid", "price_cap": 2.0, **NUMPY}
    settled = frames.settle(LIBRARIES[library](offers), LIBRARIES[library](demand), **rules)
    dispatch = rows_of(settled.dispatch)
    offered: Rows = offers.to_pylist()
    for hour, told in zip(demand.to_pylist(), rows_of(settled.prices), strict=True):
        rows = [row for row in range(len(offered)) if offered[row]["hour"] == hour["hour"]]
        rows.sort(key=lambda row: offered[row]["unit"])
        own = [offered[row] for row in rows]
        alone = settle(
            [one["bid"] for one in own],
            [one["quantity"] for one in own],
            [hour["demand"]],
            costs=[one["cost"] for one in own] if costs else None,
            **rules,
        )
        unit = None if alone.marginal[0] == -1 else own[alone.marginal[0]]["unit"]
        assert told == {
            "hour": hour["hour"],
            "price": alone.prices[0],
            "unserved": alone.unserved[0],
            "marginal": unit,
        }
        found = [dispatch[row] for row in rows]
        for name in ("cleared", "revenue", *(("cost", "profit") if costs else ())):
            assert [one[name] for one in found] == getattr(alone, name)[0].tolist()
        assert ("cost" in dispatch[0]) == costs


def test_costs_that_are_named_must_be_there() -> None:
    demand = demand_of([1, 2, 3])
    with pytest.raises(ValueError, match=r"^offers has no column 'eur': it has 'hour'"):
        frames.settle(REGULAR, demand, columns={"cost": "eur"}, **NUMPY)
    offers = REGULAR.append_column("cost", [[0.0, 1.0, None, *[2.0] * 6]])
    with pytest.raises(
        ValueError, match=r"^offers\['cost'\] is null in row 2 \(hour 3, unit 'c'\)"
    ):
        frames.settle(offers, demand, **NUMPY)
    assert "cost" not in frames.settle(offers, demand, columns={"cost": None}, **NUMPY).dispatch


def test_tables_of_two_libraries() -> None:
    demand = demand_of([1, 2, 3])
    cleared = frames.clear(_polars(REGULAR), _pandas(demand), **NUMPY)
    assert type(cleared.prices).__module__.startswith("pandas")
    assert type(cleared.dispatch).__module__.startswith("polars")


def test_pandas_keeps_its_index() -> None:
    cleared = frames.clear(_pandas(SHUFFLED), _pandas(demand_of([1, 2, 3])), **NUMPY)
    assert cleared.dispatch.index.tolist() == list(range(7, 7 + len(SHUFFLED)))
    assert cleared.prices.index.tolist() == [7, 8, 9]


def test_duckdb_answers_on_the_same_connection() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        offers, demand = REGULAR, demand_of([1, 2, 3])
        connection.register("offers", offers)
        connection.register("demand", demand)
        cleared = frames.clear(
            connection.sql("FROM offers"), connection.sql("FROM demand"), **NUMPY
        )
        cleared.prices.create_view("prices")
        paid = connection.sql("SELECT count(*) FROM offers JOIN prices USING (hour)").fetchall()
        assert paid == [(9,)]


def test_columns_of_other_names() -> None:
    offers = REGULAR.rename_columns(["t", "plant", "price", "mw"])
    demand = demand_of([1, 2, 3]).rename_columns(["t", "load"])
    names = {"hour": "t", "unit": "plant", "bid": "price", "quantity": "mw", "demand": "load"}
    cleared = frames.clear(offers, demand, columns=names, **NUMPY)
    assert cleared.prices.column_names == ["t", "price"]
    assert cleared.dispatch.column_names == ["t", "plant", "cleared"]


@pytest.mark.parametrize("table", ["regular", "ragged"])
def test_without_units_offers_stand_in_their_order(table: str) -> None:
    offers = TABLES[table]
    demand = demand_of([1, 2, 3])
    numbered = offers.set_column(1, "unit", [list(range(len(offers)))])
    cleared = frames.clear(offers.drop_columns("unit"), demand, columns={"unit": None}, **NUMPY)
    assert cleared.dispatch.column_names == ["hour", "cleared"]
    _, dispatch = expected(numbered, demand)
    assert cleared.dispatch["cleared"].to_pylist() == [row["cleared"] for row in dispatch]


BERLIN = dt.datetime(2024, 10, 26, 23, tzinfo=dt.UTC)  # clocks are put back two hours later


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC"])
def test_the_hour_in_which_clocks_are_put_back_is_two(library: str, zone: str) -> None:
    utc = [BERLIN + n * dt.timedelta(hours=1) for n in range(4)]
    hours = pa.array(utc, pa.timestamp("us", "Europe/Berlin"))
    offers = offers_of(hours, [1] * 4, bid=[1.0, 2.0, 3.0, 4.0])
    demand = demand_of(hours.cast(pa.timestamp("us", zone)), demand=[1.0] * 4).take([3, 1, 0, 2])
    cleared = frames.clear(LIBRARIES[library](offers), LIBRARIES[library](demand), **NUMPY)
    prices = rows_of(cleared.prices)
    assert [row["price"] for row in prices] == [4.0, 2.0, 1.0, 3.0]
    assert [row["hour"].astimezone(dt.UTC) for row in prices] == [utc[n] for n in (3, 1, 0, 2)]


@pytest.mark.parametrize(
    ("hours", "others"),
    [
        (dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)),
        (dt.datetime(2024, 1, 1), dt.date(2024, 1, 1)),
        (1, "1"),
    ],
)
def test_hours_of_types_that_are_never_equal_are_told(hours: Any, others: Any) -> None:
    with pytest.raises(
        ValueError, match=r"no such hour, and its hours have type .*, those of offers"
    ):
        frames.clear(offers_of([hours], ["a"]), demand_of([others]), **NUMPY)


@pytest.mark.parametrize("kind", [pa.uint8(), pa.int64(), pa.string()])
@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_the_marginal_unit_has_the_type_of_units(library: str, kind: Any) -> None:
    offers = REGULAR.set_column(1, "unit", pa.array([1, 2, 3] * 3).cast(kind))
    for load in 0.5, 99.0:  # there is none where offers run out
        demand = demand_of([1, 2, 3], demand=[load] * 3)
        prices = frames.settle(
            LIBRARIES[library](offers), LIBRARIES[library](demand), **NUMPY
        ).prices
        assert pa.table(prices)["marginal"].cast(kind).null_count == (3 if load == 99.0 else 0)
        assert (
            pa.table(prices).schema.field("marginal").type
            == pa.table(LIBRARIES[library](offers)).schema.field("unit").type
        )


def test_no_rows() -> None:
    offers, demand = REGULAR.slice(0, 0), demand_of([1]).slice(0, 0)
    cleared = frames.clear(offers, demand, **NUMPY)
    assert rows_of(cleared.prices) == rows_of(cleared.dispatch) == []


OFFERS: dict[str, list[Any]] = {
    "hour": [1, 1, 2, 2],
    "unit": ["a", "b", "a", "b"],
    "bid": [3.0, 1.0, 2.0, 4.0],
    "quantity": [9.0, 9.0, 9.0, 9.0],
}
DEMAND: dict[str, list[Any]] = {"hour": [1, 2], "demand": [10.0, 5.0]}
WRONG: tuple[tuple[dict[str, Any], dict[str, Any], str], ...] = (
    (
        {"bid": None},
        {},
        "offers has no column 'bid': it has 'hour', 'unit', 'quantity'",
    ),
    (
        {},
        {"demand": None},
        "demand has no column 'demand': it has 'hour'",
    ),
    (
        {"bid": [3.0, None, 2.0, 4.0]},
        {},
        "offers['bid'] is null in row 1 (hour 1, unit 'b'): it must be finite",
    ),
    (
        {"quantity": [9, 9, 9, None]},
        {},
        "offers['quantity'] is null in row 3 (hour 2, unit 'b'): it must be finite",
    ),
    (
        {"bid": [3.0, 1.0, float("nan"), 4.0]},
        {},
        "offers['bid'] is nan in row 2 (hour 2, unit 'a'): it must be finite",
    ),
    (
        {"quantity": [9, -1, 9, 9]},
        {},
        "offers['quantity'] is -1 in row 1 (hour 1, unit 'b'): it must not be negative",
    ),
    (
        {},
        {"demand": [10.0, float("inf")]},
        "demand['demand'] is inf in row 1 (hour 2): it must be finite",
    ),
    (
        {},
        {"demand": [-1.0, 5.0]},
        "demand['demand'] is -1.0 in row 0 (hour 1): it must not be negative",
    ),
    (
        {"hour": [1, 1, None, 2]},
        {},
        "offers['hour'] is null in row 2: it must not be null",
    ),
    (
        {"unit": ["a", "b", "a", None]},
        {},
        "offers['unit'] is null in row 3: it must not be null",
    ),
    (
        {"unit": ["a", "b", "a", "a"]},
        {},
        "offers has hour 2, unit 'a' in row 2 and in row 3: a unit must have one offer in an hour",
    ),
    (
        {"unit": ["a", "a", "a", "a"]},
        {},
        "offers has hour 1, unit 'a' in row 0 and in row 1: a unit must have one offer in an hour",
    ),
    (
        {"hour": [1, 1, 2, 3]},
        {},
        "offers['hour'] is 3 in row 3: demand has no such hour",
    ),
    (
        {"hour": ["1", "1", "2", "2"]},
        {},
        "offers['hour'] is '1' in row 0: demand has no such hour, and its hours have type Int64, "
        "those of offers String",
    ),
    (
        {},
        {"hour": [1, 2, 5], "demand": [1.0, 1.0, 1.0]},
        "demand['hour'] is 5 in row 2: offers has no such hour, and a market needs at least one "
        "offer",
    ),
    (
        {},
        {"hour": [1, 1], "demand": [1.0, 1.0]},
        "demand['hour'] is 1 in row 0 and in row 1: an hour must have one demand",
    ),
    (
        {"hour": [1.0, 1.0, 2.0, 2.0]},
        {},
        "offers['hour'] has type Float64: it must be integers, strings, dates or times",
    ),
    (
        {"bid": ["3", "1", "2", "4"]},
        {},
        "offers['bid'] has type String: it must be float64, float32 or integer",
    ),
    (
        {"quantity": [True] * 4},
        {},
        "offers['quantity'] has type Boolean: it must be float64, float32 or integer",
    ),
)


@pytest.mark.parametrize("library", ["pyarrow", "polars", "duckdb"])
@pytest.mark.parametrize(("offers", "demand", "said"), WRONG)
def test_bad_tables_name_place_and_value(
    library: str, offers: dict[str, Any], demand: dict[str, Any], said: str
) -> None:
    def table(columns: dict[str, Any]) -> Any:
        there = {name: values for name, values in columns.items() if values is not None}
        return LIBRARIES[library](pa.table(there))

    with pytest.raises((TypeError, ValueError)) as caught:
        frames.clear(table(OFFERS | offers), table(DEMAND | demand), **NUMPY)
    assert str(caught.value) == said
    assert isinstance(caught.value, TypeError) == (" has type " in said)


def test_what_is_missing_in_pandas_is_named() -> None:
    pandas = pytest.importorskip("pandas")
    offers = pandas.DataFrame(OFFERS | {"bid": [3.0, None, 2.0, 4.0]})
    with pytest.raises(
        ValueError, match=r"^offers\['bid'\] is null in row 1 \(hour 1, unit 'b'\)"
    ):
        frames.clear(offers, pandas.DataFrame(DEMAND), **NUMPY)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"offers": [1, 2]}, TypeError, "offers has type list: it must be a table of Polars"),
        ({"columns": {"price": "x"}}, ValueError, "columns has an entry for 'price': the known"),
        ({"columns": {"bid": None}}, TypeError, r"columns\['bid'\] is None: it must be the name"),
        ({"offers": pa.chunked_array([[1]])}, TypeError, "offers has type ChunkedArray: it must"),
        (
            {"columns": {"unit": "hour"}},
            ValueError,
            "columns has 'hour' for 'hour' and for 'unit'",
        ),
        ({"ties": "last"}, ValueError, "ties is 'last': ties must be 'first' or 'pro_rata'"),
        ({"backend": "abacus"}, ValueError, "backend is 'abacus': backend must be one of"),
    ],
)
@pytest.mark.parametrize("rows", [4, 0])
@pytest.mark.parametrize("run", [frames.clear, frames.settle])
def test_bad_arguments(
    run: Any, rows: int, given: dict[str, Any], kind: type[Exception], said: str
) -> None:
    good = {"offers": pa.table(OFFERS).slice(0, rows), "demand": pa.table(DEMAND).slice(0, rows)}
    with pytest.raises(kind, match=f"^{said}"):
        run(**(good | NUMPY | given))


def test_columns_of_the_same_name_are_told() -> None:
    twice = pa.Table.from_arrays([[1], [1], [2.0]], names=["hour", "hour", "demand"])
    with pytest.raises(
        ValueError, match=r"(?s)demand has columns of the same name: .*'hour' 2 times"
    ):
        frames.clear(pa.table(OFFERS), twice, **NUMPY)


@pytest.mark.parametrize(("role", "name"), [("unit", "cleared"), ("hour", "price")])
def test_results_do_not_replace_keys(role: str, name: str) -> None:
    given = [
        pa.table(table).rename_columns({role: name} if role in table else {})
        for table in (OFFERS, DEMAND)
    ]
    with pytest.raises(
        ValueError, match=rf"\['{name}'\] would be lost: the results have a column"
    ):
        frames.clear(*given, columns={role: name}, **NUMPY)


@pytest.mark.parametrize("missing", ["narwhals", "pyarrow"])
def test_what_is_not_installed_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "easy_marl.market.frames")
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=f"needs {missing}: `pip install narwhals"):
        import_module("easy_marl.market.frames")
