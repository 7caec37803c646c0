"""Bad input: type and message in every backend, and which fault wins."""

import re
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easy_marl.market import Backend

NAN, INF = float("nan"), float("inf")
GOOD: dict[str, Any] = {"bids": [1.0, 2.0], "quantities": [3.0, 4.0], "demand": 5.0}
BATCH: dict[str, Any] = {**GOOD, "demand": [5.0, 6.0, 7.0]}


def raises(error: type[Exception], message: str) -> pytest.RaisesExc[Exception]:
    return pytest.raises(error, match=f"^{re.escape(message)}$")


def masked(values: Any) -> Any:
    """Return a masked array whose last entry is masked; of a number, one that is masked."""
    array = np.ma.array(values)
    array[-1 if array.ndim else ()] = np.ma.masked
    return array


class Holder:
    """What NumPy makes an array of by asking it."""

    def __init__(self, array: Any) -> None:
        self.array = np.asanyarray(array)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array


class Items:
    """A sequence that is no list; NumPy asks for no more than this."""

    def __init__(self, items: Any) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Any:
        return self.items[index]


# What is masked, and where: each is given an argument's values.
MASKED: dict[str, Any] = {
    "a masked array": masked,
    "of integers": lambda values: masked(np.array(values, int)),
    "of a dtype that is refused, too": lambda values: masked(np.array(values, bool)),
    "by __array__": lambda values: Holder(masked(values)),
    "the constant in a list": lambda values: [1.0, np.ma.masked],
    "the constant in a tuple": lambda values: (np.ma.masked, 1.0),
    "the constant alone in a list": lambda values: [np.ma.masked],
    "the constant deep in lists": lambda values: [[[1.0, 2.0]], [[1.0, np.ma.masked]]],
    "a masked array in a list": lambda values: [masked(values)],
    "a masked array beside others": lambda values: (np.ma.array(values), masked(values)),
    "by __array__ in a list": lambda values: [Holder(values), Holder(masked(values))],
    "in a deque": lambda values: deque([1.0, np.ma.masked]),
    "in a sequence": lambda values: Items([1.0, np.ma.masked]),
    "in a sequence in a list": lambda values: [Items([1.0, np.ma.masked])],
    "in a list of what has no shape": lambda values: [[1.0], [np.ma.masked, 2.0]],
}


DTYPES = [
    (np.array([True, False]), "bool"),
    ([True, False], "bool"),
    (np.ones(2, np.float16), "float16"),
    (np.ones(2, np.longdouble), str(np.dtype(np.longdouble))),
    (np.ones(2, ">f2"), ">f2"),
    (np.ones(2, np.complex128), "complex128"),
    (np.array([1, 2], object), "object"),
    ([1, 2**64], "object"),
    (["a", "bc"], "<U2"),
    ([b"a", b"b"], "|S1"),
    (np.array([1, 2], "m8[s]"), "timedelta64[s]"),
    (np.array([1, 2], "M8[D]"), "datetime64[D]"),
    (np.zeros(2, [("x", "f8")]), "[('x', '<f8')]"),
    (None, "object"),
]

SCALAR_DTYPES = [
    (True, "bool"),
    (np.True_, "bool"),
    (np.float16(1), "float16"),
    (np.longdouble(1), str(np.dtype(np.longdouble))),
    (1j, "complex128"),
    (2**64, "object"),
    (-(2**63) - 1, "object"),
    (Fraction(1, 2), "object"),
    ("5", "<U1"),
]

# Less than zero; as a float it is -0.0, unless a longdouble is a double.
SPECK = -np.finfo(np.longdouble).smallest_subnormal
# Less than one; as a float it is 1.0. Where a longdouble is a double, there is no such number.
BELOW_ONE = np.longdouble(1) - np.finfo(np.longdouble).epsneg
if float(BELOW_ONE) < 1.0:
    BELOW_ONE = np.longdouble(1)

