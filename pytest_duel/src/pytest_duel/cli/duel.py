"""``pytest-duel duel``: two arms, measured in pairs."""

import argparse
import time
from contextlib import ExitStack
from pathlib import Path

from pytest_duel.catalogue.model import DEFAULT, Catalogue
from pytest_duel.catalogue.project import Project, has_catalogue
from pytest_duel.cli import duel_project
from pytest_duel.cli.parser import (
    Commands,
    add_command,
    add_output,
    announce,
    conclude,
    fraction,
    project,
)
from pytest_duel.duel import duel
from pytest_duel.paired.install import ArmError, ArmName, prepared
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement


def kernels(own: Catalogue) -> dict[str, list[str]]:
    """Return the kernels that a duel can time, and the scenarios of each."""
    names = [name for name, kernel in own.kernels.items() if not kernel.self_timed]
    return {name: [one.scenario for one in own.sweeps if one.kernel == name] for name in names}


TEXT = """\
Decide which of two arms is faster, at each size, by paired measurements.

An arm is [REVISION:]BACKEND; without a revision it is the working tree. Both
are built alike. In every block two fresh processes, on one CPU, take turns of a
few milliseconds; a block gives one number for each size, and the spread of
blocks is the uncertainty.

Exit code 1 says that at some size B is slower than A, 0 that it is nowhere:
faster, or within --threshold. 3 says that some size is undecided, or that A
differs from itself, so that nothing can be told.

Where a kernel, scenario or backend is none of the catalogue's, those that there
are are listed.

examples:
  pytest-duel duel numba rust
  pytest-duel duel HEAD~3:rust rust --sizes 50,200
  pytest-duel duel study-numba rust --blocks 20 --format markdown
"""


def add(commands: Commands) -> None:
    """Declare the command, for a catalogue or for ordinary benchmarks."""
    if not has_catalogue(Path.cwd()):
        duel_project.add(commands)
        return
    parser = add_command(commands, "duel", summary="decide which of two arms is faster", text=TEXT)
    parser.add_argument("first", type=ArmName.parse, metavar="A", help="the arm to start from")
    parser.add_argument("second", type=ArmName.parse, metavar="B", help="the arm to judge")
    parser.add_argument("--kernel", default="clear", help="see above (default: clear)")
    parser.add_argument("--scenario", default="uniform", help="see above (default: uniform)")
    parser.add_argument("--sizes", type=_sizes, default=(), metavar="LIST", help="such as 5,200")
    parser.add_argument("--blocks", type=blocks, default=12, metavar="N", help="(default: 12)")
    parser.add_argument(
        "--threshold", type=fraction, default=duel.THRESHOLD, metavar="SHARE",
        help="the smallest difference that matters (default: 2%%)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    add_output(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Prepare the arms, run the blocks and deliver what they say."""
    return conclude(options, _judged)


def _judged(options: argparse.Namespace) -> Judgement:
    here = project()
    plan = _plan(options, here)
    with ExitStack() as stack:
        arms = {
            revision: stack.enter_context(prepared(revision, here)).arm
            for revision in dict.fromkeys(name.revision for name in plan.names)
        }
        first, second = (arms[name.revision] for name in plan.names)
        measured = duel.run(plan, (first, second), Progress(plan.blocks))
    return duel.judge(plan, measured)


def _plan(options: argparse.Namespace, here: Project) -> duel.Plan:
    own = here.catalogue
    names = (options.first, options.second)
    asked = {
        "kernel": ([options.kernel], kernels(own)),
        "scenario": ([options.scenario], own.scenarios),
        "backend": ([name.backend for name in names], own.backends),
    }
    for kind, (given, known) in asked.items():
        for name in given:
            if name not in known:
                raise ArmError(f"unknown {kind} {name!r}: choose from {', '.join(known)}")
    sizes = duel.plan_sizes(own, options.kernel, options.scenario, DEFAULT, options.sizes)
    if not sizes:
        raise ArmError(f"{options.kernel} has no such sizes of {options.scenario}")
    return duel.Plan(
        names, options.kernel, options.scenario, sizes,
        options.blocks, options.threshold, options.seed, here.source,
        cpus=max(own.backends[name.backend].threads for name in names),
    )  # fmt: skip


class Progress:
    """Tells on standard error how far a duel is, and how long it will take."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.started = time.monotonic()

    def __call__(self, done: int) -> None:
        """Say that so many blocks are done; more than were asked for may have begun."""
        if done > self.blocks:
            return
        took = time.monotonic() - self.started
        left = took / done * (self.blocks - done)
        announce(f"block {done} of {self.blocks}, about {left:.0f} s left")


def _sizes(text: str) -> tuple[int, ...]:
    sizes = text.split(",")
    if not all(size.isascii() and size.isdigit() and int(size) for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of positive whole numbers")
    return tuple(map(int, sizes))


def blocks(text: str) -> int:
    """Read how many blocks to take."""
    if not (text.isascii() and text.isdigit() and int(text) > 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 1")
    return int(text)
