"""``pytest-duel duel``: which of two arms is faster, measured in pairs."""

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from pytest_duel.catalogue.model import FULL
from pytest_duel.catalogue.project import has_catalogue
from pytest_duel.catalogue.project import load as load_project
from pytest_duel.cli.choosing import (
    add_counts,
    add_in_turns,
    add_tests,
    selection,
)
from pytest_duel.cli.parser import (
    Commands,
    add_command,
    add_output,
    announce,
    conclude,
    fraction,
    seconds,
)
from pytest_duel.duel import ordinary, pairs
from pytest_duel.duel.ordinary import Named
from pytest_duel.gate.folder import paths_within, project_folder
from pytest_duel.gate.question import Question
from pytest_duel.results import commit_info, machine
from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.verdicts.model import Judgement

OLDEST = (3, 11)
"""The oldest Python that a worker runs on."""
SIDES = 2

TEXT = """\
Tell which of two arms is faster, and where: two revisions, two interpreters,
two sets of requirements, two benchmarks, or two backends of a catalogue.

A and B are

  revisions   of this repository; . is the working tree. All benchmarks that
              both have are measured, or those of them that you choose
  benchmarks  two tests of the working tree by their names, FILE::TEST; if they
              have parameters, those with equal parameters are compared
  backends    [REVISION:]BACKEND, if the settings name a catalogue: on one
              kernel and scenario, at each size. Both must give the same answers

Both arms are installed apart, and the tests of B that use the fixture
`benchmark` run on both: in every block two fresh processes on one CPU take
turns of a few milliseconds, and a block gives one number for each benchmark.
What is not yet decided gets more blocks, until --budget is spent. A is also
measured against itself; if that shows a difference, there is no answer.

With --python or --with each arm has a virtual environment of its own, with the
dependencies that the project declares there. An option given once is for both
arms; given twice, the first is for A and the second for B. A set of
requirements may hold several, separated by spaces.

This is not a gate: exit code 0 means that every benchmark was decided,
whichever arm is faster.

examples:
  pytest-duel duel main .
  pytest-duel duel v1.2 v1.3 tests/benchmarks -k parse
  pytest-duel duel . . --python python3.12 --python python3.14
  pytest-duel duel . . --with numpy==2.3 --with numpy==2.4
  pytest-duel duel tests/test_io.py::test_read tests/test_io.py::test_map
  pytest-duel duel numba rust --kernel clear_batch --sizes 5,50
  pytest-duel duel HEAD~3:rust rust
  pytest-duel duel main . --output duel.md --output duel.json
"""


class ArmsError(DuelError):
    """An arm is not as it must be; the message says what is wrong."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "duel", summary="tell which of two arms is faster", text=TEXT)
    parser.add_argument("first", metavar="A", help="the arm to start from, see above")
    parser.add_argument("second", metavar="B", help="the arm to compare with it")
    add_tests(parser)
    parser.add_argument("--kernel", help="for two backends (default: the catalogue's first)")
    parser.add_argument("--scenario", help="for two backends (default: the kernel's first)")
    parser.add_argument(
        "--sizes", type=_sizes, default=(), metavar="LIST",
        help="for two backends, such as 5,200 (default: all that the catalogue has)",
    )  # fmt: skip
    parser.add_argument(
        "--python", action="append", default=[], metavar="PYTHON",
        help="the interpreter of both arms; given twice, one for each arm",
    )  # fmt: skip
    parser.add_argument(
        "--with", dest="requirements", action="append", default=[], metavar="REQUIREMENTS",
        help="a requirement of both arms; given twice, one for each arm",
    )  # fmt: skip
    parser.add_argument(
        "--isolated", action="store_true",
        help="give each arm a virtual environment of its own, with the dependencies it declares",
    )  # fmt: skip
    parser.add_argument(
        "--threshold", type=fraction, metavar="SHARE",
        help="the smallest difference that matters, for benchmarks without one of their own",
    )  # fmt: skip
    parser.add_argument(
        "--budget", type=seconds, metavar="SECONDS",
        help="how long to measure; installing is not counted",
    )  # fmt: skip
    add_in_turns(parser)
    add_counts(parser)
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the random order (default: 0)"
    )
    add_output(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Install, collect and measure, and deliver what was found."""
    return conclude(options, _judged)


def _judged(options: argparse.Namespace) -> Judgement:
    folder = project_folder(Path.cwd())
    asked = _asked(options, folder)
    pythons = both("--python", options.python)
    requirements = both("--with", options.requirements)
    first, second = (
        Named(revision, python, _executable(python), tuple(shlex.split(own)), what)
        for revision, what, python, own in zip(
            asked.revisions, asked.what, pythons, requirements, strict=True
        )
    )
    question = Question(
        folder=folder,
        base=first.revision,
        head=second.revision,
        paths=paths_within(folder, options.paths) or asked.paths,
        selection=(*selection(options), *asked.selection),
        only=tuple(options.only),
        threshold=options.threshold,
        overrides={
            "threshold": options.threshold,
            "budget": options.budget,
            "in_turns": options.in_turns or None,
            **asked.settings,
        },
        isolated=options.isolated,
        counts=options.counts,
        seed=options.seed,
        arrange=asked.arrange,
    )
    data = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.identify(set()),
        "commit": commit_info.describe(folder),
    }
    found = ordinary.run(question, (first, second), announce)
    return replace(found, data={**data, **found.data})


