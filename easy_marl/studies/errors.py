"""What can go wrong with a study that is right in itself."""

from importlib import import_module
from types import ModuleType


class StudyError(Exception):
    """A study cannot go on. What was written stays, and running it again goes on from there."""


class FolderError(StudyError, ValueError):
    """A folder holds something else than this study's blocks, or another run writes to it."""


class WorkerError(StudyError, RuntimeError):
    """A process or a node that computed blocks has died."""


class ClusterError(StudyError, ConnectionError):
    """No Ray cluster answers at an address, or it is none that this process can work with."""


def needed(name: str) -> ModuleType:
    """Import a package that an extra brings, or say how to get it."""
    try:
        return import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name != name.partition(".")[0]:
            raise
        message = f"studies need {fault.name}: `pip install {fault.name}`"
        raise ModuleNotFoundError(message, name=fault.name) from None
