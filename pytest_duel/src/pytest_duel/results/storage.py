"""Saved runs by number, name, path or ``latest``, as pytest-benchmark's storage names them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from pytest_benchmark.logger import Logger
from pytest_benchmark.storage.file import FileStorage
from pytest_benchmark.utils import get_machine_id

from pytest_duel.results.runs import Run, RunError, load

DEFAULT = "file://./.benchmarks"
"""pytest-benchmark's own default for ``--benchmark-storage``."""
NUMBERED = "[0-9][0-9][0-9][0-9]_"
LATEST = re.compile(r"latest(?:~(?P<back>\d+))?")


@dataclass(frozen=True)
class Saved:
    """A run and the file that it came from."""

    path: Path
    run: Run


def resolve(names: str, storage: str = DEFAULT) -> list[Path]:
    """Return the files that a comma-separated list of names, numbers, paths and globs means.

    Raises
    ------
    RunError
        Where one means nothing, or a number means several runs.
    """
    parts = [part.strip() for part in names.split(",")]
    if not all(parts):
        raise RunError(f"{names!r} names no run in one of its parts")
    found = (path for part in parts for path in _one(part, storage))
    return list({path.resolve(): path for path in found}.values())


def _one(name: str, storage: str) -> list[Path]:
    """Return the runs that one part of a list means."""
    if Path(name).is_file():
        return [Path(name)]
    matched = [path for path in map(Path, sorted(glob(name))) if path.is_file()]  # noqa: PTH207
    if matched:
        return matched
    if Path(name).suffix in (".json", ".gz"):
        raise RunError(f"{name}: there is no such file")
    for machine in (f"{get_machine_id()}/", "*/", ""):
        found = _stored(name, machine, _open(storage))
        if found:
            return found
    raise RunError(f"no saved run in {folder(storage)} is called {name!r}{_offer(storage)}")


def _stored(name: str, machine: str, store: FileStorage) -> list[Path]:
    """Return what a number, ``latest`` or a name means among the runs of a machine.

    A name that several runs bear means all of them: several runs of one revision.
    """
    latest = LATEST.fullmatch(name)
    if latest:
        back = int(latest["back"] or 0)
        return _query(store, machine + NUMBERED)[::-1][back : back + 1]
    if name.isdecimal():
        found = _query(store, f"{machine}{int(name):04}_")
        if len(found) > 1:
            raise RunError(f"{name} means several runs: {', '.join(map(str, found))}")
        return found
    own = _query(store, machine + NUMBERED)
    same = [path for path in own if path.stem.partition("_")[2] == name]
    return same or (_query(store, name) if "/" in name else _query(store, machine + name))


def _query(store: FileStorage, name: str) -> list[Path]:
    try:
        return list(store.query(name))
    except ValueError:
        return []  # what the stock query takes for no glob names no run


def folder(storage: str) -> Path:
    """Return the folder that holds the runs.

    Raises
    ------
    RunError
        Where it is no folder, or runs are kept elsewhere.
    """
    path = Path(storage.removeprefix("file://"))
    if "://" in str(storage).removeprefix("file://"):
        raise RunError(f"{storage}: only runs in files can be compared")
    if not path.is_dir():  # the stock class would make it
        raise RunError(f"{path} holds no saved runs: there is no such folder (see --storage)")
    return path


def _open(storage: str) -> FileStorage:
    return FileStorage(folder(storage), Logger())


def _offer(storage: str) -> str:
    names = [path.stem for path in _query(_open(storage), "*/" + NUMBERED)]
    return f"; there are {', '.join(names[-8:])}" if names else ""


def read(paths: Sequence[Path]) -> tuple[Saved, ...]:
    """Load the runs of one side.

    Raises
    ------
    RunError
        Where a file is no run of this harness, or times nothing, or a time cannot be one.
    """
    return tuple(Saved(path, checked(load(path), path)) for path in paths)


def checked(run: Run, path: Path) -> Run:
    """Return a run that times something, and each case once.

    Raises
    ------
    RunError
        Where it does not.
    """
    for fault in _faults(run):
        raise RunError(f"{path}: {fault}")
    return run


def _faults(run: Run) -> Iterator[str]:
    if not run.results:
        yield "this run timed no case"
    seen = set()
    for result in run.results:
        if result.case in seen:
            yield f"{result.case.id} is there twice"
        seen.add(result.case)
