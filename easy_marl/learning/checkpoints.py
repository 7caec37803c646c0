"""Files that a training goes on from: replaced as a whole, and checked when they are read."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easy_marl.files import unfinished, write_whole

MAGIC = b"easy_marl training 1 "
"""How such a file begins; the number is that of the format. A digest of all the rest follows."""
ABOUT = "about"
"""The name of what is no array."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a training is.

    Attributes
    ----------
    arguments : dict
        What it was begun with and cannot go on without; as JSON has it.
    rounds : list of dict
        What was found after each round so far; as JSON has it.
    arrays : dict of ndarray
        What was learnt, by name.
    """

    arguments: dict[str, Any]
    rounds: list[dict[str, Any]]
    arrays: dict[str, NDArray[Any]]


@contextmanager
def naming(path: Path, done: str) -> Iterator[None]:
    """Have what the system refuses meanwhile be a ValueError that names the checkpoint.

    Parameters
    ----------
    path
        The checkpoint.
    done
        What cannot be done then, as "written".
    """
    try:
        yield
    except OSError as fault:
        raise ValueError(f"checkpoint {path} cannot be {done}: {fault}") from fault


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Have nobody else write a file meanwhile; a lock beside it tells the others.

    Raises
    ------
    ValueError
        If another training has it, or nothing can be written beside it.
    ModuleNotFoundError
        Where filelock is missing.
    """
    filelock = import_module("filelock")
    with naming(path, "written"):
        try:
            lock = filelock.FileLock(path.with_name(f".{path.name}.lock")).acquire(timeout=0)
        except filelock.Timeout:
            raise ValueError(
                f"checkpoint {path} is in use: another training writes to it"
            ) from None
    with lock:
        with naming(path, "written"):
            _try_to_write(path)
        yield


def _try_to_write(path: Path) -> None:
    """Raise where `save` could not: a lock that is there already says nothing of the folder."""
    other = path.with_name(unfinished(path.name))
    other.write_bytes(b"")
    other.unlink()


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a file such that there is the old one or the new one, whenever the process ends.

    Raises
    ------
    ValueError
        If it cannot be written.
    """
    content = io.BytesIO()
    about = json.dumps({"arguments": checkpoint.arguments, "rounds": checkpoint.rounds})
    np.savez(content, allow_pickle=False, **{ABOUT: np.array(about)}, **checkpoint.arrays)
    body = content.getvalue()
    with naming(path, "written"):
        write_whole(path, lambda file: file.write(MAGIC + _digest(body) + b"\n" + body))


def load(path: Path) -> Checkpoint:
    """Read a file.

    Raises
    ------
    ValueError
        If it cannot be read, is none that `save` has written, or not as it was written.
    """
    with naming(path, "read"):
        content = path.read_bytes()
    if not content.startswith(MAGIC):
        raise ValueError(f"checkpoint {path} is no training that was saved by this version")
    digest, _, body = content[len(MAGIC) :].partition(b"\n")
    if digest != _digest(body):
        raise ValueError(f"checkpoint {path} is damaged: its content is not what was saved")
    with np.load(io.BytesIO(body), allow_pickle=False) as found:
        about = json.loads(str(found[ABOUT]))
        arrays = {name: found[name] for name in found.files if name != ABOUT}
    return Checkpoint(**about, arrays=arrays)


def check_arguments(path: Path, saved: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Raise unless a training was begun with the same arguments.

    Raises
    ------
    ValueError
        The message names the first argument that differs, its place, and both values.
    """
    for name in (*saved, *given):
        there, here = saved.get(name), given.get(name)
        if there == here:
            continue
        name, there, here = _place(name, there, here)
        raise ValueError(
            f"checkpoint {path} is of another training: its {name} is {there!r}, "
            f"and {here!r} was given"
        )


def _place(name: str, there: Any, here: Any) -> tuple[str, Any, Any]:
    """Return the first place within an argument where values differ."""
    if isinstance(there, dict) and isinstance(here, dict):
        for key in (*there, *here):
            if there.get(key) != here.get(key):
                return _place(f"{name}.{key}", there.get(key), here.get(key))
    if isinstance(there, list) and isinstance(here, list):
        if len(there) != len(here):
            return f"number of {name}", len(there), len(here)
        for index, (one, other) in enumerate(zip(there, here, strict=True)):
            if one != other:
                return _place(f"{name}[{index}]", one, other)
    return name, there, here


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode()
