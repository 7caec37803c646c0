"""Settings of all tests, and a toy project with a catalogue of its own, to run the harness in."""

import os
import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from few_blocks import take_few
from places import TOY, settle
from pytest_duel.support.harness import search_path

if find_spec("hypothesis"):  # a sweep, which runs no test, comes by here without it
    from hypothesis import settings

    # No test asserts a time; the machine may be busy with others.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")

collect_ignore = ["projects"]
"""Projects of strangers, whose tests are run in copies."""

Toy = Callable[..., pytest.RunResult]

WITHOUT = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""The latter imports all of Hypothesis when a run ends, which takes longer than the toy."""


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep installs of these tests apart from the user's, and build nothing twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DUEL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def toy(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Return a function that runs pytest on the toy project, in a process of its own."""
    shutil.copy(TOY / "toy_catalogue.py", pytester.path / "conftest.py")
    shutil.copy(TOY / "toy_suite.py", pytester.path / "test_toy.py")
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    path = os.pathsep.join(filter(None, [search_path(), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    # The width of pytest's own lines, which are cut there otherwise.
    monkeypatch.setenv("COLUMNS", "300")

    def run(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*WITHOUT, *arguments, timeout=120)

    return run


@pytest.fixture
def few_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have arms that lie far apart judged early: they are plain by then."""
    take_few(monkeypatch)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder whose project is the simulated one."""
    settle(tmp_path, "simulated_project")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def toy_workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder whose project is the toy."""
    settle(tmp_path, "toy_project")
    monkeypatch.chdir(tmp_path)
    return tmp_path
