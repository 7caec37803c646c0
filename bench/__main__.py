"""The harness's commands: ``python -m bench --help``."""

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence

from bench.commands import failures
from pytest_duel.support import exit_codes
from pytest_duel.support.exit_codes import Exit

COMMANDS = (
    "doctor", "compare", "history", "duel", "gate", "selftest", "targets", "report", "wheel",
)  # fmt: skip
"""Modules of `bench.commands`, which are imported when they are asked for."""
SIGNALS = tuple(one for one in signal.Signals if one.name in ("SIGINT", "SIGTERM", "SIGHUP"))
"""What ends a command, which cleans up after itself; Windows has no SIGHUP."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        parser = _parser(given)
    except BaseException as error:  # code that does not import must not read as a regression
        failures.tell(" ".join(given[:1]), error)
        return Exit.ERROR
    options = parser.parse_args(given)
    try:
        code: Exit = options.run(options)
    except BaseException as error:  # nor must a fault
        failures.tell(options.command, error)
        return Exit.ERROR
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of the command that is asked for, or else of all."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Commands around the sweep, which itself is `pytest --benchmark-only`.",
        epilog=exit_codes.table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = [name for name in COMMANDS if name in arguments[:1]]
    for name in asked or COMMANDS:
        importlib.import_module(f"bench.commands.{name}").add(commands)
    return parser


def _interrupt(*_: object) -> None:
    """End what runs, once: a second signal must not disturb the cleaning up."""
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def listen() -> None:
    """Have the signals that ask for an end interrupt what runs."""
    for one in SIGNALS:
        # Whoever started this with nohup wants it to outlive the terminal.
        if one.name != "SIGHUP" or signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, _interrupt)


if __name__ == "__main__":
    listen()
    sys.exit(main())
