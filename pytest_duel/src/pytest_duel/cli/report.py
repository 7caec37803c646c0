"""``pytest-duel report``: what saved runs tell, as text or page."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from pytest_duel.catalogue.model import EMPTY, Catalogue
from pytest_duel.catalogue.project import Project, has_catalogue
from pytest_duel.cli import failures
from pytest_duel.cli.choosing import project_folder
from pytest_duel.cli.history import home_of, load
from pytest_duel.cli.parser import Commands, add_command, add_storage, project, show
from pytest_duel.page import saved_json
from pytest_duel.results import provenance, storage
from pytest_duel.results.alike import alike, mixed
from pytest_duel.results.index import Entry
from pytest_duel.results.summary import middle, summarise
from pytest_duel.support import files, harmless
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.extras import lacking
from pytest_duel.support.terminal import wrapped
from pytest_duel.verdicts import groups, groups_text, text

TEXT = """\
Print what saved runs tell; or write it as one HTML page with charts, which
needs no network. The runs may be of any project: what pytest-benchmark has
saved, from version 3 on.

RUN is a file, a pattern of files, or the number or name of a run in the
storage, as for `pytest-duel compare`. Several runs of the same code show how
far processes differ. Where runs are of several machines or commits, those that
are like the newest are shown.

Benchmarks of one group are alternatives, and the fastest is told. A group is
what --group-by says, or else what the tests name one; benchmarks without a
group stand together by file.

In a project with a catalogue, the runs that it names are the default, and
sweeps are told as they print it themselves.

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
        commands, "report", summary="print what saved runs tell, or write it as a page", text=TEXT
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
        help="a folder of runs, or a run, that the page's history is made of besides; may be "
        "repeated. A page of runs of several commits has a history without it",
    )  # fmt: skip
    add_storage(parser)
    parser.set_defaults(run=run)


def grouping(text: str) -> tuple[str, ...]:
    """Read the words of ``--group-by``."""
    try:
        return groups.grouping(text)
    except groups.GroupError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def run(options: argparse.Namespace) -> Exit:
    """Print what saved runs tell, or write the page."""
    for name in ("history", "compare"):
        if getattr(options, name) and not options.output:
            instead = ": pytest-duel compare prints it" if name == "compare" else ""
            raise ReportError(
                f"--{name} is shown on a page only: give --output FILE.html too{instead}"
            )
    here = _project()
    if not options.output:
        return _print(options, here, _paths(options, here))
    earlier, faults, _ = (
        load(options.history, home_of(here.root)) if options.history else ([], {}, [])
    )
    return _write(options, here, _paths(options, here), earlier, faults)


def _project() -> Project:
    """Return the project of this folder: one without a catalogue where it has no sweeps."""
    here = Path.cwd()
    return project() if has_catalogue(here) else Project(project_folder(here), EMPTY, ())


def _paths(options: argparse.Namespace, here: Project) -> list[Path]:
    """Return the files that are meant."""
    if not options.saved and (studied := here.studied()):
        return studied
    return [path for name in options.saved or [LATEST] for path in _named(name, options.storage)]


def _named(name: str, uri: str) -> list[Path]:
    # A file may have a comma in its name, which parts names of runs.
    return [Path(name)] if Path(name).is_file() else storage.resolve(name, uri)


def _print(options: argparse.Namespace, here: Project, paths: Sequence[Path]) -> Exit:
    """Print what runs tell, sweeps first."""
    own = here.catalogue
    # What a project names holds judgements, too, which are for its page.
    runs = [path for path in paths if options.saved or not any(saved_json.read(path))]
    given = sorted((one.run for one in storage.read(runs)), key=lambda run: run.when)
    if not given:
        raise ReportError("there is no saved run to report on")
    saved = alike(given)
    parts = []
    summaries = summarise(middle(saved, own), own)
    processes = [process for run in saved for process in run.processes]
    timed = groups.timed(processes)
    if summaries or not timed:
        parts.append(text.render(summaries, own.notes))
    if timed:
        found = groups.grouped(timed, options.group_by)
        parts.append(groups_text.render(found, len(processes)))
    warnings = filter(
        None, (mixed(len(given), len(saved)), *provenance.unreadable(saved, "the run"))
    )
    told = [line for one in warnings for line in wrapped(f"WARNING: {harmless.paragraph(one)}")]
    show("\n\n".join(["\n".join(told)] * bool(told) + parts) + "\n")
    return Exit.PASS


def _write(
    options: argparse.Namespace,
    here: Project,
    paths: Sequence[Path],
    earlier: Sequence[Entry],
    faults: Mapping[Path, DuelError],
) -> Exit:
    """Write the page."""
    unread = list(map(str, faults.values()))
    page = _page(options, paths, here.catalogue, earlier, unread)
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
    options: argparse.Namespace,
    paths: Sequence[Path],
    catalogue: Catalogue,
    earlier: Sequence[Entry],
    unread: Sequence[str],
) -> str:
    """Return the report of some files as a page."""
    try:
        from pytest_duel.page import document, material

        made = material.gather(paths, catalogue, earlier, unread, options.group_by)
        if options.compare:
            old = storage.read(storage.resolve(options.compare, options.storage))
            made = made.compared_with(old)
        return document.render(made)
    except ImportError as error:
        raise lacking(error, "charts", "page") from None
