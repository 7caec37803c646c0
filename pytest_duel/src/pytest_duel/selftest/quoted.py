"""Gates as a user asks for them, with what the project's saved self-test says of such gates."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_duel.gate import settings as gate_settings
from pytest_duel.gate.changes import Placement
from pytest_duel.gate.folder import paths_within, project_folder
from pytest_duel.gate.question import Announce, Question
from pytest_duel.gate.run import run as run_gate
from pytest_duel.results import machine
from pytest_duel.selftest import records, report
from pytest_duel.verdicts.model import Judgement


def asked(start: Path, base: str, paths: Iterable[str], selection: tuple[str, ...]) -> Question:
    """Return the question of a gate of the project that a folder lies in.

    Parameters
    ----------
    start
        The folder that paths are seen from.
    base
        The revision to start from.
    paths, selection
        What to measure, as pytest takes it.
    """
    folder = project_folder(start)
    return Question(
        folder=folder,
        base=base,
        paths=paths_within(folder, paths),
        selection=selection,
        placement=_placement,
    )


def run(question: Question, announce: Announce) -> Judgement:
    """Run a gate, and quote the self-test in its notes.

    Raises
    ------
    DuelError
        Where anything is missing that a gate needs.
    """
    quote = _quote(question.folder)  # what is wrong with it is said before anything is measured
    found = run_gate(question, announce)
    return replace(found, notes=(*found.notes, *([quote] if quote else [])))


def _quote(folder: Path) -> str:
    """Return how far the project's saved self-test trusts gates like this one."""
    settings = gate_settings.read(folder)
    if settings.selftest is None:
        return ""
    saved = records.load(folder / settings.selftest)
    return report.quote(saved, _machine_like(saved))


def _placement(folder: Path, file: str) -> Placement:
    """Return the placement bounds of a self-test in a folder."""
    saved = records.load(folder / file)
    elsewhere = saved["machine"] != _machine_like(saved)
    return Placement(records.placement_bounds(saved["trials"]), elsewhere)


def _machine_like(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return this machine, with the versions of what a self-test has recorded."""
    versions = saved["machine"].get("versions", {})
    return machine.identify(name for name in versions if name != "python")
