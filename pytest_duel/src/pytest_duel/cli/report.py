"""``pytest-duel report``: the summary of saved runs, as text or page."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pytest_duel.catalogue.model import Catalogue
from pytest_duel.cli import failures
from pytest_duel.cli.history import CACHE, load
from pytest_duel.cli.parser import Commands, add_command, project, show
from pytest_duel.results.index import Entry
from pytest_duel.results.storage import read
from pytest_duel.results.summary import middle, summarise
from pytest_duel.support import files
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.extras import lacking
from pytest_duel.verdicts import text

TEXT = """\
Print the summary of saved runs, as the sweep prints its own; or write it as one
HTML page with charts, which needs no network.

examples:
  pytest-duel report                    # the runs that the project names
  pytest-duel report .benchmarks/*/0001_*.json
  pytest-duel report -o report.html
  pytest-duel report run-*.json targets.json -o report.html
  pytest-duel report -o report.html --history .benchmarks
"""

LARGEST = 2_000_000
"""Bytes: a larger page does not pass as an attachment everywhere."""


class ReportError(DuelError):
    """A report cannot be made; the message says why."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "report",
        summary="print the summary of saved runs, or write it as a page", text=TEXT,
    )  # fmt: skip
    parser.add_argument(
        "saved", type=Path, nargs="*", metavar="RUN",
        help="a run saved with --benchmark-json, --benchmark-save or --benchmark-autosave; of "
        "several the middle is shown (default: those that the project names). For a page also "
        "what compare, duel, gate and targets have saved as JSON",
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
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Print the summary, or write the page."""
    if options.history and not options.output:
        raise ReportError("--history is shown on a page only: give --output FILE.html too")
    if options.output:
        return _write(options)
    here = project()
    own = here.catalogue
    runs = [path for path in here.studied() if path.name.endswith(".json.gz")]
    saved = read(options.saved or runs)
    if not saved:
        raise ReportError("there is no saved run to report on")
    run = middle([one.run for one in saved], own)
    show(text.render(summarise(run, own), own.notes) + "\n")
    return Exit.PASS


def _write(options: argparse.Namespace) -> Exit:
    """Write the page."""
    here = project()
    earlier, faults, _ = (
        load(options.history, here.root / CACHE) if options.history else ([], {}, [])
    )
    page = _page(
        options.saved or here.studied(), here.catalogue, earlier, list(map(str, faults.values()))
    )
    _save(options.output, page)
    size = len(page.encode())
    show(f"{options.output}: {size / 1e6:.2f} MB\n")
    if size > LARGEST:
        failures.tell(
            f"{options.program} {options.command}",
            ReportError(
                f"{options.output} has {size:,} bytes, more than {LARGEST:,}: it may not pass as "
                "an attachment; give fewer runs or judgements"
            ),
        )
    for fault in faults.values():
        failures.tell(f"{options.program} {options.command}", fault)
    return Exit.ERROR if faults else Exit.PASS


def _save(path: Path, page: str) -> None:
    """Write a page; what prevents it is said of the file that was asked for."""
    try:
        files.write(path, page)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}") from None


def page_file(text: str) -> Path:
    """Read the path of a page: what is wrong with it is said before anything is read."""
    path = Path(text)
    if path.suffix not in (".html", ".htm"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .html")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is in no folder that exists")
    return path


def _page(
    paths: Sequence[Path], catalogue: Catalogue, earlier: Sequence[Entry], unread: Sequence[str]
) -> str:
    """Return the report of some files as a page."""
    try:
        from pytest_duel.page import document, material

        made = material.gather(paths, catalogue, earlier, unread)
        return document.render(made)
    except ImportError as error:
        raise lacking(error, "charts", "page") from None
