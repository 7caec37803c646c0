"""Finding the modules of a project, and whether it has to be built first."""

import importlib.machinery
import os
from pathlib import Path

from pytest_duel.paired.arms.inner_tests import is_tests
from pytest_duel.paired.arms.recipe import NONE, PIP

_SETTINGS = "pyproject.toml"
_NO_MODULES = ("bin", "Scripts", "include", "share", "etc", "__pycache__")
_SUFFIXES = tuple(importlib.machinery.all_suffixes())


def suggested(project: Path) -> str:
    """Return the way to install a project that says nothing of it."""
    # Where setup.cfg stands alone it is of other tools: pip and uv call that no project.
    with_cfg = all((project / name).is_file() for name in (_SETTINGS, "setup.cfg"))
    is_old_style = with_cfg or (project / "setup.py").is_file()
    return PIP if is_old_style or _builds(project) else NONE


def modules_in(folder: Path) -> list[str]:
    """Return the top-level modules that can be imported from a folder."""
    found = set()
    for entry in folder.iterdir():
        name = entry.name.partition(".")[0]
        if not name.isidentifier() or entry.name in _NO_MODULES:
            continue
        # A link to a folder that holds it would have no end.
        is_folder = entry.is_dir() and not folder.resolve().is_relative_to(entry.resolve())
        if (is_folder and entry.name == name and _holds_module(entry)) or (
            entry.is_file() and entry.name.endswith(_SUFFIXES)
        ):
            found.add(name)
    return sorted(found - {"setup", "conftest", "noxfile", "tasks"})


def modules_in_tree(package: Path) -> dict[str, str]:
    """Return the modules of a package that is not installed, each with the folder it is in."""
    home = _home(package)
    return {name: str(home) for name in modules_in(home) if not is_tests(home / name)}


def _holds_module(folder: Path) -> bool:
    return any(name.endswith(_SUFFIXES) for _, _, names in os.walk(folder) for name in names)


def _home(folder: Path) -> Path:
    """Return the folder that a package is imported from without being installed."""
    return folder / "src" if (folder / "src").is_dir() else folder


def _builds(project: Path) -> bool:
    settings = project / _SETTINGS
    if not settings.is_file():
        return False
    text = settings.read_text(encoding="utf-8", errors="replace")
    return "[project]" in text or "[build-system]" in text or "[tool.poetry" in text
