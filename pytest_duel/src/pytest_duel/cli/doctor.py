"""``pytest-duel doctor``: what about this machine will hurt a measurement."""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

from pytest_duel.catalogue.project import has_catalogue
from pytest_duel.cli.parser import Commands, add_command, announce, project, seconds, show
from pytest_duel.doctor import noise, probes, report
from pytest_duel.results import machine
from pytest_duel.support import system
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.units import count

WATCHED = 1.0
"""Seconds in which to see what else runs, where the noise is not measured."""
TEXT = """\
Look at this machine before you measure on it: what will disturb a measurement,
why, what to do about it, and how noisy the machine is. It changes nothing.

The noise is measured with equal code. A benchmark that comes with this command
runs against itself, in pairs of fresh processes on one CPU. A loop that only
reads the clock shows how often it is interrupted.

Exit code 0 means that measuring makes sense, even if there is advice; 1 that
what would be timed is not what users run, such as a debug build; 3 that the
machine is too noisy to see a slowdown of 10%.

examples:
  pytest-duel doctor
  pytest-duel doctor --format json > machine.json
  pytest-duel doctor --no-noise      # in a second
"""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "doctor", summary="say what on this machine disturbs measurements", text=TEXT
    )
    parser.add_argument(
        "--seconds", type=seconds, default=10.0, metavar="S",
        help="how long to measure the noise, about (default: 10)",
    )  # fmt: skip
    parser.add_argument("--no-noise", action="store_true", help="do not measure the noise")
    parser.add_argument(
        "--format", choices=("terminal", "json"), default="terminal",
        help="what the screen shows (default: terminal)",
    )  # fmt: skip
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="as --format json"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> Exit:
    """Look, measure, and print what was found."""
    found = _diagnosis(None if options.no_noise else options.seconds)
    show(
        json.dumps(report.to_dict(found), indent=2) + "\n"
        if options.format == "json"
        else report.render(found)
    )
    return found.exit


def _diagnosis(measured: float | None) -> report.Diagnosis:
    own = project() if has_catalogue(Path.cwd()) else None
    load = machine.load_average()
    before = system.ticks(system.HERE)
    if measured is None:
        time.sleep(WATCHED)
        quiet = None
    else:
        announce(f"measuring the noise for {measured:.0f} s ...")
        quiet = noise.measure(measured)
    here = system.System(
        system.HERE,
        platform=sys.platform,
        cpus=os.cpu_count(),
        usable=system.usable_cpus(),
        load=load,
        niceness=system.niceness(),
        slow_python=system.slow_python(),
        slow_numba=system.slow_numba(os.environ),
        activity=system.between(before, system.ticks(system.HERE)),
    )
    own_probes = own.probes if own else ()
    return report.Diagnosis(_name(), probes.examine(here, [*own_probes, *probes.PROBES]), quiet)


def _name() -> str:
    known = machine.identify(())
    python = f"{platform.python_implementation()} {platform.python_version()}"
    usable = count(known["usable_cores"], "CPU")
    return ", ".join([known["cpu"] or "CPU unknown", usable, platform.system(), python])
