"""Run a study: compute the blocks that its folder lacks, anywhere, and write them here."""

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from easy_marl.studies.folder import writing
from easy_marl.studies.places import Loop, Place
from easy_marl.studies.study import Study


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run did.

    Attributes
    ----------
    found : int
        How many blocks were there before.
    written : int
        How many it has written.
    """

    found: int
    written: int


def run(
    study: Study,
    folder: str | os.PathLike[str],
    place: Place | None = None,
    *,
    report: Callable[[Path], object] | None = None,
) -> Outcome:
    """Compute the blocks of a study that are not in its folder, and write them there.

    Only this process writes, whatever the place: a block that is computed twice, because a worker
    died, is written once.

    Parameters
    ----------
    study : Study
        What is computed.
    folder : path
        Where its blocks are; it is made where it is not there. A folder holds one study, and one
        run at a time writes to it.
    place : Place, optional
        Where blocks are computed: `Loop()` unless given, or `Processes`, or `RayCluster`.
    report : callable, optional
        It is given the file of each block that was written.

    Returns
    -------
    Outcome
        How many blocks were there, and how many have been written.

    Raises
    ------
    FolderError
        Where the folder is of another study, is in use, or has a file that is no whole block.
    WorkerError, ClusterError
        Where the place fails. What was written stays, and the next run goes on from there.
    ModuleNotFoundError
        Where pyarrow, filelock or Ray is needed and missing.
    """
    with writing(Path(folder), study) as blocks:
        found = blocks.present()
        todo = [study.block(number) for number in sorted({*range(study.blocks)} - {*found})]
        with closing((place or Loop()).compute(todo)) as computed:
            for one in computed:
                file = blocks.write(one.block, one.rows)
                if report:
                    report(file)
    return Outcome(found=len(found), written=len(todo))
