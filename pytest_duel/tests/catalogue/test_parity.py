"""What counts as the same answer: types, shapes and bits."""

import math
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_duel.catalogue import parity
from pytest_duel.catalogue.model import (
    Backend,
    Case,
    Catalogue,
    Example,
    Kernel,
    Role,
    Scenario,
    Sweep,
)
from pytest_duel.catalogue.outcomes import Outcome, differ, outcome
from pytest_duel.catalogue.parity import Tally
from pytest_duel.catalogue.questions import AT_ONCE

OUTPUTS = ("price", "cleared")


def double(bits: int) -> float:
    value: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return value


def returned(price: Any, cleared: Any) -> Outcome:
    return Outcome((price, cleared))


def difference(found: Any, expected: Any) -> tuple[str, str, str] | None:
    """Hold two arrays, or two prices, against each other."""
    if isinstance(expected, np.ndarray):
        return differ(OUTPUTS, returned(1.0, found), returned(1.0, expected))
    return differ(OUTPUTS, returned(found, np.ones(1)), returned(expected, np.ones(1)))


@given(st.integers(0, 2**64 - 1), st.integers(0, 63))
def test_every_single_bit_counts(bits: int, flipped: int) -> None:
    one, other = double(bits), double(bits ^ (1 << flipped))
    assert difference(one, one) is None
    assert difference(one, other) is not None
    array = np.array([0.0, one, 0.0])
    changed = np.array([bits ^ (1 << flipped)], np.uint64).view(np.float64)
    wrong = array.copy()
    wrong[1:2] = changed
    assert difference(array, array.copy()) is None
    found = difference(wrong, array)
    assert found is not None
    assert found[0] == "cleared[1]"


def test_difference_names_the_first_unit_and_both_values() -> None:
    expected = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = expected.copy()
    found[1] = [np.nextafter(3.0, 4.0), 9.0]
    assert difference(found, expected) == ("cleared[1, 0]", "3.0000000000000004", "3.0")
    assert difference(np.array([0.0, -0.0]), np.zeros(2)) == ("cleared[1]", "-0.0", "0.0")
    assert difference(-0.0, 0.0) == ("price", "-0.0", "0.0")


def test_nan_payloads_differ() -> None:
    quiet, other = double(0x7FF8_0000_0000_0000), double(0x7FF8_0000_0000_0001)
    assert difference(quiet, quiet) is None
    assert difference(quiet, other) == ("price", "nan", "nan")


@pytest.mark.parametrize(
    ("found", "expected", "what"),
    [
        (np.float64(1.0), 1.0, ("the type of price", "float64", "float")),
        (1, 1.0, ("the type of price", "int", "float")),
        (True, 1, ("the type of price", "bool", "int")),
        (None, 1.0, ("the type of price", "NoneType", "float")),
        ([1.0], np.ones(1), ("the type of cleared", "list", "ndarray")),
        (np.ma.ones(1), np.ones(1), ("the type of cleared", "MaskedArray", "ndarray")),
        (np.ones(2, "f4"), np.ones(2), ("the dtype of cleared", "float32", "float64")),
        (np.ones(2, ">f8"), np.ones(2), ("the dtype of cleared", ">f8", "float64")),
        (np.ones(2, "i8"), np.ones(2), ("the dtype of cleared", "int64", "float64")),
        (np.ones((2, 1)), np.ones(2), ("the shape of cleared", "(2, 1)", "(2,)")),
        (np.ones(0), np.ones(2), ("the shape of cleared", "(0,)", "(2,)")),
        (np.ones(()), np.ones(1), ("the shape of cleared", "()", "(1,)")),
    ],
)
def test_type_dtype_and_shape_count(found: Any, expected: Any, what: tuple[str, ...]) -> None:
    assert difference(found, expected) == what


def test_memory_layout_does_not_count() -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert difference(np.asfortranarray(array), array) is None
    assert difference(np.repeat(array, 2, axis=1)[:, ::2], array) is None


def test_number_of_outputs_counts() -> None:
    one, two = Outcome((1.0,)), Outcome((1.0, 2.0))
    assert differ(OUTPUTS, one, two) == ("the number of outputs", "1", "2")
    assert differ((), Outcome(()), Outcome(())) is None


