"""The compiled files of an arm's modules."""

import filecmp
import importlib.machinery
from collections.abc import Mapping
from pathlib import Path

from pytest_duel.support import files

SUFFIXES = tuple(importlib.machinery.EXTENSION_SUFFIXES)


def compiled(modules: Mapping[str, str]) -> dict[str, Path]:
    """Return the compiled files of modules, by their names in the folders that hold these."""
    return {name: path for name, path in _files(modules).items() if name.endswith(SUFFIXES)}


def is_alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Tell whether the modules of two arms are the same, file by file."""
    mine, theirs = _sources(one), _sources(other)
    return mine.keys() == theirs.keys() and all(
        filecmp.cmp(path, theirs[name], shallow=False) for name, path in mine.items()
    )


def _sources(modules: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of modules but for bytecode, which comes and goes."""
    return {name: path for name, path in _files(modules).items() if path.suffix != ".pyc"}


def _files(modules: Mapping[str, str]) -> dict[str, Path]:
    """Return the files of modules, by their names in the folders that hold these."""
    found = {}
    for name, folder in modules.items():
        home = Path(folder)
        for path in (*home.glob(f"{name}.*"), *(home / name).rglob("*")):
            if path.is_file():
                found[path.relative_to(home).as_posix()] = path
    return found


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> set[str]:
    """Return the names of compiled files that are not the same for the modules of two arms."""
    known = [
        {name: files.digest([path]) for name, path in compiled(modules).items()}
        for modules in (one, other)
    ]
    names = {*known[0], *known[1]}
    return {name for name in names if known[0].get(name) != known[1].get(name)}


def module_of(name: str) -> str:
    """Return the module that a compiled file is: ``package/core.abi3.so`` is `package.core`."""
    *packages, file = name.split("/")
    return ".".join([*packages, file.partition(".")[0]])
