"""The program that imports a module in an interpreter of its own, and tells how long that took.

Its arguments are a file for what it tells, the module, `FOLDERS_FIRST` or nothing, and the folders
to import from. It loads nothing that the interpreter has not loaded when it starts: the module
might import the same, which would then take no time.
"""

import os
import sys
from time import perf_counter

FOLDERS_FIRST = "folders-first"
"""Looks into the folders before it asks any other finder."""
LOADED = "loaded"
"""It tells this where the module is there from the start."""


def main(report: str, module: str, order: str, *folders: str) -> None:
    """Import the module, and write down the seconds and the file; or that it was loaded."""
    sys.path[:] = folders
    sys.argv[1:] = []
    if order == FOLDERS_FIRST:
        finders = [one for one in sys.meta_path if getattr(one, "__name__", "") == "PathFinder"]
        sys.meta_path[:0] = finders
    if module in sys.modules:
        told = f"{LOADED}\n"
    else:
        started = perf_counter()
        __import__(module)
        seconds = perf_counter() - started
        file = getattr(sys.modules[module], "__file__", None) or ""
        told = f"{seconds!r}\n{file}\n"
    with open(report, "w", encoding="utf-8") as out:  # noqa: PTH123  pathlib is not loaded yet
        out.write(told)
    os._exit(0)  # what the module does at the end is no part of its import


if __name__ == "__main__":
    main(*sys.argv[1:])
