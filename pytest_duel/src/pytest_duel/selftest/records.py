"""A self-test's trials as they are saved, with rates and placement bounds made of them.

Files of earlier versions, which tried the cases of a catalogue, are read as well.
"""

import json
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import scipy  # whose parts are imported when they are needed

from pytest_duel.selftest.stock import flagged
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support import files, schema
from pytest_duel.support.errors import DuelError
from pytest_duel.support.exit_codes import Exit
from pytest_duel.support.harness import HOME

SCHEMA = 1
PARTS_ALIKE = {"key": "with other options or other code", "machine": "of another machine"}
"""Parts of a file that all its trials must have in common, and what others would be."""
DIGESTS = {"code": "the measuring code", "sources": "the code that is measured"}
"""Entries of the first that say what was in some files."""
PARTS = {"schema", "when", "key", "machine", "commit", "trials"}
ALPHA = 0.01
"""The chance that any case of a gate is beyond its placement bound."""
LEAST = 8
"""Draws of placement that it takes to tell its spread, the base's among them."""
CAUGHT = 0.95
"""A slowdown that is caught nineteen times in twenty."""

Trial = Mapping[str, Any]
"""A trial as it is saved."""


class SelftestError(DuelError):
    """A self-test cannot go on; the message says why."""


class Kind(StrEnum):
    """The kind of a trial: the true difference between its arms."""

    SAME = "same"
    """Both sides are one build."""
    SLOWED = "slowed"
    """Both sides are one build, but the head does extra work."""
    PLACEMENT = "placement"
    """The head is built anew with its code placed otherwise: placement bounds come from these."""
    REBUILT = "rebuilt"
    """Two builds of one source that took no part in the placement bounds, one on each side."""
    REBUILT_SLOWED = "rebuilt-slowed"
    """The same, and something does so much extra work that the gate should tell."""
    STOCK = "stock"
    """Three runs of pytest-benchmark: one, the same again, and one with extra work."""


def measuring_code(modules: Sequence[str]) -> str:
    """Return a digest of the code that measures and decides."""
    return files.digest(HOME / "pytest_duel" / name for name in modules)


class Report:
    """A self-test's file: read where there is one, and written after every trial.

    Without a path nothing is written.
    """

    def __init__(
        self,
        path: Path | None,
        key: Mapping[str, Any],
        machine: Mapping[str, Any],
        commit: Mapping[str, Any],
    ) -> None:
        self.path = path
        self.data: dict[str, Any] = {
            "schema": SCHEMA,
            "when": datetime.now(UTC).isoformat(timespec="seconds"),
            "key": dict(key),
            "machine": dict(machine),
            "commit": dict(commit),
            "trials": [],
        }
        if path and path.exists():
            old = load(path)
            self._check_alike(old)
            self.data = old

    def _check_alike(self, old: Mapping[str, Any]) -> None:
        """Refuse to add trials to those of another question, or of another machine."""
        for part, what in PARTS_ALIKE.items():
            before, now = (json.loads(json.dumps(one[part])) for one in (old, self.data))
            if before != now:
                raise SelftestError(
                    f"{self.path} holds trials {what}, so none can be added: "
                    f"{'; '.join(_differences(before, now))}. Name another file"
                )

    @property
    def trials(self) -> list[Trial]:
        """Return the trials so far."""
        trials: list[Trial] = self.data["trials"]
        return trials

    def has(self, kind: Kind, index: int) -> bool:
        """Tell whether a trial has been made."""
        return any((one["kind"], one["index"]) == (kind, index) for one in self.trials)

    def add(self, trial: Trial) -> None:
        """Keep a trial."""
        self.trials.append(trial)
        if self.path:
            files.write(self.path, json.dumps(self.data, indent=1) + "\n")


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield what two keys, or two machines, differ by."""
    for name in sorted(before.keys() | now.keys()):
        one, other = before.get(name), now.get(name)
        if one == other:
            continue
        if name in DIGESTS:
            yield f"{DIGESTS[name]} has changed"
        elif isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other)
        else:
            yield f"{name} was {reprlib.repr(one)} and is {reprlib.repr(other)}"


def load(path: Path) -> dict[str, Any]:
    """Read a self-test's file.

    Raises
    ------
    SelftestError
        Where it is missing, truncated, foreign, or of a newer schema.
    """
    try:
        return schema.load(path, PARTS, SCHEMA, "is no self-test")
    except schema.SchemaError as error:
        raise SelftestError(str(error)) from None


def placement_bounds(trials: Sequence[Trial], alpha: float = ALPHA) -> dict[str, float]:
    """Return how far code placement alone may move a case, as a share.

    Each wheel is a draw of placement, and so is the base that all are compared with. Two more
    differ by more than this, in any case of a gate, with a chance of `alpha`: the prediction
    interval for the difference of two normal draws, by Student's t, with Bonferroni's share of
    the level for each case.
    """
    changes: dict[str, list[float]] = {}
    for trial in gates(trials, Kind.PLACEMENT):
        for name, one in trial["cases"].items():
            changes.setdefault(name, [0.0]).append(np.log1p(one["change"]))
    level = 1 - alpha / max(1, len(changes))
    return {
        name: float(
            np.expm1(np.sqrt(2) * np.std(own, ddof=1) * scipy.special.stdtrit(len(own) - 1, level))
        )
        for name, own in changes.items()
        if len(own) >= LEAST
    }


@dataclass(frozen=True)
class Rate:
    """A rate with its interval."""

    happened: int
    of: int

    @property
    def value(self) -> float:
        """Return the share."""
        return self.happened / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Return the two-sided 95 % interval.

        References
        ----------
        Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of
        the binomial", *Biometrika* 26 (1934).
        """
        if not self.of:
            return 0.0, 1.0
        yes, no = self.happened, self.of - self.happened
        low = scipy.special.betaincinv(yes, no + 1, 0.025) if yes else 0.0
        high = scipy.special.betaincinv(yes + 1, no, 0.975) if no else 1.0
        return float(low), float(high)


