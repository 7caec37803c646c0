"""``python -m bench wheel``: the one way to build the Rust wheel."""

import argparse
import sys
from pathlib import Path

from bench import wheel
from bench.commands.parser import Commands
from bench.exits import Exit


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "wheel", help="build the Rust wheel, or take it from the cache, and print its path"
    )
    parser.add_argument("--unpack", type=Path, metavar="DIR", help="also unpack it into DIR")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Build it and print its path."""
    path = wheel.build()
    if options.unpack:
        wheel.unpack(path, options.unpack)
    sys.stdout.write(f"{path}\n")
    return Exit.PASS
