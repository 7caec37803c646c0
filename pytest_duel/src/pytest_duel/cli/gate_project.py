"""``pytest-duel gate``: tell whether a change made any benchmark of a project slower."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pytest_duel.formats import ENDINGS, FORMATS
from pytest_duel.gate.project import ProjectGateError, Question, run
from pytest_duel.support.exit_codes import Exit, table

TEXT = f"""\
Tell whether the working tree is slower than a revision, and where.

Both are installed apart, and the tests of the working tree that use the
fixture `benchmark` run on both: in every block two fresh processes on one CPU
take turns of a few milliseconds, and a block gives one number for each
benchmark. What is not yet decided gets more blocks, until --budget is spent.

examples:
  pytest-duel gate --base main
  pytest-duel gate --base HEAD~1 tests/benchmarks -k parse --budget 60
  pytest-duel gate --base main --output gate.md --output gate.json

settings, all optional, in [tool.pytest-duel] of pyproject.toml:
  benchmarks  patterns of the names to measure; * stands for anything
  threshold   the smallest slowdown that matters, as a share (default 0.02)
  thresholds  others, by pattern; the most specific pattern decides
  budget      seconds of measuring (default 180)
  removed     names of benchmarks that are meant to be gone
  packages    folders to install (default ["."])
  install     "pip", "none" to import from the tree as it is, or a command
              that installs into {{target}}

{table()}
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "gate",
        help="tell whether a change made a benchmark slower",
        description=TEXT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="tests to collect, as for pytest")
    parser.add_argument("--base", required=True, metavar="REV", help="the revision to start from")
    parser.add_argument("--head", metavar="REV", help="the one to judge (default: working tree)")
    parser.add_argument("-k", dest="keyword", metavar="EXPR", help="as pytest's -k")
    parser.add_argument("-m", dest="marks", metavar="EXPR", help="as pytest's -m")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN",
        help="measure the benchmarks whose names match; * stands for anything",
    )  # fmt: skip
    parser.add_argument("--threshold", type=_share, metavar="SHARE")
    parser.add_argument("--budget", type=_seconds, metavar="SECONDS")
    parser.add_argument(
        "--accept-removal", type=_name, action="append", default=[], metavar="NAME",
        help="a benchmark that is meant to be gone",
    )  # fmt: skip
    parser.add_argument("--install", metavar="HOW", help="as the setting")
    parser.add_argument("--package", action="append", metavar="FOLDER", help="as `packages`")
    parser.add_argument("--seed", type=int, default=0, help="of the order (default: 0)")
    parser.add_argument("--format", choices=FORMATS, default="terminal")
    parser.add_argument(
        "--output", action="append", default=[], type=_output, metavar="FILE",
        help=f"write it there, too; the ending says how: {', '.join(ENDINGS)}",
    )  # fmt: skip
    parser.set_defaults(run=run_command)


def run_command(options: argparse.Namespace) -> Exit:
    """Measure, and write what was found."""
    overrides = {
        "threshold": options.threshold,
        "budget": options.budget,
        "install": options.install,
        "packages": tuple(options.package) if options.package else None,
    }
    selection = [
        *(["-k", options.keyword] if options.keyword else []),
        *(["-m", options.marks] if options.marks else []),
    ]
    question = Question(
        folder=Path.cwd(),
        base=options.base,
        head=options.head,
        paths=tuple(options.paths),
        selection=tuple(selection),
        only=tuple(options.only),
        threshold=options.threshold,
        overrides=overrides,
        accepted=tuple(options.accept_removal),
        seed=options.seed,
    )
    try:
        judgement = run(question, announce)
    except ProjectGateError as error:
        announce(f"pytest-duel gate: error: {error}")
        return Exit.ERROR
    sys.stdout.write(FORMATS[options.format](judgement))
    for path in options.output:
        path.write_text(FORMATS[ENDINGS[path.suffix]](judgement), encoding="utf-8")
    return judgement.exit


def announce(line: str) -> None:
    """Write a line for whoever waits."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser("pytest-duel", description="benchmarks measured in pairs")
    add(parser.add_subparsers(required=True, metavar="COMMAND"))
    options = parser.parse_args(arguments)
    command: Callable[[argparse.Namespace], Exit] = options.run
    return int(command(options))


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no share: at least 0 and below 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time: it must be above 0")
    return value


def _name(text: str) -> str:
    if "*" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is a pattern: accept benchmarks one by one")
    return text


def _output(text: str) -> Path:
    path = Path(text)
    if path.suffix not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text}: the ending must be one of {', '.join(ENDINGS)}")
    return path


if __name__ == "__main__":
    sys.exit(main())
