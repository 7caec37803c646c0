"""Temporary folders. If a process is killed, the next one removes its folder.

Each folder holds a file that its process keeps locked. The system releases the lock when the
process ends, so a folder whose lock is free is left over.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "pytest-duel-"
MARK = ".pytest-duel-in-use"
AGE = 60.0
"""Seconds; a folder that is younger is left alone."""


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a new folder, which goes when the context ends; so do those of killed processes."""
    remove_abandoned(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    lock = FileLock(folder / MARK)
    try:
        with lock:
            yield folder
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    try:
        shutil.rmtree(folder, ignore_errors=True)
    finally:  # an interrupt may have come meanwhile
        shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(home: Path) -> None:
    """Remove the folders that killed processes of this user left, and nothing else."""
    for folder in home.glob(f"{PREFIX}*"):
        mark = folder / MARK
        if folder.is_symlink() or mark.is_symlink() or not mark.is_file() or not _is_old(mark):
            continue
        try:
            with FileLock(mark, timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except (Timeout, OSError):
            continue


def _is_old(mark: Path) -> bool:
    """Tell whether a mark is this user's, and not just being made and locked."""
    try:
        about = mark.stat()
    except OSError:
        return False
    is_own = not hasattr(os, "getuid") or about.st_uid == os.getuid()
    return is_own and time.time() - about.st_mtime > AGE
