"""Which tests of a file have another body than in the base, by their source."""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pytest_duel.support.files import content

Functions = ast.FunctionDef | ast.AsyncFunctionDef


def rewritten(names: Iterable[str], before: Path, after: Path) -> list[str]:
    """Return the tests whose arguments or body differ; their decorators are looked at elsewhere.

    A test that is defined in another place, or in no place that its source shows, is taken to
    differ where its file does.

    Parameters
    ----------
    names
        Node ids of tests of one file.
    before, after
        That file in either tree.
    """
    if content(before) == content(after):
        return []
    old, new = _bodies(before), _bodies(after)
    inner = {name: name.partition("::")[2].partition("[")[0] for name in names}
    return [name for name, one in inner.items() if one not in old or old[one] != new.get(one)]


def _bodies(path: Path) -> Mapping[str, str]:
    """Return what functions do, by their names as node ids have them; none if that is unclear."""
    try:
        return dict(_told(ast.parse(content(path) or b"").body))
    except (SyntaxError, ValueError, RecursionError):  # of another Python, or no text
        return {}


def _told(body: Sequence[ast.stmt], within: str = "") -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, Functions):
            yield within + node.name, "".join(map(ast.dump, (node.args, *node.body)))
        elif isinstance(node, ast.ClassDef):
            yield from _told(node.body, f"{within}{node.name}::")
