"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def unfinished(name: str) -> str:
    """Return under which name `write_whole` writes a file of this name until it is whole.

    It stays where the process is killed. Of a pattern of names, the pattern is returned.
    """
    return f".{name}.tmp"


def write_whole(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Have a file written under another name, and renamed once it is on the disk.

    Whoever looks finds what was there before or all that is new, also after the process or the
    machine has died. One process at a time may write a file.

    Parameters
    ----------
    path
        The file, in a folder that is there.
    write
        Writes the content to what it is given. What it raises is raised, and nothing is left.
    """
    other = path.with_name(unfinished(path.name))
    try:
        with other.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        other.replace(path)
    finally:
        other.unlink(missing_ok=True)
