"""Merit-order clearing, one market a call."""

import pytest

from pytest_duel.plugin.sweep import Measure


@pytest.mark.sweep("clear")
def test_clear(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time `clear` over its catalogued cases."""
    measure("clear", backend, scenario, n)