TOLERANCE = "tolerance must be a number that is at least 0 and less than 1"

ONE_MARKET = [
    ({"ties": "median"}, "ties is 'median': ties must be 'first' or 'pro_rata'"),
    ({"ties": None}, "ties is None: ties must be 'first' or 'pro_rata'"),
    ({"ties": ["first"]}, "ties is ['first']: ties must be 'first' or 'pro_rata'"),
    ({"tolerance": 1.0}, f"tolerance is 1.0: {TOLERANCE}"),
    ({"tolerance": 1}, f"tolerance is 1: {TOLERANCE}"),
    ({"tolerance": -0.1}, f"tolerance is -0.1: {TOLERANCE}"),
    ({"tolerance": NAN}, f"tolerance is nan: {TOLERANCE}"),
    ({"tolerance": True}, f"tolerance is True: {TOLERANCE}"),
    ({"tolerance": False}, f"tolerance is False: {TOLERANCE}"),
    ({"tolerance": None}, f"tolerance is None: {TOLERANCE}"),
    ({"tolerance": "0"}, f"tolerance is '0': {TOLERANCE}"),
    ({"tolerance": [0.5]}, f"tolerance is [0.5]: {TOLERANCE}"),
    ({"tolerance": np.array(0.5)}, f"tolerance is array(0.5): {TOLERANCE}"),
    ({"tolerance": np.float64(2.0)}, f"tolerance is np.float64(2.0): {TOLERANCE}"),
    ({"tolerance": np.False_}, f"tolerance is np.False_: {TOLERANCE}"),
    ({"tolerance": SPECK}, f"tolerance is {SPECK!r}: {TOLERANCE}"),
    ({"tolerance": BELOW_ONE}, f"tolerance is {BELOW_ONE!r}: {TOLERANCE}"),
    ({"tolerance": np.float32(-1e-9)}, f"tolerance is {np.float32(-1e-9)!r}: {TOLERANCE}"),
    ({"tolerance": np.timedelta64(0, "s")}, f"tolerance is np.timedelta64(0,'s'): {TOLERANCE}"),
    ({"tolerance": np.datetime64(0, "s")},
     f"tolerance is {np.datetime64(0, 's')!r}: {TOLERANCE}"),
    ({"tolerance": 0j}, f"tolerance is 0j: {TOLERANCE}"),
    ({"tolerance": np.complex128(0)}, f"tolerance is {np.complex128(0)!r}: {TOLERANCE}"),
    ({"tolerance": Decimal("0.5")}, f"tolerance is Decimal('0.5'): {TOLERANCE}"),
    ({"tolerance": Fraction(1, 2)}, f"tolerance is Fraction(1, 2): {TOLERANCE}"),
    ({"tolerance": -(10**400)}, f"tolerance is {-(10**400)}: {TOLERANCE}"),
    ({"tolerance": np.ma.masked}, f"tolerance is masked: {TOLERANCE}"),
    ({"tolerance": 10**400}, f"tolerance is {10**400}: {TOLERANCE}"),
    ({"ties": 1, "tolerance": 1}, "ties is 1: ties must be 'first' or 'pro_rata'"),
    ({"tolerance": 2.0, "demand": True}, f"tolerance is 2.0: {TOLERANCE}"),
    ({"bids": [[1, 2, 3], [4, 5, 6]]}, "bids has shape (2, 3): bids must be one-dimensional"),
    ({"bids": 1.0}, "bids has shape (): bids must be one-dimensional"),
    ({"quantities": np.ones((2, 1))}, "quantities has shape (2, 1): quantities must be"
     " one-dimensional"),
    ({"demand": [5.0]}, "demand has shape (1,): demand must be a scalar"),
    ({"demand": np.ones((1, 1))}, "demand has shape (1, 1): demand must be a scalar"),
    ({"scarcity_price": [9]}, "scarcity_price has shape (1,): scarcity_price must be a scalar"),
    ({"bids": []}, "bids has shape (0,): a market needs at least one unit"),
    ({"quantities": []}, "quantities has shape (0,): a market needs at least one unit"),
    ({"quantities": [1, 2, 3]}, "quantities has shape (3,): bids has shape (2,), and both must"
     " have as many units"),
    ({"bids": [1.0, NAN]}, "bids[1] is nan: bids must be finite"),
    ({"bids": [-INF, NAN]}, "bids[0] is -inf: bids must be finite"),
    ({"bids": np.array([1, INF], ">f4")}, "bids[1] is inf: bids must be finite"),
    ({"quantities": [INF, 1]}, "quantities[0] is inf: quantities must be finite"),
    ({"demand": INF}, "demand is inf: demand must be finite"),
    ({"demand": np.float32(NAN)}, "demand is nan: demand must be finite"),
    ({"scarcity_price": NAN}, "scarcity_price is nan: scarcity_price must be finite"),
    ({"scarcity_price": -INF}, "scarcity_price is -inf: scarcity_price must be finite"),
    ({"quantities": [1, -1]}, "quantities[1] is -1: quantities must not be negative"),
    ({"quantities": [-1.0, -2.0]}, "quantities[0] is -1.0: quantities must not be negative"),
    ({"quantities": np.array([1, -0.1], np.float32)}, "quantities[1] is -0.10000000149011612:"
     " quantities must not be negative"),
    ({"demand": -5}, "demand is -5: demand must not be negative"),
    ({"demand": np.float64(-5.5)}, "demand is -5.5: demand must not be negative"),
    ({"demand": np.array(-5e-324)}, "demand is -5e-324: demand must not be negative"),
]  # fmt: skip

