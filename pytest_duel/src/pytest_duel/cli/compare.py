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
Compare saved runs of two revisions, with uncertainty: any that pytest-benchmark
has saved, from version 3 on, on any machine.

OLD and NEW name runs as pytest-benchmark does, in its storage:
  0003, 3           the run of that number
  before            the run saved with --benchmark-save before; if several bear
                    the name, all of them
  latest, latest~1  the run saved last, the one before it
  0001,0002,0003    several runs of one revision, separated by commas
  a.json, 'r/*.gz'  files, and patterns of files, plain or packed by gzip, also
                    what --benchmark-json wrote
  runs/             a folder, of which all .json and .json.gz count

Save several runs of each revision if you can, turn by turn: the spread of runs
says what a change is worth, the rounds within a run do not. With one run a
side, changes under {MARGIN:.0%} are inconclusive, and larger ones too where
the benchmarks scatter as much.

Each benchmark is compared raw, and relative to a control. What slows the whole
machine cancels there, so the verdict rests on it. The control is the middle of
all benchmarks that changed alike; where these are less than {MOST:.0%} of
all, nothing is called. Name benchmarks that the change cannot reach, and their
middle is the control: --control 'test_parse*', as often as you like. Where a
sweep has three or more backends the control is, by kernel, the backend whose
change is the middle one.
With fewer than {FEWEST} benchmarks, or fewer backends, the raw change counts.

A benchmark that cannot be read (it failed, its times are no times, two have its
name) is named in a warning; the others are compared. If only one side can be
read, it counts as missing from the other. A file that cannot be read is named;
the others are compared, and the exit code is 2.

threshold, thresholds and group_thresholds in [tool.pytest-duel] hold here as in
a gate: a pattern of names first, then of groups, then --threshold.

Few runs leave benchmarks undecided. That alone does not fail a comparison, so
exit code 0 says that nothing was found, not that nothing changed: the verdict
tells which, and --fail-on inconclusive makes it 3.

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
        help="benchmarks that the change cannot reach, to compare with their middle; * stands for "
        f"anything; may be repeated. Of a sweep, a backend. {NO_CONTROL} to trust the raw changes "
        "(default: the middle of all that changed alike; of a sweep, the backend in the middle)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=fraction, metavar="SHARE",
        help="the smallest change that matters, where a benchmark has no other (default: "
        f"{THRESHOLD:.0%}, or that of the settings; with one run on a side at least {MARGIN:.0%})"
        .replace("%", "%%"),
    )  # fmt: skip
    parser.add_argument(
        "--fail-on", type=failures, default=DEFAULT_FAILURES, metavar="LIST",
        help="what makes the exit code differ from 0: regression (1), missing: a benchmark that "
        "only OLD has (2), inconclusive: one that is undecided (3), disputed: one whose control "
        "is not to be trusted (3), different: another machine, version, build, "
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
                f"{part!r} is none of {', '.join(known)}, nor is the whole none"
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
        yield f"[{TABLE}]: no benchmark of these runs matches {pattern!r}, which has a threshold"
