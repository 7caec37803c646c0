"""Merit-order clearing, many markets a call."""

import pytest

from pytest_duel.plugin.sweep import Measure


@pytest.mark.sweep("clear_batch")
def test_clear_batch(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time `clear_batch` over its catalogued cases."""
    measure("clear_batch", backend, scenario, n)