IN_A_BATCH = [
    ({"ties": "First"}, "ties is 'First': ties must be 'first' or 'pro_rata'"),
    ({"threads": 0}, "threads is 0: threads must be a positive int or None"),
    ({"threads": -1}, "threads is -1: threads must be a positive int or None"),
    ({"threads": True}, "threads is True: threads must be a positive int or None"),
    ({"threads": 1.0}, "threads is 1.0: threads must be a positive int or None"),
    ({"threads": "2"}, "threads is '2': threads must be a positive int or None"),
    ({"tolerance": 1.0}, f"tolerance is 1.0: {TOLERANCE}"),
    ({"tolerance": 1.0, "threads": 0}, f"tolerance is 1.0: {TOLERANCE}"),
    ({"tolerance": 1.0, "ties": ""}, "ties is '': ties must be 'first' or 'pro_rata'"),
    ({"bids": 1.0}, "bids has shape (): bids must be one- or two-dimensional"),
    ({"quantities": np.ones((1, 1, 2))}, "quantities has shape (1, 1, 2): quantities must be"
     " one- or two-dimensional"),
    ({"demand": 5.0}, "demand has shape (): demand must be one-dimensional"),
    ({"demand": np.ones((3, 1))}, "demand has shape (3, 1): demand must be one-dimensional"),
    ({"scarcity_price": [9, 9, 9]}, "scarcity_price has shape (3,): scarcity_price must be a"
     " scalar"),
    ({"bids": np.ones((3, 0))}, "bids has shape (3, 0): a market needs at least one unit"),
    ({"quantities": np.ones(0)}, "quantities has shape (0,): a market needs at least one unit"),
    ({"quantities": np.ones((3, 1))}, "quantities has shape (3, 1): bids has shape (2,), and both"
     " must have as many units"),
    ({"bids": np.ones((4, 2))}, "bids has shape (4, 2): demand has shape (3,), and both must have"
     " as many markets"),
    ({"bids": np.ones((1, 2))}, "bids has shape (1, 2): demand has shape (3,), and both must have"
     " as many markets"),
    ({"quantities": np.ones((2, 2))}, "quantities has shape (2, 2): demand has shape (3,), and"
     " both must have as many markets"),
    ({"bids": [[1, 2], [3, NAN], [INF, 4]]}, "bids[1, 1] is nan: bids must be finite"),
    ({"bids": [1, NAN]}, "bids[1] is nan: bids must be finite"),
    ({"quantities": [[1, 2], [3, 4], [INF, 4]]}, "quantities[2, 0] is inf: quantities must be"
     " finite"),
    ({"quantities": [[1, 2], [3, 4], [5, -6]]}, "quantities[2, 1] is -6: quantities must not be"
     " negative"),
    ({"demand": [1, 2, NAN]}, "demand[2] is nan: demand must be finite"),
    ({"demand": [1, -2, 3]}, "demand[1] is -2: demand must not be negative"),
    ({"scarcity_price": INF}, "scarcity_price is inf: scarcity_price must be finite"),
]  # fmt: skip


