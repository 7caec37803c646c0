"""Choosing the tests of a project, as with pytest: what several commands share."""

import argparse

from pytest_duel.gate.question import choosing


def add_tests(parser: argparse.ArgumentParser) -> None:
    """Declare which benchmarks are meant."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="tests to collect, as for pytest")
    parser.add_argument("-k", dest="keyword", metavar="EXPR", help="as pytest's -k")
    parser.add_argument("-m", dest="marks", metavar="EXPR", help="as pytest's -m")
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN",
        help="measure these benchmarks only; * stands for anything; may be repeated",
    )  # fmt: skip


def add_in_turns(parser: argparse.ArgumentParser) -> None:
    """Declare how the processes of both sides live."""
    parser.add_argument(
        "--in-turns", action="store_true",
        help="run one process at a time, for tests that need a port or a file; less precise",
    )  # fmt: skip


def add_counts(parser: argparse.ArgumentParser) -> None:
    """Declare that instructions are counted."""
    parser.add_argument(
        "--counts", action="store_true", help="count instructions as well, with valgrind"
    )


def selection(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the options of pytest's own that were given."""
    return choosing(options.keyword, options.marks)
