"""``python -m bench targets``: hold the project's targets against paired measurements."""

import argparse
import textwrap
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench.catalogue import catalogue
from bench.project import project
from pytest_duel.catalogue.model import FULL, Catalogue
from pytest_duel.cli.parser import Commands, add_command, add_output, announce, conclude
from pytest_duel.duel import targets
from pytest_duel.gate.measure import checked_answers
from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.results import commit_info, machine
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.terminal import WIDTH
from pytest_duel.verdicts.model import Judgement


def listed(own: Catalogue) -> str:
    """Return the names of the targets for the help."""
    names = dict.fromkeys(target.name for target in own.targets)
    return "\n".join(
        textwrap.fill(name, WIDTH, initial_indent="  ", subsequent_indent="    ") for name in names
    )


TEXT = f"""\
Judge the project's targets: ratios of two times that it sets out to keep.

Two subjects are measured in pairs, as `pytest-duel duel` does it: in every
block two fresh processes on the same CPU take turns, and a block gives one
number for each size. A target is met where the whole interval of the ratio is
where it is to be, missed where none of it is, and open where it reaches across.

Exit code 1 says that a target is missed, 3 that none is but some are open.

targets, as slow / fast:
{listed(catalogue())}

examples:
  python -m bench targets
  python -m bench targets --only 'clear_batch*' --blocks 24
  python -m bench targets --output docs/runs/targets.json
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "targets", summary="judge the project's targets", text=TEXT)
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN",
        help="judge these targets only; * stands for anything; may be repeated",
    )  # fmt: skip
    parser.add_argument("--blocks", type=_blocks, default=12, metavar="N", help="(default: 12)")
    parser.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    add_output(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Build, check and measure, and deliver what was found."""
    return conclude(options, _judged)


def _judged(options: argparse.Namespace) -> Judgement:
    here = project()
    chosen = targets.choose(here.catalogue.targets, options.only)
    data = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.identify(set(here.catalogue.packages) - set(here.packages)),
        "commit": commit_info.describe(here.root),
        "seed": options.seed,
    }
    question = Question(
        folder=here.root,
        base=None,
        paths=(here.suites,),
        selection=("--bench-tier", FULL.name),
        overrides={"benchmarks": ("*",), "thresholds": {}, "removed": ()},
        arrange=targets.arrange(chosen, here.catalogue),
    )
    with prepared(question, announce) as ready:
        checked = checked_answers(ready, announce)
        measured = targets.measure(
            ready, checked, options.blocks, options.seed, _begin(options.blocks)
        )
    return targets.judge(chosen, measured, options.blocks, data)


class Progress:
    """Tells on standard error how far a measurement is, and how long it will take."""

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


def _blocks(text: str) -> int:
    """Read how many blocks to take."""
    if not (text.isascii() and text.isdigit() and int(text) > 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 1")
    return int(text)


def _begin(number: int) -> Callable[[str], Callable[[int], None]]:
    """Return what says that measuring begins, and then after every block how far it is."""

    def begin(said: str) -> Callable[[int], None]:
        announce(said)
        return Progress(number)

    return begin
