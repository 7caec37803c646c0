"""Reading the runs of one side: each process once; a file that is no run costs others nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.results import contradictions
from pytest_duel.results.benchmarks import Key
from pytest_duel.results.runs import ForeignError, Run, RunError, load
from pytest_duel.results.storage import Files


@dataclass(frozen=True)
class Saved:
    """A run and the file that it came from."""

    path: Path
    run: Run


@dataclass(frozen=True)
class Reading:
    """What the files of one side hold."""

    saved: tuple[Saved, ...]
    faults: Mapping[Path, RunError]
    """Of files that should be runs, and cannot be read."""
    foreign: tuple[Path, ...] = ()
    """Files of a folder that are something else."""

    @property
    def runs(self) -> list[Run]:
        """Return the runs alone."""
        return [one.run for one in self.saved]


def read(files: Files) -> Reading:
    """Load the runs of one side: each process once, however often it was saved.

    Raises
    ------
    RunError
        Where there is no run at all; the message says what is wrong with each file.
    """
    found: dict[str, Saved] = {}
    faults: dict[Path, RunError] = {}
    for path in files.all:
        try:
            own = Saved(path, checked(load(path), path))
            known = found.setdefault(own.run.process, own)
            check_alike(known.path, medians(known.run), path, medians(own.run))
        except RunError as error:
            faults[path] = error
            continue
        if _rounds(own.run) > _rounds(known.run):  # one of them was saved without
            found[own.run.process] = own
    foreign = passed_over(files, faults)
    faults = {path: error for path, error in faults.items() if path not in foreign}
    if not found:
        raise RunError("\n".join(map(str, faults.values())) or _nothing(foreign))
    return Reading(tuple(found.values()), faults, foreign)


def passed_over(files: Files, faults: Mapping[Path, RunError]) -> tuple[Path, ...]:
    """Return the files of a folder that are something else, which is no fault."""
    return tuple(
        path
        for path in files.inside
        if path not in files.named and isinstance(faults.get(path), ForeignError)
    )


def _nothing(foreign: Sequence[Path]) -> str:
    such = f": none of {len(foreign)} files is one, such as {foreign[0]}" if foreign else ""
    return f"there is no saved run{such}"


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
