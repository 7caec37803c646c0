"""``pytest-duel gate``: tell whether a change is slower."""

import argparse
from contextlib import ExitStack
from dataclasses import astuple, replace
from pathlib import Path

from pytest_duel.catalogue.project import TABLE, Project, has_catalogue
from pytest_duel.cli import gate_project
from pytest_duel.cli.parser import (
    Commands,
    add_command,
    add_output,
    announce,
    conclude,
    fraction,
    project,
    seconds,
)
from pytest_duel.gate import gate
from pytest_duel.gate import settings as gate_settings
from pytest_duel.gate.gate import SETTINGS, GateError
from pytest_duel.gate.judgement import judge
from pytest_duel.gate.settings import Settings
from pytest_duel.paired import callgrind
from pytest_duel.paired.install import ArmError, Checkout, prepared
from pytest_duel.paired.sampling import Progress
from pytest_duel.selftest import records, report, selftest
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.git import GitError, commit_of
from pytest_duel.verdicts.model import Judgement

TEXT = f"""\
Tell whether the working tree is slower than a revision, and where.

The base is built in a temporary worktree, the working tree with its uncommitted
changes beside it, with identical flags. Both must agree with the reference, bit
for bit. Then the cases of [{TABLE}] in {SETTINGS} are measured in
pairs: in every block two fresh processes on one CPU take turns of a few
milliseconds, and a block gives one number for each case. Cases that are not yet
decided get more blocks, until --budget is spent.

Beside the cases run some whose code is the same, and the base against itself.
Where these differ the gate is void: it rather says so than blame the change.
A benchmark that only the base has is an error, unless you accept its removal.

[{TABLE}] in {SETTINGS}:
  benchmarks  patterns of the cases to measure; * stands for anything
  threshold   the smallest slowdown that matters, as a share
  thresholds  others, by pattern; the most specific pattern decides
  budget      seconds of measuring
  removed     ids of benchmarks that are meant to be gone
  selftest    the saved self-test, with what code placement moves a case by
  project     module:name of what the harness is told of this project

examples:
  pytest-duel gate --base main
  pytest-duel gate --base HEAD~1 --only 'clear[rust-*]' --budget 60
  pytest-duel gate --base main --output gate.md --output gate.json
  pytest-duel gate --base main --counts
"""


def add(commands: Commands) -> None:
    """Declare the command, for a catalogue or for ordinary benchmarks."""
    if not has_catalogue(Path.cwd()):
        gate_project.add(commands)
        return
    parser = add_command(commands, "gate", summary="tell whether a change is slower", text=TEXT)
    parser.add_argument("--base", required=True, metavar="REV", help="the revision to start from")
    parser.add_argument(
        "--threshold", type=fraction, metavar="SHARE",
        help="the smallest slowdown that matters, where a case has no other "
        f"(default: what {SETTINGS} says)",
    )  # fmt: skip
    parser.add_argument(
        "--budget", type=seconds, metavar="SECONDS",
        help=f"to spend on measuring, besides building and parity (default: as {SETTINGS} says)",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN",
        help="measure these of the gate's cases only; * stands for anything; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--accept-removal", type=_name, action="append", default=[], metavar="ID",
        help="a benchmark that is meant to be gone; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--counts", action="store_true", help="count instructions as well, with valgrind"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    add_output(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Build, check and measure, and deliver what was found."""
    return conclude(options, _judged)


def _judged(options: argparse.Namespace) -> Judgement:
    own = project()
    settings = _settings(options, own.root)
    commit = commit_of(options.base, own.root)
    saved = records.load(own.root / settings.selftest) if settings.selftest else None
    floors = records.floors(saved["trials"]) if saved else {}
    announce(f"building the base, {options.base}, and the working tree ...")
    with ExitStack() as stack:
        base = _prepared(stack, own, options.base, f"the base, {options.base},")
        head = _prepared(stack, own, None, "the head, which is the working tree,")
        announce("collecting the benchmarks of both ...")
        scope = gate.scope(base, head, settings, own, floors, options.threshold)
        if options.only:
            scope = gate.restricted(scope, options.only)
        arms = base.arm, head.arm
        parity, sampled, notes = gate.Parity(), None, {}
        if scope.cases or scope.fresh:
            number = len(scope.measured) + len(scope.fresh)
            announce(f"holding {number} cases against the reference ...")
            parity = gate.check(scope, arms, own.source)
        if scope.cases:
            engine = gate.engine(scope, *arms, parity, own.source, options.seed)
            sampled = gate.measure(scope, engine, settings, progress)
            notes = _counted(scope, base, head, own.source) if options.counts else {}
    title = f"the working tree against {options.base} ({commit[:10]})"
    title += "" if scope.cases else ": nothing that differs to measure"
    quote, warnings = "", []
    if saved:
        here = selftest.here(own)
        quote = report.quote(saved, here)
        if scope.rebuilt and saved["machine"] != here:
            warnings.append(
                "the wheels differ, and what code placement alone gives is known from another "
                "machine's self-test"
            )
    return judge(scope, sampled, parity, title, settings.threshold, notes, quote, warnings)


def _prepared(stack: ExitStack, own: Project, revision: str | None, name: str) -> Checkout:
    try:
        return stack.enter_context(prepared(revision, own))
    except (ArmError, GitError) as error:
        raise GateError(f"{name} cannot be measured: {error}") from None


def _name(text: str) -> str:
    if "*" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is a pattern: accept cases one by one")
    return text


def _settings(options: argparse.Namespace, root: Path) -> Settings:
    settings = gate_settings.read((root / SETTINGS).read_text(encoding="utf-8"), SETTINGS)
    given = {"threshold": options.threshold, "budget": options.budget}
    settings = replace(settings, **{key: one for key, one in given.items() if one is not None})
    return gate.accepting(settings, options.accept_removal)


def _counted(scope: gate.Scope, base: Checkout, head: Checkout, catalogue: str) -> dict[str, str]:
    """Return what the instruction counts of each case say."""
    reason = callgrind.unavailable()
    if reason:
        announce(f"instructions are not counted: {reason}")
        return dict.fromkeys(scope.cases, f"instructions not counted: {reason}")
    cases = {name: astuple(case) for name, case in scope.cases.items()}
    counted, errors = callgrind.compare((base.arm, head.arm), cases, catalogue, announce)
    said = {name: f"instructions {one.change:+.2%}" for name, one in counted.items()}
    return said | {name: f"instructions not counted: {why}" for name, why in errors.items()}


def progress(now: Progress) -> None:
    """Tell how far the measuring is."""
    announce(
        f"block {now.blocks}: {now.undecided} cases undecided after {now.elapsed:.0f} s, "
        f"at most {now.left:.0f} s left"
    )
