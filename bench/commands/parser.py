"""What the commands' parsers share."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import exits, files
from bench.formats import FORMATS
from bench.judgement import Judgement

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = Any


def add_command(commands: Commands, name: str, *, summary: str, text: str) -> Any:
    """Declare a command whose help explains it: `text` is shown as it is written."""
    return commands.add_parser(
        name,
        help=summary,
        description=text,
        epilog=exits.table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Declare how a judgement is written."""
    parser.add_argument(
        "--format", choices=list(FORMATS), default="terminal", help="(default: terminal)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write it there, in one step, not to the screen",
    )


def deliver(judgement: Judgement, options: argparse.Namespace) -> exits.Exit:
    """Write a judgement as the options ask, and return its exit code."""
    rendered = FORMATS[options.format](judgement)
    if options.output:
        files.write(options.output, rendered)
    else:
        sys.stdout.write(rendered)
    return judgement.exit


def fraction(text: str) -> float:
    """Read ``2%`` or ``0.02``."""
    number = text.removesuffix("%").strip()
    try:
        value = float(number) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share such as 2% or 0.02")
    return value
