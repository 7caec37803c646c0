"""An agent's training step, and the part of it that is the clearing call."""

import pytest

from pytest_duel.plugin.sweep import Measure


@pytest.mark.sweep("train")
def test_train(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time a training step of `easy_marl.examples.bidding.train`."""
    measure("train", backend, scenario, n)


@pytest.mark.sweep("train_clearing")
def test_train_clearing(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time what such a step spends in the clearing call, by a clock around it."""
    measure("train_clearing", backend, scenario, n)