def dtype_error(name: str, dtype: str) -> pytest.RaisesExc[Exception]:
    message = f"{name} has dtype {dtype}: {name} must be float64, float32 or integer"
    return raises(TypeError, message)


@pytest.mark.parametrize(("bad", "message"), ONE_MARKET)
def test_one_market(backend: Backend, bad: dict[str, Any], message: str) -> None:
    with raises(ValueError, message):
        backend.clear(**{**GOOD, **bad})


@pytest.mark.parametrize(("bad", "message"), IN_A_BATCH)
def test_in_a_batch(backend: Backend, bad: dict[str, Any], message: str) -> None:
    with raises(ValueError, message):
        backend.clear_batch(**{**BATCH, **bad})


@pytest.mark.parametrize(("bad", "message"), ONE_MARKET)
def test_arrays_that_need_no_conversion(
    backend: Backend, bad: dict[str, Any], message: str
) -> None:
    """A quick path for float64 arrays must not be an unchecked one."""
    market: dict[str, Any] = {
        name: np.array(value, np.float64)
        for name, value in {**GOOD, **bad}.items()
        if name in GOOD
    }
    if market["demand"].ndim == 0:
        market["demand"] = float(market["demand"])
    options = {name: value for name, value in bad.items() if name not in GOOD}
    with pytest.raises(ValueError, match=re.escape(message.partition(" is ")[0][:20])):
        backend.clear(**market, **options)


@pytest.mark.parametrize("name", ["bids", "quantities"])
@pytest.mark.parametrize(("value", "dtype"), DTYPES)
def test_dtypes(backend: Backend, name: str, value: object, dtype: str) -> None:
    with dtype_error(name, dtype):
        backend.clear(**{**GOOD, name: value})
    with dtype_error(name, dtype):
        backend.clear_batch(**{**BATCH, name: value})


@pytest.mark.parametrize(("value", "dtype"), SCALAR_DTYPES)
def test_dtypes_of_scalars(backend: Backend, value: object, dtype: str) -> None:
    with dtype_error("demand", dtype):
        backend.clear(**{**GOOD, "demand": value})
    for function, arguments in (backend.clear, GOOD), (backend.clear_batch, BATCH):
        with dtype_error("scarcity_price", dtype):
            function(**arguments, scarcity_price=value)


def test_demand_of_none_is_an_object(backend: Backend) -> None:
    with dtype_error("demand", "object"):
        backend.clear(**{**GOOD, "demand": None})


@pytest.mark.parametrize("label", MASKED)
@pytest.mark.parametrize("name", [*GOOD, "scarcity_price"])
def test_masked_entries_are_refused(backend: Backend, name: str, label: str) -> None:
    for function, good in (backend.clear, GOOD), (backend.clear_batch, BATCH):
        wrong = MASKED[label](good.get(name, 9.0))
        with raises(TypeError, f"{name} has masked entries: {name} must not be masked"):
            function(**{**good, name: wrong})


def in_an_array(items: list[Any]) -> Any:
    mask = [item is np.ma.masked for item in items]
    return np.ma.array([0.0 if item is np.ma.masked else item for item in items], mask=mask)


