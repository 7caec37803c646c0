"""Studies of many scenarios: a function, its parameters and seeds, and a folder with its rows.

The same study runs in a loop, on the processes of one machine, or on a Ray cluster. Whatever ends
it, running it again goes on where it was. It needs pyarrow and filelock (the extra `studies`), and
on a cluster Ray (the extra `ray`). `docs/studies.md` shows how.
"""

from easy_marl.studies.cluster import RayCluster
from easy_marl.studies.errors import ClusterError, FolderError, StudyError, WorkerError
from easy_marl.studies.folder import read
from easy_marl.studies.places import Loop, Place, Processes
from easy_marl.studies.running import Outcome, run
from easy_marl.studies.study import Block, Study

__all__ = [
    "Block",
    "ClusterError",
    "FolderError",
    "Loop",
    "Outcome",
    "Place",
    "Processes",
    "RayCluster",
    "Study",
    "StudyError",
    "WorkerError",
    "read",
    "run",
]
