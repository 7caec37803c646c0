"""Where the native code of both sides lies: drawn anew for each block, where that can be had."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_duel.gate.question import BASE, HEAD, Announce
from pytest_duel.paired.arms.compiled import compiled, differing
from pytest_duel.paired.arms.copies import copy
from pytest_duel.paired.arms.links import LinkError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.placements import Command, Placements, Placer, linkers
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.support.units import duration

DIFFERS = "the native code of the two sides differs"
APART = "each side has a benchmark of its own"


@dataclass(frozen=True)
class Placing:
    """What is done about the place of native code."""

    placements: Placements | None = None
    reason: str = ""
    """Why its place can make a difference between the sides; empty where it cannot."""
    why_not: str = ""
    """Why it cannot be drawn all the same."""

    def reach(self, block: int) -> bool:
        """Tell whether a block can be measured: whether there is a placement for it."""
        return self.placements is None or self.placements.reach(block)

    def as_dict(self) -> dict[str, Any]:
        """Return what a saved gate says of it."""
        found = self.placements
        if found is None:
            return {"links": 0, "seconds": 0.0, "failed": self.why_not}
        return {
            "links": found.number, "seconds": round(found.seconds, 2), "failed": found.failed,
        }  # fmt: skip

    def said(self) -> list[str]:
        """Return the sentences of a report, once all is measured."""
        found = self.placements
        if found is None:
            return []
        which = "the same on both sides" if found.common else "a different one on each side"
        text = (
            f"{self.reason}, so native code was linked again for each block with its functions in "
            f"another random order, {which}. So the intervals include the effect of its place in "
            f"memory. The {found.number} links took {duration(found.seconds)}"
        )
        return [text]

    def warned(self) -> list[str]:
        """Return what to warn of, once all is measured."""
        if self.placements is None or not self.placements.failed:
            return []
        return [
            "measuring ended early, as native code could not be linked again for more blocks: "
            f"{self.placements.failed}"
        ]


def placing(
    arms: tuple[Arm, Arm],
    trees: tuple[Path, Path],
    tests: Suite,
    command: str | None,
    seed: int | str,
    announce: Announce,
    *,
    apart: bool = False,
) -> Placing:
    """Make the placements of the first blocks, or say why there are none.

    Parameters
    ----------
    arms
        Both sides.
    trees
        Their sources, in which a command works.
    tests
        Which workers run.
    command
        The setting `placements`.
    seed
        Of all draws.
    announce
        Told how long it takes.
    apart
        The sides run benchmarks that are not the same, so that also code which both have may
        lie better for one of them.
    """
    names, reason = differing(arms[0].modules, arms[1].modules), DIFFERS
    if not names and apart:
        names, reason = {*compiled(arms[1].modules)}, APART
    if not names:
        return Placing()
    announce("placing the native code of both sides anew for each block ...")
    folder = tests.scratch / "placed"
    try:
        folder.mkdir()
        placers: tuple[Placer, Placer] = (
            _by_command(command, arms, trees, names, folder) if command else linkers(arms, names)
        )
        found = Placements(arms, placers, tests, str(seed), folder)
        found.begin()
    except (LinkError, OSError) as error:
        announce(f"  it stays where it is: {error}")
        return Placing(reason=reason, why_not=str(error))
    announce(f"  {found.number} links for the first blocks ({duration(found.seconds)})")
    return Placing(found, reason)


def _by_command(
    command: str,
    arms: tuple[Arm, Arm],
    trees: tuple[Path, Path],
    names: set[str],
    folder: Path,
) -> tuple[Command, Command]:
    """Return what runs the command in a copy of each side's sources, where it may leave files."""

    def of(slot: int, name: str) -> Command:
        own = folder / f"{name}-sources"
        copy(trees[slot], own)
        return Command(command, own, tuple(sorted(names & compiled(arms[slot].modules).keys())))

    return of(0, BASE), of(1, HEAD)
