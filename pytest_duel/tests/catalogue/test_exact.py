"""What a value is to the last bit: what differs is never taken for the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from pytest_duel.catalogue.exact import Exact
from pytest_duel.catalogue.outcomes import Outcome, differ


def digested(value: object) -> str | None:
    return Exact(value).digest()


VALUES = st.one_of(
    st.floats(),
    st.integers(),
    st.text(),
    st.booleans(),
    st.none(),
    arrays(st.sampled_from(["f8", "f4", "i8", ">f8"]), array_shapes(max_side=3, max_dims=2)),
    st.floats(width=32).map(np.float32),
)


@given(VALUES, VALUES)
def test_digests_are_equal_where_nothing_differs(one: Any, other: Any) -> None:
    for found, expected in (one, other), (one, one):
        same = differ(("value",), Outcome((found,)), Outcome((expected,))) is None
        assert (digested(found) == digested(expected)) == same


@pytest.mark.parametrize(("one", "other"), [
    (("a", "b"), ("ab",)),
    ((b"a", b"b"), (b"ab", b"")),
    ((1, 2), (12,)),
    (((1,), 2), ((1, 2),)),
    ([1.0], (1.0,)),
    (0.0, -0.0),
    (np.zeros((2, 1)), np.zeros(2)),
    (np.ma.masked_equal([1.0, 2.0], 2.0), np.ma.masked_equal([1.0, 2.0], 1.0)),
    ({"a": 1}, {"a": 2}),
    (None, "None"),
])  # fmt: skip
def test_what_differs_has_another_digested(one: Any, other: Any) -> None:
    assert digested(one) not in (None, digested(other))


class Text(str):
    """Has more to it than its letters."""

    __slots__ = ("more",)


@dataclass
class Record:
    """Holds an array."""

    one: Any
    other: Any = 0


class Named(NamedTuple):
    """Holds an array, too."""

    one: Any
    other: Any = 0


@pytest.mark.parametrize("record", [Record, Named])
def test_records_are_known_by_their_fields(record: Callable[[Any], Any]) -> None:
    found = digested(record(np.zeros(2)))
    assert found == digested(record(np.zeros(2)))
    assert found not in (None, digested(record(-np.zeros(2))), digested([np.zeros(2), 0]))


def test_a_record_with_more_than_its_fields_is_not_known_whole() -> None:
    record = Record(np.zeros(2))
    record.more = 1  # type: ignore[attr-defined]
    assert digested(record) is None


@pytest.mark.parametrize("value", [
    object(), Record, Record(object()), Text("a"), np.array([object()]), np.ma.masked, {1, 2},
    memoryview(b"a"), [1.0, [object()]],
])  # fmt: skip
def test_what_is_not_known_whole_has_none(value: object) -> None:
    assert digested(value) is None


def test_a_masked_argument_can_be_told_from_another() -> None:
    one, other = (np.ma.array([1.0, 2.0], mask=[False, hidden]) for hidden in (False, True))
    assert Exact(one) != Exact(other)
    assert Exact((np.ma.masked,)) == Exact((np.ma.masked,))


@pytest.mark.parametrize(
    "value", [object(), np.array([object()]), np.zeros(2).view(np.matrix), "\ud800"]
)
def test_what_is_not_known_whole_can_still_be_told_from_another(value: object) -> None:
    assert Exact(value) == Exact(value)
    assert Exact(value) != Exact(np.ones(2))


def test_what_was_seen_stays_when_the_value_changes() -> None:
    value = np.zeros(2)
    seen = Exact(value)
    value[0] = 1.0
    assert seen != Exact(value)
    assert seen == Exact(np.zeros(2))
