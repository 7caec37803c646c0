"""The harness's commands: ``python -m bench --help``."""

import argparse
import signal
import sys
import traceback
from collections.abc import Sequence

from bench import exits
from bench.arms import ArmError
from bench.collection import CollectionError
from bench.commands import compare, duel, gate, report, selftest, wheel
from bench.counts import CountError
from bench.exits import Exit
from bench.gate import GateError
from bench.gate_settings import SettingsError
from bench.report import ReportError
from bench.runs import RunError
from bench.stock import StockError
from bench.trials import SelftestError
from bench.wheel import WheelError

COMMANDS = (compare, duel, gate, selftest, report, wheel)
ERRORS = (
    ArmError,
    CollectionError,
    CountError,
    GateError,
    OSError,
    ReportError,
    RunError,
    SelftestError,
    SettingsError,
    StockError,
    WheelError,
)
"""What a command may end with that its user can mend."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    try:
        code: Exit = options.run(options)
    except ERRORS as error:
        sys.stderr.write(f"python -m bench {options.command}: {error}\n")
        return Exit.ERROR
    except KeyboardInterrupt:
        sys.stderr.write(f"python -m bench {options.command}: interrupted\n")
        return Exit.ERROR
    except Exception:  # a fault of the harness must not read as a regression
        traceback.print_exc()
        return Exit.ERROR
    return code


def _interrupt(*_: object) -> None:
    """End what runs, once: a second signal must not disturb the cleaning up."""
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Commands around the sweep, which itself is `pytest --benchmark-only`.",
        epilog=exits.table(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _interrupt)
    sys.exit(main())