def raising(error: BaseException) -> Outcome:
    def call() -> None:
        raise error

    return outcome(call, (), {})


class Panic(BaseException):
    """As PyO3's is."""


@pytest.mark.parametrize(
    "other",
    [
        TypeError("demand is nan"),
        ValueError("demand is NaN"),
        ValueError("demand is nan "),
        ValueError(),
        Panic("demand is nan"),
    ],
)
def test_exception_type_and_message_count(other: BaseException) -> None:
    expected = raising(ValueError("demand is nan"))
    assert differ(OUTPUTS, raising(ValueError("demand is nan")), expected) is None
    found = differ(OUTPUTS, raising(other), expected)
    assert found is not None
    assert found[0] == "the outcome"
    assert found[2] == "ValueError: demand is nan"
    assert differ(OUTPUTS, returned(1.0, np.ones(1)), expected) is not None
    assert differ(OUTPUTS, expected, returned(1.0, np.ones(1))) is not None


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_is_no_outcome(stop: type[BaseException]) -> None:
    with pytest.raises(stop):
        raising(stop())


# The check as a whole, on a catalogue of one kernel that sums.


def total(values: Any, *, scale: float = 1.0) -> tuple[float]:
    return (float(np.sum(values)) * scale,)


def checked(
    calls: dict[str, Any], backends: tuple[Backend, ...] = (), pool: Any = None
) -> parity.Report:
    own = backends or tuple(Backend(name, dict) for name in calls)
    names = tuple(one.name for one in own)
    catalogue = Catalogue(
        reference="reference",
        kernels={"total": Kernel("total", ("sum",), adversarial=examples)},
        backends={one.name: one for one in own},
        scenarios={"some": Scenario("some", lambda *_: [], seed=3)},
        sweeps=(Sweep("total", "some", names, {"default": (2,)}),)
        if not any(one.domain for one in own) else (),
    )  # fmt: skip
    cases = [
        Case("total", name, "some", 2) for name in names if not catalogue.backends[name].domain
    ]
    given = pool or [(np.array([1.0, 2.0]),), (np.array([3.0, 4.0]),)]
    return parity.check(
        catalogue, cases, {("total", name): call for name, call in calls.items()}, lambda _: given
    )


def examples() -> list[Example]:
    return [Example("a list", lambda: (([5.0, 6.0],), {"scale": 2.0}))]


def test_a_backend_that_changes_its_input_harms_no_other() -> None:
    def vandal(values: Any, *, scale: float = 1.0) -> tuple[float]:
        result = total(values, scale=scale)
        values[0] = 99.0
        return result

    pool = [(np.array([1.0, 2.0]),), (np.array([3.0, 4.0]),)]
    # A case's name decides its turn, so the vandal comes first.
    report = checked({"reference": total, "a-vandal": vandal, "good": total}, pool=pool)
    assert list(report.failures) == [("total", "a-vandal")]
    failure = report.failures["total", "a-vandal"]
    assert failure.where == "scenario some, seed 3, n = 2, pool[0]"
    assert (failure.what, failure.value) == ("its input", "changed")
    assert report.checked["total", "good"] == 3
    assert [values.tolist() for (values,) in pool] == [[1.0, 2.0], [3.0, 4.0]]


def test_a_wrong_answer_that_also_spoils_the_input_harms_no_other() -> None:
    def vandal(values: Any, *, scale: float = 1.0) -> tuple[float]:
        values[:] = [0.0, 0.0]
        return total(values, scale=scale)

    report = checked({"reference": total, "a-vandal": vandal, "good": total})
    assert list(report.failures) == [("total", "a-vandal")]
    assert report.failures["total", "a-vandal"].what == "sum"


MANY = 2 * AT_ONCE + 5


