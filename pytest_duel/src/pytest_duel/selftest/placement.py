"""Builds of the same source whose compiled code lies elsewhere in memory.

Where code lies moves the time of a short call, though no instruction differs. Rust orders code by
names that hold a word which is given to the compiler, so that another word is another place. What
other compilers have made is linked again, with its functions in another order.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from itertools import permutations

from pytest_duel.gate import changes
from pytest_duel.gate.placing import DIFFERS, Placing
from pytest_duel.gate.prepare import Prepared
from pytest_duel.gate.question import HEAD
from pytest_duel.paired.arms.cache import cache_folder
from pytest_duel.paired.arms.compiled import compiled, differing, module_of
from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.arms.links import LinkError, order
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.placements import Placements, linker_of, linkers
from pytest_duel.selftest.records import Kind, SelftestError

FLAGS, ENCODED = "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"
"""Variables of cargo's, of which only the second counts where both are set."""
FRESH = 4
"""Builds that take no part in the placement bounds; every ordered pair of them is a trial."""


class Drawn(StrEnum):
    """Where the native code of two builds lies in the blocks of a gate."""

    ONE = "one"
    """Where the builds have it, in all blocks."""
    INDEPENDENT = "independent"
    """In another random order of functions in each block, on each side its own."""
    COMMON = "common"
    """The same, but what both sides have is in the same order, as in a gate."""


def names(kind: Kind, index: int) -> tuple[str, ...]:
    """Return the builds of a trial: the head's, or the base's and the head's."""
    if kind is Kind.PLACEMENT:
        return (f"placement-{index}",)
    if kind in (Kind.REBUILT, Kind.REBUILT_SLOWED):
        pairs = list(permutations(range(FRESH), 2))
        return tuple(f"fresh-{one}" for one in pairs[index % len(pairs)])
    return ()


def built(ready: Prepared, name: str) -> Arm:
    """Return the head, built so that its code lies elsewhere.

    Raises
    ------
    SelftestError
        Where that made no difference, as in a project without Rust.
    """
    recipe = replace(ready.recipe, variables=flags("-C", f"metadata={name}"))
    tests = ready.tests
    found = install(tests.folder, recipe, cache_folder(), tests.scratch / HEAD)
    arm = replace(ready.head, name=name, modules=found.modules)
    return arm if changes.is_rebuilt(ready.head, arm) else _linked_again(ready, name)


def flags(*more: str) -> dict[str, str]:
    """Return the variable of a build that gives more flags to Rust's compiler."""
    if given := os.environ.get(ENCODED):
        return {ENCODED: "\x1f".join([given, *more])}
    return {FLAGS: " ".join(filter(None, [os.environ.get(FLAGS), *more]))}


def _linked_again(ready: Prepared, name: str) -> Arm:
    """Return the head with its native modules linked in another order."""
    modules = ready.head.modules
    folder = ready.tests.scratch / "builds" / name
    homes = {home: folder / str(number) for number, home in enumerate({*modules.values()})}
    try:
        known = linker_of(ready.head, compiled(modules)).known
        if not known:
            raise LinkError("it has no native module")
        for home, own in homes.items():
            shutil.copytree(home, own)
        for file, link in known.items():
            home = modules[module_of(file).partition(".")[0]]
            target = homes[home] / file
            link.again(order(link.functions, (), name), target, target.parent)
    except LinkError as error:
        raise SelftestError(
            f"its code cannot be placed otherwise, so there are no two builds to try: {error}"
        ) from None
    return replace(
        ready.head,
        name=name,
        modules={module: str(homes[home]) for module, home in modules.items()},
    )


@contextmanager
def drawn(ready: Prepared, how: Drawn, seed: str) -> Iterator[Prepared]:
    """Yield two builds with their native code where it lies in each block of a trial."""
    if how is Drawn.ONE:
        yield ready
        return
    folder, arms = ready.tests.scratch / "trial", (ready.base, ready.head)
    base, head = arms
    folder.mkdir()
    try:
        placers = linkers(arms, differing(base.modules, head.modules))
        found = Placements(arms, placers, ready.tests, seed, folder, common=how is Drawn.COMMON)
        found.begin()
        yield replace(ready, placing=Placing(found, DIFFERS))
    except LinkError as error:
        raise SelftestError(f"the two builds cannot be linked again: {error}") from None
    finally:
        shutil.rmtree(folder)
