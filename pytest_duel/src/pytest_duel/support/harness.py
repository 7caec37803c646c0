"""Where this harness is imported from, for the child processes that need it too."""

import os
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
"""The folder that holds the package `pytest_duel`."""


def search_path(*before: str) -> str:
    """Return a value for PYTHONPATH: some folders, and after them this harness."""
    return os.pathsep.join([*before, str(HOME)])


def is_installed() -> bool:
    """Tell whether it lies where the interpreter looks by itself."""
    return HOME.name in ("site-packages", "dist-packages")
