"""``python -m bench selftest``: measure how far the gate can be trusted on this machine."""

import argparse
from dataclasses import replace
from pathlib import Path

from pytest_benchmark.utils import get_commit_info

from bench import collection, gate, gate_settings, selftest, trials_text
from bench.arms import ROOT
from bench.catalogue import catalogue
from bench.commands.gate import announce
from bench.commands.parser import Commands, add_command, show
from bench.duel import CATALOGUE
from bench.gate import SETTINGS
from bench.registry import FULL
from bench.trials import Kind, Report, SelftestError, load
from pytest_duel.support.exit_codes import Exit

CASES = 8
WHEELS = ROOT / ".cache" / "selftest"

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

Each is a gate as `python -m bench gate` runs it, on {CASES} of its cases unless
--cases names others. It takes hours; every trial is saved at once, and the same
command goes on where it was interrupted.

examples:
  python -m bench selftest selftest.json
  python -m bench selftest selftest.json --same 20 --slowed 10 --stock 0
  python -m bench selftest selftest.json --show
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "selftest", summary="measure how good the gate is", text=TEXT)
    parser.add_argument("file", type=Path, metavar="FILE", help="where trials are kept")
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
        "--cases", action="append", default=[], metavar="PATTERN",
        help="the cases to try; * stands for anything; may be repeated",
    )  # fmt: skip
    parser.add_argument("--show", action="store_true", help="only say what the file says")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Make the trials that are left, and say what all of them say."""
    if not options.show:
        if not options.file.parent.is_dir():
            raise SelftestError(f"{options.file.parent} is no folder")
        plan = _plan(options)
        own = catalogue()
        report = Report(options.file, plan.key(), selftest.here(own), get_commit_info())
        selftest.run(plan, report, own, announce, WHEELS)
    show(trials_text.render(load(options.file)))
    return Exit.PASS


def _plan(options: argparse.Namespace) -> selftest.Plan:
    own = catalogue()
    settings = gate_settings.read((ROOT / SETTINGS).read_text(encoding="utf-8"), SETTINGS)
    gated = list(gate_settings.resolve(settings, collection.case_ids(ROOT, "the working tree")))
    names = gate_settings.matching(options.cases, gated) or gate.spread(gated, CASES)
    known = {case.id: case for kernel in own.kernels for case in own.cases(kernel, FULL)}
    return selftest.Plan(
        cases={name: known[name] for name in names},
        gated={name: known[name] for name in gated},
        settings=replace(settings, thresholds={}),
        trials={kind: getattr(options, kind.replace("-", "_")) for kind in Kind},
        catalogue=CATALOGUE,
        threads={name: own.backends[known[name].backend].threads for name in gated},
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)
