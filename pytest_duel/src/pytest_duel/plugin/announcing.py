"""Lines for a person who waits, written while pytest captures what tests print."""

from collections.abc import Callable
from typing import Any

import pytest

from pytest_duel.support import harmless


def announcer(config: pytest.Config) -> Callable[[str], None]:
    """Return a function that writes a line to the terminal at once, despite capturing."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    capture: Any = config.pluginmanager.get_plugin("capturemanager")

    def announce(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(harmless.lines(line))
            reporter.flush()

    return announce
