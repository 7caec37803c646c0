"""``pytest-duel selftest``: measure how far the gate can be trusted on this machine."""

import argparse
import math
from pathlib import Path

from pytest_duel.cli.choosing import add_tests, selection
from pytest_duel.cli.parser import Commands, add_command, announce, fraction, seconds, show
from pytest_duel.gate.folder import paths_within, project_folder
from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.results import commit_info
from pytest_duel.selftest import rates, said, trials
from pytest_duel.selftest.placement import Drawn
from pytest_duel.selftest.records import Kind, Report, SelftestError
from pytest_duel.support import files
from pytest_duel.support.exit_codes import Exit

TRIALS = 20
SLOWDOWN = 0.03
REBUILT = (Kind.PLACEMENT, Kind.REBUILT, Kind.REBUILT_SLOWED)

TEXT = """\
Measure how far the gate can be trusted, on this machine, with your benchmarks.

The working tree is installed once and is both sides of each gate. So the right
verdict is known:

  equal code  nothing differs, so every alarm is false
  slowed      one benchmark, another each time, does some more work in the
              head: a loop adds a share of a call
  stock       three runs of pytest-benchmark: one, the same again, and one with
              the slowed benchmark, as --benchmark-compare-fail judges them

A project with native code may ask for more. The place of compiled code in
memory changes the time of a short call, so it is built again with its code
elsewhere:

  --rebuilt         two such builds, one on each side, of equal code
  --rebuilt-slowed  the same, and one benchmark does more work
  --placement       one such build against the plain one, neither placed anew.
                    Where a gate cannot place code anew for each block, only
                    more than they differ by counts as a slowdown; name the
                    saved file as `selftest` in [tool.pytest-duel]

--placements says where the code of two builds lies in the blocks of a gate:

  common       in another random order of functions in each block, the same one
               on both sides, as `pytest-duel gate` does it
  independent  the same, but each side has an order of its own
  one          where each build has put it, with the limits of --placement

Each trial is a gate as `pytest-duel gate` runs it, with the project's settings.
The command says first how long it will take. With --output every trial is saved
at once. The same command continues after an interruption, or after --stop-after
has ended it; larger numbers add trials. It is an error to add trials of other
code, with other options or from another machine. The results are shares of
gates, with 95 % intervals: after twenty trials without an alarm the rate may
still be up to 17 %, after a hundred up to 4 %.

--update DOCUMENT writes a table of saved self-tests into a document, between
`<!-- selftest: SAVED.json ... -->` and `<!-- end selftest -->`; the paths are
relative to the document. `<!-- selftest of builds: SAVED.json ... -->` begins a
table of gates of two builds; files that do not exist yet are named under it.

examples:
  pytest-duel selftest --output selftest.json
  pytest-duel selftest --trials 100 --slowdown 5% --output selftest.json
  pytest-duel selftest tests/benchmarks -k parse --budget 60
  pytest-duel selftest --show --output selftest.json --format markdown
  pytest-duel selftest --update README.md
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "selftest", summary="measure how good the gate is", text=TEXT)
    add_tests(parser)
    parser.add_argument(
        "--trials", type=_count, default=TRIALS, metavar="N",
        help="gates of equal code, and as many with a slowed benchmark (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--stock", type=_count, metavar="N",
        help="how often to make three runs of pytest-benchmark (default: as --trials)",
    )  # fmt: skip
    for kind in REBUILT:
        parser.add_argument(
            f"--{kind}", type=_count, default=0, metavar="N",
            help="number of such gates, see above (default: 0)",
        )  # fmt: skip
    parser.add_argument(
        "--placements", type=Drawn, choices=list(Drawn), default=Drawn.COMMON,
        help="where the native code of two builds lies in the blocks of a gate, see above "
        "(default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--slowdown", type=fraction, default=SLOWDOWN, metavar="SHARE",
        help="by how much one benchmark is slowed (default: 3%%)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=fraction, metavar="SHARE", help="of each gate, in place of the setting"
    )
    parser.add_argument(
        "--budget", type=seconds, metavar="SECONDS", help="of each gate, in place of the setting"
    )
    parser.add_argument(
        "--stop-after", type=seconds, default=math.inf, metavar="SECONDS",
        help="begin no trial after this time, and show the results so far",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=_record, metavar="FILE.json",
        help="the file that keeps the trials; if it exists, the self-test goes on from it",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=list(said.FORMATS), default="terminal",
        help="what the screen shows (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--show", action="store_true", help="only show the saved results")
    parser.add_argument(
        "--update", type=Path, metavar="DOCUMENT",
        help="only write into this document the rates of the saved self-tests that it names",
    )  # fmt: skip
    parser.set_defaults(run=run)


def _update(path: Path) -> Exit:
    """Write the rates of saved self-tests into a document."""
    changed = said.update(path)
    announce(f"{path}: {'written anew' if changed else 'it was up to date'}")
    return Exit.PASS


def run(options: argparse.Namespace) -> Exit:
    """Make the trials that are left, and say what all of them say."""
    if options.update:
        return _update(options.update)
    if options.show:
        if not options.output:
            raise SelftestError("--show needs --output, which names the saved self-test")
        found = rates.load(options.output)
    else:
        found = _tried(options)
    show(said.FORMATS[options.format](found))
    return Exit.PASS


def _tried(options: argparse.Namespace) -> dict[str, object]:
    if options.slowdown == 0.0:
        raise SelftestError("--slowdown is 0: there would be nothing to find")
    if options.output and options.output.exists():
        rates.load(options.output)  # what is wrong with it is said before anything is installed
    stock = options.trials if options.stock is None else options.stock
    numbers = {Kind.SAME: options.trials, Kind.SLOWED: options.trials, Kind.STOCK: stock}
    numbers |= {kind: vars(options)[kind.replace("-", "_")] for kind in REBUILT}
    folder = project_folder(Path.cwd())
    overrides = {"threshold": options.threshold, "budget": options.budget}
    question = Question(
        folder=folder,
        base=None,
        paths=paths_within(folder, options.paths),
        selection=selection(options),
        only=tuple(options.only),
        threshold=options.threshold,
        overrides=overrides,
    )
    with prepared(question, announce) as ready:
        plan = trials.Plan(
            ready, folder.name, numbers, options.slowdown,
            placements=options.placements, patience=options.stop_after,
        )  # fmt: skip
        commit = commit_info.describe(folder)
        report = Report(options.output, plan.key(), trials.here(), commit)
        trials.run(plan, report, announce)
    return report.data


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _record(text: str) -> Path:
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is in a folder that does not exist")
    return files.real(path)
