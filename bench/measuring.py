"""Measuring pairs of this project's cases, in blocks of fresh processes."""

import argparse
import time
from collections.abc import Callable

from bench.project import project
from pytest_duel.catalogue.model import FULL
from pytest_duel.cli.parser import announce
from pytest_duel.duel import targets
from pytest_duel.duel.pairs import Arrange
from pytest_duel.gate.measure import checked_answers
from pytest_duel.gate.prepare import prepared
from pytest_duel.gate.question import Question
from pytest_duel.paired.measurements import Measurements


def measured(arrange: Arrange, blocks: int, seed: int = 0) -> Measurements:
    """Build, check and measure pairs of cases of the working tree.

    Parameters
    ----------
    arrange
        Makes the plan of pairs out of one of all benchmarks.
    blocks
        How many to take, of each pair.
    seed
        Of the order.
    """
    here = project()
    question = Question(
        folder=here.root,
        base=None,
        paths=(here.suites,),
        selection=(f"--bench-tier={FULL.name}",),
        overrides={"benchmarks": ("*",), "thresholds": {}, "removed": ()},
        arrange=arrange,
    )
    with prepared(question, announce) as ready:
        checked = checked_answers(ready, announce)
        return targets.measure(ready, checked, blocks, seed, _begin(blocks))


def number_of_blocks(text: str) -> int:
    """Read how many blocks to take."""
    if not (text.isascii() and text.isdigit() and int(text) > 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 1")
    return int(text)


class Progress:
    """Tells on standard error how far a measurement is, and how long it will take."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.started = time.monotonic()

    def __call__(self, done: int) -> None:
        """Say that so many blocks are done; more than were asked for may have begun."""
        if done > self.blocks:
            return
        took = time.monotonic() - self.started
        left = took / done * (self.blocks - done)
        announce(f"block {done} of {self.blocks}, about {left:.0f} s left")


def _begin(number: int) -> Callable[[str], Callable[[int], None]]:
    """Return what says that measuring begins, and then after every block how far it is."""

    def begin(said: str) -> Callable[[int], None]:
        announce(said)
        return Progress(number)

    return begin
