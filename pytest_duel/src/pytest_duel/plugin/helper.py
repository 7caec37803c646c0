"""A second pytest that takes parts of a check of answers, where that takes its time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from pytest_duel.catalogue.shared_check import VARIABLE, Share
from pytest_duel.paired.client import SideError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import COLLECTING, PytestSide, Suite
from pytest_duel.plugin.measuring import Items, suite
from pytest_duel.support.scratch import scratch

AFTER = 0.5
"""Seconds until it is started: a check that is done by then needs no help."""
LONGEST = 3600.0
"""Seconds that it may take."""


class Helper:
    """Starts the process after a while, and ends it.

    Parameters
    ----------
    tests
        What it collects: the cases to check.
    share
        What it has in common with this process.
    """

    def __init__(self, tests: Suite, share: Share) -> None:
        self.share = share
        self._tests = tests
        self._side: PytestSide | None = None
        self._lock = threading.Lock()
        self._has_ended = False
        self._timer = threading.Timer(AFTER, self._run)
        self._timer.daemon = True

    def start(self) -> None:
        """Have it started after a while."""
        self._timer.start()

    def is_there(self) -> bool:
        """Tell whether it may still do something."""
        return not self._has_ended

    def _run(self) -> None:
        with suppress(SideError, OSError):  # what it leaves undone is done here
            side = self._started()
            if side:
                side.ask(side.hello, COLLECTING)
                side.ask({"do": "open", "name": self._tests.benchmarks[0]}, LONGEST)
        self.end()

    def _started(self) -> PytestSide | None:
        arm = Arm("the process that helps", {VARIABLE: str(self.share.folder)})
        with self._lock:
            if not self._has_ended:
                self._side = PytestSide(arm, self._tests)
            return self._side

    def end(self) -> None:
        """End it, however far it is."""
        self._timer.cancel()
        with self._lock:
            self._has_ended = True
            side, self._side = self._side, None
        if side:
            side.close(0.0)


@contextmanager
def helping(config: pytest.Config, cases: Items) -> Iterator[Helper]:
    """Yield what can help to check the answers of these cases; it ends with the context."""
    with scratch() as folder:
        share = folder / "share"
        share.mkdir()
        helper = Helper(suite(config, cases, folder, checks=True), Share(share))
        try:
            yield helper
        finally:
            helper.end()
