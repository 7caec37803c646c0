"""Names that have room beside an axis."""

from collections import Counter
from collections.abc import Iterable

LONGEST = 36
"""Characters; what is cut out of longer names is in their middle, as their ends differ."""


def short(names: Iterable[str]) -> dict[str, str]:
    """Return a short name for each, where no other has the same: else the whole one.

    Of a test's id the file is left out.
    """
    found = {name: _cut(name.partition("::")[2] or name) for name in names}
    number = Counter(found.values())
    return {name: one if number[one] == 1 else name for name, one in found.items()}


def _cut(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    half = (LONGEST - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
