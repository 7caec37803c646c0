"""The one place in Python that makes the sentences about bad input.

Checks and kernels find a fault and name it by a code, an argument and an index; the functions
here return the exception for it. `docs/semantics.md` lists the messages.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

ARGUMENTS = ("bids", "quantities", "demand", "scarcity_price")
"""Arguments in the order in which they are checked; a fault names one by its position."""

OUTPUTS = ("prices", "cleared")
"""What `out[0]` and `out[1]` receive."""

Shape = tuple[int, ...]


class Fault(IntEnum):
    """What can be wrong with a number."""

    NONE = 0
    NOT_FINITE = 1
    NEGATIVE = 2


_RULES = {Fault.NOT_FINITE: "must be finite", Fault.NEGATIVE: "must not be negative"}


def bad_value(fault: int, argument: int, index: int, given: tuple[Any, ...]) -> ValueError:
    """Return the error for one bad number.

    Parameters
    ----------
    fault
        A `Fault` other than `Fault.NONE`.
    argument
        Position in `ARGUMENTS`, and in `given`.
    index
        Position of the number within that argument, in C order.
    given
        The arguments as the caller gave them.
    """
    return bad_number(fault, ARGUMENTS[argument], np.asarray(given[argument]), index)


def bad_number(fault: int, name: str, array: NDArray[Any], index: int) -> ValueError:
    """Return the error for one bad number of an array; `index` is its position in C order."""
    where = tuple(int(axis) for axis in np.unravel_index(index, array.shape))
    place = f"{name}[{', '.join(map(str, where))}]" if where else name
    return ValueError(f"{place} is {array.item(where)!r}: {name} {_RULES[Fault(fault)]}")


def bad_option(name: str, value: object, rule: str) -> ValueError:
    """Return the error for an option; `rule` says what it must be."""
    return ValueError(f"{name} is {value!r}: {name} must be {rule}")


def bad_backend(name: str, value: object, known: Iterable[str]) -> ValueError:
    """Return the error for a backend that nobody knows; `name` says where it was given."""
    return bad_option(name, value, f"one of {', '.join(map(repr, known))}")


def bad_dtype(name: str, dtype: np.dtype[Any]) -> TypeError:
    """Return the error for an input that is neither float64, float32 nor integer."""
    return TypeError(f"{name} has dtype {dtype}: {name} must be float64, float32 or integer")


def masked(name: str) -> TypeError:
    """Return the error for masked entries: what is under a mask is no number to be used."""
    return TypeError(f"{name} has masked entries: {name} must not be masked")


def bad_dimension(name: str, shape: Shape, rule: str) -> ValueError:
    """Return the error for a wrong number of axes; `rule` says what the input must be."""
    return ValueError(f"{name} has shape {shape}: {name} must be {rule}")


def empty_market(name: str, shape: Shape) -> ValueError:
    """Return the error for a market without units."""
    return ValueError(f"{name} has shape {shape}: a market needs at least one unit")


def different_lengths(
    name: str, shape: Shape, other: str, other_shape: Shape, things: str
) -> ValueError:
    """Return the error for two inputs that describe different numbers of `things`."""
    return ValueError(
        f"{name} has shape {shape}: {other} has shape {other_shape}, "
        f"and both must have as many {things}"
    )


def bad_out(out: object) -> ValueError:
    """Return the error for an `out` that is not a pair of arrays."""
    kind = type(out).__name__
    return ValueError(
        f"out has type {kind}: out must be a tuple (prices, cleared) of two NumPy arrays"
    )


def bad_output(position: int, state: str, rule: str) -> ValueError:
    """Return the error for `out[position]`, which is in `state` and breaks `rule`."""
    return ValueError(f"out[{position}] {state}: {OUTPUTS[position]} must {rule}")


def overlapping_outputs() -> ValueError:
    """Return the error for `out[0]` and `out[1]` sharing memory."""
    return ValueError("out[0] overlaps out[1]: outputs must not overlap")


def overlapping_input(position: int, name: str) -> ValueError:
    """Return the error for `out[position]` sharing memory with an input."""
    return ValueError(f"out[{position}] overlaps {name}: outputs must not overlap inputs")
