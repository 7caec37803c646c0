"""The folder of a project, and paths as seen from there."""

import os
from collections.abc import Iterable
from pathlib import Path

PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg", "pytest.ini", "tox.ini")


def project_folder(start: Path) -> Path:
    """Return the nearest folder, from `start` upwards, that looks like a project's."""
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder
        if (folder / ".git").exists():
            break
    return start


def paths_within(folder: Path, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths of tests as seen from the project's folder."""
    parts = (path.partition("::") for path in paths)
    return tuple(os.path.relpath(file, folder) + mark + test for file, mark, test in parts)
