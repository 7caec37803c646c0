"""What a value is to the last bit: tells whether two are the same, and gives a digest to keep."""

import dataclasses
import hashlib
import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

DIGEST_CHARACTERS = 32


class Exact:
    """Types, dtypes, shapes and bytes of values, as they are now.

    Parameters
    ----------
    values
        Anything; of an array a copy is made.
    """

    __slots__ = ("is_whole", "parts")
    __hash__ = None  # type: ignore[assignment]  # it may hold megabytes

    def __init__(self, *values: Any) -> None:
        self.parts: list[bytes] = []
        self.is_whole = True
        """Nothing has more to it than is known here, such as an object of a foreign class."""
        self._add(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Exact) and self.parts == other.parts

    @property
    def size(self) -> int:
        """Return how many bytes are kept."""
        return sum(map(len, self.parts))

    def digest(self) -> str | None:
        """Return a digest; None where the values have more to them than is known here."""
        return joint_digest([self])

    def _add(self, values: Iterable[Any]) -> None:
        """Add values. What has no fixed length comes behind its length.

        What calls mostly take and return comes first: a check looks at hundreds of thousands.
        """
        parts = self.parts
        for value in values:
            own = type(value)
            if own is float:
                parts.append(b"f" + _packed(value))
            elif own is _ARRAY and not value.dtype.hasobject:
                parts += (_array_header("ndarray", value.dtype, value.shape), value.tobytes())
            elif value is None:
                parts.append(b"None ")
            elif own is tuple or own is list:
                parts.append(_length(own.__name__, len(value)))
                self._add(value)
            elif own in _PLAIN:
                self._say(own.__name__, repr(value))
            elif own is dict:
                parts.append(b"dict ")
                self._add([list(value.items())])
            else:
                self._add_other(value)

    def _add_other(self, value: Any) -> None:
        own = type(value)
        add = self.parts.append
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            self.is_whole &= own is np.ma.MaskedArray
            add(_array_header(own.__name__, value.dtype, value.shape))
            if isinstance(value, np.ma.MaskedArray):  # whose own bytes have the fill value
                self._add([np.ma.getdata(value), np.ma.getmaskarray(value)])
            else:
                add(np.asarray(value).tobytes())
        elif isinstance(value, np.generic) and not value.dtype.hasobject:
            add(f"scalar {value.dtype.str} ".encode() + value.tobytes())
        elif is_record(value):
            add(f"record {own.__module__}.{own.__qualname__} ".encode())
            self._add([[getattr(value, name) for name in fields(own)]])
        else:
            self.is_whole = False
            self._say(f"{own.__module__}.{own.__qualname__}", repr(value))

    def _say(self, name: str, said: str) -> None:
        text = said.encode(errors="surrogatepass")
        self.parts.append(f"{name} {len(text)} ".encode() + text)


def joint_digest(values: Iterable[Exact]) -> str | None:
    """Return a digest of several; None where any has more to it than is known."""
    parts: list[bytes] = []
    for value in values:
        if not value.is_whole:
            return None
        parts += value.parts
    joined = hashlib.sha256(b"".join(parts))  # which many processors have instructions for
    return joined.hexdigest()[:DIGEST_CHARACTERS]


@lru_cache(maxsize=4096)
def _array_header(name: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    return f"{name} {dtype.str} {shape} ".encode()


@lru_cache(maxsize=4096)
def _length(name: str, length: int) -> bytes:
    return f"{name} {length} ".encode()


def is_record(value: Any) -> bool:
    """Tell whether a value is a dataclass or named tuple that holds its fields and no more."""
    own = type(value)
    if not (dataclasses.is_dataclass(own) or (own.__base__ is tuple and hasattr(own, "_fields"))):
        return False
    return set(getattr(value, "__dict__", ())) <= set(fields(own))


def fields(own: Any) -> list[str]:
    """Return the names of a record's fields."""
    if dataclasses.is_dataclass(own):
        return [one.name for one in dataclasses.fields(own)]
    return list(own._fields)


_ARRAY = np.ndarray
_packed = struct.Struct("<d").pack
_PLAIN = frozenset({bool, int, str, bytes})
