"""The requirements that a project declares, as its files say them."""

import ast
import configparser
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.project import FILE
from pytest_duel.gate.definitions import Scope, Source, parsed

SETUP = "setup.cfg"
SCRIPT = "setup.py"
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

ARGUMENTS = ("install_requires", "extras_require", "setup_requires")
"""What the call in setup.py may be given."""


def requirements(folder: Path) -> dict[str, object]:
    """Return what each place of the files in a folder declares, in an order of its own.

    A place reads `pyproject.toml: project.dependencies`. A file that cannot be read declares
    nothing: what installs the project will say so.
    """
    return {
        **dict(_of_project(folder / FILE)),
        **dict(_of_setup(folder / SETUP)),
        **dict(_of_script(folder / SCRIPT)),
    }


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


def _of_script(path: Path) -> Iterator[tuple[str, object]]:
    """Yield what setup.py says, with what it uses of itself; it is not run."""
    try:
        body = parsed(path.read_bytes())
        scope = Scope.of(body)
        for argument in ARGUMENTS:
            told = [Source.of(one) for node in body for one in _values(node, argument)]
            names = {name for one in told for name in one.uses}
            # Such as R.append("numpy"), and not the call that is given R.
            more = [
                one for one in scope.always if one.uses & names and not one.uses & {*ARGUMENTS}
            ]
            if told:
                yield f"{SCRIPT}: {argument}", scope.digest(Source(), [*told, *more])
    except (OSError, SyntaxError, ValueError, RecursionError):
        return


def _values(node: ast.stmt, argument: str) -> Iterator[ast.expr]:
    """Yield what a statement gives for an argument: in a call, in a dict, or by its key."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.keyword) and inner.arg == argument:
            yield inner.value
        elif isinstance(inner, ast.Dict):
            for key, value in zip(inner.keys, inner.values, strict=True):
                if _is(key, argument):
                    yield value
        elif isinstance(inner, ast.Assign):
            targets = [one for one in inner.targets if isinstance(one, ast.Subscript)]
            if any(_is(one.slice, argument) for one in targets):
                yield inner.value


def _is(key: ast.expr | None, argument: str) -> bool:
    return isinstance(key, ast.Constant) and key.value == argument


def _ordered(value: object) -> object:
    """Return the same with the texts of each list in one order: theirs means nothing."""
    if isinstance(value, dict):
        return {key: _ordered(one) for key, one in value.items()}
    return sorted(map(str, value)) if isinstance(value, list) else value
