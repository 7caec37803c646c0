"""The harness's commands: ``python -m bench --help``."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import report, wheel
from bench.runs import RunError

OK, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 a check failed, 2 usage or input error."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except (RunError, wheel.WheelError, report.ReportError) as error:
        sys.stderr.write(f"python -m bench {options.command}: {error}\n")
        return USAGE
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Commands around the sweep, which itself is `pytest --benchmark-only`.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    build = commands.add_parser(
        "wheel", help="build the Rust wheel, or take it from the cache, and print its path"
    )
    build.add_argument("--unpack", type=Path, metavar="DIR", help="also unpack it into DIR")
    build.set_defaults(run=_wheel)

    show = commands.add_parser(
        "report", help="print the summary of saved runs, or update the docs"
    )
    show.add_argument(
        "saved", type=Path, nargs="*", default=report.study_runs(), metavar="RUN",
        help="a run saved with --benchmark-json, --benchmark-save or --benchmark-autosave; of "
        "several the middle is shown (default: those in the repository)",
    )  # fmt: skip
    show.add_argument(
        "--update-docs", action="store_true",
        help="rewrite the generated parts of README and docs from the runs in the repository",
    )  # fmt: skip
    show.add_argument(
        "--check-docs",
        action="store_true",
        help="exit with 1 where --update-docs would change any",
    )
    show.set_defaults(run=_report)
    return parser


def _wheel(options: argparse.Namespace) -> int:
    path = wheel.build()
    if options.unpack:
        wheel.unpack(path, options.unpack)
    sys.stdout.write(f"{path}\n")
    return OK


def _report(options: argparse.Namespace) -> int:
    if not (options.update_docs or options.check_docs):
        sys.stdout.write(report.of_files(options.saved))
        return OK
    stale = report.update_docs(write=options.update_docs)
    for path in stale:
        done = (
            "rewritten"
            if options.update_docs
            else "stale: run python -m bench report --update-docs"
        )
        sys.stdout.write(f"{path}: {done}\n")
    return FAILED if stale and options.check_docs else OK


if __name__ == "__main__":
    sys.exit(main())
