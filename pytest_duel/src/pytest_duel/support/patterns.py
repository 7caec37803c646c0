"""Patterns of names, in which only ``*`` is special: it stands for anything."""

import re
from collections.abc import Iterable


def matches(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that match a pattern."""
    # Not fnmatch, to which the brackets of a test's id are a set of characters.
    parts = re.split(r"\*+", pattern)
    expression = re.compile(".*".join(map(re.escape, parts)), re.DOTALL)
    return [one for one in names if expression.fullmatch(one)]


def specificity(pattern: str) -> tuple[int, int]:
    """Return what grows with how specific a pattern is: of several, the largest decides."""
    # Not the plain length: "clear[*5]*" is longer than "clear[*5]" and no more specific.
    stars = pattern.count("*")
    return len(pattern) - stars, -stars
