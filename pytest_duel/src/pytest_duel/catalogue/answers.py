"""The reference's answers, kept from one check to the next by what was asked.

A check asks the reference, which is slow, the same as the check before. So a digest of each answer
is kept under a digest of the question. Files are told apart by what the reference is made of and
runs on; of each file some answers are asked for again, and it counts for nothing if one differs.
"""

import hashlib
import json
import random
from collections.abc import Mapping
from pathlib import Path

from pytest_duel.support import files

KEPT = 4
"""Files in a folder: what was last written."""
ASKED_AGAIN = 50
"""One of so many kept answers is asked for again."""
SHAPE = 4
"""Of what is kept; another number where digests are made in another way."""


class Answers:
    """Digests of answers by digests of questions.

    Parameters
    ----------
    file
        Keeps them; None keeps them for this process only. One that does not hold what it should
        counts as empty.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self._kept = _read(file) if file else {}
        self.new: dict[str, str] = {}
        """What the reference has answered in this process."""
        self._rng = random.Random()  # noqa: S311  a sample, no secret

    def get(self, question: str | None) -> str | None:
        """Return the digest of an answer; None where the reference has to be asked."""
        if question is None:
            return None
        if question in self.new:
            return self.new[question]
        kept = self._kept.get(question)
        return None if kept is None or self._rng.randrange(ASKED_AGAIN) == 0 else kept

    def add(self, question: str | None, answer: str | None) -> None:
        """Keep an answer; where another was kept, none of those in the file counts any more."""
        if question is None or answer is None:
            return
        if self._kept.get(question, answer) != answer:
            self._kept = {}
        self.new[question] = answer

    def copy(self, file: Path) -> None:
        """Write what was read to another file."""
        files.write(file, json.dumps(self._kept))

    def save(self) -> None:
        """Write what is new to the file, if that can be written."""
        if self.file is None or self.new.items() <= self._kept.items():
            return
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            files.write(self.file, json.dumps(self._kept | self.new))
            known = sorted(self.file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime)
        except OSError:
            return  # the next check asks again
        for old in known[:-KEPT]:
            files.discard(old)


def _read(file: Path) -> dict[str, str]:
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    well = isinstance(found, dict) and all(isinstance(one, str) for one in found.values())
    return found if well else {}


def key(parts: Mapping[str, object]) -> str:
    """Return the name of a file of answers, by what the reference is made of and runs on."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]
