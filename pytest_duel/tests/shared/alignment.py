"""Whether aligned functions and loops make a project's native code move less by its place.

    python pytest_duel/tests/shared/alignment.py FOLDER [BLOCKS [PATTERN ...]]

builds the project of a folder twice, as it is and aligned, links either build anew for each
block, with its functions in a random order, and holds it against the build as it lies. It takes
two builds and about as long as a gate. In a PATTERN of names * stands for anything; put it into
quotation marks.
"""

import os
import statistics
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_duel.gate.changes import is_rebuilt
from pytest_duel.gate.plan import Plan
from pytest_duel.gate.prepare import Prepared, prepared
from pytest_duel.gate.question import HEAD, Question
from pytest_duel.paired.arms.cache import cache_folder
from pytest_duel.paired.arms.compiled import compiled
from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.placements import Placements, linker_of
from pytest_duel.paired.pytest_client import pytest_workers
from pytest_duel.paired.surroundings import surrounded
from pytest_duel.selftest.placement import flags
from pytest_duel.statistics.paired import estimate
from pytest_duel.support import markdown

RUST = "-C llvm-args=-align-all-functions=6"
C = "-falign-functions=64 -falign-loops=32"
"""By either, functions begin with 64 bytes: a line of the processor's cache."""
BLOCKS = 24
SEED = "alignment"
SAME, PLAIN, LINED, BOTH = "same process twice", "as built", "aligned", "aligned against as built"
"""What is measured of each benchmark."""


@dataclass(frozen=True)
class Build:
    """A build of the project: as it lies, and linked again."""

    fixed: Arm
    moved: Arm

    @classmethod
    def of(cls, arm: Arm, name: str) -> "Build":
        """Return that of an arm."""
        return cls(replace(arm, name=name), replace(arm, name=f"{name}, linked again"))


def aligned_flags() -> dict[str, str]:
    """Return the variables of a build that aligns, and is as this one else.

    What `CFLAGS` says counts in place of the flags that Python was built with.
    """
    own = os.environ.get("CFLAGS") or sysconfig.get_config_var("CFLAGS") or ""
    plus = os.environ.get("CXXFLAGS") or own
    return {
        **flags(*RUST.split()),
        "CFLAGS": f"{own} {C}".strip(),
        "CXXFLAGS": f"{plus} {C}".strip(),
    }


def builds(ready: Prepared) -> tuple[Build, Build]:
    """Return the project as it is, and the same aligned."""
    recipe = replace(ready.recipe, variables=aligned_flags())
    tests = ready.tests
    found = install(tests.folder, recipe, cache_folder(), tests.scratch / HEAD)
    aligned = replace(ready.head, modules=found.modules)
    if not is_rebuilt(ready.head, aligned):
        raise SystemExit("the flags that align change nothing of the project's native code")
    return Build.of(ready.head, "plain"), Build.of(aligned, "lined")


def contests(own: Plan, plain: Build, aligned: Build) -> Iterator[Contest]:
    """Yield what is measured: names that end with that of the benchmark."""
    pairs = {
        SAME: (plain.fixed, plain.fixed),
        PLAIN: (plain.fixed, plain.moved),
        LINED: (aligned.fixed, aligned.moved),
        BOTH: (plain.moved, aligned.moved),
    }
    for name, one in own.measured.items():
        for what, arms in pairs.items():
            yield Contest(
                f"{what}: {name}", arms, file=one.file, benchmarks=(name, name), alike=False,
                null=what == SAME,
            )  # fmt: skip


def measured(ready: Prepared, blocks: int) -> Measurements:
    """Return what so many blocks give."""
    both = builds(ready)
    known = {one.moved.name: _placements(ready, one, blocks) for one in both}

    def draw(arm: Arm, block: int) -> Arm:
        placed = known[arm.name].of(arm, block) if arm.name in known else arm
        return surrounded(placed, SEED, block)

    engine = Engine(
        pytest_workers(ready.tests), list(contests(ready.own, *both)), SEED, most=blocks, draw=draw
    )
    with closing(engine.blocks()) as running:
        for number, _ in enumerate(running, 1):
            announce(f"block {number} of {blocks}")
    return engine.measured


def _placements(ready: Prepared, build: Build, blocks: int) -> Placements:
    folder = ready.tests.scratch / build.fixed.name
    folder.mkdir()
    linker = linker_of(build.moved, compiled(build.moved.modules))
    return Placements(
        (build.moved,), (linker,), ready.tests, f"{SEED} {build.moved.name}", folder,
        at_once=blocks,
    )  # fmt: skip


def table(names: Sequence[str], differences: Mapping[str, Sequence[float]]) -> list[str]:
    """Return a row for each benchmark: how far its blocks lie apart, and what alignment gives.

    Parameters
    ----------
    names
        Of the benchmarks.
    differences
        Log ratios, one a block, by what was measured.
    """
    heading = ("", *(f"{what}: standard deviation" for what in (SAME, PLAIN, LINED)), BOTH)
    rows = []
    for name in names:
        spreads = (
            f"{statistics.stdev(differences[f'{what}: {name}']):.2%}"
            for what in (SAME, PLAIN, LINED)
        )
        both = estimate(differences[f"{BOTH}: {name}"])
        rows.append((name, *spreads, f"{both.median:+.1%} [{both.low:+.1%}, {both.high:+.1%}]"))
    return markdown.table(heading, rows, [markdown.LEFT, *[markdown.RIGHT] * len(heading[1:])])


def announce(line: str) -> None:
    """Show a line to a person who waits."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def main(folder: str, blocks: int = BLOCKS, *only: str) -> None:
    """Measure the project of a folder, and print a table."""
    question = Question(Path(folder).resolve(), base=None, only=only)
    with prepared(question, announce) as ready:
        found = measured(ready, blocks)
        for reason in found.errors.values():
            announce(reason)
        names = [one for one in ready.own.measured if f"{BOTH}: {one}" in found.differences]
        print(*table(names, found.differences), sep="\n")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else BLOCKS, *sys.argv[3:])
