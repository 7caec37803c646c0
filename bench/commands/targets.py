"""``python -m bench targets``: hold the project's targets against paired measurements."""

import argparse
import textwrap
from datetime import UTC, datetime

from bench.catalogue import catalogue
from bench.measuring import measured, number_of_blocks
from bench.project import project
from pytest_duel.catalogue.model import Catalogue
from pytest_duel.cli.parser import Commands, add_command, add_output, conclude
from pytest_duel.duel import targets
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
    parser.add_argument(
        "--blocks", type=number_of_blocks, default=12, metavar="N", help="(default: 12)"
    )
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
    found = measured(targets.arrange(chosen, here.catalogue), options.blocks, options.seed)
    return targets.judge(chosen, found, options.blocks, data)
