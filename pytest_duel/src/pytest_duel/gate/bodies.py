"""Which tests of a file do something else than in the base, by their source."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.support.files import content

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
AUTOUSE = "autouse"
"""A fixture that says so is of every test."""


@dataclass(frozen=True)
class Source:
    """What a statement says, or several, and the names that it uses."""

    text: str = ""
    uses: frozenset[str] = frozenset()

    @classmethod
    def of(cls, *nodes: ast.AST) -> "Source":
        """Return that of some nodes, whatever their layout."""
        inner = [one for node in nodes for one in ast.walk(node)]
        names = {one.id for one in inner if isinstance(one, ast.Name)}
        names |= {one.arg for one in inner if isinstance(one, ast.arg)}  # fixtures
        names |= {one.attr for one in inner if isinstance(one, ast.Attribute)}  # of a class
        return cls("".join(map(ast.dump, nodes)), frozenset(names))

    def __add__(self, other: "Source") -> "Source":
        return Source(self.text + other.text, self.uses | other.uses)


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
        return dict(_told(body, _defined(body)))
    except (SyntaxError, ValueError, RecursionError):  # of another Python, or no text
        return {}


def _told(
    body: Sequence[ast.stmt], known: Mapping[str, Source], within: str = ""
) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, FunctionNode):
            yield within + node.name, _whole(Source.of(node.args, *node.body), known)
        elif isinstance(node, ast.ClassDef):
            members = {**known, **_defined(node.body)}
            yield from _told(node.body, members, f"{within}{node.name}::")


def _whole(test: Source, known: Mapping[str, Source]) -> str:
    """Return a test's text with that of all that it uses, and what these use."""
    own = {name for name, source in known.items() if AUTOUSE in source.text}
    found, waiting = set[str](), own | test.uses
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting |= known[name].uses
    return "\n".join([test.text, *(known[name].text for name in sorted(found))])


def _defined(body: Sequence[ast.stmt]) -> dict[str, Source]:
    """Return the statements of a file or a class by the names that they define."""
    found: dict[str, Source] = {}
    for node in body:
        source = Source.of(node)
        for name in _names(node):
            found[name] = found.get(name, Source()) + source
    return found


def _names(node: ast.stmt) -> set[str]:
    """Return the names that a statement defines, those within branches among them."""
    if isinstance(node, FunctionNode | ast.ClassDef):
        return {node.name}
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, FunctionNode | ast.ClassDef):
            found.add(inner.name)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.add(inner.id)
        elif isinstance(inner, ast.alias):
            found.add(inner.asname or inner.name.partition(".")[0])
    return found
