"""Saved runs by number, name, path or ``latest``, as pytest-benchmark's storage names them."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cached_property
from glob import glob
from pathlib import Path

from pytest_benchmark.utils import get_machine_id

from pytest_duel.results.runs import RunError
from pytest_duel.support import files

DEFAULT = "file://./.benchmarks"
"""pytest-benchmark's own default for ``--benchmark-storage``."""
_NUMBERED = re.compile(r"(?P<number>[0-9]{4,18})_(?P<title>.*)\.json(?:\.gz)?", re.DOTALL)
ENDINGS = (".json", ".json.gz")
"""Of the files in a folder, those that may be runs."""
LATEST = re.compile(r"latest(?:~(?P<back>\d+))?")


@dataclass(frozen=True)
class Files:
    """What the arguments of a command mean."""

    named: tuple[Path, ...] = ()
    inside: tuple[Path, ...] = ()
    """All in the folders that were named, where a file of something else is no fault."""

    @cached_property
    def all(self) -> tuple[Path, ...]:
        """Return both, each file once; one that is named is called as it was."""
        found: dict[Path, Path] = {}
        for path in (*self.named, *self.inside):
            found.setdefault(path.resolve(), path)
        return tuple(found.values())

    def without(self, others: Collection[Path]) -> "Files":
        """Return the same but for some."""
        return Files(
            tuple(path for path in self.named if path not in others),
            tuple(path for path in self.inside if path not in others),
        )


def find(names: Iterable[str], storage: str = DEFAULT) -> Files:
    """Return the files of runs that arguments mean: each a folder, or what `resolve` reads.

    Raises
    ------
    RunError
        Where one means nothing, a number means several runs, or a name is a folder's and a run's.
    """
    named: list[Path] = []
    inside: list[Path] = []
    for name in names:
        # A file may have a comma in its name, which parts the names of runs.
        for part in [name] if _is_there(name) else _parts(name):
            if Path(part).is_dir():
                _refuse_two_meanings(part, storage)
                held = within(Path(part))
                if not held:
                    raise RunError(f"there is no saved run in {part}")
                inside += held
            else:
                named += _one(part, storage)
    return Files(tuple(named), tuple(inside))


def within(home: Path) -> list[Path]:
    """Return the files in a folder that may be runs."""
    return [
        path for path in sorted(home.rglob("*")) if path.name.endswith(ENDINGS) and path.is_file()
    ]


def _refuse_two_meanings(name: str, storage: str) -> None:
    """Refuse the name of a folder that is also a run's: neither is meant for sure."""
    stored = numbered(_home(storage))
    runs = [path for path in stored if _is_called(path, name)] or stored[-1:] * (name == "latest")
    if runs:
        raise RunError(
            f"{name} is a folder, and {runs[0]} is a run of that name: write ./{name} for the "
            f"folder, or the path of the run"
        )


def _is_called(path: Path, name: str) -> bool:
    return name in (_title(path), f"{_number(path)}", f"{_number(path):04}")


def resolve(names: str, storage: str = DEFAULT) -> list[Path]:
    """Return the files that a comma-separated list of names, numbers, paths and globs means.

    Raises
    ------
    RunError
        Where one means nothing, or a number means several runs.
    """
    found = (path for part in _parts(names) for path in _one(part, storage))
    return list({path.resolve(): path for path in found}.values())


def _parts(names: str) -> list[str]:
    parts = [part.strip() for part in names.split(",")]
    if not all(parts):
        raise RunError(f"{names!r}: the name of a run is missing")
    return parts


def _one(name: str, storage: str) -> list[Path]:
    """Return the runs that one part of a list means."""
    _refuse_database(name)
    if _is_there(name):
        return [Path(name)]
    matched = [path for path in map(Path, sorted(_glob(name))) if path.is_file()]
    if matched:
        return matched
    if Path(name).suffix in (".json", ".gz"):
        raise RunError(f"{name}: there is no such file")
    is_stored = bool(name.isdecimal() or LATEST.fullmatch(name)) or _home(storage).is_dir()
    if Path(name).is_absolute() or (storage == DEFAULT and not is_stored):
        raise RunError(f"{name}: there is no such file or folder")
    for machine in (get_machine_id(), "*"):
        found = _stored(name, machine, folder(storage))
        if found:
            return found
    raise RunError(f"no saved run in {folder(storage)} is called {name!r}{_offer(storage)}")


