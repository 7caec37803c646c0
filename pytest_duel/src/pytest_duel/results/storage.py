"""Saved runs by number, name, path or ``latest``, as pytest-benchmark's storage names them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from pytest_benchmark.utils import get_machine_id

from pytest_duel.results import contradictions
from pytest_duel.results.benchmarks import Key
from pytest_duel.results.runs import Run, RunError, load
from pytest_duel.support import files

DEFAULT = "file://./.benchmarks"
"""pytest-benchmark's own default for ``--benchmark-storage``."""
_NUMBERED = re.compile(r"(?P<number>[0-9]{4,18})_(?P<title>.*)\.json(?:\.gz)?", re.DOTALL)
_ENDINGS = (".json", ".json.gz")
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
    _refuse_database(name)
    if _is_file(name):
        return [Path(name)]
    matched = [path for path in map(Path, sorted(_glob(name))) if path.is_file()]
    if matched:
        return matched
    if Path(name).suffix in (".json", ".gz"):
        raise RunError(f"{name}: there is no such file")
    for machine in (get_machine_id(), "*"):
        found = _stored(name, machine, folder(storage))
        if found:
            return found
    raise RunError(f"no saved run in {folder(storage)} is called {name!r}{_offer(storage)}")


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
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
            for ending in _ENDINGS
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
    path = Path(storage.removeprefix("file://"))
    if not path.is_dir():  # the stock class would make it
        raise RunError(f"{path} holds no saved runs: there is no such folder (see --storage)")
    return path


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


def read(paths: Sequence[Path]) -> tuple[Saved, ...]:
    """Load the runs of one side: each process once, however often it was saved.

    Raises
    ------
    RunError
        Where a file is no run, or times nothing, or holds a case whose time cannot be one; where
        two are of one process and their times differ.
    """
    found: dict[str, Saved] = {}
    for path in paths:
        own = Saved(path, checked(load(path), path))
        known = found.setdefault(own.run.process, own)
        check_alike(known.path, medians(known.run), path, medians(own.run))
        if _rounds(own.run) > _rounds(known.run):  # one of them was saved without
            found[own.run.process] = own
    return tuple(found.values())


def medians(run: Run) -> dict[Key, float]:
    """Return the median of each benchmark."""
    return {one.key: one.median for one in run.benchmarks}


def check_alike(
    known: Path, times: Mapping[Key, float], path: Path, own: Mapping[Key, float]
) -> None:
    """Hold two files of one process against each other: times are medians by benchmark.

    Raises
    ------
    RunError
        Where they differ.
    """
    for key, median in own.items():
        if not contradictions.is_close(times.get(key, median), median):
            raise RunError(
                f"{known} and {path} are said to be of one process, but {key.id} took "
                f"{times[key]:.6g} s in the first and {median:.6g} s in the second"
            )


def _rounds(run: Run) -> int:
    return sum(len(one.data) for one in run.benchmarks)


def check_apart(old: Sequence[Saved], new: Sequence[Saved]) -> None:
    """Hold the sides of a comparison against each other.

    Raises
    ------
    RunError
        Where one process is on both.
    """
    known = {one.run.process: one.path for one in old}
    shared = [(known[one.run.process], one.path) for one in new if one.run.process in known]
    if shared:
        said = ", ".join(str(one) if one == two else f"{one} = {two}" for one, two in shared)
        raise RunError(f"the same run on both sides: {said}")


def checked(run: Run, path: Path) -> Run:
    """Return a run that times something, and each case of a sweep once.

    Raises
    ------
    RunError
        Where it does not.
    """
    for fault in _faults(run):
        raise RunError(f"{path}: {fault}")
    return run


def _faults(run: Run) -> Iterator[str]:
    if not run.benchmarks:
        yield "this run timed no case" if run.section else "this run timed no benchmark"
    seen = set()
    for result in run.results:
        if result.case in seen:
            yield f"{result.case.id} is there twice"
        seen.add(result.case)
