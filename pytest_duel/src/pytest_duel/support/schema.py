"""Reading saved JSON within limits, and checking it against a schema."""

import gzip
import json
import reprlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pytest_duel.support.errors import DuelError

LARGEST = 512 << 20
"""Bytes of JSON, before and after it is unpacked. A run of some hundred benchmarks with all of its
raw rounds has half of that."""
GZIP = b"\x1f\x8b"
"""What a file begins with that gzip has packed, whatever it is called."""
PACKED, SMALL = 100, 16 << 20
"""How many times its size a file may unpack to, beyond so many bytes: a run with all of its rounds
unpacks to some ten times its size."""
LONGEST_WHOLE = 1000
"""Digits of a whole number that is kept as it is; a longer one is infinite, as for other
readers of JSON."""
DEEPEST = 50
"""Lists and objects within each other: many times what a run has."""
LONGEST_TIME = 1e9
"""Seconds that nothing takes; squares and ratios of what is shorter can be computed with."""
SHORTEST_TIME = 1e-18


class SchemaError(DuelError):
    """A value is not as it must be; the message names its place and what is expected."""


@dataclass(frozen=True)
class Is:
    """The type of a value: a test for it, and its name in messages."""

    tell: Callable[[Any], bool]
    said: str


@dataclass(frozen=True)
class Each:
    """An object whose names are free."""

    shape: Any
    said: str = "an object"
    """What it must be, in messages."""


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# To Python a bool is an int.
def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no file can hold
        return False
    return True


def _is_time(value: Any) -> bool:
    return _is_number(value) and SHORTEST_TIME < value < LONGEST_TIME


ANY = Is(lambda _: True, "anything")
TEXT = Is(_is_text, "a text")
COUNT = Is(
    lambda value: _is_whole(value) and 0 < value < 2**63, "a whole number above 0, of 64 bits"
)
TALLY = Is(
    lambda value: _is_whole(value) and 0 <= value < 2**63, "a whole number, 0 or more, of 64 bits"
)
WHOLE = Is(_is_whole, "a whole number")
NUMBER = Is(lambda value: _is_number(value) and 0 <= value <= 1e300, "a number, 0 or more")
SECONDS = Is(_is_time, "a number of seconds that something may take")
SPREAD = Is(lambda value: value == 0 or _is_time(value), "0, or a number of seconds")
LIST = Is(lambda value: isinstance(value, list), "a list")
OBJECT: Mapping[str, Any] = {}
"""An object of which nothing is asked."""


def content(path: Path) -> bytes:
    """Return what a file holds, packed as it is.

    Raises
    ------
    SchemaError
        Where it cannot be read, or is larger than any that was saved.
    """
    try:
        with path.open("rb") as file:
            found = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise SchemaError(getattr(error, "strerror", None) or str(error)) from None
    return _limited(found)


def parse(packed: bytes) -> Any:
    """Return the value that JSON holds.

    Parameters
    ----------
    packed
        What a file holds; gzip may have packed it.

    Raises
    ------
    SchemaError
        Where it is damaged, or larger or deeper than any that was saved.
    """
    try:
        text = _unpacked(packed) if packed.startswith(GZIP) else packed
        value = json.loads(text, object_pairs_hook=_object, parse_int=_whole)
    except (OSError, EOFError, zlib.error) as error:
        raise SchemaError(getattr(error, "strerror", None) or str(error)) from None
    except ValueError as error:
        raise SchemaError(f"is no whole JSON file: {error}") from None
    except MemoryError:
        raise SchemaError("there is no memory to read it") from None
    except RecursionError:
        raise SchemaError("its JSON is nested too deeply to be read") from None
    _check_depth(value)
    return value


def _object(parts: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; of two values under one name nobody knows which was meant."""
    found = dict(parts)
    if len(found) < len(parts):
        name, _ = Counter(name for name, _ in parts).most_common(1)[0]
        raise SchemaError(f"an object in it has two values called {reprlib.repr(name)}")
    return found


def _whole(digits: str) -> int | float:
    """Return a whole number; Python refuses to read those of thousands of digits."""
    return int(digits) if len(digits) <= LONGEST_WHOLE else float(digits)


def _unpacked(packed: bytes) -> bytes:
    """Unpack no more than a saved run may have: a small file can be made to fill the memory."""
    most = min(LARGEST, max(SMALL, PACKED * len(packed)))
    with gzip.GzipFile(fileobj=BytesIO(packed)) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise SchemaError(
            f"it unpacks to more than {most >> 20} MiB, which no saved run of its size does"
        )
    return found


def _limited(found: bytes) -> bytes:
    if len(found) > LARGEST:
        raise SchemaError(f"it holds more than {LARGEST >> 20} MiB, which is too much to read")
    return found


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEEPEST):
        if not level:
            return
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if isinstance(inner, (dict, list))
        ]
    raise SchemaError("its JSON is nested too deeply to be read")


def check(value: Any, shape: Any, place: str = "") -> None:
    """Hold a value against what it must be.

    Parameters
    ----------
    value
        Parsed JSON.
    shape
        An `Is`; a list of one shape, for lists; an `Each`; or a dict of shapes by name, where a
        part whose name ends with a question mark may be missing or null.
    place
        What messages call it.

    Raises
    ------
    SchemaError
        Where it is something else.
    """
    if isinstance(shape, Is):
        if not shape.tell(value):
            raise _wrong(value, shape.said, place)
    elif isinstance(shape, list):
        if not isinstance(value, list):
            raise _wrong(value, "a list", place)
        for number, one in enumerate(value):
            check(one, shape[0], f"{place}[{number}]")
    elif not isinstance(value, dict):
        raise _wrong(value, shape.said if isinstance(shape, Each) else "an object", place)
    elif isinstance(shape, Each):
        for name, one in value.items():
            check(name, TEXT, place)
            check(one, shape.shape, f"{place}.{name}".removeprefix("."))
    else:
        _check_parts(value, shape, place)


def _check_parts(value: Mapping[str, Any], shape: Mapping[str, Any], place: str) -> None:
    for key, own in shape.items():
        name = key.removesuffix("?")
        at = place + name if place.endswith(" ") or not place else f"{place}.{name}"
        if value.get(name) is None and key.endswith("?"):
            continue
        if name not in value:
            raise SchemaError(f"{at} is missing")
        check(value[name], own, at)


def _wrong(value: Any, must: str, place: str) -> SchemaError:
    return SchemaError(f"{place} is {reprlib.repr(value)}: it must be {must}")


def load(
    path: Path, parts: Iterable[str], schema: int, what: str, shape: Mapping[str, Any] = OBJECT
) -> dict[str, Any]:
    """Read a JSON file that a command of ours has saved.

    Parameters
    ----------
    path
        Of the file.
    parts
        Names that it must have.
    schema
        That this version reads.
    what
        The file should hold, for messages.
    shape
        What its parts must be.

    Raises
    ------
    SchemaError
        Where it is missing, truncated, foreign, or of another schema.
    """
    try:
        data = parse(content(path))
    except SchemaError as error:
        raise SchemaError(f"{path} cannot be read: {error}") from None
    if not isinstance(data, dict) or not set(data) >= set(parts):
        raise SchemaError(f"{path} {what}")
    if data["schema"] != schema:
        said = reprlib.repr(data["schema"])
        raise SchemaError(f"{path} has schema {said}; this version reads {schema}")
    try:
        check(data, shape)
    except SchemaError as error:
        raise SchemaError(f"{path}: {error}") from None
    return data
