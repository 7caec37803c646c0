"""Which tests of a file do something else than in the base, by their source."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pytest_duel.gate.definitions import FunctionNode, Source, defined, whole
from pytest_duel.support.files import content

AUTOUSE = "autouse"
"""A fixture that says so is of every test."""


def rewritten(names: Iterable[str], before: Path, after: Path) -> list[str]:
    """Return the tests that have other arguments or another body, or use what has one.

    That is what the file itself defines: functions, fixtures, constants, imports. Decorators of
    tests are looked at elsewhere. A test that is defined in another place, or in no place that its
    source shows, is taken to differ where its file does.

    Parameters
    ----------
    names
        Node ids of tests of one file.
    before, after
        That file in either tree.
    """
    if content(before) == content(after):
        return []
    old, new = _tests(before), _tests(after)
    inner = {name: name.partition("::")[2].partition("[")[0] for name in names}
    return [name for name, one in inner.items() if one not in old or old[one] != new.get(one)]


def _tests(path: Path) -> Mapping[str, str]:
    """Return what functions do, by their names as node ids have them; none if that is unclear."""
    try:
        body = ast.parse(content(path) or b"").body
        return dict(_told(body, defined(body)))
    except (SyntaxError, ValueError, RecursionError):  # of another Python, or no text
        return {}


def _told(
    body: Sequence[ast.stmt], known: Mapping[str, Source], within: str = ""
) -> Iterator[tuple[str, str]]:
    always = [name for name, source in known.items() if AUTOUSE in source.text]
    for node in body:
        if isinstance(node, FunctionNode):
            test = Source.of(node.args, *node.body)
            yield within + node.name, whole(test, known, always)
        elif isinstance(node, ast.ClassDef):
            members = {**known, **defined(node.body)}
            yield from _told(node.body, members, f"{within}{node.name}::")
