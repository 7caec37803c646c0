"""What a process meets besides the code that it measures: drawn anew for each block.

The order in which Python goes through sets, and the size of the environment, move times as well.
Both arms of a block meet the same, so equal code stays equal; over blocks it varies, so intervals
cover it. Which arm starts first is drawn by the block itself.
"""

import random
from dataclasses import replace

from pytest_duel.paired.contests import Arm

ROOM = "PYTEST_DUEL_ROOM"
"""A variable that only takes room in the environment."""
MOST = 4096
"""Bytes: as many as a page of memory has."""
SEEDS = 2**32
"""How many seeds of hashing there are."""


def surrounded(arm: Arm, seed: int | str, block: int) -> Arm:
    """Return an arm with the surroundings of a block."""
    rng = random.Random(f"surroundings {seed} {block}")  # noqa: S311  no secret
    drawn = {
        "PYTHONHASHSEED": f"{rng.randrange(SEEDS):010d}",
        ROOM: "." * rng.randrange(MOST),
    }
    return replace(arm, environment={**drawn, **arm.environment})
