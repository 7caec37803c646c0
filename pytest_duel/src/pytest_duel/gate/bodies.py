"""Which tests of a file do something else than in the base, by their source."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pytest_duel.gate.definitions import FunctionNode, Scope, Source, parsed
from pytest_duel.support.files import content

_IS_PROGRAM = ("__name__ == '__main__'", "'__main__' == __name__")


def rewritten(names: Iterable[str], before: Path, after: Path) -> list[str]:
    """Return the tests whose file defines otherwise what they do, or what they use.

    What counts is a test's arguments, its body and its decorators, what these name in the file,
    such as functions, fixtures, constants and imports, and what holds for all tests, such as an
    autouse fixture. What marks say does not count, but what they name does: parameters are looked
    at elsewhere. A test that is defined in another place, or in no place that its source shows, is
    taken to differ where its file does.

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
        body = list(_imported(parsed(content(path) or b"")))
        return dict(_told(body, Scope.of(body)))
    except (SyntaxError, ValueError, RecursionError):  # of another Python, or no text
        return {}


def _imported(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a file without those that run only where it is a program."""
    for node in body:
        if isinstance(node, ast.If) and ast.unparse(node.test) in _IS_PROGRAM:
            yield from node.orelse
        else:
            yield node


def _told(body: Sequence[ast.stmt], scope: Scope, within: str = "") -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, FunctionNode):
            test = Source.of(node.args, *node.body)
            marked = [_of_decorator(one, scope) for one in node.decorator_list]
            bound = scope.named[node.name]
            again = bound if len(bound) > 1 else ()  # the last one counts, or one in a branch
            yield within + node.name, scope.digest(test, [*marked, *again, *scope.always])
        elif isinstance(node, ast.ClassDef):
            yield from _told(node.body, scope.within(node), f"{within}{node.name}::")


def _of_decorator(node: ast.expr, scope: Scope) -> Source:
    """Return what a decorator adds to a test: of a mark, what it names and makes itself."""
    whole = Source.of(node)
    if ".mark." not in f"{ast.unparse(node)}.":
        return whole
    made = Source.of(*(one for one in ast.walk(node) if isinstance(one, ast.Lambda)))
    # Parameters are looked at elsewhere, by what they are.
    named = [name for name in whole.uses if not scope.is_literal(name)]
    return Source(made.text, frozenset(named))
