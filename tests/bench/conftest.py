"""A toy project with a catalogue of its own, to run the harness in."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOY = Path(__file__).parent / "data" / "toy"

Toy = Callable[..., pytest.RunResult]


@pytest.fixture
def toy(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Return a function that runs pytest on the toy project, in a process of its own."""
    shutil.copy(TOY / "toy_catalogue.py", pytester.path / "conftest.py")
    shutil.copy(TOY / "toy_suite.py", pytester.path / "test_toy.py")
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    # The width of pytest's own lines, which are cut there otherwise.
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments, timeout=120)

    return run
