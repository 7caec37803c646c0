"""The toy's suites."""

import pytest

from pytest_duel.plugin.sweep import Measure


@pytest.mark.sweep("scale")
def test_scale(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time `scale`."""
    measure("scale", backend, scenario, n)


@pytest.mark.sweep("scale_all")
def test_scale_all(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time `scale_all`."""
    measure("scale_all", backend, scenario, n)


@pytest.mark.sweep("nap")
def test_nap(measure: Measure, backend: str, scenario: str, n: int) -> None:
    """Time `nap`."""
    measure("nap", backend, scenario, n)
