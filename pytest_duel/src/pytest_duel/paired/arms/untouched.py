"""Checking that installed files have not changed since: tests and builds run as code.

A test, a conftest.py or a build of one side could write into the other's files, or leave compiled
bytecode that belongs to no source. So files are looked at when they are ready, and again when
all is measured.
"""

import hashlib
import importlib.machinery
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.support.errors import DuelError

SHOWN = 3
_SUFFIXES = tuple(importlib.machinery.all_suffixes())
_BYTECODE = re.compile(r"[^.]+\.[\w-]+\d+(\.opt-\w+)?\.pyc")
"""Bytecode that an interpreter loads. That of pytest and numba has other names."""


class TouchedError(DuelError):
    """Installed files have changed; the message names them."""


@dataclass(frozen=True)
class Snapshot:
    """The files of a folder at one time."""

    folder: Path
    digests: Mapping[str, str]
    """Digests by path in the folder."""
    only_code: bool = False
    """Only sources that are there must stay: a test of the head's may write into its own tree."""

    def changes(self) -> list[str]:
        """Return the files that have changed or gone since, and the code that is new."""
        now = _digests(self.folder)
        return [
            name
            for name in sorted({*self.digests, *now})
            if self.digests.get(name) != now.get(name) and self._counts(name)
        ]

    def _counts(self, name: str) -> bool:
        *folders, file = name.split("/")
        if self.only_code:
            known = name in self.digests and "__pycache__" not in folders
            return known and file.endswith(_SUFFIXES)
        if "__pycache__" in folders:
            return _BYTECODE.fullmatch(file) is not None
        return name in self.digests or file.endswith(_SUFFIXES)


def snapshot(folder: Path, *, only_code: bool = False) -> Snapshot:
    """Take a snapshot of a folder."""
    return Snapshot(folder, _digests(folder), only_code)


def check(found: Sequence[Snapshot], names: Mapping[Path, str]) -> None:
    """Refuse folders that have changed. `names` has their names in messages.

    Raises
    ------
    TouchedError
        Where something was.
    """
    for one in found:
        changed = one.changes()
        if changed:
            more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
            raise TouchedError(
                f"{names.get(one.folder, str(one.folder))} was written to while both sides were "
                f"installed, collected or measured: {', '.join(changed[:SHOWN])}{more}; so what "
                "was measured is not what git has. Look at what this change does in tests, "
                "conftest.py and its build"
            )


def _digests(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): _digest(path) for path in _entries(folder)}


def _entries(folder: Path) -> Iterator[Path]:
    """Yield all that is no folder; links are not followed."""
    for home, folders, names in os.walk(folder):
        for name in names:
            yield Path(home, name)
        for name in folders:
            if Path(home, name).is_symlink():
                yield Path(home, name)


def _digest(path: Path) -> str:
    if path.is_symlink():
        return f"link {os.fsencode(path.readlink())!r}"
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
    except OSError as error:  # gone by now, or closed to this user
        return f"unreadable: {error.errno}"
