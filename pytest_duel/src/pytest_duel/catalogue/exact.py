"""What a value is to the last bit: tells whether two are the same, and gives a digest to keep."""

import dataclasses
import hashlib
import struct
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

    def __init__(self, *values: Any) -> None:
        self.parts: list[bytes] = []
        self.is_whole = True
        """Nothing has more to it than is known here, such as an object of a foreign class."""
        self._add(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Exact) and self.parts == other.parts

    __hash__ = None  # type: ignore[assignment]  # it may hold megabytes

    def digest(self) -> str | None:
        """Return a digest; None where the values have more to them than is known here."""
        if not self.is_whole:
            return None
        found = hashlib.sha256()  # which many processors have instructions for
        for part in self.parts:
            found.update(part)
        return found.hexdigest()[:DIGEST_CHARACTERS]

    def _add(self, value: Any) -> None:
        """Add a value. What has no fixed length comes behind its length."""
        own = type(value)
        add = self.parts.append
        if own is float:
            add(b"f" + _DOUBLE.pack(value))
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            self.is_whole &= own in _ARRAYS
            add(f"{own.__name__} {value.dtype.str} {value.shape} ".encode())
            if isinstance(value, np.ma.MaskedArray):  # whose own bytes have the fill value
                self._add(np.ma.getdata(value))
                self._add(np.ma.getmaskarray(value))
            else:
                add(np.asarray(value).tobytes())
        elif own is tuple or own is list:
            add(f"{own.__name__} {len(value)} ".encode())
            for part in value:
                self._add(part)
        elif own in _PLAIN:
            self._say(own.__name__, repr(value))
        elif isinstance(value, np.generic) and not value.dtype.hasobject:
            add(f"scalar {value.dtype.str} ".encode() + value.tobytes())
        elif own is dict:
            add(b"dict ")
            self._add(list(value.items()))
        elif _is_record(value):
            add(f"record {own.__module__}.{own.__qualname__} ".encode())
            self._add([getattr(value, name) for name in _fields(own)])
        else:
            self.is_whole = False
            self._say(f"{own.__module__}.{own.__qualname__}", repr(value))

    def _say(self, name: str, said: str) -> None:
        text = said.encode(errors="surrogatepass")
        self.parts.append(f"{name} {len(text)} ".encode() + text)


def _is_record(value: Any) -> bool:
    """Tell whether a value is a dataclass or named tuple that holds its fields and no more."""
    own = type(value)
    if not (dataclasses.is_dataclass(own) or (own.__base__ is tuple and hasattr(own, "_fields"))):
        return False
    return set(getattr(value, "__dict__", ())) <= set(_fields(own))


def _fields(own: Any) -> list[str]:
    if dataclasses.is_dataclass(own):
        return [one.name for one in dataclasses.fields(own)]
    return list(own._fields)


_DOUBLE = struct.Struct("<d")
_ARRAYS = frozenset({np.ndarray, np.ma.MaskedArray})
_PLAIN = frozenset({bool, int, str, bytes, type(None)})
