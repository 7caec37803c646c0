"""``python -m bench``: what is about this project's own study; all else is ``pytest-duel``."""

import sys
from collections.abc import Sequence

from pytest_duel.cli.main import Program
from pytest_duel.support.interrupts import listen

PROGRAM = Program(
    "python -m bench",
    "Commands of this project; those of the harness are `pytest-duel --help`.",
    "bench.commands",
    ("learning", "places", "repeat", "report", "targets", "wheel"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    return PROGRAM.run(arguments)


if __name__ == "__main__":
    listen()
    sys.exit(main())
