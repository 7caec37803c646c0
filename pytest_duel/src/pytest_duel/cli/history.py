"""``pytest-duel history``: the trend of every benchmark over commits."""

import argparse
import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pytest_duel.catalogue.project import catalogue_of, find, has_catalogue
from pytest_duel.cli.parser import (
    Commands,
    add_command,
    add_ignore,
    add_output,
    add_storage,
    add_time_unit,
    announce,
    conclude,
    fraction,
)
from pytest_duel.compare.wanted import NO_CONTROL
from pytest_duel.history import commits, history, judgement
from pytest_duel.history.history import THRESHOLD, Settings
from pytest_duel.paired.arms.cache import cache_folder
from pytest_duel.results import index, reading, storage
from pytest_duel.results.index import Entry
from pytest_duel.results.runs import RunError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.extras import lacking
from pytest_duel.verdicts.model import Judgement
from pytest_duel.verdicts.unread import with_files

CACHE = Path(".cache") / "history"
"""The index of runs, below the root of a project."""
PERIOD = 2.0
"""Seconds between two lines of progress."""

TEXT = f"""\
Show how the time of every benchmark changed over commits, and where. The runs
may be of any project: whatever pytest-benchmark has saved.

RUN is a folder, whose {" and ".join(storage.ENDINGS)} files are all read, or it names saved
runs as for `pytest-duel compare`. Save several runs of every commit, always on
the same machine. A run that was read once is kept in an index, by the content
of its file, so that thousands load in seconds.

Commits are ordered by ancestry if the repository here knows them, else by time.
A commit that was rebased, amended or squashed comes right before the one that
replaced it. Machines are kept apart.

Each benchmark is compared with a control, so that a slow machine does not look
like a slow commit. The control is the middle of all benchmarks of the same run;
in a sweep, it is one backend. A change point is shown with the last commit
before it and the first after it. It takes three commits on either side: one or
two slow ones may be noise. A benchmark without a change point is steady if a
step of twice the threshold would have been found with a chance of 80 %; else it
is inconclusive.

A change point does not change the exit code. 2 means that a file could not be
read; the others are shown all the same.

examples:
  pytest-duel history
  pytest-duel history runs/ --only 'clear[rust-*'
  pytest-duel history .benchmarks docs/runs --format json
  pytest-duel history --ignore node_hash,release --output history.md
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "history", summary="show how times changed over commits", text=TEXT
    )
    parser.add_argument(
        "saved", nargs="*", metavar="RUN", help="folders and runs (default: the storage)"
    )
    add_storage(parser)
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN",
        help="show these benchmarks only; * stands for anything; may be repeated. All "
        "benchmarks are still used to find change points",
    )  # fmt: skip
    parser.add_argument(
        "--control", action="append", default=[], metavar="PATTERN",
        help="benchmarks whose middle the others are compared with; * stands for anything; may be "
        f"repeated. In a sweep, a backend. {NO_CONTROL}: show the raw times (default: all; in a "
        "sweep, for each kernel the backend that stays closest to the others)",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=fraction, default=THRESHOLD, metavar="SHARE",
        help=f"the smallest change that matters (default: {THRESHOLD:.0%})".replace("%", "%%"),
    )  # fmt: skip
    add_ignore(parser)
    add_time_unit(parser)
    add_output(parser)
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Read the runs and deliver what they show."""
    return conclude(options, _judged)


def _judged(options: argparse.Namespace) -> Judgement:
    here = Path.cwd().resolve()
    entries, faults, foreign = load(options.saved, home_of(here), options.storage, announce)
    if not entries:
        raise RunError("\n".join(map(str, faults.values())) or "there is no saved run")
    log = commits.read((one.commit for one in entries), here)
    settings = Settings(tuple(options.control), options.threshold, options.ignore)
    try:
        whole = history.read(entries, catalogue_of(here), log, settings)
    except ImportError as error:
        raise lacking(error, "change points", "history") from None
    return with_files(judgement.judge(whole, options.only, options.time_unit), faults, foreign)


def home_of(here: Path) -> Path:
    """Return the folder of the index: in a project with a catalogue, else in the user's cache."""
    if has_catalogue(here):
        return find(here) / CACHE
    return cache_folder() / CACHE.name / hashlib.sha256(bytes(here)).hexdigest()[:16]


def load(
    saved: Sequence[str],
    home: Path,
    uri: str = storage.DEFAULT,
    told: Callable[[str], None] = lambda _: None,
) -> tuple[list[Entry], dict[Path, RunError], tuple[Path, ...]]:
    """Return the entries of runs, the faults of files, and the files that are something else.

    Other files in a folder are no fault; one that was named is.

    Parameters
    ----------
    saved
        Names of folders and runs; the storage, if there are none.
    home
        The folder of the index.
    uri
        Where saved runs are kept.
    told
        Is told now and then how far it is, where that takes long.
    """
    files = storage.find(saved, uri) if saved else storage.Files(inside=_stored(uri))
    entries, faults = index.load(files.all, home, _progress(len(files.all), told))
    foreign = reading.passed_over(files, faults)
    return entries, {path: one for path, one in faults.items() if path not in foreign}, foreign


def _stored(uri: str) -> tuple[Path, ...]:
    return tuple(storage.within(storage.folder(uri)))


def _progress(total: int, told: Callable[[str], None]) -> Callable[[int], None]:
    """Return what tells now and then how many files were read."""
    last = time.monotonic()

    def tell(number: int) -> None:
        nonlocal last
        if time.monotonic() - last > PERIOD:
            last = time.monotonic()
            told(f"read {number:,} of {total:,} files")

    return tell
