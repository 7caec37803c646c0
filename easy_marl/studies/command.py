"""The command line of a program that runs a study: where to, and on what."""

import argparse
import signal
import sys
from pathlib import Path
from time import perf_counter

from easy_marl.studies.cluster import RayCluster
from easy_marl.studies.errors import StudyError
from easy_marl.studies.places import Loop, Place, Processes
from easy_marl.studies.running import run
from easy_marl.studies.study import Study


def _processes(text: str) -> Processes:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is no positive whole number")
    return Processes(int(text))


def _cluster(text: str) -> RayCluster:
    try:
        return RayCluster(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault)) from None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the folder, and the options that choose a place."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER",
        help="where the blocks are written; a study that was begun there goes on",
    )  # fmt: skip
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--processes", type=_processes, metavar="N", dest="place",
        help="compute on so many processes of this machine (default: in a loop)",
    )  # fmt: skip
    either.add_argument(
        "--ray", type=_cluster, metavar="HOST:PORT", dest="place",
        help="compute on the Ray cluster whose head is there",
    )  # fmt: skip


def execute(study: Study, options: argparse.Namespace) -> int:
    """Run a study as the options say, tell what was written, and return the exit code.

    It is 0 where the study is whole, and 1 where it is not, or 130 where that is by Ctrl-C; what
    was written stays.
    """
    place: Place = options.place or Loop()
    start = perf_counter()

    def report(file: Path) -> None:
        sys.stderr.write(f"{file.name}\n")

    try:
        outcome = run(study, options.folder, place, report=report)
    except (StudyError, ModuleNotFoundError) as fault:
        sys.stderr.write(f"error: {fault}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: the same command goes on\n")
        return 128 + signal.SIGINT
    seconds = perf_counter() - start
    sys.stdout.write(
        f"{options.folder}: {study.blocks} blocks, of which {outcome.found} were there and "
        f"{outcome.written} were written in {seconds:.1f} s\n"
    )
    return 0
