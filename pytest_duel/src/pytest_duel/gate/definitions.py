"""What Python source defines, and what a piece of it uses, told without running it."""

import ast
import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_BRANCHES = (ast.If, ast.Try, ast.TryStar, ast.With)
_BY_ITSELF = re.compile(r"pytest_\w+|pytestmark|(setup|teardown)(_\w+)?|(setUp|tearDown)\w*")
"""Names that pytest looks for: they hold for all tests of a file or a class."""


def parsed(content: bytes) -> list[ast.stmt]:
    """Return the statements of a file, without what Python would warn of.

    Raises
    ------
    SyntaxError, ValueError, RecursionError
        Where it is of another Python, or no text.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(content).body


@dataclass(frozen=True)
class Source:
    """What a statement says, or several, and the names that it uses."""

    text: str = ""
    uses: frozenset[str] = frozenset()
    is_literal: bool = False
    """It gives a name to numbers and texts, or to lists of them."""

    @classmethod
    def of(cls, *nodes: ast.AST) -> Self:
        """Return that of some nodes, whatever their layout. Words in texts may be fixtures."""
        names: set[str] = set()
        for inner in (one for node in nodes for one in ast.walk(node)):
            if isinstance(inner, ast.Name):
                names.add(inner.id)
            elif isinstance(inner, ast.arg):
                names.add(inner.arg)
            elif isinstance(inner, ast.Attribute):
                names.add(inner.attr)
            elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                names.update(re.findall(r"\w+", inner.value))
        return cls("".join(map(ast.dump, nodes)), frozenset(names))


@dataclass
class Scope:
    """What a file defines, or a class within it: by name, and what holds for all that is in it."""

    named: dict[str, tuple[Source, ...]] = field(default_factory=dict)
    """All that binds a name, in the order of the source."""
    always: tuple[Source, ...] = ()

    @classmethod
    def of(cls, body: Sequence[ast.stmt]) -> Self:
        """Return that of the statements of a file."""
        scope = cls()
        scope._read(body[1:] if _is_text(body) else body)  # without what documents it
        return scope

    def is_literal(self, name: str) -> bool:
        """Tell whether a name stands for literals only."""
        return name in self.named and all(one.is_literal for one in self.named[name])

    def within(self, node: ast.ClassDef) -> "Scope":
        """Return that of a class: what it has itself hides what is around it."""
        own = Scope.of(node.body)
        head = Source.of(*node.bases, *node.keywords, *node.decorator_list)
        return Scope({**self.named, **own.named}, (*self.always, head, *own.always))

    def digest(self, piece: Source, among: Iterable[Source]) -> str:
        """Return a digest of a piece, of what holds beside it, and of all that these use."""
        found, texts = set[str](), [one.text for one in (piece, *among)]
        waiting = {name for one in (piece, *among) for name in one.uses}
        while waiting:
            name = waiting.pop()
            if name in self.named and name not in found:
                found.add(name)
                waiting |= {more for one in self.named[name] for more in one.uses}
        for name in sorted(found):
            texts += sorted({one.text for one in self.named[name]})
        return hashlib.sha256("\n".join(texts).encode(errors="surrogatepass")).hexdigest()

    def _read(self, body: Sequence[ast.stmt]) -> None:
        for node in body:
            if isinstance(node, _BRANCHES):
                self._read_branches(node)
            elif names := dict(_bound(node)):
                for name, source in names.items():
                    self.named[name] = (*self.named.get(name, ()), source)
                if _is_for_all(node, names):
                    self.always += (Source.of(node),)
            elif not isinstance(node, ast.Pass) and not _is_text([node]):
                self.always += (Source.of(node),)

    def _read_branches(self, node: ast.If | ast.Try | ast.TryStar | ast.With) -> None:
        """Read what stands in branches; on what they depend belongs to each name in them."""
        inner = Scope()
        for _, value in ast.iter_fields(node):
            for one in value if isinstance(value, list) else ():
                inner._read(one.body if isinstance(one, ast.ExceptHandler) else [one])
        head = Source.of(*(one for one in ast.iter_child_nodes(node) if isinstance(one, ast.expr)))
        for name, sources in inner.named.items():
            self.named[name] = (*self.named.get(name, ()), head, *sources)
        self.always += inner.always


def _is_text(body: Sequence[ast.stmt]) -> bool:
    return bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)


def _is_for_all(node: ast.stmt, names: Iterable[str]) -> bool:
    """Tell whether pytest uses what a statement binds for all tests beside it."""
    if not isinstance(node, FunctionNode):
        return any(map(_BY_ITSELF.fullmatch, names))
    told = [word for one in node.decorator_list for word in ast.walk(one)]
    is_autouse = any(isinstance(one, ast.keyword) and one.arg == "autouse" for one in told)
    return is_autouse or bool(_BY_ITSELF.fullmatch(node.name))


def _bound(node: ast.stmt) -> Iterator[tuple[str, Source]]:
    """Yield the names that a statement binds, if it does nothing else."""
    if isinstance(node, FunctionNode | ast.ClassDef):
        for name in {node.name, *_fixture_names(node)}:
            yield name, Source.of(node)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            # `import a.b` binds a: what is used of it, its user says.
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or name, Source(f"import {name}")
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if alias.name == "*":
                return
            text = f"from {'.' * node.level}{node.module} import {alias.name}"
            yield alias.asname or alias.name, Source(text)
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [one for target in targets for one in ast.walk(target)]
        if all(
            isinstance(one, ast.Name | ast.Tuple | ast.List | ast.expr_context) for one in names
        ):
            for one in names:
                if isinstance(one, ast.Name):
                    yield one.id, replace(Source.of(node), is_literal=_is_literal(node))


def _fixture_names(node: FunctionNode | ast.ClassDef) -> Iterator[str]:
    """Yield the names that a fixture is given by its decorator."""
    words = [one for decorator in node.decorator_list for one in ast.walk(decorator)]
    told = [one.value for one in words if isinstance(one, ast.keyword) and one.arg == "name"]
    for value in told:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def _is_literal(node: ast.Assign | ast.AnnAssign | ast.AugAssign) -> bool:
    try:
        ast.literal_eval(node.value or ast.Constant(None))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True
