"""Files that are there whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".*.tmp"
"""The pattern of what `write_whole` was writing when its process was killed."""


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
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        with unfinished.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
