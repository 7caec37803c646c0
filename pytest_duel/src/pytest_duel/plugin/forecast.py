"""How long blocks will still take, by how long what they have done has taken. Pure functions."""

import heapq
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain


@dataclass(frozen=True)
class Task:
    """What each block of a stage does once."""

    name: str
    kind: str
    """Tasks of one kind take about as long for each of their parts."""
    parts: int = 1


@dataclass(frozen=True)
class Stage:
    """Blocks of the same tasks. It begins when the stage before it has ended."""

    tasks: tuple[Task, ...]
    blocks: int
    side_by_side: int = 1
    """How many of its blocks run at a time."""


@dataclass
class Begun:
    """A block that has begun."""

    taken: dict[str, float] = field(default_factory=dict)
    """Seconds by the name of a task that is done."""
    has_ended: bool = False
    """It does nothing more, whatever was left out."""


@dataclass(frozen=True)
class Left:
    """How long the rest will take."""

    seconds: float
    is_least: bool = False
    """Some of it is of a kind that was never done. It counts as the quickest that was."""


def left(stages: Sequence[Stage], begun: Sequence[Sequence[Begun]]) -> Left | None:
    """Return how long the rest will take; None where nothing was done yet.

    Parameters
    ----------
    stages
        All of them, in their order.
    begun
        The blocks of each stage that have begun.
    """
    tasks = chain.from_iterable(one.tasks for one in stages)
    rates = Rates(tuple(dict.fromkeys(tasks)), tuple(chain.from_iterable(begun)))
    if not rates.by_kind:
        return None
    rest = [list(_rest(stage, blocks, rates)) for stage, blocks in zip(stages, begun, strict=True)]
    seconds = sum(
        _until_all_end(blocks, stage.side_by_side)
        for stage, blocks in zip(stages, rest, strict=True)
    )
    return Left(seconds, rates.has_guessed)


class Rates:
    """How long tasks take, as far as that is known.

    Parameters
    ----------
    tasks
        All tasks.
    blocks
        All blocks that have begun.
    """

    def __init__(self, tasks: Sequence[Task], blocks: Sequence[Begun]) -> None:
        self.by_name: dict[str, float] = {}
        self.has_guessed = False
        """It was asked for a task of a kind that was never done."""
        kinds: dict[str, list[float]] = {}
        for task in tasks:
            own = [one.taken[task.name] for one in blocks if task.name in one.taken]
            if own:
                self.by_name[task.name] = statistics.fmean(own)
                kinds.setdefault(task.kind, []).append(statistics.fmean(own) / task.parts)
        self.by_kind = {kind: statistics.fmean(rates) for kind, rates in kinds.items()}
        """For one part of a task."""

    def expected(self, task: Task) -> float:
        """Return how long a block will take for a task."""
        if task.name in self.by_name:
            return self.by_name[task.name]
        if task.kind in self.by_kind:
            return task.parts * self.by_kind[task.kind]
        self.has_guessed = True
        return task.parts * min(self.by_kind.values())


def _rest(stage: Stage, begun: Sequence[Begun], rates: Rates) -> Iterator[float]:
    """Yield how long each block of a stage will still take, those that have begun first."""
    for block in begun:
        waiting = [one for one in stage.tasks if one.name not in block.taken]
        yield 0.0 if block.has_ended else sum(map(rates.expected, waiting))
    for _ in range(stage.blocks - len(begun)):
        yield sum(map(rates.expected, stage.tasks))


def _until_all_end(blocks: Sequence[float], side_by_side: int) -> float:
    """Return when the last block ends, where the next one begins as soon as one has ended."""
    lanes = [0.0] * side_by_side
    for seconds in blocks:
        heapq.heapreplace(lanes, lanes[0] + seconds)
    return max(lanes)
