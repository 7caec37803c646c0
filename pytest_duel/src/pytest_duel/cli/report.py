"""``pytest-duel report``: what saved runs tell, as text or page."""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pytest_duel.catalogue.model import EMPTY, Catalogue
from pytest_duel.catalogue.project import Project, has_catalogue
from pytest_duel.cli.history import home_of, load
from pytest_duel.cli.parser import (
    Commands,
    add_columns,
    add_command,
    add_ignore,
    add_storage,
    add_time_unit,
    project,
    show,
)
from pytest_duel.gate.folder import project_folder
from pytest_duel.page import saved_json
from pytest_duel.results import provenance, reading, storage
from pytest_duel.results.alike import alike, mixed
from pytest_duel.results.index import Entry
from pytest_duel.results.runs import Run
from pytest_duel.results.storage import Files
from pytest_duel.results.summary import middle, summarise
from pytest_duel.support import failures, harmless
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.extras import lacking
from pytest_duel.support.files import write
from pytest_duel.support.terminal import wrapped
from pytest_duel.support.units import AUTO
from pytest_duel.verdicts import groups, groups_text, noted, text
from pytest_duel.verdicts.groups import Timed

TEXT = """\
Print what saved runs show, or write it as one HTML page with charts, which
needs no network. The runs may be of any project: what pytest-benchmark has
saved, from version 3 on.

RUN is a file, a pattern of files, a folder, or the number or name of a run in
the storage, as for `pytest-duel compare`. Several runs of the same code show
how far processes differ. If the runs are of several machines, versions or
commits, only those like the newest are shown. A file that cannot be read is
named; the others are shown, and the exit code is 2.

Benchmarks of one group are alternatives, and the report says which is the
fastest. --group-by makes the groups, or else the tests name them; benchmarks
without a group are put together by file.

In a project with a catalogue, the runs that it names are the default, and
sweeps are shown as a sweep prints them.

examples:
  pytest-duel report
  pytest-duel report 0003 0004 0005 --group-by func
  pytest-duel report -o report.html
  pytest-duel report after --compare before -o report.html
  pytest-duel report run-*.json gate.json -o report.html
  pytest-duel report -o report.html --history .benchmarks
"""

LATEST = "latest"
LARGEST = 2_000_000
"""Bytes: a larger page does not pass as an attachment everywhere."""


