"""Where native code lies in the blocks of this pytest: drawn anew for each, where that can be had.

It can for extension modules in a folder of the import path that keeps what their links need: what
`pytest_duel.paired.arms.links.keeping` has seen being built. All others stay where they lie.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_duel.paired.arms.compiled import compiled, module_of
from pytest_duel.paired.arms.links import LINKS, LinkError
from pytest_duel.paired.arms.modules import modules_in
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.engine import Draw
from pytest_duel.paired.placements import BATCH, Placements, linker_of
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.support.units import duration


@dataclass
class Placing:
    """What is done about the place of native code, in all parts of a run."""

    modules: set[str] = field(default_factory=set)
    """Extension modules that are linked again for each block."""
    links: int = 0
    seconds: float = 0.0
    """That these took."""
    faults: list[str] = field(default_factory=list)
    """Why native code lies where it was built to lie, or does so in later blocks."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """Digests of what benchmarks returned before their modules were linked again, by name."""

    @contextmanager
    def drawn(
        self, arm: Arm, tests: Suite, seed: str, blocks: int, announce: Callable[[str], None]
    ) -> Iterator[Draw]:
        """Yield what gives the code its place in a block, or leaves it where it was built to lie.

        Parameters
        ----------
        arm
            The code that the blocks run.
        tests
            Whose workers will import the modules.
        seed
            Of all draws.
        blocks
            To place at a time.
        announce
            Told what is done.
        """
        found = None
        try:
            found = self._begun(arm, tests, seed, blocks)
        except LinkError as error:
            self._fault(f"native code stays where it was built to lie: {error}", announce)
        if found and not self.links:  # once is enough: the next parts are linked alike
            announce(
                f"linked {', '.join(sorted(self.modules))} anew for each block, its functions in "
                f"another random order ({duration(found.seconds)})"
            )

        def placed(own: Arm, block: int) -> Arm:
            return found.of(found.arms[0], block) if found and found.reach(block) else own

        yield placed
        if found:
            self.links += found.number
            self.seconds += found.seconds
            if found.failed:
                self._fault(
                    f"native code lies where it was built to lie in later blocks: {found.failed}",
                    announce,
                )

    def _fault(self, what: str, announce: Callable[[str], None]) -> None:
        announce(what)
        self.faults.append(what)

    def _begun(self, arm: Arm, tests: Suite, seed: str, blocks: int) -> Placements | None:
        modules = modules_with_links()
        names = compiled(modules)
        if not names:
            return None
        whole = replace(arm, modules=modules)
        linker = linker_of(whole, names)
        folder = tests.scratch / "placed"
        folder.mkdir()
        found = Placements((whole,), (linker,), tests, seed, folder, at_once=min(blocks, BATCH))
        found.begin()
        self.modules |= {module_of(name) for name in linker.known}
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return what a saved run says of it."""
        return {
            "modules": sorted(self.modules),
            "links": self.links,
            "seconds": round(self.seconds, 2),
            "faults": self.faults,
        }


def modules_with_links() -> dict[str, str]:
    """Return the modules on the import path whose links are kept, each with its folder."""
    found: dict[str, str] = {}
    for folder in map(Path, sys.path):
        if (folder / LINKS).is_dir():
            found = {**dict.fromkeys(modules_in(folder), str(folder)), **found}
    return found
