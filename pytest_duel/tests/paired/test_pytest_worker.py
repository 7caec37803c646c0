"""Ordinary pytest-benchmark tests, served by real workers: one block of two processes."""

import sys
from contextlib import closing
from pathlib import Path

import pytest

from pytest_duel.gate.collect import collect
from pytest_duel.paired import client, measurements
from pytest_duel.paired.client import RefusalError, SideError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.pytest_client import PytestSide, Suite, environment
from pytest_duel.support import processes
from pytest_duel.support.tracing import TRACING
from strangers import arm, copied, listed, one_block

SERVED = "tests/test_served.py::test_"
FAULTS = "tests/test_faults.py::test_"
WRONG = {"unused", "twice", "raises_at_the_end", "call_raises"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Measurements]:
    """Return the names of all tests of a file, and what a block gave."""
    home = tmp_path_factory.mktemp("served")
    project = copied("served", home / "head")
    other = copied("served", home / "base")
    (home / "scratch").mkdir()
    tests = Suite(project, home / "scratch", ("tests/test_served.py",))
    arms = arm("base", other), arm("head", project)
    names = listed(arms[1], tests)
    return names, one_block(arms, tests, names)


def test_every_way_to_use_the_fixture_is_measured(
    served: tuple[list[str], Measurements],
) -> None:
    names, found = served
    wrong = {f"{SERVED}{name}" for name in WRONG}
    assert found.errors.keys() == wrong, {
        name: why for name, why in found.errors.items() if name not in wrong
    }
    assert found.skipped == {
        f"{SERVED}skipped": "not today",
        f"{SERVED}expected_to_fail": "it fails, as its mark xfail expects: not yet",
    }
    assert found.differences.keys() == set(names) - wrong - found.skipped.keys()
    assert all(1 <= len(values) <= found.blocks for values in found.differences.values())


@pytest.mark.parametrize(("name", "reason"), [
    ("unused", "Benchmark fixture was not used at all"),
    ("twice", "Fixture can only be used once"),
    ("raises_at_the_end", "call failed: RuntimeError: after the benchmark"),
    ("call_raises", "both sides: call failed: ZeroDivisionError"),
])  # fmt: skip
def test_a_test_that_is_wrong_on_both_arms_says_why(
    name: str, reason: str, served: tuple[list[str], Measurements]
) -> None:
    assert reason in served[1].errors[f"{SERVED}{name}"]


def test_ids_with_addresses_are_named_by_their_order(
    served: tuple[list[str], Measurements],
) -> None:
    names = [name for name in served[0] if "addresses" in name]
    assert names == [f"{SERVED}addresses[<object object at 0x…>]#{place}" for place in (1, 2)]


def test_time_that_grows_within_a_block_is_seen(
    served: tuple[list[str], Measurements],
) -> None:
    assert served[1].drifts[f"{SERVED}grows"][0] > 0.5


@pytest.mark.parametrize(("logs", "expected"), [
    ([0.0] * 9, 0.0),
    ([0.0] * 4 + [1.0] + [0.0] * 4, 0.0),
    ([0.0, 0.0, 5.0, 0.5, 0.5, 0.5, 1.0, 1.0, -5.0], 1.0),
    ([0.0, 1.0], 0.0),
])  # fmt: skip
def test_drift_is_that_of_the_last_third(logs: list[float], expected: float) -> None:
    assert measurements.drift(logs) == expected