class ReportError(DuelError):
    """A report cannot be made; the message says why."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "report", summary="print what saved runs show, or write it as a page", text=TEXT
    )
    parser.add_argument(
        "saved", nargs="*", metavar="RUN",
        help="a saved run (default: the last one, or those that the project names). For a page "
        "also what compare, duel, gate and targets have saved as JSON",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=page_file, metavar="FILE",
        help="write the report to this .html file instead",
    )  # fmt: skip
    parser.add_argument(
        "--group-by", type=grouping, default=(), metavar="LABELS",
        help=f"what benchmarks are grouped by, separated by commas: {', '.join(groups.WORDS)} "
        "(default: the groups that tests name, else files)",
    )  # fmt: skip
    parser.add_argument(
        "--compare", metavar="OLD",
        help="runs to compare with, named as for `pytest-duel compare OLD`: the page opens with "
        "what has changed since",
    )  # fmt: skip
    parser.add_argument(
        "--history", action="append", default=[], metavar="RUN",
        help="more runs for the page's history: a folder, or a run; may be repeated. If the runs "
        "are of several commits, the page has a history without this",
    )  # fmt: skip
    add_storage(parser)
    add_ignore(parser)
    add_columns(parser)
    add_time_unit(parser)
    parser.set_defaults(run=run)


def grouping(text: str) -> tuple[str, ...]:
    """Read the words of ``--group-by``."""
    try:
        return groups.grouping(text)
    except groups.GroupError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> Exit:
    """Print what saved runs tell, or write the page."""
    _check(options)
    here = _project()
    if not options.output:
        return _print(options, here, _files(options, here))
    earlier, faults, _ = (
        load(options.history, home_of(here.root)) if options.history else ([], {}, ())
    )
    return _write(options, here, _files(options, here), earlier, faults)


def _check(options: argparse.Namespace) -> None:
    """Refuse what would go unheeded."""
    for name in ("history", "compare"):
        if getattr(options, name) and not options.output:
            instead = ": pytest-duel compare prints it" if name == "compare" else ""
            raise ReportError(
                f"--{name} is shown on a page only: give --output FILE.html too{instead}"
            )


def _project() -> Project:
    """Return the project of this folder: one without a catalogue where it has no sweeps."""
    here = Path.cwd()
    return project() if has_catalogue(here) else Project(project_folder(here), EMPTY, ())


def _files(options: argparse.Namespace, here: Project) -> Files:
    """Return the files that are meant."""
    if not options.saved and (studied := here.studied()):
        return Files(tuple(studied))
    return storage.find(options.saved or [LATEST], options.storage)


def _print(options: argparse.Namespace, here: Project, files: Files) -> Exit:
    """Print what runs tell, sweeps first."""
    if not options.saved:  # what a project names holds judgements, too, which are for its page
        files = files.without([path for path in files.named if any(saved_json.read(path))])
    own = reading.read(files)
    given = sorted(own.runs, key=lambda run: run.when)
    saved = alike(given, options.ignore)
    parts = list(_parts(options, here.catalogue, saved))
    warnings = [
        *filter(None, [mixed(given, options.ignore)]),
        *provenance.uncommitted(saved, "this report"),
        *provenance.unreadable(saved, "the run"),
    ]
    told = [line for one in warnings for line in wrapped(f"WARNING: {harmless.paragraph(one)}")]
    show("\n\n".join(["\n".join(told)] * bool(told) + parts) + "\n")
    return _tell(options, own.faults)


def _parts(
    options: argparse.Namespace, catalogue: Catalogue, saved: Sequence[Run]
) -> Iterator[str]:
    """Yield what is printed: sweeps, then the benchmarks that belong to none."""
    summaries = summarise(middle(saved, catalogue), catalogue)
    processes = [process for run in saved for process in run.processes]
    timed = groups.timed(processes)
    _check_unit(options, timed)
    if summaries or not timed:
        yield text.render(summaries, catalogue.notes)
    keys = noted.shown((own for one in timed for own in one.noted), options.columns)
    if timed:
        look = groups_text.Look(len(processes), keys, options.time_unit)
        yield groups_text.render(groups.grouped(timed, options.group_by), look)


def _check_unit(options: argparse.Namespace, timed: Sequence[Timed]) -> None:
    """Refuse a unit where all times are of sweeps, whose tables have units of their own."""
    if not timed and options.time_unit != AUTO:
        raise ReportError(
            "--time-unit is only for benchmarks outside of sweeps, and there are none"
        )


def _tell(options: argparse.Namespace, faults: Mapping[Path, DuelError]) -> Exit:
    """Say which files could not be read, and return the exit code."""
    for fault in faults.values():
        failures.tell(f"{options.program} {options.command}", fault)
    return Exit.ERROR if faults else Exit.PASS


def _write(
    options: argparse.Namespace,
    here: Project,
    files: Files,
    earlier: Sequence[Entry],
    faults: Mapping[Path, DuelError],
) -> Exit:
    """Write the page."""
    page, unread = _page(options, files, here.catalogue, earlier, faults)
    _save(options.output, page)
    size = len(page.encode())
    show(f"{options.output}: {size / 1e6:.2f} MB\n")
    if size > LARGEST:
        failures.tell(
            f"{options.program} {options.command}",
            ReportError(
                f"{options.output} has {size:,} bytes, more than {LARGEST:,}: it may be too "
                "large for an attachment; give fewer runs or judgements"
            ),
        )
    return _tell(options, unread)


def _save(path: Path, page: str) -> None:
    """Write a page; what prevents it is said of the file that was asked for."""
    try:
        write(path, page)
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}") from None


def page_file(text: str) -> Path:
    """Read the path of a page: what is wrong with it is said before anything is read."""
    path = Path(text)
    if path.suffix not in (".html", ".htm"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .html")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is in a folder that does not exist")
    return path


def _page(
    options: argparse.Namespace,
    files: Files,
    catalogue: Catalogue,
    earlier: Sequence[Entry],
    faults: Mapping[Path, DuelError],
) -> tuple[str, Mapping[Path, DuelError]]:
    """Return the report of some files as a page, and what is wrong with files."""
    try:
        from pytest_duel.page import document, material

        asked = material.Asked(
            options.group_by, options.columns, options.ignore, options.time_unit
        )
        made = material.gather(files, catalogue, asked, earlier=earlier, unread=faults)
        if options.compare:
            old = storage.find([options.compare], options.storage)
            made = made.compared_with(reading.read(old))
        _check_unit(options, made.timed)
        _ = made.keys  # what is asked for and not there is refused, also where no table has it
        return document.render(made), made.unread
    except ImportError as error:
        raise lacking(error, "charts", "page") from None
