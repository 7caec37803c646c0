"""``pytest-duel selftest``: measure how far the gate can be trusted on this machine."""

import argparse
from dataclasses import replace
from pathlib import Path

from pytest_duel.catalogue import collect
from pytest_duel.catalogue.model import FULL
from pytest_duel.catalogue.project import Project, has_catalogue
from pytest_duel.cli import selftest_project
from pytest_duel.cli.parser import Commands, add_command, announce, project, show
from pytest_duel.results import commit_info
from pytest_duel.selftest import catalogue_gate as gate
from pytest_duel.selftest import catalogue_settings as gate_settings
from pytest_duel.selftest import report, selftest
from pytest_duel.selftest.catalogue_gate import SETTINGS
from pytest_duel.selftest.records import Kind, Report, SelftestError, load
from pytest_duel.support.exit_codes import Exit

CASES = 8

TEXT = f"""\
Measure the gate itself, on this machine: gates whose truth is known.

  same       base and head are one wheel: every alarm is false
  slowed     half of the cases do 3, 5 or 10 % more calls in the head
  placement  the head is the same source, built with its code placed otherwise;
             what that moves a case by gives the case's floor
  rebuilt    two other such wheels, judged with those floors
  rebuilt-slowed
             the same; half of the cases do more than their floors hide
  stock      three runs of pytest-benchmark: one, the same again, and one with
             slowed cases, under --benchmark-compare-fail=min:5% and mean:5%

Each is a gate as `pytest-duel gate` runs it, on {CASES} of its cases unless
--only names others. It takes hours; every trial is saved at once, and the same
command goes on where it was interrupted.

examples:
  pytest-duel selftest selftest.json
  pytest-duel selftest selftest.json --same 20 --slowed 10 --stock 0
  pytest-duel selftest selftest.json --show
"""


def add(commands: Commands) -> None:
    """Declare the command, for a catalogue or for ordinary benchmarks."""
    if not has_catalogue(Path.cwd()):
        selftest_project.add(commands)
        return
    parser = add_command(commands, "selftest", summary="measure how good the gate is", text=TEXT)
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="where trials are kept")
    numbers = {
        Kind.SAME: 100, Kind.SLOWED: 30, Kind.PLACEMENT: 11,
        Kind.REBUILT: 24, Kind.REBUILT_SLOWED: 12, Kind.STOCK: 12,
    }  # fmt: skip
    for kind, number in numbers.items():
        parser.add_argument(
            f"--{kind}", type=_count, default=number, metavar="N",
            help=f"so many trials (default: {number})",
        )  # fmt: skip
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN",
        help="the cases to try; * stands for anything; may be repeated",
    )  # fmt: skip
    parser.add_argument("--show", action="store_true", help="only say what the file says")
    selftest_project.add_update(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Make the trials that are left, and say what all of them say."""
    if options.update:
        return selftest_project.update(options.update)
    if not options.file:
        raise SelftestError("it needs a FILE, where trials are kept")
    if not options.show:
        if not options.file.parent.is_dir():
            raise SelftestError(f"{options.file.parent} is no folder")
        here = project()
        plan = _plan(options, here)
        kept = Report(
            options.file, plan.key(), selftest.here(here), commit_info.describe(here.root)
        )
        selftest.run(plan, kept, announce)
    show(report.render(load(options.file)))
    return Exit.PASS


def _plan(options: argparse.Namespace, here: Project) -> selftest.Plan:
    own = here.catalogue
    settings = gate_settings.read((here.root / SETTINGS).read_text(encoding="utf-8"), SETTINGS)
    gated = list(
        gate_settings.resolve(
            settings, collect.case_ids(here.root, "the working tree", here.suites)
        )
    )
    names = gate_settings.matching(options.only, gated) or gate.spread(gated, CASES)
    known = {case.id: case for kernel in own.kernels for case in own.cases(kernel, FULL)}
    return selftest.Plan(
        cases={name: known[name] for name in names},
        gated={name: known[name] for name in gated},
        settings=replace(settings, thresholds={}),
        trials={kind: getattr(options, kind.replace("-", "_")) for kind in Kind},
        project=here,
        threads={name: own.backends[known[name].backend].threads for name in gated},
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)
