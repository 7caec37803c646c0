"""Files: written whole or not at all, and told apart by what they hold."""

import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def write(path: Path, content: str) -> None:
    """Write a UTF-8 file in one step; one that is there keeps its mode.

    What is no file, a pipe or a device such as ``/dev/stdout``, is written to as it is.
    """
    if path.exists() and not path.is_file():
        path.write_text(content, encoding="utf-8", newline="\n")
        return
    path = real(path)  # where it is a link, its target is written
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)  # of a process of the same number that was killed
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
        if path.exists():
            draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    finally:
        discard(draft)


def create(path: Path, content: str) -> None:
    """Write a UTF-8 file in one step, where there is none.

    Raises
    ------
    FileExistsError
        Where there is one, which stays as it is.
    """
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            raise
        except (OSError, NotImplementedError):  # a file system without links
            with path.open("x"):  # the name is this process's from here on
                draft.replace(path)
    finally:
        discard(draft)


def real(path: Path) -> Path:
    """Return where a path leads; `Path.resolve` fails at links in a circle before Python 3.13."""
    return Path(os.path.realpath(path))


def content(path: Path) -> bytes | None:
    """Return what a file holds; None where there is none."""
    return path.read_bytes() if path.is_file() else None


def discard(path: Path) -> None:
    """Remove a file, if it is there and can be removed."""
    with contextlib.suppress(OSError):
        path.unlink()


def digest(paths: Iterable[Path]) -> str:
    """Return a digest of what files hold, in this order."""
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()[:16]
