"""Tables of offers, beside the kernel on the same numbers."""

import pytest

from pytest_duel.plugin.sweep import Measure


@pytest.mark.sweep("clear_table")
def test_clear_table(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time a year of a fleet as a table."""
    measure("clear_table", backend, scenario, n)
