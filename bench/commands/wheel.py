"""``python -m bench wheel``: the one way to build the Rust wheel."""

import argparse
import sys
from pathlib import Path

from bench import wheel
from pytest_duel.cli.parser import Commands, add_command
from pytest_duel.support.exit_codes import Exit

TEXT = """\
Build the Rust wheel, release and locked, or take it from the cache where its
sources are the same, and print its path. The harness and all environments get
theirs here.

examples:
  python -m bench wheel
  pip install "$(python -m bench wheel)"
  python -m bench wheel --unpack some/folder
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "wheel",
        summary="build the Rust wheel, or take it from the cache, and print its path", text=TEXT,
    )  # fmt: skip
    parser.add_argument("--unpack", type=Path, metavar="DIR", help="also unpack it into DIR")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Build it and print its path."""
    path = wheel.build()
    if options.unpack:
        wheel.unpack(path, options.unpack)
    sys.stdout.write(f"{path}\n")
    return Exit.PASS
