"""What parsed JSON must look like, and where it does not."""

import json
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_duel.support.errors import DuelError


class SchemaError(DuelError):
    """A value is not as it must be; the message names its place and what is expected."""


@dataclass(frozen=True)
class Is:
    """What a value must be: how to tell, and how to say it."""

    tell: Callable[[Any], bool]
    said: str


@dataclass(frozen=True)
class Each:
    """An object whose names are free."""

    shape: Any


def _is_text(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which no file can hold
        return False
    return True


TEXT = Is(_is_text, "a text")


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
        raise _wrong(value, "an object", place)
    elif isinstance(shape, Each):
        for name, one in value.items():
            check(name, TEXT, place)
            check(one, shape.shape, f"{place}.{name}")
    else:
        _check_parts(value, shape, place)


def _check_parts(value: Mapping[str, Any], shape: Mapping[str, Any], place: str) -> None:
    for key, own in shape.items():
        name = key.removesuffix("?")
        at = f"{place}.{name}".removeprefix(".")
        if value.get(name) is None and key.endswith("?"):
            continue
        if name not in value:
            raise SchemaError(f"{at} is missing")
        check(value[name], own, at)


def _wrong(value: Any, must: str, place: str) -> SchemaError:
    return SchemaError(f"{place} is {reprlib.repr(value)}: it must be {must}")


def load(path: Path, parts: set[str], schema: int, what: str) -> dict[str, Any]:
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

    Raises
    ------
    SchemaError
        Where it is missing, truncated, foreign, or of another schema.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SchemaError(f"{path} cannot be read: {error}") from None
    if not isinstance(data, dict) or not set(data) >= parts:
        raise SchemaError(f"{path} {what}")
    if data["schema"] != schema:
        raise SchemaError(f"{path} has schema {data['schema']}; this version reads {schema}")
    return data