def test_workers_load_the_modules_of_their_arm(
    served: tuple[list[str], Measurements],
) -> None:
    assert served[1].own_modules == 1


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Measurements:
    """Return what a block gives whose head goes wrong."""
    home = tmp_path_factory.mktemp("faulty")
    project = copied("served", home / "head")
    (home / "scratch").mkdir()
    arms = arm("base", copied("served", home / "base")), arm("head", project)
    tests = Suite(project, home / "scratch", ("tests/test_faults.py",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOY_BROKEN", str(project))
        names = [f"{FAULTS}{name}" for name in ("skips", "fails", "dies", "hangs", "fine")]
        patch.setattr(client, "TIMEOUT", 5.0)
        return one_block(arms, tests, names)


@pytest.mark.parametrize(("name", "reason"), [
    ("skips", "head: skipped: not on this arm"),
    ("fails", "head: call failed: AssertionError: wrong on this arm"),
    ("dies", 'head was ended by SIGSEGV: File "'),
    ("hangs", "head did not answer in "),
])  # fmt: skip
def test_what_goes_wrong_on_one_arm_names_it(name: str, reason: str, faulty: Measurements) -> None:
    assert faulty.errors[f"{FAULTS}{name}"].startswith(reason)


def test_a_fault_costs_no_other_benchmark(faulty: Measurements) -> None:
    assert list(faulty.differences) == [f"{FAULTS}fine"]


def test_a_fixture_that_is_not_used_skips_its_benchmark(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "head")
    file = "benchmarks/test_unused.py"
    (project / file).write_text("def test_unused(benchmark):\n    pass\n")
    with closing(PytestSide(arm("head", project), Suite(project, tmp_path, (file,)))) as side:
        side.ask(side.hello)
        with pytest.raises(RefusalError, match="skipped: the test did not use its benchmark"):
            side.ask({"do": "open", "name": f"{file}::test_unused"})


def test_a_worker_tells_how_long_rounds_last_with_their_set_up(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "head")
    file = "benchmarks/test_set_up.py"
    (project / file).write_text(
        "import time\n\n\ndef test_set_up(benchmark):\n"
        "    benchmark.pedantic(int, setup=lambda: time.sleep(0.05), rounds=5)\n"
    )
    with closing(PytestSide(arm("head", project), Suite(project, tmp_path, (file,)))) as side:
        side.ask(side.hello)
        side.ask({"do": "open", "name": f"{file}::test_set_up"})
        told = side.ask({"do": "time", "calls": 2})
        assert told["lasted"] >= 0.1
        assert told["seconds"] < told["lasted"] - 0.1


REPLACES = """
import time

genuine = time.perf_counter
time.perf_counter = lambda: genuine() / 2
"""


def test_code_that_replaces_the_clock_is_not_timed_with_it(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "head")
    with (project / "toy/__init__.py").open("a") as file:
        file.write(REPLACES)
    tests = Suite(project, tmp_path, ("benchmarks/test_toy.py",))
    name = "benchmarks/test_toy.py::test_busy"
    with closing(PytestSide(arm("head", project), tests)) as side:
        side.ask(side.hello)
        side.ask({"do": "open", "name": name})
        assert side.ask({"do": "time", "calls": 3})["seconds"] > 0
        with pytest.raises(RefusalError, match=r"time\.perf_counter was replaced"):
            side.ask({"do": "close"})
    (project / "pytest.ini").write_text("[pytest]\naddopts = -p toy\n")
    with (
        closing(PytestSide(arm("head", project), tests)) as side,
        pytest.raises(SideError, match=r"time\.perf_counter was replaced"),
    ):
        side.ask(side.hello)


def test_a_clock_that_is_replaced_when_python_starts_is_refused(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "head")
    (project / "sitecustomize.py").write_text(
        "import time\ngenuine = time.perf_counter\n"
        "def perf_counter():\n    return genuine() / 2\n"
        "time.perf_counter = perf_counter\n"
    )
    with pytest.raises(SideError, match=r"time\.perf_counter was replaced"):
        listed(arm("head", project), Suite(project, tmp_path))


@pytest.mark.parametrize("settings", ["pytest.ini", "tox.ini", "setup.py"])
def test_nothing_above_the_trees_is_run(settings: str, tmp_path: Path) -> None:
    """What lies in a folder for temporary files may be another user's."""
    told = tmp_path / "told"
    (tmp_path / settings).write_text("[pytest]\n" if settings.endswith("ini") else "")
    (tmp_path / "conftest.py").write_text(f"open({str(told)!r}, 'w').close()\n")
    project = copied("flat", tmp_path / "scratch" / "head")
    (project / "pyproject.toml").unlink()  # where there is one, pytest looks for no setup.py
    with pytest.raises(SideError, match=f"settings from .*{settings}, which is no part"):
        listed(arm("head", project), Suite(project, tmp_path / "scratch"))
    assert not told.exists()
    (project / "pytest.ini").touch()
    assert listed(arm("head", project), Suite(project, tmp_path / "scratch"))
    assert not told.exists()


@pytest.mark.parametrize("variables", [
    {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    {"PYTHONOPTIMIZE": "2"},
    {"PYTEST_ADDOPTS": "-p no:benchmark"},
    {"PYTHONPYCACHEPREFIX": "/nowhere"},
    {"PYTHONDONTWRITEBYTECODE": "1"},
    {"PYTHONWARNINGS": "error"},
], ids=lambda one: next(iter(one)))  # fmt: skip
def test_variables_that_change_pytest_or_python(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    project = copied("flat", tmp_path / "head")
    (project / "pytest.ini").write_text(
        "[pytest]\naddopts = -p no:benchmark\nfilterwarnings = error\n"
    )
    assert listed(arm("head", project), Suite(project, tmp_path))


def test_a_plugin_that_only_the_users_installed_copy_has_is_not_loaded(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "base")
    about = tmp_path / "installed/toy-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[pytest11]\ntoys = toy.plugin\n")
    tests = Suite(project, tmp_path, path=(str(about.parent),))
    assert listed(arm("base", project), tests)
    # Where the arm has it, it is loaded, and is the arm's.
    (project / "toy/plugin.py").write_text("raise ImportError('the own plugin')")
    with pytest.raises(SideError, match="the own plugin"):
        listed(arm("base", project), tests)


def test_where_no_worker_can_start_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(OSError, match="needs Linux or macOS"):
        PytestSide(Arm("head"), Suite(tmp_path, tmp_path))


def test_a_worker_is_not_traced_where_this_process_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in TRACING:
        monkeypatch.setenv(name, "1")
    code = arm("head", tmp_path)
    assert not {*environment(code, str(tmp_path), "0")} & {*TRACING}


MEASURED_BY_COVERAGE = """
import os, subprocess, sys
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import environment
assert "COVERAGE_PROCESS_CONFIG" in os.environ
script = "import sys; print('coverage' in sys.modules)"
for env in (dict(os.environ), environment(Arm("head"), ".", "0")):
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    print(done.stdout)
"""


def test_no_worker_is_covered_where_coverage_patches_subprocesses(tmp_path: Path) -> None:
    pytest.importorskip("coverage", minversion="7.10")
    (tmp_path / ".coveragerc").write_text("[run]\npatch = subprocess\n")
    (tmp_path / "script.py").write_text(MEASURED_BY_COVERAGE)
    command = [sys.executable, "-m", "coverage", "run", "script.py"]
    done = processes.run(command, timeout=60, cwd=tmp_path)
    assert done.stdout.split() == ["True", "False"], done.stderr


def test_all_files_that_a_worker_loads_are_told_and_which_hold_tests(tmp_path: Path) -> None:
    project = copied("flat", tmp_path / "head")
    (project / "benchmarks/test_more.py").write_text("def test_more(): pass\n")
    found = collect(arm("head", project), Suite(project, tmp_path, ("benchmarks",)), "the head")
    names = {Path(one).name for one in found.tests}
    assert names == {"test_more.py", "test_toy.py"}
    assert names <= {Path(one).name for one in found.drivers}
