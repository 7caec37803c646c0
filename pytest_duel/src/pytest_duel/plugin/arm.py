"""For conftest files: whether this process is a worker, and for which code."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pytest_duel.paired.pytest_worker import WORKER


@dataclass(frozen=True)
class MeasuredCode:
    """The code that this process measures: one side of a gate, or that of a block."""

    modules: Mapping[str, str]
    """Its top-level modules, each with the folder that it is installed in. In a block those whose
    native code was linked anew, or none: then they are where the tests find them."""
    checks: bool
    """This process checks answers and times nothing. Other processes check nothing."""


def measured_code(config: pytest.Config) -> MeasuredCode | None:
    """Return the code that is measured; None where this is no worker.

    A fixture that builds or installs the project has nothing to do in a worker: a module among
    `modules` is installed, and is imported from there.
    """
    worker = config.pluginmanager.get_plugin(WORKER)
    if worker is None:
        return None
    return MeasuredCode(worker.finder.modules, worker.checks)
