"""Environments as their users step them, beside Gymnasium's own."""

import pytest

from pytest_duel.plugin.sweep import Measure


@pytest.mark.sweep("vector_step")
def test_vector_step(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time a step of a vector environment."""
    measure("vector_step", backend, scenario, n)


@pytest.mark.sweep("gymnasium_step")
def test_gymnasium_step(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Have Gymnasium's `benchmark_vector_step` time it, which draws the actions as well."""
    measure("gymnasium_step", backend, scenario, n)


@pytest.mark.sweep("year")
def test_year(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time an hour of the real fleet's year in which all units act."""
    measure("year", backend, scenario, n)
