"""What pytest loads wherever the distribution is installed: it changes nothing unless asked to."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker, which projects with strict markers need."""
    config.addinivalue_line("markers", "duel: how a benchmark is measured in pairs")
