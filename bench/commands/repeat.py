"""``python -m bench repeat``: whether sweeps of the same code give the same advice."""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.catalogue import catalogue
from bench.measuring import measured, number_of_blocks
from bench.project import ROOT, project
from bench.study import repeats, sweeps, winners
from bench.study.sweeps import questions
from bench.study.winners import Word
from pytest_duel.cli.parser import Commands, add_command, announce, show
from pytest_duel.duel import pairs
from pytest_duel.results import commit_info, machine
from pytest_duel.results.runs import Run, load
from pytest_duel.support import files, processes
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.processes import Output
from pytest_duel.verdicts.text import is_header

TEXT = """\
Run the sweep several times, and say how often it gave another answer: another
winner at a size, another crossover, other advice.

The exit code is 1 where two sweeps call different winners at a size, where a
crossover moves by more than one of the sizes, or where a duel refutes a winner:
each winner that any sweep has called takes turns with every other backend, in
blocks of two fresh processes, after all sweeps. At a size that no sweep calls, the
one that is ahead in most does the same; what that finds is told, and refutes
nothing. The exit code is 2 where a duel could not be measured.

examples:
  python -m bench repeat 10 --duel 24 --output docs/runs/repeat.json
  python -m bench repeat 3 --beside 1    # with one busy process beside them
  python -m bench repeat 0 --duel 24 --output docs/runs/repeat.json   # of what is saved
  python -m bench repeat 0 --output docs/runs/repeat.json   # show what is saved
"""
LONGEST = 1800.0
"""Seconds that a sweep may take."""
LAST = 40
"""Lines of a sweep that failed which are shown."""
MOST_MOVED = 1
"""Sizes by which a crossover may move."""
BUSY = "while True: pass"


class RepeatError(DuelError):
    """A sweep has failed, or what is saved is of something else."""


def add(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands, "repeat", summary="run the sweep several times, and compare", text=TEXT
    )
    parser.add_argument("number", type=_number, metavar="N", help="sweeps to run")
    parser.add_argument(
        "--beside", type=_number, default=0, metavar="N",
        help="busy processes that run meanwhile (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--duel", type=number_of_blocks, metavar="N",
        help="hold the winners that were called against duels of so many blocks",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE",
        help="save them, after each; sweeps of the same commit on the same machine are added to",
    )  # fmt: skip
    parser.set_defaults(run=run)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 to 999")
    return int(text)


def run(options: argparse.Namespace) -> Exit:
    """Sweep, save, and say what differed."""
    data = _begun(options)
    with _busy(options.beside):
        for number in range(1, options.number + 1):
            data["sweeps"].append(_sweep())
            took = data["sweeps"][-1]["seconds"]
            announce(f"sweep {number} of {options.number}: {took:.0f} s")
            _save(data, options.output)
    if not data["sweeps"]:
        raise RepeatError("there is no sweep to show: give a number, or a file with --output")
    if options.duel:
        data["duels"] = _duels(data, options.duel)
        _save(data, options.output)
    show(f"{repeats.render(data)}\n")
    return _concluded(data)


def _concluded(data: Mapping[str, Any]) -> Exit:
    """Tell whether the sweeps give one answer, and duels no other."""
    duels, found = data.get("duels"), questions(data)
    called = winners.words(duels)
    if (called + winners.words(duels, is_open=True))[Word.ERROR]:
        return Exit.ERROR
    differs = any(one.opposed or one.moved > MOST_MOVED for one in found)
    return Exit.REGRESSION if differs or called[Word.REFUTED] else Exit.PASS


def _save(data: Mapping[str, Any], path: Path | None) -> None:
    if path:
        files.write(path, json.dumps(data, indent=1) + "\n")


def _begun(options: argparse.Namespace) -> dict[str, Any]:
    """Return what is saved already, if that is of this commit and machine; else nothing yet."""
    here = project()
    own = {
        "schema": repeats.SCHEMA,
        "machine": machine.identify(set(here.catalogue.packages) - set(here.packages)),
        "commit": commit_info.describe(ROOT),
        "beside": options.beside,
        "sweeps": [],
    }
    if options.output is None or not options.output.exists():
        return own
    saved = repeats.load(options.output)
    must: tuple[str, ...] = ()
    if options.number:
        must = ("machine", "commit", "beside")
        saved.pop("duels", None)  # they are of the winners until now
    elif options.duel:  # which says of which commit it is
        must = ("machine",)
    for name in must:
        if saved[name] != json.loads(json.dumps(own[name])):
            raise RepeatError(f"{options.output} has sweeps of another {name}: give another file")
    return saved


def _sweep() -> dict[str, Any]:
    """Run the sweep in a process of its own, as a user does, and return what it said."""
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "run.json"
        command = [
            sys.executable, "-m", "pytest", "--benchmark-only", f"--benchmark-json={saved}",
        ]  # fmt: skip
        try:
            done = processes.run_by_line(command, timeout=LONGEST, cwd=ROOT)
        except subprocess.TimeoutExpired:
            raise RepeatError(f"a sweep took more than {LONGEST:.0f} s") from None
        if done.returncode:
            last = "\n".join(one.text for one in done.lines[-LAST:])
            raise RepeatError(f"a sweep failed; it ended with:\n{last}")
        found = load(saved)
    return {"when": datetime.now(UTC).isoformat(timespec="seconds"), **_of_sweep(done, found)}


def _of_sweep(done: Output, found: Run) -> dict[str, Any]:
    """Return what is saved of a sweep: how it went, and what it said."""
    table = next((one.seconds for one in done.lines if is_header(one.text)), None)
    load_at_start, *_ = found.section.get("load") or [None]
    return {
        "seconds": round(done.seconds, 1),
        "parity_seconds": found.section["parity"]["seconds"],
        "table_seconds": None if table is None else round(table, 1),
        "load": load_at_start,
        "lines": len(done.lines),
        "blocks": max(1, min(len(one.blocks) for one in found.results)),
        "questions": sweeps.said(found, catalogue()),
    }


def _duels(data: Mapping[str, Any], blocks: int) -> dict[str, Any]:
    """Hold the winners of sweeps against duels, and return what those say."""
    own = catalogue()
    claims = winners.claims(questions(data), own)
    when = datetime.now(UTC).isoformat(timespec="seconds")
    found = measured(pairs.of_cases({one.name: one.cases() for one in claims}, own), blocks)
    return {
        "when": when,
        "commit": commit_info.describe(ROOT),
        "blocks": blocks,
        "found": winners.judged(claims, found, blocks),
    }


@contextmanager
def _busy(number: int) -> Iterator[None]:
    """Have so many processes do nothing but work."""
    running: list[subprocess.Popen[str]] = []
    try:
        for _ in range(number):
            running.append(processes.start([sys.executable, "-c", BUSY]))  # noqa: PERF401
        yield
    finally:
        for child in running:
            processes.end(child)
