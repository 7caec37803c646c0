"""What Python source defines, and what a piece of it uses, told without running it."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


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


def whole(piece: Source, known: Mapping[str, Source], also: Iterable[str] = ()) -> str:
    """Return the text of a piece with that of all that it uses, and what these use.

    Parameters
    ----------
    piece
        Of the source.
    known
        What is defined around it.
    also
        Names that it uses without saying so.
    """
    found, waiting = set[str](), {*also, *piece.uses}
    while waiting:
        name = waiting.pop()
        if name in known and name not in found:
            found.add(name)
            waiting |= known[name].uses
    return "\n".join([piece.text, *(known[name].text for name in sorted(found))])


def defined(body: Sequence[ast.stmt]) -> dict[str, Source]:
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
