"""The results of the blocks of a paired measurement, as plain data."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rounds:
    """What one process gave of a benchmark."""

    seconds: tuple[float, ...]
    """That a call took, in the mean over a round."""
    calls: int
    """In a round."""


@dataclass
class Measurements:
    """The results so far, by contest."""

    differences: dict[str, list[float]] = field(default_factory=dict)
    """One log ratio a block, second arm over first."""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """The first arm's time of a call, once a block."""
    drifts: dict[str, list[float]] = field(default_factory=dict)
    """How much slower the first arm was at the end of a block than at its start: log ratios."""
    rounds: dict[str, list[Rounds]] = field(default_factory=dict)
    """What a block of a group gave of a benchmark, by its name; once a block."""
    errors: dict[str, str] = field(default_factory=dict)
    """Why a contest was given up."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Why both arms skip a contest."""
    unaffordable: dict[str, float] = field(default_factory=dict)
    """The budget that a contest would need, in seconds."""
    slow_calls: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """How long a call of these took, once, on each arm that was asked."""
    blocks: int = 0
    compared: bool = False
    """The first block is in, in which the arms' answers are compared."""
    own_modules: int = 0
    """Modules of the arm that a worker had loaded, at most."""
    elsewhere: dict[str, str] = field(default_factory=dict)
    """The files of modules that came from neither a tree nor an environment, and only once tests
    ran."""

    @property
    def given_up(self) -> set[str]:
        """Return the contests that are measured no more."""
        return {*self.errors, *self.skipped, *self.unaffordable}

    def add(self, block: "Measurements") -> None:
        """Add the results of a block."""
        self.errors = {**self.errors, **block.errors}
        for mine, its in (
            (self.differences, block.differences),
            (self.seconds, block.seconds),
            (self.drifts, block.drifts),
        ):
            for name, values in its.items():
                mine.setdefault(name, []).extend(values)
        for name, rounds in block.rounds.items():
            self.rounds.setdefault(name, []).extend(rounds)
        for name in self.given_up:
            for known in (self.differences, self.seconds, self.drifts, self.rounds):
                known.pop(name, None)
        self.blocks += block.blocks
        self.compared |= block.compared
        self.own_modules = max(self.own_modules, block.own_modules)
        self.elsewhere |= block.elsewhere


def drift(first: Sequence[float]) -> float:
    """Return how much the last third of some logs of times lies above the first third."""
    third = len(first) // 3
    if not third:
        return 0.0
    return statistics.median(first[-third:]) - statistics.median(first[:third])
