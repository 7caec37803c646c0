"""What a call gives, and where two outcomes differ.

Two are equal where they are the same exception with the same message, or values of the same types,
dtypes, shapes and bits, signs of zeros included.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pytest_duel.catalogue.exact import Exact
from pytest_duel.catalogue.model import Arguments, Call

Difference = tuple[str, str, str]
"""What differs, what it is, and what it should be."""


class Outcome(NamedTuple):
    """The outcome of a call: values, or an exception."""

    values: tuple[Any, ...] = ()
    raised: str | None = None

    def exactly(self) -> Exact:
        """Return what it is to the last bit."""
        return Exact(self.raised, self.values)


def outcome(call: Call, arguments: Arguments, options: Mapping[str, Any]) -> Outcome:
    """Make the call."""
    try:
        result = call(*arguments, **options)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # an outcome to compare; Rust's panics are no Exception
        return Outcome(raised=f"{type(error).__name__}: {error}")
    return Outcome(result if isinstance(result, tuple) else (result,))


def differ(outputs: Sequence[str], found: Outcome, expected: Outcome) -> Difference | None:
    """Return the first difference as (what, found, expected), or None where all bits agree."""
    if found.raised or expected.raised:
        if found.raised == expected.raised:
            return None
        return "the outcome", said(found), said(expected)
    if len(found.values) != len(expected.values):
        return "the number of outputs", str(len(found.values)), str(len(expected.values))
    for name, one, other in zip(outputs, found.values, expected.values, strict=True):
        difference = _differ_value(name, one, other)
        if difference:
            return difference
    return None


def _differ_value(name: str, found: Any, expected: Any) -> Difference | None:
    if type(found) is not type(expected):
        return f"the type of {name}", type(found).__name__, type(expected).__name__
    if not isinstance(expected, np.ndarray):
        return None if _bits(found) == _bits(expected) else (name, repr(found), repr(expected))
    for aspect in ("dtype", "shape"):
        one, other = getattr(found, aspect), getattr(expected, aspect)
        if one != other:
            return f"the {aspect} of {name}", str(one), str(other)
    if found.tobytes() == expected.tobytes():
        return None
    for index in np.ndindex(expected.shape):
        if found[index].tobytes() != expected[index].tobytes():
            place = ", ".join(map(str, index))
            return f"{name}[{place}]", repr(found[index].item()), repr(expected[index].item())
    raise AssertionError("arrays whose bytes differ differ somewhere")


def _bits(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.tobytes()
    return struct.pack("<d", value) if isinstance(value, float) else value


def said(result: Outcome) -> str:
    """Return an outcome as a person reads it."""
    return result.raised or f"returned {result.values!r}"
