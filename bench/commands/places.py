"""``python -m bench places``: what it costs to run a study in each place."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from os import environ, pathsep
from pathlib import Path
from typing import Any

from bench import ray_nodes, wheel
from bench.project import ROOT, project
from bench.study import places
from easy_marl.examples.studies import demand
from easy_marl.studies import read
from pytest_duel.cli.parser import Commands, add_command, announce, show
from pytest_duel.results import commit_info, machine
from pytest_duel.support import files, processes
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit

TEXT = """\
Run the study of demand in a loop, on processes, and on two nodes of Ray on
this machine, with one scenario and with all, and tell how long each took.

Without Ray, which `tox -e ray` has, its rows are left out.

examples:
  python -m bench places --output docs/runs/places.json
  python -m bench places --scenarios 20 --runs 1
"""
LONGEST = 1800.0
"""Seconds that a study may take."""


class PlacesError(DuelError):
    """A study has failed."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "places", summary="time a study in a loop, on processes, on Ray", text=TEXT
    )
    parser.add_argument("--scenarios", type=int, default=1000, metavar="N", help="(default: 1000)")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of each (default: 3)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="save the seconds")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Run studies, and say how long they took."""
    here = project()
    data: dict[str, Any] = {
        "schema": places.SCHEMA,
        "machine": machine.identify(set(here.catalogue.packages) - set(here.packages)),
        "commit": commit_info.describe(ROOT),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "scenarios": options.scenarios,
        "rows": 0,
        "ray_start": [],
        "places": [],
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Workers import what this process would, and the wheel.
        paths = [str(wheel.unpack(wheel.build(), folder / "site")), str(ROOT), *sys.path]
        environment = environ | {"PYTHONPATH": pathsep.join(filter(None, paths))}
        for place, words in ("loop", []), ("2 processes", ["--processes=2"]):
            data["places"].append(_timed(place, words, environment, folder, options))
        if find_spec("ray"):
            start = time.monotonic()
            with ray_nodes.running([1, 1], environment) as nodes:
                data["ray_start"].append(round(time.monotonic() - start, 1))
                words = [f"--ray={nodes.address}"]
                place = "Ray, 2 nodes with 1 processor each"
                data["places"].append(_timed(place, words, nodes.environment, folder, options))
        data["rows"] = read(folder / "out").num_rows
    if options.output:
        files.write(options.output, json.dumps(data, indent=1) + "\n")
    show(f"{places.render(data)}\n")
    return Exit.PASS


def _timed(
    place: str,
    words: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Return how long the study takes in a place, in fresh processes."""
    taken: dict[str, Any] = {"name": place, "one": [], "all": []}
    for _ in range(options.runs):
        for key, scenarios in ("one", 1), ("all", options.scenarios):
            shutil.rmtree(folder / "out", ignore_errors=True)
            command = [
                sys.executable, "-m", demand.__name__, str(folder / "out"),
                f"--scenarios={scenarios}", *words,
            ]  # fmt: skip
            start = time.monotonic()
            done = processes.run(command, timeout=LONGEST, cwd=folder, env=environment)
            if done.returncode:
                raise PlacesError(f"a study failed; it ended with:\n{done.stderr[-2000:]}")
            taken[key].append(round(time.monotonic() - start, 1))
    announce(f"{place}: {max(taken['all']):.1f} s")
    return taken
