"""Which benchmarks a source tree has, as pytest itself finds them."""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError
from pytest_duel.support.harness import search_path

SECONDS = 120.0
"""To collect; it takes one or two."""

_CASE = re.compile(r"[^:]+\.py::(?:\w+::)*(?:test_)?(?P<id>\w+\[.+\])")
"""A case's node id. A test without parameters is no case, and pytest lists it all the same."""

_TELLING = re.compile(r"E  |ERROR |INTERNALERROR> \S|.*: error: ")
"""How the lines begin in which pytest says what is wrong."""
_QUOTED = 5


class CollectionError(DuelError):
    """A tree's benchmarks cannot be listed; the message says why."""


def case_ids(tree: Path, name: str, suites: str) -> tuple[str, ...]:
    """Return the ids of a tree's cases at tier full, such as ``clear[rust-uniform-5]``.

    An id has no file in it, so a suite that moved is not missing. Nothing is built, nothing
    timed, and nothing written into the tree.

    Parameters
    ----------
    tree
        The root of a source tree, whose own conftest.py names its catalogue.
    name
        What messages call it.
    suites
        The folder of the tree that has its suites.

    Raises
    ------
    CollectionError
        Where pytest cannot collect them, there are none, or two have the same id.
    """
    if not (tree / suites).is_dir():
        raise CollectionError(f"{name} has no folder {suites!r}, so it has no benchmarks")
    done = _collect(tree, name, suites)
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise CollectionError(f"{name}: {_reason(done)}")
    ids = _ids(done.stdout)
    if not ids:
        raise CollectionError(f"{name} has no benchmarks in its folder {suites!r}")
    doubles = [one for one, count in Counter(ids).items() if count > 1]
    if doubles:
        raise CollectionError(f"{name} has several benchmarks of one id: {', '.join(doubles)}")
    return ids


def _collect(tree: Path, name: str, suites: str) -> subprocess.CompletedProcess[str]:
    """List the tests in the tree's suites, one node id a line."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "--benchmark-only", suites]
    command += ["--bench-tier", "full", "--color", "no", "-p", "no:cacheprovider"]
    command += ["--verbosity", "-1"]  # as -q, whatever the tree's addopts say
    # pytest-benchmark makes the folder that it would save runs in.
    with tempfile.TemporaryDirectory(prefix="collection-") as storage:
        command += ["--benchmark-storage", storage]
        try:
            return processes.run(command, timeout=SECONDS, cwd=tree, env=_environment())
        except subprocess.TimeoutExpired:
            raise CollectionError(
                f"{name}: pytest did not list the benchmarks in {SECONDS:.0f} s"
            ) from None
        except OSError as error:
            raise CollectionError(f"{name}: pytest does not start: {error}") from None


def _environment() -> dict[str, str]:
    """Return an environment without the caller's options, modules and width of lines."""
    own = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "PYTHONOPTIMIZE") and not name.startswith("PYTEST_")
    }
    return own | {
        "PYTHONPATH": search_path(),
        "COLUMNS": "200",
        "PY_COLORS": "0",  # --color decides for less than all that pytest prints
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONIOENCODING": "utf-8",
    }


def _ids(listing: str) -> tuple[str, ...]:
    found = map(_CASE.fullmatch, listing.splitlines())
    return tuple(match["id"] for match in found if match)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the last lines in which pytest says what is wrong, or else the last of all."""
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.match(line)] or lines
    failed = f"pytest cannot collect the benchmarks (exit code {done.returncode})"
    return "\n  ".join([failed, *telling[-_QUOTED:]])
