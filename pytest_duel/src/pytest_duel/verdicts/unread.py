"""What a judgement says of files that it could not read."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import count
from pytest_duel.verdicts.model import Judgement, Row

UNREAD = "no run"
"""The word of a file's row."""


def with_files(
    judgement: Judgement, faults: Mapping[Path, DuelError], foreign: Sequence[Path] = ()
) -> Judgement:
    """Return the same with a row for each file that could not be read.

    Parameters
    ----------
    judgement
        Of the other files.
    faults
        What is wrong with each; any makes the whole an error.
    foreign
        Files that are something else: they are counted, and no fault.
    """
    empty = ("–",) * len(judgement.columns)
    rows = [
        Row(str(path), "unreadable files", str(path), empty, UNREAD, Exit.ERROR, str(error))
        for path, error in faults.items()
    ]
    return replace(
        judgement,
        rows=(*judgement.rows, *rows),
        warnings=(*([warning(faults)] if faults else []), *judgement.warnings),
        notes=(*judgement.notes, *([note(foreign)] if foreign else [])),
    )


def warning(faults: Mapping[Path, DuelError]) -> str:
    """Say how many files could not be read."""
    return (
        f"{count(len(faults), 'file')} could not be read, see below; the rest is about the others"
    )


def note(foreign: Sequence[Path]) -> str:
    """Say how many files are something else."""
    return f"files that are not runs, and were not read: {len(foreign):,}, such as {foreign[0]}"
