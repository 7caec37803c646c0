"""The requirements that a project declares, as its files say them."""

import configparser
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.project import FILE

SETUP = "setup.cfg"
TABLES = (
    ("project", "dependencies"),
    ("project", "optional-dependencies"),
    ("dependency-groups",),
    ("tool", "poetry", "dependencies"),
    ("tool", "poetry", "group"),
    ("tool", "poetry", "dev-dependencies"),
    ("tool", "pdm", "dev-dependencies"),
    ("tool", "uv", "dev-dependencies"),
    ("tool", "uv", "sources"),
)
"""Where pyproject.toml may have some."""
OPTIONS = (("options", "install_requires"), ("options.extras_require", ""))
"""Where setup.cfg may: a section, and a key of it, or all of it."""


def requirements(folder: Path) -> dict[str, object]:
    """Return what each place of the files in a folder declares, in an order of its own.

    A place reads `pyproject.toml: project.dependencies`. A file that cannot be read declares
    nothing: what installs the project will say so.
    """
    return {**dict(_of_project(folder / FILE)), **dict(_of_setup(folder / SETUP))}


def _of_project(path: Path) -> Iterator[tuple[str, object]]:
    try:
        document: Any = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return
    for keys in TABLES:
        found: Any = document
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if found:
            yield f"{FILE}: {'.'.join(keys)}", _ordered(found)


def _of_setup(path: Path) -> Iterator[tuple[str, object]]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return
    for section, key in OPTIONS:
        if not parser.has_section(section):
            continue
        told: Mapping[str, str] = parser[section]
        found = {name: text for name, text in told.items() if key in ("", name)}
        if found:
            lines = {name: sorted(text.split("\n")) for name, text in found.items()}
            yield f"{SETUP}: {section}{f'.{key}' if key else ''}", lines


def _ordered(value: object) -> object:
    """Return the same with the texts of each list in one order: theirs means nothing."""
    if isinstance(value, dict):
        return {key: _ordered(one) for key, one in value.items()}
    return sorted(map(str, value)) if isinstance(value, list) else value
