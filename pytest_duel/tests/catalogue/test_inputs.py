"""What a call does to its arguments is seen, to the last bit, and undone."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from pytest_duel.catalogue.exact import Exact
from pytest_duel.catalogue.inputs import Inputs


@dataclass
class Record:
    """Holds an array."""

    one: Any


class Named(NamedTuple):
    """Holds an array, too."""

    one: Any


def flip_sign(array: Any) -> None:
    array[1] = -array[1]


@pytest.mark.parametrize(("argument", "change"), [
    (np.zeros(3), flip_sign),
    (np.zeros((2, 2))[:, 0], flip_sign),
    (np.array(1.0), lambda array: array.fill(2.0)),
    (np.ma.array(np.ones(3), mask=[True, False, False]), flip_sign),
    ([1.0, 2.0], flip_sign),
    ((np.zeros(3), 1.0), lambda pair: flip_sign(pair[0])),
    (Record(np.zeros(3)), lambda record: flip_sign(record.one)),
    (Named([0.0, 0.0]), lambda record: flip_sign(record.one)),
])  # fmt: skip
def test_a_changed_argument_is_seen_and_mended(
    argument: Any, change: Callable[[Any], None]
) -> None:
    arguments = 1.0, argument
    before = Exact(*arguments)
    inputs = Inputs(arguments)
    assert not inputs.differ_from(arguments)
    change(argument)
    assert inputs.differ_from(arguments)
    inputs.mend(arguments)
    assert not inputs.differ_from(arguments)
    assert Exact(*arguments) == before


@pytest.mark.parametrize(
    "other", [(np.zeros(3), 1.0), (np.zeros(3),), (np.zeros(3, "f4"), 2.0), ([0.0] * 3, 2.0)]
)
def test_arguments_that_were_made_otherwise_are_seen(other: tuple[Any, ...]) -> None:
    inputs = Inputs((np.zeros(3), 2.0))
    assert not inputs.differ_from((np.zeros(3), 2.0))
    assert inputs.differ_from(other)


def test_what_cannot_be_written_to_is_no_error() -> None:
    array = np.zeros(3)
    array.flags.writeable = False
    inputs = Inputs((array, np.ma.masked))
    inputs.mend((array, np.ma.masked))
    assert not inputs.differ_from((array, np.ma.masked))
