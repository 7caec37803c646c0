"""Import and first call, in a new process."""

import pytest

from pytest_duel.plugin.sweep import Measure


@pytest.mark.sweep("cold_start")
def test_cold_start(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time `cold_start` over its catalogued cases."""
    measure("cold_start", backend, scenario, n)
