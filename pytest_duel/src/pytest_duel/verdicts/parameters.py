"""What tells the benchmarks of a function apart: the values of their parameters."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.support import harmless

FILE, FUNCTION = "(file)", "(function)"
"""What benchmarks may differ in besides their parameters, none of which is called so."""
UNNAMED = "param"
"""A parameter whose name is not saved: versions of pytest-benchmark before 3.1 save ids only."""
_WRAPPED = re.compile(r"UNSERIALIZABLE\[(.*)\]", re.DOTALL)
"""What pytest-benchmark saves of a value that JSON has no word for: its repr."""


@dataclass(frozen=True)
class Value:
    """A value of a parameter."""

    text: str
    """As a person reads it."""
    number: float | None = None
    """The same where it is a number."""


ABSENT = Value("–")
"""Of a benchmark that has no such parameter."""


def parameters(benchmark: Benchmark) -> dict[str, Value]:
    """Return the parameters of a benchmark by name.

    A value is called as in pytest's id, where the id has a part for each parameter.
    """
    if not benchmark.params:
        return {UNNAMED: _unnamed(benchmark.param)} if benchmark.param else {}
    parts = _parts(benchmark.param or "", list(benchmark.params.values()))
    named = benchmark.params.items()
    return {name: _value(name, one, part) for (name, one), part in zip(named, parts, strict=True)}


def _parts(text: str, values: Sequence[Any]) -> Sequence[str]:
    """Return the part of an id for each value; empty ones where it has others.

    A text may have dashes itself, as ``msgspec-json`` has: it is looked for as it is.
    """
    if len(values) == 1:
        return [text]
    plain = text.split("-")
    if len(plain) == len(values):
        return plain
    known = (
        re.escape(one) if isinstance(one, str) and one and one in text else "[^-]*"
        for one in values
    )
    found = re.fullmatch("-".join(f"({one})" for one in known), text)
    return found.groups() if found else [""] * len(values)


def _unnamed(text: str) -> Value:
    try:
        number = float(text)
    except ValueError:
        return Value(harmless.line(text))
    return Value(harmless.line(text), number if math.isfinite(number) else None)


def _value(name: str, saved: Any, part: str) -> Value:
    number = _number(saved)
    if number is not None:
        return Value(f"{saved:,}", number)
    said = part.removeprefix(f"{name}=")
    if not said:
        wrapped = _WRAPPED.fullmatch(saved) if isinstance(saved, str) else None
        said = wrapped[1] if wrapped else str(saved)
    return Value(harmless.line(said) or "(empty)")


def _number(saved: Any) -> float | None:
    """Return a number; what is too large for one is a name."""
    if isinstance(saved, bool) or not isinstance(saved, (int, float)):
        return None
    try:
        number = float(saved)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def function(benchmark: Benchmark) -> str:
    """Return the id of a benchmark without its parameters."""
    return benchmark.id.partition("[")[0]


def traits(benchmark: Benchmark) -> dict[str, Value]:
    """Return all that a benchmark may differ in from others: file, function and parameters."""
    name = benchmark.name.partition("[")[0] or benchmark.label
    own = {FILE: Value(harmless.line(benchmark.place)), FUNCTION: Value(harmless.line(name))}
    return {**own, **parameters(benchmark)}


def differing(benchmarks: Iterable[Benchmark]) -> list[str]:
    """Return the names of the traits that benchmarks differ in, in their order.

    The file is none of them where they can be told apart without it.
    """
    found = [traits(one) for one in benchmarks]
    names = dict.fromkeys(name for one in found for name in one)
    differ = [name for name in names if len({one.get(name, ABSENT) for one in found}) > 1]
    rest = [name for name in differ if name != FILE]
    apart = {tuple(one.get(name, ABSENT) for name in rest) for one in found}
    return rest if len(apart) == len(found) else differ


def said(values: dict[str, Value], names: Iterable[str]) -> str:
    """Return some traits of a benchmark as its name among others: ``test_sort, n=100``."""
    return ", ".join(_said(name, values[name]) for name in names if name in values)


def _said(name: str, value: Value) -> str:
    bare = value.number is None and value.text not in ("True", "False", "None")
    return value.text if bare or name == UNNAMED else f"{harmless.line(name)}={value.text}"
