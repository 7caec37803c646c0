"""A check that two processes share: each takes parts, until all are taken.

One begins at the front, the other at the end, so they meet where both are done at the same time.
They have a folder in common. A file in it says that a part is taken, another what was found.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.parity import Asks, Checker, Disagreement, Part, Report, Tally
from pytest_duel.support import files

LONGEST = 120.0
"""Seconds to wait for a part that the other process has taken."""
LOOK = 0.02
"""Seconds between two looks."""
VARIABLE = "PYTEST_DUEL_SHARE"
"""Names the folder, in the environment of the process that helps."""


class Share:
    """The folder that the processes have in common."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def given(cls) -> "Share | None":
        """Return what this process was started to share; None if that is nothing."""
        folder = os.environ.get(VARIABLE)
        return cls(Path(folder)) if folder else None

    @property
    def answers(self) -> Path:
        """Return the file of the reference's answers, for the one that helps."""
        return self.folder / "answers"

    def takes(self, part: Part) -> bool:
        """Take a part, unless somebody has."""
        try:
            self._file(part, "taken").touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def tell(self, part: Part, report: Report, answers: Mapping[str, str]) -> None:
        """Tell what was found, and what the reference has answered."""
        files.write(self._file(part, "found"), json.dumps([_written(report), dict(answers)]))

    def told(self, part: Part) -> tuple[Report, dict[str, str]] | None:
        """Return what the other process has found; None where it has not told that yet."""
        try:
            report, answers = json.loads(self._file(part, "found").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return _read(report), answers

    def _file(self, part: Part, what: str) -> Path:
        name = hashlib.sha256(part.name.encode()).hexdigest()[:32]
        return self.folder / f"{name}.{what}"


def check_some(checker: Checker, parts: Sequence[Part], share: Share) -> None:
    """Check, in a process that helps, what the other one has not taken, from the end on."""
    for part in reversed(_in_order(parts)):
        if share.takes(part):
            share.tell(part, checker.check(part), checker.answers.new)


def check_all(
    checker: Checker, parts: Sequence[Part], share: Share, is_helped: Callable[[], bool]
) -> Report:
    """Check what the other process has not taken, and return what both have found.

    Parameters
    ----------
    checker
        Of this process.
    parts
        All.
    share
        With the other process.
    is_helped
        Tells whether that is there, or may come. What it leaves undone is done here.
    """
    found = {part: checker.check(part) for part in _in_order(parts) if share.takes(part)}
    for part in parts:
        if part in found:
            continue
        told = _waited(part, share, is_helped)
        if told is None:
            found[part] = checker.check(part)
            continue
        found[part], answers = told
        for question, answer in answers.items():
            checker.answers.add(question, answer)
    report = Report()
    for part in parts:
        report.add(found[part])
    return report


def _in_order(parts: Sequence[Part]) -> list[Part]:
    """Return the parts, those first that take long: the last ones decide who waits for whom."""
    return sorted(parts, key=lambda part: part.asks is not Asks.ADVERSARIAL)


def _waited(
    part: Part, share: Share, is_helped: Callable[[], bool]
) -> tuple[Report, dict[str, str]] | None:
    """Return what the other process has found, once it tells; None if it does not."""
    until = time.monotonic() + LONGEST
    while True:
        is_last = not is_helped() or time.monotonic() > until
        told = share.told(part)
        if told is not None or is_last:
            return told
        time.sleep(LOOK)


def _written(report: Report) -> dict[str, Any]:
    return {
        "checked": [[*key, calls] for key, calls in report.checked.items()],
        "failures": [asdict(one) for one in report.failures.values()],
        "outside": {case: asdict(one) for case, one in report.outside.items()},
    }


def _read(written: Mapping[str, Any]) -> Report:
    failures = [Disagreement(**one) for one in written["failures"]]
    return Report(
        {(kernel, name): calls for kernel, name, calls in written["checked"]},
        {(one.kernel, one.backend): one for one in failures},
        {case: Tally(**one) for case, one in written["outside"].items()},
    )
