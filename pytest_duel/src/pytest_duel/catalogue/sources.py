"""Which backends a change can touch: those whose files differ between two source trees."""

import filecmp
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from pytest_duel.catalogue.model import Backend

NOT_RUN = (".pyi", ".md", "py.typed")
"""Ends of the names of files that come with the code and are never run."""


def differing(one: Path, other: Path) -> list[str]:
    """Return the files that differ between two folders, or are in one only, as POSIX paths.

    Files that are not run do not count.
    """
    names = sorted({*_files(one), *_files(other)})
    return [
        name
        for name in names
        if not ((one / name).is_file() and (other / name).is_file())
        or not filecmp.cmp(one / name, other / name, shallow=False)
    ]


def _files(folder: Path) -> Iterable[str]:
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        written = "__pycache__" in parts or parts[0].endswith(".dist-info")
        if path.is_file() and not written and not path.name.endswith(NOT_RUN):
            yield "/".join(parts)


def touched(files: Iterable[str], backends: Sequence[Backend]) -> set[str]:
    """Return the names of the backends whose code may differ where `files` do.

    A file that no backend claims is one that any of them may use.
    """
    found: set[str] = set()
    for name in files:
        owners = {one.name for one in backends if _owns(one, name)}
        found |= owners or {one.name for one in backends}
    return found


def digests(root: Path, backends: Iterable[Backend]) -> dict[str, str]:
    """Return a digest of each backend that is made of nothing but files under `root`."""
    return {
        one.name: digest({Path(name).name: root / name for name in one.sources})
        for one in backends
        if one.sources and all((root / name).is_file() for name in one.sources)
    }


def digest(files: Mapping[str, Path]) -> str:
    """Return a digest of the contents of files and of the names that they go by, in this order."""
    found = hashlib.sha256()
    for name, path in files.items():
        found.update(name.encode() + b"\0")
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _owns(backend: Backend, name: str) -> bool:
    return any(
        name.startswith(source) if source.endswith("/") else name == source
        for source in backend.sources
    )
