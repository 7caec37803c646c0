"""``python -m bench report``: the generated tables and figures of README and docs."""

import argparse

from bench.study import documents
from pytest_duel.cli.parser import Commands, add_command, show
from pytest_duel.support.exit_codes import Exit

TEXT = """\
Write the generated tables and figures of README and docs from the runs in the
repository. A summary of runs, and the report as a page, is `pytest-duel report`.

examples:
  python -m bench report --update-docs
  python -m bench report --check-docs   # ends with 1 where docs are stale
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "report", summary="write the docs' generated parts", text=TEXT)
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument(
        "--update-docs", action="store_true",
        help="rewrite the generated parts of README and docs from the runs in the repository",
    )  # fmt: skip
    either.add_argument(
        "--check-docs", action="store_true",
        help="exit with 1 where --update-docs would change any",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Hold the docs against the runs in the repository."""
    stale = documents.update_docs(write=options.update_docs)
    for path in stale:
        done = (
            "rewritten"
            if options.update_docs
            else "stale: run python -m bench report --update-docs"
        )
        show(f"{path}: {done}\n")
    return Exit.REGRESSION if stale and options.check_docs else Exit.PASS
