"""The console script ``pytest-duel``."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_duel.support import exit_codes, failures, interrupts, streams
from pytest_duel.support.exit_codes import Exit


@dataclass(frozen=True)
class Program:
    """A program of several commands, each a module that is imported when it is asked for.

    A module has ``add(commands)``, which declares its parser and sets ``run``: options → `Exit`.
    """

    name: str
    description: str
    package: str
    """The package that holds the modules."""
    commands: tuple[str, ...]

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Run a command and return its exit code."""
        streams.settle()
        try:
            return self._run(arguments)
        except SystemExit:  # what argparse says is in a buffer yet
            try:
                streams.out("")
            except OSError as error:
                failures.tell(self.name, error)
                return Exit.ERROR
            raise

    def _run(self, arguments: Sequence[str] | None) -> int:
        given = sys.argv[1:] if arguments is None else list(arguments)
        try:
            parser = self.parser(given)
        except BaseException as error:  # code that does not import must not read as a regression
            failures.tell(" ".join([self.name, *given[:1]]), error)
            return Exit.ERROR
        options = parser.parse_args(given)
        if options.command is None:
            parser.error(f"name a command: {', '.join(self.commands)}; --help describes each")
        try:
            code: Exit = options.run(options)
        except BaseException as error:  # nor must a fault
            failures.tell(f"{self.name} {options.command}", error)
            return Exit.ERROR
        return code

    def parser(self, arguments: Sequence[str]) -> argparse.ArgumentParser:
        """Return the parser of the command that is asked for, or else of all."""
        parser = argparse.ArgumentParser(
            prog=self.name,
            description=self.description,
            epilog=exit_codes.table(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(program=self.name)
        commands = parser.add_subparsers(dest="command", metavar="COMMAND")
        asked = [name for name in self.commands if name in arguments[:1]]
        for name in asked or self.commands:
            importlib.import_module(f"{self.package}.{name}").add(commands)
        return parser


PROGRAM = Program(
    "pytest-duel",
    "Commands around benchmarks; `pytest --benchmark-only` runs them.",
    "pytest_duel.cli",
    ("doctor", "compare", "history", "duel", "gate", "selftest", "report"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command of the console script and return its exit code."""
    if arguments is None:
        interrupts.listen()
    return PROGRAM.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
