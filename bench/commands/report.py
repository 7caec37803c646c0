"""``python -m bench report``: the summary of saved runs, as text or page, and the docs' tables."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench import report
from bench.catalogue import catalogue
from bench.commands import failures
from bench.commands.history import load
from bench.commands.parser import Commands, add_command, show
from bench.index import Entry
from pytest_duel.support import files
from pytest_duel.support.exit_codes import Exit

TEXT = """\
Print the summary of saved runs, as the sweep prints its own; or write it as one
HTML page with charts, which needs no network; or write the generated tables and
figures of README and docs from the runs in the repository.

examples:
  python -m bench report                # the study in this repository
  python -m bench report .benchmarks/*/0001_*.json
  python -m bench report -o report.html
  python -m bench report run-*.json targets.json -o report.html
  python -m bench report -o report.html --history .benchmarks
  python -m bench report --check-docs   # ends with 1 where docs are stale
"""

LARGEST = 2_000_000
"""Bytes: a larger page does not pass as an attachment everywhere."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "report",
        summary="print the summary of saved runs, or update the docs", text=TEXT,
    )  # fmt: skip
    parser.add_argument(
        "saved", type=Path, nargs="*", metavar="RUN",
        help="a run saved with --benchmark-json, --benchmark-save or --benchmark-autosave; of "
        "several the middle is shown (default: those in the repository). For a page also what "
        "compare, duel, gate and targets have saved as JSON",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=page_file, metavar="FILE",
        help="write the report to this .html file instead",
    )  # fmt: skip
    parser.add_argument(
        "--history", action="append", default=[], metavar="RUN",
        help="a folder of runs, or a run, that the page's history is made of besides; may be "
        "repeated. A page of runs of several commits has a history without it",
    )  # fmt: skip
    parser.add_argument(
        "--update-docs", action="store_true",
        help="rewrite the generated parts of README and docs from the runs in the repository",
    )  # fmt: skip
    parser.add_argument(
        "--check-docs",
        action="store_true",
        help="exit with 1 where --update-docs would change any",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Print the summary, write the page, or hold the docs against the runs."""
    _refuse(options)
    if options.update_docs or options.check_docs:
        return _docs(options)
    if options.output:
        return _write(options)
    show(report.of_files(options.saved or report.study_runs()))
    return Exit.PASS


def _refuse(options: argparse.Namespace) -> None:
    """Raise an error where an argument would go unheeded."""
    docs = [
        name
        for name, given in (
            ("--update-docs", options.update_docs), ("--check-docs", options.check_docs),
        )
        if given
    ]  # fmt: skip
    beside = [
        name
        for name, given in (
            ("RUN", options.saved), ("--output", options.output), ("--history", options.history),
        )
        if given
    ]  # fmt: skip
    if len(docs) > 1:
        raise report.ReportError(f"{' and '.join(docs)} exclude each other")
    if docs and beside:
        raise report.ReportError(
            f"{docs[0]} is of the runs in the repository, and takes no {beside[0]}"
        )
    if options.history and not options.output:
        raise report.ReportError("--history is shown on a page only: give --output FILE.html too")


def _write(options: argparse.Namespace) -> Exit:
    """Write the page."""
    earlier, faults, _ = load(options.history) if options.history else ([], {}, [])
    page = _page(options.saved or report.study_files(), earlier, list(map(str, faults.values())))
    _save(options.output, page)
    size = len(page.encode())
    show(f"{options.output}: {size / 1e6:.2f} MB\n")
    if size > LARGEST:
        failures.tell(
            options.command,
            report.ReportError(
                f"{options.output} has {size:,} bytes, more than {LARGEST:,}: it may not pass as "
                "an attachment; give fewer runs or judgements"
            ),
        )
    for fault in faults.values():
        failures.tell(options.command, fault)
    return Exit.ERROR if faults else Exit.PASS


def _save(path: Path, page: str) -> None:
    """Write a page; what prevents it is said of the file that was asked for."""
    try:
        files.write(path, page)
    except OSError as error:
        raise report.ReportError(f"{path} cannot be written: {error.strerror or error}") from None


def _docs(options: argparse.Namespace) -> Exit:
    """Hold the docs against the runs in the repository."""
    stale = report.update_docs(write=options.update_docs)
    for path in stale:
        done = (
            "rewritten"
            if options.update_docs
            else "stale: run python -m bench report --update-docs"
        )
        show(f"{path}: {done}\n")
    return Exit.REGRESSION if stale and options.check_docs else Exit.PASS


def page_file(text: str) -> Path:
    """Read the path of a page: what is wrong with it is said before anything is read."""
    path = Path(text)
    if path.suffix not in (".html", ".htm"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .html")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is in no folder that exists")
    return path


def _page(paths: Sequence[Path], earlier: Sequence[Entry], unread: Sequence[str]) -> str:
    """Return the report of some files as a page."""
    try:
        from bench.page import document, material

        made = material.gather(paths, catalogue(), earlier, unread)
        return document.render(made)
    except ImportError as error:
        raise report.lacking(error) from None
