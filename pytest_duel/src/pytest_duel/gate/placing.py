"""Where the native code of both sides lies: drawn anew for each block, where that can be had."""

from dataclasses import dataclass
from pathlib import Path

from pytest_duel.gate.question import BASE, HEAD, Announce
from pytest_duel.paired.arms.compiled import compiled, differing
from pytest_duel.paired.arms.copies import copy
from pytest_duel.paired.arms.links import LinkError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.placements import Command, Placements, Placer, linkers
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.support.units import duration


@dataclass(frozen=True)
class Placing:
    """What is done about the place of native code."""

    placements: Placements | None = None
    why_not: str = ""
    """Why it cannot be drawn although the native code of both sides differs."""

    def said(self) -> list[str]:
        """Return the sentences of a report, once all is measured."""
        found = self.placements
        if found is None:
            return []
        which = "the same on both sides" if found.common else "a different one on each side"
        text = (
            "the native code of the two sides differs, so it was linked again for each block with "
            f"its functions in another random order, {which}. So the intervals include the effect "
            f"of its place in memory. The {found.number} links took {duration(found.seconds)}"
        )
        return [text]

    def warned(self) -> list[str]:
        """Return what to warn of, once all is measured."""
        if self.placements is None or not self.placements.failed:
            return []
        return [
            "native code could not be linked again for later blocks, so they used the placements "
            f"of earlier ones: {self.placements.failed}"
        ]


def placing(
    arms: tuple[Arm, Arm],
    trees: tuple[Path, Path],
    tests: Suite,
    command: str | None,
    seed: int | str,
    announce: Announce,
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
    """
    names = differing(arms[0].modules, arms[1].modules)
    if not names:
        return Placing()
    announce("placing the native code of both sides anew for each block ...")
    folder = tests.scratch / "placed"
    try:
        folder.mkdir()
        placers: tuple[Placer, Placer] = (
            _by_command(command, arms, trees, names, folder) if command else linkers(arms)
        )
        found = Placements(arms, placers, tests, str(seed), folder)
        found.begin()
    except LinkError as error:
        announce(f"  it stays where it is: {error}")
        return Placing(why_not=str(error))
    announce(f"  {found.number} links for the first blocks ({duration(found.seconds)})")
    return Placing(found)


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
