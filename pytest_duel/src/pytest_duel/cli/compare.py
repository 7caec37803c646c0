"""``pytest-duel compare``: what changed between saved runs."""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_duel.catalogue.project import TABLE, catalogue_of
from pytest_duel.cli.parser import (
    Commands,
    add_columns,
    add_command,
    add_output,
    add_storage,
    add_time_unit,
    conclude,
    fraction,
)
from pytest_duel.compare.centre import FEWEST, MOST
from pytest_duel.compare.comparison import THRESHOLD, compare
from pytest_duel.compare.judgement import Fail, judge
from pytest_duel.compare.noted import with_columns
from pytest_duel.compare.wanted import NO_CONTROL
from pytest_duel.gate import settings as gate_settings
from pytest_duel.gate.folder import project_folder
from pytest_duel.results import reading, storage
from pytest_duel.results.runs import Run
from pytest_duel.statistics.unpaired import MARGIN
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.thresholds import Thresholds
from pytest_duel.verdicts.model import Judgement
from pytest_duel.verdicts.unread import with_files

DEFAULT_FAILURES = (Fail.REGRESSION, Fail.MISSING, Fail.DISPUTED)

TEXT = f"""\
Compare saved runs of two revisions, and say how certain each change is. They
may be of any project and machine: what pytest-benchmark has saved, from version
3 on.

OLD and NEW name runs in pytest-benchmark's storage, as it does itself:
  0003, 3           the run of that number
  before            the run saved with --benchmark-save before; all of them, if
                    several have that name
  latest, latest~1  the run saved last, the one before it
  0001,0002,0003    several runs of one revision, separated by commas
  a.json, 'r/*.gz'  files, and patterns of files, plain or packed by gzip, also
                    what --benchmark-json wrote
  runs/             all .json and .json.gz files in a folder

Save several runs of each revision if you can, old and new in turns. How far
runs differ shows how much a change means; the rounds within one run do not.
With one run on each side, changes under {MARGIN:.0%} are inconclusive, and so are larger
ones if the benchmarks scatter that much.

Each benchmark is compared twice: raw, and relative to a control. The verdict
comes from the second, because what slows the whole machine cancels out there.
The control is the middle of all benchmarks that changed alike. If these are
less than {MOST:.0%} of all, every benchmark is inconclusive. You can name benchmarks
that the change cannot affect; then their middle is the control: --control
'test_parse*', which may be repeated. In a sweep of three or more backends, the
control of each kernel is the backend whose change is the middle one. With fewer
than {FEWEST} benchmarks, or fewer backends, the raw change decides.

A benchmark that cannot be read is named in a warning, and the others are
compared: it failed, a time is not a positive number, or another benchmark has
the same name. If only one side can be read, it counts as missing from the
other. A file that cannot be read is named; the others are compared, and the
exit code is 2.

The settings threshold, thresholds and group_thresholds in [tool.pytest-duel]
hold here as in a gate. The first that fits a benchmark decides: a pattern of
names, a pattern of groups, --threshold.

With few runs, benchmarks stay undecided. That alone does not fail a comparison:
exit code 0 means that no slowdown was found, not that there is none. The line
"verdict" says how many are inconclusive. --fail-on inconclusive makes the exit
code 3 then.

examples:
  pytest --benchmark-only --benchmark-save before     # three times
  pytest --benchmark-only --benchmark-save after      # three times
  pytest-duel compare before after
  pytest-duel compare latest~1 latest --fail-on regression,inconclusive
  pytest-duel compare old.json new.json.gz --format markdown
  pytest-duel compare before after --control 'test_untouched*'
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
        "--control", action="append", default=[], metavar="PATTERN",
        help="benchmarks that the change cannot affect: the others are compared with their "
        f"middle; * stands for anything; may be repeated. In a sweep, a backend. {NO_CONTROL}: "
        "judge the raw changes (default: the middle of all that changed alike; in a sweep, the "
        "backend whose change is the middle one)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=fraction, metavar="SHARE",
        help="the smallest change that matters, for benchmarks without one of their own (default: "
        f"{THRESHOLD:.0%}, or that of the settings; with one run on a side at least {MARGIN:.0%})"
        .replace("%", "%%"),
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", type=failures, default=DEFAULT_FAILURES, metavar="LIST",
        help="what makes the exit code differ from 0: regression (1), missing: a benchmark that "
        "only OLD has (2), inconclusive: one that is undecided (3), disputed: one whose control "
        "may itself have changed (3), different: another machine, version, build, "
        f"setting or pool (3); or none (default: {','.join(DEFAULT_FAILURES)})",
    )  # fmt: skip
    add_columns(parser)
    add_time_unit(parser)
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
                f"{part!r} is not one of {', '.join(known)}; none stands alone"
            )
    return tuple(Fail(part) for part in text.split(","))


def run(options: argparse.Namespace) -> Exit:
    """Compare, and write what was found."""
    return conclude(options, _judged)


def _judged(options: argparse.Namespace) -> Judgement:
    here = Path.cwd()
    settings = gate_settings.read(project_folder(here))
    old, new = (
        reading.read(storage.find([names], options.storage))
        for names in (options.old, options.new)
    )
    reading.check_apart(old.saved, new.saved)
    own = Thresholds(settings.thresholds, settings.group_thresholds)
    comparison = compare(
        old.runs, new.runs, catalogue_of(here), control=options.control,
        threshold=settings.threshold if options.threshold is None else options.threshold,
        thresholds=own,
    )  # fmt: skip
    judged = judge(comparison, old.runs, new.runs, options.fail_on, options.time_unit)
    judged = replace(judged, warnings=(*_idle(own, old.runs + new.runs), *judged.warnings))
    shown = with_columns(judged, old.runs, new.runs, options.columns)
    return with_files(shown, {**old.faults, **new.faults}, (*old.foreign, *new.foreign))


def _idle(own: Thresholds, runs: Sequence[Run]) -> Iterator[str]:
    """Say which thresholds of the settings hold for no benchmark."""
    benchmarks = [one.benchmark for run in runs for one in run.benchmarks]
    for pattern in own.idle((one.id, one.group) for one in benchmarks):
        yield f"[{TABLE}]: {pattern!r} has a threshold, but matches no benchmark of these runs"
