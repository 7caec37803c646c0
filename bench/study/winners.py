"""Winners that sweeps have called, against duels of them on the same machine."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from bench.study.sweeps import Question
from pytest_duel.catalogue.model import Case, Catalogue
from pytest_duel.paired.measurements import Measurements
from pytest_duel.statistics.paired import CONFIDENCE, estimate
from pytest_duel.support import units
from pytest_duel.support.schema import ANY, COUNT, NUMBER, TEXT

SHAPE = {
    "when": TEXT,
    "commit": {"id?": TEXT, "dirty?": ANY},
    "blocks": COUNT,
    "found": [
        {
            "question": TEXT, "n": COUNT, "winner": TEXT, "other": TEXT, "is_open?": ANY,
            "ratio?": NUMBER, "low?": NUMBER, "high?": NUMBER, "error?": TEXT,
        }
    ],
}  # fmt: skip

Found = Mapping[str, Any]
"""What one duel has found, as it is saved."""


class Word(StrEnum):
    """What a duel says of a winner."""

    HELD = "held"
    """It is the faster one."""
    OPEN = "open"
    """Either may be."""
    REFUTED = "refuted"
    """The other one is."""
    ERROR = "not measured"


@dataclass(frozen=True)
class Claim:
    """That a backend is faster than another one."""

    question: str
    """Kernel and scenario, as sweeps have them."""
    n: int
    winner: str
    other: str
    is_open: bool = False
    """No sweep claims it: at a size that none calls, `winner` is ahead in most."""

    @property
    def name(self) -> str:
        """Return what tells it from all others."""
        return f"{self.question}, n = {self.n:,}: {self.winner} before {self.other}"

    def cases(self) -> tuple[Case, Case]:
        """Return the cases of the winner and of the other one."""
        kernel, _, scenario = self.question.partition(", ")
        return (
            Case(kernel, self.winner, scenario, self.n),
            Case(kernel, self.other, scenario, self.n),
        )


def claims(questions: Iterable[Question], catalogue: Catalogue) -> list[Claim]:
    """Return what any sweep claims: a winner at a size is faster than every other backend.

    Of a size that no sweep calls, the same is asked of the backend that is ahead in most.
    """
    return [
        Claim(one.name, int(size), winner, other, is_open=not called)
        for one in questions
        for size in one.sizes
        for called in [one.winners(size)]
        for winner in called or [one.leader(size)]
        for other in _others(one, size, winner, catalogue)
    ]


def _others(question: Question, size: str, winner: str, catalogue: Catalogue) -> list[str]:
    """Return the backends that any sweep has timed besides a winner."""
    timed = {name for sweep in question.sweeps for name in sweep["relative"][size]}
    return [name for name in catalogue.backends if name in timed and name != winner]


def judged(asked: Sequence[Claim], measured: Measurements, blocks: int) -> list[dict[str, Any]]:
    """Return for each claim the ratio of times, other / winner.

    The intervals are so wide that all of them together hold with the usual confidence.
    """
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(asked))
    found = []
    for claim in asked:
        own: dict[str, Any] = {
            "question": claim.question, "n": claim.n, "winner": claim.winner,
            "other": claim.other, "is_open": claim.is_open,
        }  # fmt: skip
        logs = np.array(measured.differences.get(claim.name, ())[:blocks])
        if len(logs) < blocks:
            own["error"] = measured.errors.get(claim.name, "it was not measured")
        else:
            one = estimate(logs, confidence)
            own |= {"ratio": 1 + one.median, "low": 1 + one.low, "high": 1 + one.high}
        found.append(own)
    return found


def word(one: Found) -> Word:
    """Say what a duel says of a claim."""
    if one.get("ratio") is None:
        return Word.ERROR
    if one["high"] < 1:
        return Word.REFUTED
    return Word.HELD if one["low"] > 1 else Word.OPEN


def words(duels: Mapping[str, Any] | None, *, is_open: bool = False) -> Counter[Word]:
    """Return how often duels say which word; none have none.

    Parameters
    ----------
    duels
        As they are saved.
    is_open
        Of what no sweep claims, instead of the winners that are called.
    """
    found = duels["found"] if duels else []
    return Counter(word(one) for one in found if bool(one.get("is_open")) is is_open)


def headline(duels: Mapping[str, Any], machine: str) -> str:
    """Say how many winners hold, and what is found where none is called."""
    told = (
        f"Each winner that any of them calls, in duels of {duels['blocks']} blocks with other "
        f"backends on {machine}: {_counted(words(duels))}."
    )
    unclaimed = words(duels, is_open=True)
    if not unclaimed:
        return told
    return (
        f"{told} Where none calls a winner, the one that is ahead in most: {_counted(unclaimed)}."
    )


def _counted(counted: Counter[Word]) -> str:
    told = (one for one in Word if counted[one] or one in (Word.HELD, Word.REFUTED))
    return ", ".join(f"{counted[one]} {one}" for one in told)


def cell(duels: Mapping[str, Any], question: str) -> str:
    """Say what duels say of one kernel and scenario: how many hold, and all others one by one."""
    own = [one for one in duels["found"] if one["question"] == question]
    plain = [one for one in own if word(one) is Word.HELD and not one.get("is_open")]
    others = (_said(one) for one in own if one not in plain)
    return "; ".join([*([f"{len(plain)} held"] if plain else []), *others]) or "–"


def _said(one: Found) -> str:
    uncalled = "never called, " if one.get("is_open") else ""
    told = f"{uncalled}{word(one)}: {one['winner']} before {one['other']} at {one['n']:,}"
    if word(one) is Word.ERROR:
        return f"{told}: {one['error']}"
    return f"{told}, {units.ratio(one['ratio'], one['low'], one['high'])}"