WRAPPED: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "sequence": Items,
    "array": in_an_array,
    "asked": lambda items: Holder(in_an_array(items)),
}


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.sampled_from([*WRAPPED]), min_size=3, max_size=3),
    outer=st.sampled_from(["list", "tuple", "deque", "sequence"]),
    mask=st.sets(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=2),
)
def test_what_is_masked_is_found_wherever_it_is(
    backend: Backend, rows: list[str], outer: str, mask: set[tuple[int, int]]
) -> None:
    """As in arrays of three rows of two; the rest is read as NumPy reads it."""
    numbers = np.arange(6.0).reshape(3, 2)
    wrapped = [
        WRAPPED[kind](
            [np.ma.masked if (row, k) in mask else numbers[row, k].item() for k in range(2)]
        )
        for row, kind in enumerate(rows)
    ]
    batch = {**BATCH, "quantities": WRAPPED[outer](wrapped)}
    if mask:
        with raises(TypeError, "quantities has masked entries: quantities must not be masked"):
            backend.clear_batch(**batch)
        return
    expected = backend.clear_batch(**{**BATCH, "quantities": numbers})
    for got, right in zip(backend.clear_batch(**batch), expected, strict=True):
        assert got.tobytes() == right.tobytes()


@pytest.mark.parametrize("mask", [np.ma.nomask, False, True])
def test_results_do_not_go_into_masked_arrays(backend: Backend, mask: Any) -> None:
    """Also where nothing is masked: results would not be seen, or not be written, later."""
    for position, name in enumerate(["prices", "cleared"]):
        out: list[Any] = [np.full(3, 7.0), np.full((3, 2), 7.0)]
        out[position] = np.ma.array(out[position], mask=mask)
        message = f"out[{position}] is a masked array: {name} must not be masked"
        with raises(ValueError, message):
            backend.clear_batch(**BATCH, out=tuple(out))
        assert all((np.ma.getdata(array) == 7.0).all() for array in out)


def test_masked_arrays_without_masked_entries_are_arrays(backend: Backend) -> None:
    for mask in np.ma.nomask, [False, False]:
        market = {name: np.ma.array(GOOD[name], mask=mask) for name in ("bids", "quantities")}
        price, cleared = backend.clear(**market, demand=np.ma.array(5.0))
        assert (price, cleared.tolist()) == (2.0, [3.0, 2.0])
        assert type(cleared) is np.ndarray


# Everything is wrong at first; each step mends what the message complained about.
LADDER: list[tuple[dict[str, Any], str]] = [
    ({"ties": 1, "tolerance": 1, "threads": 0, "bids": masked([True]), "quantities": ["a"],
      "demand": None, "scarcity_price": 1j, "out": []}, "ties is 1"),
    ({"ties": "first"}, "tolerance is 1"),
    ({"tolerance": 0}, "threads is 0"),
    ({"threads": 1}, "bids has masked entries"),
    ({"bids": [True]}, "bids has dtype"),
    ({"bids": 1.0}, "quantities has dtype"),
    ({"quantities": 1.0}, "demand has dtype"),
    ({"demand": 1.0}, "scarcity_price has dtype"),
    ({"scarcity_price": [NAN]}, "bids has shape ()"),
    ({"bids": np.ones((2, 0))}, "quantities has shape ()"),
    ({"quantities": np.ones((4, 0))}, "demand has shape ()"),
    ({"demand": [-1.0, NAN, -1.0]}, "scarcity_price has shape (1,)"),
    ({"scarcity_price": NAN}, "bids has shape (2, 0)"),
    ({"bids": np.full((2, 3), INF)}, "quantities has shape (4, 0)"),
    ({"quantities": np.full((4, 2), -INF)}, "quantities has shape (4, 2): bids"),
    ({"quantities": np.full((4, 3), -INF)}, "bids has shape (2, 3): demand"),
    ({"bids": np.full((3, 3), INF)}, "quantities has shape (4, 3): demand"),
    ({"quantities": np.array([[-1, 1, NAN]] * 3)}, "bids[0, 0] is inf"),
    ({"bids": np.ones((3, 3))}, "quantities[0, 2] is nan"),
    ({"quantities": np.array([[1, 1, -1.0]] * 3)}, "demand[1] is nan"),
    ({"demand": [1.0, -1.0, -1.0]}, "scarcity_price is nan"),
    ({"scarcity_price": -1.0}, "quantities[0, 2] is -1.0"),
    ({"quantities": np.ones((3, 3))}, "demand[1] is -1.0"),
    ({"demand": np.ones(3)}, "out has type list"),
]  # fmt: skip


