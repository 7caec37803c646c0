"""The reference's answers, kept from one check to the next by what was asked.

A check asks the reference, which is slow, the same as the check before. So a digest of each answer
is kept under a digest of the question. Files are told apart by what the reference is made of and
runs on; of each file some answers are asked for again, and it counts for nothing if one differs.
"""

import dataclasses
import hashlib
import json
import random
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pytest_duel.support import files

KEPT = 4
"""Files in a folder: what was last written."""
ASKED_AGAIN = 50
"""One of so many kept answers is asked for again."""
DIGEST_BYTES = 16
SHAPE = 2
"""Of what is kept; another number where digests are made in another way."""


class Answers:
    """Digests of answers by digests of questions.

    Parameters
    ----------
    file
        Keeps them; None keeps them for this process only. One that does not hold what it should
        counts as empty.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self._kept = _read(file) if file else {}
        self._new: dict[str, str] = {}
        self._rng = random.Random()  # noqa: S311  a sample, no secret

    def get(self, question: str | None) -> str | None:
        """Return the digest of an answer; None where the reference has to be asked."""
        if question is None:
            return None
        if question in self._new:
            return self._new[question]
        kept = self._kept.get(question)
        return None if kept is None or self._rng.randrange(ASKED_AGAIN) == 0 else kept

    def add(self, question: str | None, answer: str | None) -> None:
        """Keep an answer; where another was kept, none of those in the file counts any more."""
        if question is None or answer is None:
            return
        if self._kept.get(question, answer) != answer:
            self._kept = {}
        self._new[question] = answer

    def save(self) -> None:
        """Write what is new to the file, if that can be written."""
        if self.file is None or self._new.items() <= self._kept.items():
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            files.write(self.file, json.dumps(self._kept | self._new))
            known = sorted(self.file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)
        except OSError:
            return  # the next check asks again
        for old in known[:-KEPT]:
            files.discard(old)


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    well = isinstance(found, dict) and all(isinstance(one, str) for one in found.values())
    return found if well else {}


def key(parts: Mapping[str, object]) -> str:
    """Return the name of a file of answers, by what the reference is made of and runs on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def digest(*values: Any) -> str | None:
    """Return a digest of values to the last bit: of their types, dtypes, shapes and bytes.

    None where one is of a type that has more to it than is known here.
    """
    parts: list[bytes] = []
    try:
        _add(parts, values)
    except TypeError:
        return None
    return hashlib.blake2b(b"".join(parts), digest_size=DIGEST_BYTES).hexdigest()


def _add(parts: list[bytes], value: Any) -> None:
    """Add the bytes of a value. What has no fixed length comes behind its length."""
    own = type(value)
    if own is float:
        parts.append(b"f" + _DOUBLE.pack(value))
    elif own in _ARRAYS and not value.dtype.hasobject:
        parts.append(f"{own.__name__} {value.dtype.str} {value.shape} ".encode())
        parts.append(value.tobytes())
        if own is np.ma.MaskedArray:  # the bytes above have the fill value where it is masked
            _add(parts, np.ma.getdata(value))
            _add(parts, np.ma.getmaskarray(value))
    elif own is tuple or own is list:
        parts.append(f"{own.__name__} {len(value)} ".encode())
        for part in value:
            _add(parts, part)
    elif own in _PLAIN:
        said = repr(value).encode()
        parts.append(f"{own.__name__} {len(said)} ".encode() + said)
    elif isinstance(value, np.generic) and not value.dtype.hasobject:
        parts.append(f"scalar {value.dtype.str} ".encode() + value.tobytes())
    elif own is dict:
        parts.append(b"dict ")
        _add(parts, list(value.items()))
    elif _is_record(value):
        parts.append(f"record {own.__module__}.{own.__qualname__} ".encode())
        _add(parts, [getattr(value, name) for name in _fields(own)])
    else:
        raise TypeError(own)


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
