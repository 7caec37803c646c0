"""``python -m bench report``: the summary of saved runs, and the docs' tables."""

import argparse
from pathlib import Path

from bench import report
from bench.commands.parser import Commands, add_command, show
from bench.exits import Exit

TEXT = """\
Print the summary of saved runs, as the sweep prints its own; or write the
generated tables of README and docs from the runs in the repository.

examples:
  python -m bench report                # the study in this repository
  python -m bench report .benchmarks/*/0001_*.json
  python -m bench report --check-docs   # ends with 1 where docs are stale
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "report",
        summary="print the summary of saved runs, or update the docs", text=TEXT,
    )  # fmt: skip
    parser.add_argument(
        "saved", type=Path, nargs="*", default=report.study_runs(), metavar="RUN",
        help="a run saved with --benchmark-json, --benchmark-save or --benchmark-autosave; of "
        "several the middle is shown (default: those in the repository)",
    )  # fmt: skip
    parser.add_argument(
        "--update-docs", action="store_true",
        help="rewrite the generated parts of README and docs from the runs in the repository",
    )  # fmt: skip
    parser.add_argument(
        "--check-docs",
        action="store_true",
        help="exit with 1 where --update-docs would change any",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Print the summary, or hold the docs against the runs."""
    if not (options.update_docs or options.check_docs):
        show(report.of_files(options.saved))
        return Exit.PASS
    stale = report.update_docs(write=options.update_docs)
    for path in stale:
        done = (
            "rewritten"
            if options.update_docs
            else "stale: run python -m bench report --update-docs"
        )
        show(f"{path}: {done}\n")
    return Exit.REGRESSION if stale and options.check_docs else Exit.PASS