def gates(trials: Sequence[Trial], kind: Kind) -> list[Trial]:
    """Return the trials of a kind."""
    return [one for one in trials if one["kind"] == kind]


def exits(trials: Sequence[Trial], kind: Kind) -> dict[Exit, Rate]:
    """Return how often the gates of a kind ended with each exit code."""
    own = gates(trials, kind)
    return {code: Rate(sum(one["exit"] == code for one in own), len(own)) for code in Exit}


def caught(trials: Sequence[Trial], kind: Kind = Kind.SLOWED) -> dict[float, Rate]:
    """Return how many of the slowed cases were caught, by slowdown; 0: unslowed.

    A slowdown is caught if its case is a regression, and the gate ends with 1 and is not void.

    A case that could not be measured is in no verdict; its trial is an error in `exits`.
    """
    found: dict[float, list[bool]] = {}
    for trial in gates(trials, kind):
        told = trial["exit"] == Exit.REGRESSION
        for one in trial["cases"].values():
            called = one["verdict"] == Verdict.REGRESSION
            found.setdefault(one["extra"], []).append(told and called)
    return {extra: Rate(sum(own), len(own)) for extra, own in sorted(found.items())}


def caught_beyond_bounds(trials: Sequence[Trial]) -> dict[bool, Rate]:
    """Return how many cases of rebuilt wheels were caught, of those slowed and of the others."""
    found: dict[bool, list[Rate]] = {}
    for extra, rate in caught(trials, Kind.REBUILT_SLOWED).items():
        found.setdefault(extra > 0, []).append(rate)
    return {
        slowed: Rate(sum(one.happened for one in own), sum(one.of for one in own))
        for slowed, own in found.items()
    }


def smallest_caught(trials: Sequence[Trial]) -> float | None:
    """Return the least slowdown tried from which on nineteen in twenty were caught."""
    least = None
    for extra, rate in reversed(caught(trials).items()):
        if not extra or rate.value < CAUGHT:
            break
        least = extra
    return least


def stock_alarms(trials: Sequence[Trial], rule: str) -> Rate:
    """Return in how many pairs of the same runs a stock rule failed any case."""
    own = gates(trials, Kind.STOCK)
    runs = [one["runs"] for one in own]
    return Rate(sum(bool(flagged(first, again, rule)) for first, again, _ in runs), len(own))


def stock_caught(trials: Sequence[Trial], rule: str) -> dict[float, Rate]:
    """Return how many of the slowed cases a stock rule failed, by slowdown; 0: unslowed."""
    found: dict[float, list[bool]] = {}
    for trial in gates(trials, Kind.STOCK):
        _, before, after = trial["runs"]
        failed = flagged(before, after, rule)
        for name in before:
            found.setdefault(trial["extra"].get(name, 0.0), []).append(name in failed)
    return {extra: Rate(sum(own), len(own)) for extra, own in sorted(found.items())}