def _is_there(name: str) -> bool:
    """Tell whether a file or folder has this name; a folder's is no run's."""
    try:
        return Path(name).is_file() or Path(name).is_dir()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _glob(name: str) -> list[str]:
    try:
        return glob(name)  # noqa: PTH207  the pattern may be absolute
    except (OSError, ValueError, re.error):
        return []


def _stored(name: str, machine: str, home: Path) -> list[Path]:
    """Return the file for a number, ``latest`` or a name, among the runs of a machine.

    A name that several runs bear means all of them: several runs of one revision.
    """
    own = numbered(home, machine)
    latest = LATEST.fullmatch(name)
    if latest:
        back = int(latest["back"] or 0)
        return own[::-1][back : back + 1]
    if name.isascii() and name.isdecimal():
        found = [path for path in own if _number(path) == int(name)]
        if len(found) > 1:
            raise RunError(f"{name} means several runs: {', '.join(map(str, found))}")
        return found
    same = [path for path in own if _title(path) == name]
    return same or _matching(name, machine, home)


def numbered(home: Path, machine: str = "*") -> list[Path]:
    """Return the runs of a machine, or in the storage itself, that have a number, by that."""
    found = {path for one in (f"{machine}/*", "*") for path in home.glob(one)}
    runs = [path for path in found if _NUMBERED.fullmatch(path.name) and path.is_file()]
    return sorted(runs, key=lambda path: (_number(path), path.name, path.parent))


def _number(path: Path) -> int:
    found = _NUMBERED.fullmatch(path.name)
    return int(found["number"]) if found else 0


def _title(path: Path) -> str:
    found = _NUMBERED.fullmatch(path.name)
    return found["title"] if found else ""


def _matching(name: str, machine: str, home: Path) -> list[Path]:
    """Return the runs whose names a pattern, or the beginning of a name, means."""
    *folders, last = name.split("/")
    if len(folders) > 1 or not last.rstrip("*"):
        return []
    place = folders[0] if folders else machine
    try:
        found = {
            path
            for ending in ENDINGS
            for one in (f"{place}/{last.rstrip('*')}*{ending}", f"{last.rstrip('*')}*{ending}")
            for path in home.glob(one)
        }
    except (ValueError, NotImplementedError, OSError, re.error):
        return []  # what is no pattern names no run
    return sorted(found, key=lambda path: (_number(path), path.name, path.parent))


def create_numbered(home: Path, title: str, content: str) -> Path:
    """Write a run into a folder under the next number, and return its path.

    No run is ever replaced, and no two get one number, also of processes that end together: a
    number is taken by a mark, which no other process can make while it is there.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    home.mkdir(parents=True, exist_ok=True)
    number = _highest(home)
    while True:
        number += 1
        mark = home / f".{number:04}"
        try:
            with mark.open("x"):
                pass
        except FileExistsError:
            continue
        try:
            if _highest(home) < number:  # else another took it, and its mark is gone already
                path = home / f"{number:04}_{title}.json"
                files.create(path, content)
                return path
        finally:
            files.discard(mark)


def _highest(home: Path) -> int:
    names = (_NUMBERED.fullmatch(path.name) for path in home.iterdir())
    return max((int(found["number"]) for found in names if found), default=0)


def folder(storage: str) -> Path:
    """Return the folder that holds the runs.

    Raises
    ------
    RunError
        Where it is no folder, or runs are kept elsewhere.
    """
    _refuse_database(storage)
    path = _home(storage)
    if not path.is_dir():  # the stock class would make it
        raise RunError(f"{path} holds no saved runs: there is no such folder (see --storage)")
    return path


def _home(storage: str) -> Path:
    return Path(storage.removeprefix("file://"))


def _refuse_database(name: str) -> None:
    if "://" in name.removeprefix("file://"):
        shown = re.sub(r"//[^/@]*@", "//", name)  # without user and password
        raise RunError(
            f"{shown}: only runs in files can be read, not those in a database; save them with "
            "--benchmark-json"
        )


def _offer(storage: str) -> str:
    names = [path.name.partition(".json")[0] for path in numbered(folder(storage))]
    return f"; there are {', '.join(names[-8:])}" if names else ""