@pytest.mark.parametrize("place", [0, 1, AT_ONCE - 1, AT_ONCE, MANY - 1])
@pytest.mark.parametrize("way", ["wrong", "spoils"])
def test_the_one_call_of_many_that_is_wrong_is_named(place: int, way: str) -> None:
    def backend(values: Any, *, scale: float = 1.0) -> tuple[float]:
        (result,) = total(values, scale=scale)
        if values[0] == place and way == "spoils":
            values[1] = -values[1]  # only the sign of a zero
        is_wrong = values[0] == place and way == "wrong"
        return (math.nextafter(result, 2e9) if is_wrong else result,)

    pool = [(np.array([float(number), 0.0]),) for number in range(MANY)]
    report = checked({"reference": total, "a-backend": backend, "good": total}, pool=pool)
    assert list(report.failures) == [("total", "a-backend")]
    failure = report.failures["total", "a-backend"]
    assert failure.where == f"scenario some, seed 3, n = 2, pool[{place}]"
    assert failure.what == ("its input" if way == "spoils" else "sum")
    assert report.checked["total", "a-backend"] == place + 1
    assert report.checked["total", "good"] == MANY + 1
    assert not any(np.signbit(values[1]) for (values,) in pool)


def test_a_wrong_answer_whose_memory_is_used_again_is_told_as_it_was() -> None:
    buffer = np.zeros(1)

    def backend(values: Any, *, scale: float = 1.0) -> Any:
        buffer[0] = np.sum(values) * scale + (values[0] == 3.0)
        return buffer

    def reference(values: Any, *, scale: float = 1.0) -> Any:
        return np.array([np.sum(values) * scale])

    pool = [(np.array([float(number)]),) for number in range(9)]
    report = checked({"reference": reference, "backend": backend}, pool=pool)
    failure = report.failures["total", "backend"]
    assert failure.where.endswith("pool[3]")
    assert (failure.value, failure.expected) == ("4.0", "3.0")


def test_a_backend_that_is_wrong_now_and_then_is_caught() -> None:
    turns = iter([1.0] + [0.0] * 99)
    buffer = np.zeros(1)

    def backend(values: Any, *, scale: float = 1.0) -> Any:
        buffer[0] = np.sum(values) * scale + next(turns)
        return buffer

    def reference(values: Any, *, scale: float = 1.0) -> Any:
        return np.array([np.sum(values) * scale])

    report = checked({"reference": reference, "backend": backend})
    failure = report.failures["total", "backend"]
    assert failure.where.endswith("pool[0]")
    assert failure.value == "another one when it was asked before"


def test_examples_that_change_each_others_arrays_are_refused() -> None:
    def one_array() -> Iterator[Example]:
        values = np.zeros(1)
        for number in range(3):
            values[0] = number
            yield Example(f"number {number}", lambda: ((values,), {}))

    catalogue = Catalogue(
        reference="reference",
        kernels={"total": Kernel("total", ("sum",), adversarial=one_array)},
        backends={name: Backend(name, dict) for name in ("reference", "good")},
        scenarios={"some": Scenario("some", lambda *_: [], seed=3)},
        sweeps=(),
    )
    calls = {("total", name): total for name in catalogue.backends}
    with pytest.raises(ValueError, match="number 0: its arguments are others when they are made"):
        parity.check(catalogue, [Case("total", "good", "some", 1)], calls, lambda _: [])


def test_options_of_an_example_reach_the_backends() -> None:
    report = checked({"reference": total, "deaf": lambda values, scale=1.0: total(values)})
    failure = report.failures["total", "deaf"]
    assert (failure.where, failure.value, failure.expected) == ("a list", "11.0", "22.0")


def test_floor_is_never_held_against_the_reference() -> None:
    backends = (Backend("reference", dict), Backend("floor", dict, Role.FLOOR))
    report = checked({"reference": total, "floor": lambda *_, **__: (0.0,)}, backends)
    assert report.failures == {}
    assert report.checked == {}


def test_tally_counts_calls_and_finds_the_largest_difference() -> None:
    pool = [(np.array([value]),) for value in (1.0, 2.0, 3.0)] * 2
    calls = {"wrong": lambda values: (max(2.0, values[0]) + 0.0,), "right": total}
    found = parity.tally(total, calls, pool)
    assert found == {"wrong": Tally(3, 1, 1.0), "right": Tally(3, 0, 0.0)}
    assert parity.tally(total, {"right": total}, [pool[0]] * 5) == {"right": Tally(1, 0, 0.0)}
    assert parity.tally(total, {}, pool) == {}
