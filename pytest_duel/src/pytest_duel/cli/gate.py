"""``pytest-duel gate``: tell whether a change is slower."""

import argparse
from dataclasses import replace
from pathlib import Path

from pytest_duel.cli.choosing import (
    add_counts,
    add_in_turns,
    add_tests,
    selection,
)
from pytest_duel.cli.parser import (
    Commands,
    add_command,
    add_output,
    announce,
    conclude,
    fraction,
    seconds,
)
from pytest_duel.gate import settings as gate_settings
from pytest_duel.gate.findings import without_warnings
from pytest_duel.selftest.quoted import asked
from pytest_duel.selftest.quoted import run as run_gate
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement

TEXT = """\
Tell whether the working tree is slower than a revision, and where.

Both are installed apart, and the tests of the working tree that use the
fixture `benchmark` run on both: in every block two fresh processes on one CPU
take turns of a few milliseconds, and a block gives one number for each
benchmark. What is not yet decided gets more blocks, until --budget is spent.
A benchmark whose marker says duel(check=True) is run once on both sides before
that, and is not measured where it fails: a wrong answer has no speed.

The base is also measured against itself. If that shows a difference, the gate
is void: it says so instead of blaming the change. A benchmark that only the
base has is an error, and so is one that skips itself since this change, or that
only the head can run, unless you accept that by its name.

If the native code of the two sides differs, it is linked again for each block
with its functions in another order. The reason: the place of code in memory
alone changes the time of short calls by some percent.

A change cannot loosen its own gate. Where settings, limits or markers of the
two sides differ, the stricter one counts. A new name in `removed` counts from
the next change on. Options on the command line hold for both sides.

settings, all optional, in [tool.pytest-duel] of pyproject.toml:
  benchmarks  patterns of the names to measure; * stands for anything
  threshold   the smallest slowdown that matters, as a share (default 0.02), or
              in percent, such as "150%"
  thresholds  other thresholds, by pattern of names; the most specific pattern
              that matches decides
  group_thresholds  the same by pattern of groups, which pytest-benchmark's
              marker names; for benchmarks that no pattern of names matches
  budget      seconds of measuring (default 180)
  removed     names of benchmarks that were removed on purpose
  packages    folders to install (default ["."])
  install     "pip", "none" to import from the tree as it is, or a command
              that installs into {target}
  placements  a command that writes native modules into {target}, with their
              code placed as {seed} says; for code that the gate itself cannot
              link again
  in_turns    true if tests need something that only one process can have at a
              time, such as a port
  selftest    a saved self-test. Its placement limits hold where compiled code
              is not placed anew for each block
  project     module:name of the project's catalogue and settings

examples:
  pytest-duel gate --base main
  pytest-duel gate --base main --with numpy
  pytest-duel gate --base HEAD~1 tests/benchmarks -k parse --budget 60
  pytest-duel gate --base main --output gate.md --output gate.json
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "gate", summary="tell whether a change is slower", text=TEXT)
    parser.add_argument("--base", required=True, metavar="REV", help="the revision to start from")
    parser.add_argument(
        "--head", metavar="REV", help="the revision to judge (default: the working tree)"
    )
    add_tests(parser)
    parser.add_argument(
        "--threshold", type=fraction, metavar="SHARE",
        help="the smallest slowdown that matters, for benchmarks without one of their own",
    )  # fmt: skip
    parser.add_argument(
        "--budget", type=seconds, metavar="SECONDS",
        help="how long to measure; installing is not counted",
    )  # fmt: skip
    parser.add_argument(
        "--accept", type=_name, action="append", default=[], metavar="NAME",
        help="a benchmark that this change removes or skips on purpose, or that only the head can "
        "run; may be repeated",
    )  # fmt: skip
    parser.add_argument("--install", type=_install, metavar="HOW", help="as the setting `install`")
    parser.add_argument(
        "--package", type=_folder, action="append", default=[], metavar="FOLDER",
        help="a folder to install, in place of the setting; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--isolated", action="store_true",
        help="give each side a virtual environment of its own, with the dependencies it declares",
    )  # fmt: skip
    parser.add_argument(
        "--with", dest="requirements", action="append", default=[], metavar="REQUIREMENT",
        help="the same with one more requirement, such as one of the tests; may be repeated",
    )  # fmt: skip
    add_in_turns(parser)
    add_counts(parser)
    parser.add_argument(
        "--strict", action="store_true", help="treat warnings as an error (exit code 2)"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the random order (default: 0)"
    )
    add_output(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Install, collect and measure, and deliver what was found."""
    return conclude(options, _judged)


def _judged(options: argparse.Namespace) -> Judgement:
    overrides = {
        "threshold": options.threshold,
        "budget": options.budget,
        "in_turns": options.in_turns or None,
        "install": options.install,
        "packages": tuple(options.package) or None,
    }
    question = replace(
        asked(Path.cwd(), options.base, options.paths, selection(options)),
        head=options.head,
        only=tuple(options.only),
        threshold=options.threshold,
        overrides=overrides,
        accepted=tuple(options.accept),
        isolated=options.isolated or bool(options.requirements),
        requirements=tuple(options.requirements),
        counts=options.counts,
        seed=options.seed,
    )
    found = run_gate(question, announce)
    return without_warnings(found) if options.strict else found


def _name(text: str) -> str:
    if "*" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is a pattern: accept benchmarks one by one")
    return text


def _folder(text: str) -> str:
    if gate_settings.is_absolute(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is the same for both sides: name the folder relative to the project's"
        )
    return text


def _install(text: str) -> str:
    if text not in ("pip", "none") and "{target}" not in text:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not pip, none, or a command that has {{target}} in it"
        )
    return text
