"""A step of many environments in one call of the kernel."""

import pytest

from pytest_duel.plugin.sweep import Measure


@pytest.mark.sweep("step_batch")
def test_step_batch(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time `step_batch` over its catalogued cases."""
    measure("step_batch", backend, scenario, n)
