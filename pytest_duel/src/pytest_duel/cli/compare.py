"""``pytest-duel compare``: what changed between saved runs."""

import argparse

from pytest_duel.cli.parser import (
    Commands,
    add_command,
    add_output,
    add_storage,
    conclude,
    fraction,
    project,
)
from pytest_duel.compare.comparison import NO_CONTROL, THRESHOLD, compare
from pytest_duel.compare.judgement import Fail, judge
from pytest_duel.results import storage
from pytest_duel.statistics.unpaired import MARGIN
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement

DEFAULT_FAILURES = (Fail.REGRESSION, Fail.MISSING, Fail.DISPUTED)

TEXT = f"""\
Compare saved runs of two revisions, with uncertainty.

OLD and NEW name runs as pytest-benchmark does, in its storage:
  0003, 3           the run of that number
  before            the run saved with --benchmark-save before; if several bear
                    the name, all of them
  latest, latest~1  the run saved last, the one before it
  0001,0002,0003    several runs of one revision, separated by commas
  a.json, 'r/*.gz'  files, and patterns of files, .json or .json.gz

Save several runs of each revision if you can, turn by turn: the spread of runs
says what a change is worth, the rounds within a run do not. With one run a
side, changes under {MARGIN:.0%} are inconclusive, and larger ones too where
the cases scatter as much.

Each case is compared raw, and relative to a control: the backend whose change
over the same kernel is the middle one. What slows the whole machine cancels
there, so the verdict rests on it; where fewer than three backends compete, it
rests on the raw change. --control names another control.

Few runs leave cases undecided. That alone does not fail a comparison, so exit
code 0 says that nothing was found, not that nothing changed: the verdict tells
which, and --fail-on inconclusive makes it 3.

examples:
  pytest --benchmark-only --benchmark-save before     # three times
  pytest --benchmark-only --benchmark-save after      # three times
  pytest-duel compare before after
  pytest-duel compare latest~1 latest --fail-on regression,inconclusive
  pytest-duel compare old.json new.json.gz --format markdown
  pytest-duel compare 1,2,3 4,5,6 --output compare.xml
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "compare", summary="tell what changed between saved runs", text=TEXT
    )
    parser.add_argument("old", metavar="OLD", help="runs of the revision to start from")
    parser.add_argument("new", metavar="NEW", help="runs of the revision to judge")
    add_storage(parser)
    parser.add_argument(
        "--control", metavar="BACKEND",
        help=f"the backend to compare with; {NO_CONTROL} to trust the raw changes "
        "(default: the backend whose change is the middle one)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=fraction, default=THRESHOLD, metavar="SHARE",
        help=f"the smallest change that matters (default: {THRESHOLD:.0%}; with one run a side "
        f"at least {MARGIN:.0%})".replace("%", "%%"),
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", type=failures, default=DEFAULT_FAILURES, metavar="LIST",
        help="what makes the exit code differ from 0: regression (1), missing: a case that only "
        "OLD has (2), inconclusive: a case that is undecided (3), disputed: one whose control "
        "changed and not all others with it (3), different: another machine, version, build, "
        f"setting or pool (3); or none (default: {','.join(DEFAULT_FAILURES)})",
    )  # fmt: skip
    add_output(parser)
    parser.set_defaults(run=run)


def failures(text: str) -> tuple[Fail, ...]:
    """Read a comma-separated list of what makes the comparison fail."""
    if text == "none":
        return ()
    known = [one.value for one in Fail]
    for part in text.split(","):
        if part not in known:
            raise argparse.ArgumentTypeError(
                f"{part!r} is none of {', '.join(known)}, nor is the whole none"
            )
    return tuple(Fail(part) for part in text.split(","))


def run(options: argparse.Namespace) -> Exit:
    """Compare, and write what was found."""
    return conclude(options, _judged)


def _judged(options: argparse.Namespace) -> Judgement:
    catalogue = project().catalogue
    paths = [storage.resolve(names, options.storage) for names in (options.old, options.new)]
    sides = [storage.read(side) for side in paths]
    storage.check_apart(*sides)
    old, new = ([saved.run for saved in side] for side in sides)
    comparison = compare(old, new, catalogue, control=options.control, threshold=options.threshold)
    return judge(comparison, old, new, options.fail_on)
