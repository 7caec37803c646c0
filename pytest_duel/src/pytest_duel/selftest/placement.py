"""Builds of the same source whose compiled code lies elsewhere in memory.

Where code lies moves the time of a short call, though no instruction differs. Rust orders code by
names that hold a word which is given to the compiler, so that another word is another place.
"""

import os
from dataclasses import replace
from itertools import permutations

from pytest_duel.gate import changes
from pytest_duel.gate.prepare import Prepared
from pytest_duel.paired.arms.cache import cache_folder
from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.contests import Arm
from pytest_duel.selftest.records import Kind, SelftestError

FLAGS = "RUSTFLAGS"
FRESH = 4
"""Builds that take no part in the placement bounds; every ordered pair of them is a trial."""


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
    flags = f"{os.environ.get(FLAGS, '')} -C metadata={name}".strip()
    recipe = replace(ready.recipe, variables={FLAGS: flags})
    found = install(ready.tests.folder, recipe, cache_folder())
    arm = replace(ready.head, name=name, modules=found.modules)
    if not changes.is_rebuilt(ready.head, arm):
        raise SelftestError(
            "its code cannot be placed otherwise: trials of rebuilt code need a package that is "
            f"compiled with Rust, by way of {FLAGS}, and installed"
        )
    return arm
