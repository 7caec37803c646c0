"""Names of benchmarks that are the same in every process, and what their parameters are."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

LONGEST = 120
"""The most characters of a parameter. Longer ones are cut and end in a digest."""
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")


def stable(text: str) -> str:
    """Return text without addresses of objects, which differ between processes."""
    return _ADDRESS.sub("0x…", text)


def names(ids: Sequence[str]) -> list[str]:
    """Return a name for each node id: the id itself, unless it holds an address.

    Ids that differ only by addresses are numbered in their order. Ids that are the same stay so.
    """
    plain = [stable(one) for one in ids]
    addressed = Counter(
        name for one, name in dict(zip(ids, plain, strict=True)).items() if one != name
    )
    numbers: dict[str, int] = {}
    found = []
    for one, name in zip(ids, plain, strict=True):
        if one != name and addressed[name] > 1:
            numbers[name] = numbers.get(name, 0) + 1
            name = f"{name}#{numbers[name]}"
        found.append(name)
    return found


def described(parameters: dict[str, Any]) -> dict[str, str]:
    """Return what to compare of a test's parameters."""
    return {name: _described(value) for name, value in parameters.items()}


def _described(value: object) -> str:
    try:
        text = stable(repr(value))
    except Exception as error:  # whatever somebody's __repr__ raises
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    if len(text) <= LONGEST:
        return text
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
    return f"{text[:LONGEST]}… ({digest})"