@dataclass(frozen=True)
class _Asked:
    """The arms that A and B name."""

    revisions: tuple[str | None, str | None] = (None, None)
    what: tuple[str, str] = ("", "")
    """Two benchmarks or backends; empty are all benchmarks that both arms have."""
    paths: tuple[str, ...] = ()
    """The files that hold them."""
    selection: tuple[str, ...] = ()
    """More arguments of pytest."""
    arrange: pairs.Arrange = field(default=lambda plan: plan)

    @property
    def settings(self) -> dict[str, object]:
        """Return the settings to ignore: a pair is measured even if the gate leaves it out."""
        return {"benchmarks": ("*",), "thresholds": {}, "removed": ()} if any(self.what) else {}


def _asked(options: argparse.Namespace, folder: Path) -> _Asked:
    """Tell benchmarks from backends, and those from revisions.

    Raises
    ------
    ArmsError, PairsError
        Where one is something else than the other, or is not there.
    """
    given = (options.first, options.second)
    if any("::" in one for one in given):
        if not all("::" in one for one in given):
            raise ArmsError(f"{given[0]} and {given[1]}: only one of them is a benchmark")
        first, second = paths_within(folder, given)
        files = tuple(dict.fromkeys(one.partition("::")[0] for one in (first, second)))
        return _Asked(what=(first, second), paths=files, selection=_all_cases(folder),
                      arrange=pairs.of_benchmarks(first, second))  # fmt: skip
    here = load_project(folder) if has_catalogue(folder) else None
    (one, first), (other, second) = (_split(text) for text in given)
    if here and {first, second} & set(here.catalogue.backends):
        own = here.catalogue
        wanted = pairs.asked(
            own, given, (first, second), options.kernel, options.scenario, options.sizes
        )
        return _Asked((one, other), (first, second), (here.suites,), _all_cases(folder),
                      pairs.of_cases(wanted.cases(), own))  # fmt: skip
    if options.kernel or options.scenario or options.sizes:
        known = f": choose from {', '.join(here.catalogue.backends)}" if here else ""
        raise ArmsError(f"--kernel, --scenario and --sizes only go with two backends{known}")
    revisions = [None if text == "." else text for text in given]
    return _Asked((revisions[0], revisions[1]))


def _all_cases(folder: Path) -> tuple[str, ...]:
    """Return the option by which pytest collects all that a project's catalogue has."""
    return (f"--bench-tier={FULL.name}",) if has_catalogue(folder) else ()


def _split(text: str) -> tuple[str | None, str]:
    """Return the revision and the backend of ``[REVISION:]BACKEND``."""
    revision, _, backend = text.rpartition(":")
    return revision or None, backend


def _sizes(text: str) -> tuple[int, ...]:
    sizes = text.split(",")
    if not all(size.isascii() and size.isdigit() and int(size) for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of positive whole numbers")
    return tuple(map(int, sizes))


def both(option: str, given: Sequence[str]) -> tuple[str, str]:
    """Return what each arm has of an option that is given for both, or for each; empty is nothing.

    Raises
    ------
    ArmsError
        Where it is given more often.
    """
    if len(given) > SIDES:
        raise ArmsError(
            f"{option} is given {len(given)} times, and there are two arms: give it once for "
            "both, or once for each; one value can hold several requirements, separated by spaces"
        )
    return (given[0], given[-1]) if given else ("", "")


def _executable(name: str) -> str:
    """Return where an interpreter is that a worker can run on; without a name, the one in use.

    Raises
    ------
    ArmsError
        Where there is none of that name, or it is too old.
    """
    if not name:
        return sys.executable
    path = shutil.which(name)
    if path is None:
        raise ArmsError(f"--python: there is no program {name!r}")
    asked = "import sys; print(*sys.version_info[:2]); print(sys.executable)"
    try:
        done = processes.run([path, "-c", asked], timeout=60.0)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArmsError(f"--python: {name!r} does not run: {error}") from None
    try:
        version, executable = done.stdout.splitlines()
        found = tuple(map(int, version.split()))
    except ValueError:
        said = (done.stderr or done.stdout).strip().partition("\n")[0]
        raise ArmsError(f"--python: {name!r} is not a Python that runs here: {said}") from None
    if found < OLDEST:
        raise ArmsError(
            f"--python: {name!r} is Python {'.'.join(map(str, found))}: "
            f"it must be {'.'.join(map(str, OLDEST))} or newer"
        )
    return executable
