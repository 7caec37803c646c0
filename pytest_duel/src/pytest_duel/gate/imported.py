"""Which files of tests others import."""

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from pytest_duel.gate.definitions import parsed


def imported(tests: Collection[Path], importing: Collection[Path]) -> set[Path]:
    """Return the files of tests that others import, directly or by way of such files.

    By their names only, so one that shares its name with what is imported counts as well.

    Parameters
    ----------
    tests
        The files of tests.
    importing
        Files that run.
    """
    found: set[Path] = set()
    waiting, seen = list(importing), set(importing)
    while waiting:
        file = waiting.pop()
        words = set(_words(file))
        found |= (own := {one for one in tests if one != file and one.stem in words})
        waiting += own - seen
        seen |= own
    return found


def _words(file: Path) -> Iterator[str]:
    """Yield the parts of all names that a file may import, by a statement or as a text."""
    try:
        statements = parsed(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):  # it is compiled, or no Python
        return
    for node in (one for statement in statements for one in ast.walk(statement)):
        if isinstance(node, ast.ImportFrom):
            yield from (node.module or "").split(".")
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (part for one in node.names for part in one.name.split("."))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from node.value.split(".")
