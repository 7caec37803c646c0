"""The settings of both sides: a change cannot loosen its own gate, so the stricter counts."""

from collections.abc import Mapping
from dataclasses import replace

from pytest_duel.gate.changes import Placement
from pytest_duel.gate.settings import Settings

COMPARED = (
    "benchmarks", "threshold", "thresholds", "group_thresholds", "budget", "removed", "packages",
    "selftest", "in_turns",
)  # fmt: skip
"""Settings of which both sides have a say. `install`, `placements` and `project` are the head's on
both sides: both must be built alike, and the base may lack what the head's tests need."""


def settings_of_both(head: Settings, base: Settings, given: Mapping[str, object]) -> Settings:
    """Return what holds for the whole gate; each benchmark has its limits besides.

    Parameters
    ----------
    head, base
        What either side says.
    given
        Settings given by hand. They come before those of both sides.
    """
    found = replace(
        head,
        threshold=min(head.threshold, base.threshold),
        budget=max(head.budget, base.budget),
        removed=tuple(name for name in head.removed if name in base.removed),
        in_turns=head.in_turns or base.in_turns,
        packages=tuple(dict.fromkeys([*head.packages, *base.packages])),
    )
    return replace(found, **given)  # type: ignore[arg-type]


def placement_of_both(head: Placement | None, base: Placement | None) -> Placement | None:
    """Return the placement bounds that both sides allow."""
    if head is None or base is None:
        return None
    names = head.bounds.keys() & base.bounds.keys()
    bounds = {name: min(head.bounds[name], base.bounds[name]) for name in sorted(names)}
    return Placement(bounds, elsewhere=head.elsewhere or base.elsewhere)
