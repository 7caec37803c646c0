"""Digests of the files that backends are made of."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pytest_duel.catalogue.model import Backend


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
