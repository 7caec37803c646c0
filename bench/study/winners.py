"""Winners that sweeps have called, against duels of them on the same machine."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from pytest_duel.catalogue.model import Case, Catalogue, Role
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
            "question": TEXT, "n": COUNT, "winner": TEXT, "other": TEXT,
            "ratio?": NUMBER, "low?": NUMBER, "high?": NUMBER, "error?": TEXT,
        }
    ],
}  # fmt: skip


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


def claims(sweeps: Sequence[Mapping[str, Any]], catalogue: Catalogue) -> list[Claim]:
    """Return what any sweep claims: a winner at a size is faster than the next one.

    Where a sweep does not tell which that is, it is faster than all others.
    """
    found: dict[Claim, None] = {}
    for sweep in sweeps:
        for question, said in sweep["questions"].items():
            for n, winner in said["winners"].items():
                if winner is None:
                    continue
                _, _, *second = said["leads"][n]
                for other in second or _others(question, int(n), winner, catalogue):
                    found[Claim(question, int(n), winner, other)] = None
    return list(found)


def _others(question: str, n: int, winner: str, catalogue: Catalogue) -> Iterator[str]:
    kernel, _, scenario = question.partition(", ")
    for case in catalogue.cases(kernel, scenarios=[scenario]):
        role = catalogue.backends[case.backend].role
        if case.n == n and role is Role.BACKEND and case.backend != winner:
            yield case.backend


def judged(asked: Sequence[Claim], measured: Measurements, blocks: int) -> list[dict[str, Any]]:
    """Return for each claim the ratio of times, other / winner.

    The intervals are so wide that all of them together hold with the usual confidence.
    """
    confidence = 1 - (1 - CONFIDENCE) / max(1, len(asked))
    found = []
    for claim in asked:
        own: dict[str, Any] = {
            "question": claim.question, "n": claim.n, "winner": claim.winner, "other": claim.other,
        }  # fmt: skip
        logs = np.array(measured.differences.get(claim.name, ())[:blocks])
        if len(logs) < blocks:
            own["error"] = measured.errors.get(claim.name, "it was not measured")
        else:
            one = estimate(logs, confidence)
            own |= {"ratio": 1 + one.median, "low": 1 + one.low, "high": 1 + one.high}
        found.append(own)
    return found


def word(one: Mapping[str, Any]) -> Word:
    """Say what a duel says of a claim."""
    if one.get("ratio") is None:
        return Word.ERROR
    if one["high"] < 1:
        return Word.REFUTED
    return Word.HELD if one["low"] > 1 else Word.OPEN


def words(duels: Mapping[str, Any] | None) -> Counter[Word]:
    """Return how often duels say which word; none have none."""
    return Counter(word(one) for one in duels["found"]) if duels else Counter()


def headline(duels: Mapping[str, Any], machine: str) -> str:
    """Say how many winners hold."""
    counted = words(duels)
    told = (one for one in Word if counted[one] or one in (Word.HELD, Word.REFUTED))
    return (
        f"Each winner that any of them calls, in a duel of {duels['blocks']} blocks with the next "
        f"backend on {machine}: {', '.join(f'{counted[one]} {one}' for one in told)}."
    )


def cell(duels: Mapping[str, Any], question: str) -> str:
    """Say what duels say of one kernel and scenario: how many hold, and each that does not."""
    own = [one for one in duels["found"] if one["question"] == question]
    held = sum(word(one) is Word.HELD for one in own)
    others = (_said(one) for one in own if word(one) is not Word.HELD)
    return "; ".join([*([f"{held} held"] if held else []), *others]) or "–"


def _said(one: Mapping[str, Any]) -> str:
    told = f"{word(one)}: {one['winner']} before {one['other']} at {one['n']:,}"
    if word(one) is Word.ERROR:
        return f"{told}: {one['error']}"
    return f"{told}, {units.ratio(one['ratio'], one['low'], one['high'])}"
