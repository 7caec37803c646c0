"""Names that have room beside an axis."""

from collections import Counter
from collections.abc import Iterable, Mapping

LONGEST = 36
"""Characters; what is cut out of longer names is in their middle, as their ends differ."""
CUTS = ((17, 18), (8, 27), (27, 8))
"""How much of a longer name's beginning and end is kept: the first that tells most names apart."""


def short(names: Iterable[str]) -> Mapping[str, str]:
    """Return a short name for each, no two alike: where it would be, the name is not cut.

    Of a test's id the file is left out.
    """
    whole = dict.fromkeys(names)
    bare = _apart({name: name.partition("::")[2] or name for name in whole})
    tried = [_apart({name: _cut(one, *cut) for name, one in bare.items()}, bare) for cut in CUTS]
    return min(tried, key=lambda found: sum(map(len, found.values())))


def _apart(found: Mapping[str, str], other: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return names that are like no other, and for the rest their `other` names."""
    number = Counter(found.values())
    return {
        name: one if number[one] == 1 else other[name] if other else name
        for name, one in found.items()
    }


def _cut(name: str, head: int, tail: int) -> str:
    return name if len(name) <= LONGEST else f"{name[:head]}…{name[-tail:]}"