def test_the_first_fault_of_the_table_wins(backend: Backend) -> None:
    arguments: dict[str, Any] = {}
    for mended, message in LADDER:
        arguments |= mended
        with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
            backend.clear_batch(**arguments)
    backend.clear_batch(**{**arguments, "out": None})


@pytest.mark.parametrize("n", [1, 5, 64, 65, 1000])
def test_the_lowest_index_is_named(backend: Backend, n: int) -> None:
    for index in {0, n // 2, n - 1}:
        values = np.ones(n)
        values[index:] = -1.0
        message = f"quantities[{index}] is -1.0: quantities must not be negative"
        with raises(ValueError, message):
            backend.clear(np.ones(n), values, 1.0)
        values[index:] = np.nan
        with raises(ValueError, f"bids[{index}] is nan: bids must be finite"):
            backend.clear(values, np.ones(n), 1.0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int8])
def test_inputs_that_no_memory_could_hold(backend: Backend, dtype: Any) -> None:
    """A broadcast array of any size takes no memory of its own."""
    endless = np.broadcast_to(dtype(1), 10**12)
    with pytest.raises(MemoryError):
        backend.clear(endless, endless, 1.0)
    with pytest.raises(MemoryError):
        backend.clear_batch([1.0], [1.0], endless)
    with pytest.raises(MemoryError):
        backend.clear_batch([1.0], np.broadcast_to(dtype(1), (10**12, 1)), endless)
    with pytest.raises(MemoryError):
        backend.clear_batch(endless, endless, [1.0])


@pytest.mark.parametrize(
    "tolerance",
    [0, -0.0, np.float16(0), np.int8(0), np.uint64(0), -SPECK, np.float32(0)],
)
def test_tolerances_that_are_zero(backend: Backend, tolerance: Any) -> None:
    bids, quantities = [10.0] * 10 + [1000.0], [0.1] * 10 + [50.0]
    assert backend.clear(bids, quantities, 1.0, tolerance=tolerance)[0] == 1000.0


def test_arguments_that_are_missing_or_unknown(backend: Backend) -> None:
    for function in backend.clear, backend.clear_batch:
        with pytest.raises(TypeError):
            function([1.0], [1.0])
        with pytest.raises(TypeError):
            function([1.0], [1.0], 1.0, "first")
        with pytest.raises(TypeError):
            function([1.0], [1.0], 1.0, tie="first")
    with pytest.raises(TypeError):
        backend.clear(**GOOD, threads=1)


@pytest.mark.parametrize("name", ["clear", "_clear_portable", "_floor"])
def test_functions_of_rust_say_their_own_name(
    name: str, rust_wheel: dict[str, str] | None
) -> None:
    if rust_wheel is None:
        pytest.skip("Rust was left out")
    function = getattr(import_module("rust_market"), name)
    good = [1.0], [1.0], 1.0
    for arguments, options in (
        (good[:1], {}),
        ((*good, 1), {}),
        (good, {"a": 1}),
        (good, {"bids": 1}),
    ):
        with pytest.raises(TypeError, match=f"^{name}\\(\\) "):
            function(*arguments, **options)
    assert (function.__name__, function.__text_signature__[:6]) == (name, "(bids,")
