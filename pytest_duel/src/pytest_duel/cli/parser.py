"""Common parts of the commands' parsers."""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_duel.catalogue.project import Project
from pytest_duel.catalogue.project import load as load_project
from pytest_duel.formats import ENDINGS, FORMATS, delivery
from pytest_duel.results import storage
from pytest_duel.results.provenance import FACTS, HOST
from pytest_duel.support import exit_codes, harmless, streams
from pytest_duel.support.thresholds import share_of
from pytest_duel.support.units import AUTO, UNITS
from pytest_duel.verdicts import noted
from pytest_duel.verdicts.model import Judgement

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = Any


def project() -> Project:
    """Return the project of the current folder, or of the nearest one above it that has one."""
    return load_project(Path.cwd())


def add_command(commands: Commands, name: str, *, summary: str, text: str) -> Any:
    """Declare a command whose help explains it: `text` is shown as it is written."""
    return commands.add_parser(
        name,
        help=summary,
        description=text,
        epilog=exit_codes.table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_storage(parser: argparse.ArgumentParser) -> None:
    """Declare where saved runs are looked for."""
    parser.add_argument(
        "--storage", default=storage.DEFAULT, metavar="URI",
        help="where runs are saved, as for --benchmark-storage (default: %(default)s)",
    )  # fmt: skip


def add_ignore(parser: argparse.ArgumentParser) -> None:
    """Declare which facts do not tell machines apart."""
    parser.add_argument(
        "--ignore", type=_facts, default=frozenset(), metavar="LIST",
        help="facts in which runs of one machine may differ, separated by commas: "
        f"{', '.join(FACTS)}. If CI starts another host for each job: {','.join(HOST)}",
    )  # fmt: skip


def _facts(text: str) -> frozenset[str]:
    names = text.split(",")
    for name in names:
        if name not in FACTS:
            raise argparse.ArgumentTypeError(f"{name!r} is not one of {', '.join(FACTS)}")
    return frozenset(names)


def add_columns(parser: argparse.ArgumentParser) -> None:
    """Declare what is shown of benchmarks besides their times."""
    parser.add_argument(
        "--columns", type=_keys, default=(), metavar="KEYS",
        help="entries of each benchmark's extra_info to show as columns, separated by commas. "
        "The peak of memory is shown where runs have it",
    )  # fmt: skip


def add_time_unit(parser: argparse.ArgumentParser) -> None:
    """Declare what times are shown in."""
    parser.add_argument(
        "--time-unit", choices=UNITS, default=AUTO,
        help="the unit of times (default: the one that fits each)",
    )  # fmt: skip


def _keys(text: str) -> tuple[str, ...]:
    try:
        return noted.keys_of(text)
    except noted.NotedError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_output(parser: argparse.ArgumentParser) -> None:
    """Declare how a judgement is written."""
    parser.add_argument(
        "--format", choices=list(FORMATS), default="terminal",
        help="what the screen shows (default: terminal)",
    )  # fmt: skip
    known = ", ".join(f"{ending} {name}" for ending, name in ENDINGS.items())
    parser.add_argument(
        "--output", type=report_file, action="append", default=[], metavar="FILE",
        help=f"also write the answer to this file, in the format of its ending: {known}; may be "
        "repeated",
    )  # fmt: skip


def conclude(
    options: argparse.Namespace, find: Callable[[argparse.Namespace], Judgement]
) -> exit_codes.Exit:
    """Deliver what `find` returns as the options ask, or why it failed."""
    reports = tuple((path, ENDINGS[path.suffix]) for path in options.output)
    program = f"{options.program} {options.command}"
    asked = delivery.Delivery(program, options.command, options.format, reports)
    return delivery.conclude(asked, partial(find, options))


def show(text: str) -> None:
    """Write text on the screen; what its encoding lacks becomes a question mark.

    Raises
    ------
    OSError
        Where it cannot be written.
    """
    streams.out(text)


def announce(line: str) -> None:
    """Write a line on progress."""
    streams.err(harmless.lines(line) + "\n")


def report_file(text: str) -> Path:
    """Read the path of a report: what is wrong with it is said before anything is measured."""
    path = Path(text)
    if path.suffix not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in one of {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is in a folder that does not exist")
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is a folder")
    return path


def seconds(text: str) -> float:
    """Read a number above zero."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def fraction(text: str) -> float:
    """Read ``2%``, ``0.02`` or ``150%``."""
    try:
        return share_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error} such as 2%, 0.02 or 150%") from None
