"""``--duel-blocks``: each benchmark in several processes, through pytest-benchmark's own files."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pytest_duel.paired.cores import usable_cpus
from pytest_duel.plugin.blocks import said
from pytest_duel.results.entries import BLOCKS as KEY
from pytest_duel.results.runs import load
from pytest_duel.statistics.typical import typical
from pytest_duel.support.harness import search_path

BLOCKS = 3
CONFTEST = """
import os
import pathlib
import pytest


@pytest.fixture(scope="session")
def note():
    calls = pathlib.Path(__file__).with_name("calls.txt")

    def note(name):
        with calls.open("a") as file:
            file.write(f"{os.getpid()} {name}\\n")

    return note


@pytest.fixture(scope="session")
def expensive(note):
    note("expensive")
    return 500


@pytest.fixture
def in_worker(pytestconfig):
    return pytestconfig.pluginmanager.hasplugin("pytest-duel-worker")
"""
TESTS = """
import os
import pytest


def work(number=500):
    return sum(range(number))


def test_alone(benchmark, expensive):
    assert benchmark(work, expensive) == 124750
    assert benchmark.stats.stats.rounds > 0


@pytest.mark.parametrize("way", ["one", "other"])
@pytest.mark.benchmark(group="sums", max_time=0.05)
def test_turns(benchmark, way, note):
    def noted():
        note(way)
        return work(100_000)

    benchmark.extra_info["way"] = way
    assert benchmark(noted) > 0


def test_contract(benchmark, in_worker):
    calls = []
    benchmark.pedantic(calls.append, args=(1,), rounds=6)
    assert 0 < len(calls) <= (6 if in_worker else 1)


def test_one_round(benchmark):
    benchmark.pedantic(work, setup=lambda: None, rounds=1)


def test_is_wrong(benchmark, in_worker):
    benchmark(work)
    assert not in_worker, "wrong in its process"


def test_dies(benchmark, in_worker):
    if in_worker:
        os._exit(3)
    benchmark(work)


def test_skips(benchmark):
    pytest.skip("not today")


def test_without():
    pass
"""


@dataclass(frozen=True)
class Done:
    """A run of pytest that has ended."""

    code: int
    said: str
    folder: Path

    @property
    def benchmarks(self) -> dict[str, Any]:
        """Return the benchmarks of its saved run, by name."""
        saved = json.loads((self.folder / "run.json").read_text())
        return {one["name"]: one for one in saved["benchmarks"]}

    def calls(self, *names: str) -> list[list[str]]:
        """Return the process and the name of each call that was noted, in their order."""
        lines = (self.folder / "calls.txt").read_text().splitlines()
        return [one.split() for one in lines if one.split()[1] in names]


def run(folder: Path, *arguments: str, **environment: str) -> Done:
    path = os.pathsep.join(filter(None, [search_path(), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest",
            *arguments,
        ],
        cwd=folder, env=os.environ | {"PYTHONPATH": path, "COLUMNS": "300"} | environment,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout + done.stderr, folder)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_toy.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    return folder


@pytest.fixture(scope="module")
def done(project: Path) -> Done:
    asked = ("--duel-blocks", str(BLOCKS), "--benchmark-max-time=0.1")
    return run(project, *asked, "--benchmark-json=run.json", "--benchmark-columns=median")


def test_each_benchmark_has_the_rounds_of_all_processes(done: Done) -> None:
    for name in "test_alone", "test_turns[one]", "test_turns[other]":
        found = done.benchmarks[name]
        rounds = found["extra_info"][KEY]
        assert len(rounds) == BLOCKS
        assert min(rounds) > 0
        assert sum(rounds) == found["stats"]["rounds"] == len(found["stats"]["data"])
    assert done.benchmarks["test_turns[one]"]["extra_info"]["way"] == "one"


def test_processes_are_fresh_and_a_fixture_of_the_session_is_made_once_in_each(done: Done) -> None:
    processes = [process for process, _ in done.calls("expensive")]
    assert len(processes) == len(set(processes)) == BLOCKS + 1  # and here


def test_those_of_one_group_take_turns_in_processes_of_their_own(done: Done) -> None:
    calls = done.calls("one", "other")
    for process in {process for process, _ in calls}:
        names = {name for own, name in calls if own == process}
        alone = [name for own, name in calls if own == process]
        assert len(names) == 1 or len(alone) == 2  # here each is called once
    changes = sum(a != b for (_, a), (_, b) in pairwise(calls))
    assert changes > 3 * BLOCKS


def test_the_rounds_of_a_test_are_a_contract(done: Done) -> None:
    assert sum(done.benchmarks["test_contract"]["extra_info"][KEY]) <= 6 * BLOCKS
    assert done.benchmarks["test_one_round"]["extra_info"][KEY] == [1] * BLOCKS


def test_what_fails_in_its_process_fails_and_the_others_go_on(done: Done) -> None:
    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert "2 failed, 6 passed, 1 skipped" in done.said
    assert "test_is_wrong could not be timed" in done.said
    assert "wrong in its process" in done.said
    assert "test_dies could not be timed" in done.said
    assert "exit code 3" in done.said
    assert not {"test_is_wrong", "test_dies"} & set(done.benchmarks)


def test_the_table_has_a_line_for_each_in_the_order_of_the_tests(done: Done) -> None:
    table = done.said.partition("time of a call, in any process")[2].splitlines()[1:6]
    names = [line.split()[0].partition("::")[2] for line in table]
    assert names == [
        "test_alone", "test_turns[one]", "test_turns[other]", "test_contract", "test_one_round",
    ]  # fmt: skip


def test_a_time_stands_beside_its_own_interval() -> None:
    us = 1e-6
    processes = [[340 * us]] * 13 + [[626 * us]] * 11
    _, heading, line = said({"test_toy.py::test_alone": typical(processes)}, len(processes))
    assert heading.endswith(": geometric mean over 24 processes [95 %]")
    assert "test_alone    450 µs  [394 µs, 513 µs]" in line


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / "test_small.py").write_text(
        "import pathlib\n\n\ndef test_small(benchmark):\n"
        "    with pathlib.Path(__file__).with_name('calls.txt').open('a') as file:\n"
        "        file.write('0 small\\n')\n"
        "    benchmark(list)\n"
    )
    return tmp_path


def test_one_process_tells_no_interval(small: Path) -> None:
    done = run(small, "--duel-blocks=1", PYTEST_ADDOPTS="--benchmark-max-time=0.05")
    assert done.code == pytest.ExitCode.OK, done.said
    assert "[unknown: one process]" in done.said


@pytest.mark.parametrize(
    "more",
    [
        ("--benchmark-disable",), ("--benchmark-skip",), ("--collect-only",), ("-k", "none"),
        ("--setup-plan",), ("--setup-only",),
    ],
)  # fmt: skip
def test_nothing_is_started_where_nothing_is_to_be_timed(
    small: Path, more: tuple[str, ...]
) -> None:
    done = run(small, "--duel-blocks=2", *more)
    assert done.code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.said
    assert "blocks of fresh processes" not in done.said
    disabled = "--benchmark-disable" in more
    assert ("nothing was timed, as benchmarks are" in done.said) == (more[0][:3] == "--b")
    calls = done.calls("small") if (small / "calls.txt").exists() else []
    assert Counter(name for _, name in calls)["small"] == disabled


def test_tests_that_cannot_be_collected_are_told_before_anything_is_timed(small: Path) -> None:
    (small / "test_broken.py").write_text("import nothing_of_this_name\n")
    done = run(small, "--duel-blocks=2")
    assert done.code == pytest.ExitCode.INTERRUPTED
    assert "blocks of fresh processes" not in done.said


def test_a_mark_of_the_projects_own_that_is_called_sweep(small: Path) -> None:
    (small / "pytest.ini").write_text("[pytest]\nmarkers = sweep\n")
    text = (small / "test_small.py").read_text()
    marked = text.replace("\n\n\ndef", "\nimport pytest\n\n\n@pytest.mark.sweep\ndef")
    (small / "test_small.py").write_text(marked)
    done = run(small, "--duel-blocks=1", "--benchmark-max-time=0.05")
    assert done.code == pytest.ExitCode.OK, done.said


@pytest.mark.parametrize(("name", "imports"), [("an odd 'name'", 1), ("odd [name]", 3)])
def test_workers_import_no_test_file_that_they_do_not_need(
    small: Path, name: str, imports: int
) -> None:
    folder = small / name
    folder.mkdir()
    (small / "test_small.py").rename(folder / "test_small.py")
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")  # not looked at
    (small / "test_other.py").write_text(
        "import pathlib\n"
        "pathlib.Path(__file__).with_name('imports.txt').open('a').write('x')\n\n\n"
        "def test_other():\n    pass\n"
    )
    done = run(small, "--duel-blocks=2", "--benchmark-max-time=0.05")
    assert done.code == pytest.ExitCode.OK, done.said
    assert len((small / "imports.txt").read_text()) == imports


def test_a_project_without_a_cache_of_pytests_is_timed(small: Path) -> None:
    (small / "pytest.ini").write_text("[pytest]\naddopts = --strict-config -p no:cacheprovider\n")
    done = run(small, "--duel-blocks=1", "--benchmark-max-time=0.05", "--", "test_small.py")
    assert done.code == pytest.ExitCode.OK, done.said
    assert not (small / ".pytest_cache").exists()


@pytest.mark.parametrize("number", ["-1", "two", "1001", "1.5", "²"])
def test_what_is_no_number_of_blocks_is_refused(small: Path, number: str) -> None:
    done = run(small, f"--duel-blocks={number}")
    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert f"'{number}' is no number of blocks" in done.said


@pytest.mark.parametrize("others", [0, 1])
def test_a_benchmark_that_nobody_could_know_of_is_not_timed_and_says_why(
    small: Path, others: int
) -> None:
    text = (small / "test_small.py").read_text() if others else ""
    (small / "test_small.py").write_text(
        f"{text}\n\ndef test_unnamed(request):\n    request.getfixturevalue('benchmark')(list)\n"
    )
    done = run(small, "--duel-blocks=1", "--benchmark-max-time=0.05")
    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert ("1 failed, 1 passed" if others else "1 failed in") in done.said
    assert "test_unnamed could not be timed: the test gets `benchmark` by request" in done.said
    assert ("block of fresh processes" in done.said) == bool(others)


def test_tests_that_are_repeated_in_a_process_are_refused(small: Path) -> None:
    (small / "conftest.py").write_text(  # as pytest-repeat does it
        "def pytest_generate_tests(metafunc):\n"
        "    name = '__pytest_repeat_step_number'\n"
        "    metafunc.fixturenames.append(name)\n"
        "    metafunc.parametrize(name, range(2), indirect=False)\n"
    )
    done = run(small, "--duel-blocks=2")
    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert "is repeated by pytest-repeat, but a process is one sample" in done.said
    assert "blocks of fresh processes" not in done.said
    assert "Traceback" not in done.said


def test_a_group_that_needs_too_many_cores_says_so(small: Path) -> None:
    (small / "test_wide.py").write_text(
        "import pytest\n\n\n@pytest.mark.parametrize('way', ['one', 'other'])\n"
        "@pytest.mark.benchmark(group='wide')\n@pytest.mark.duel(cpus=5000)\n"
        "def test_wide(benchmark, way):\n    benchmark(list)\n"
    )
    done = run(small, "--duel-blocks=1", "--benchmark-max-time=0.05")
    assert done.code == pytest.ExitCode.TESTS_FAILED
    for way in "one", "other":
        said = f"test_wide[{way}] could not be timed: it needs 5000 cores"
        assert said in done.said
    assert "test_small.py::test_small " in done.said


def test_what_is_skipped_here_is_not_in_the_table(small: Path) -> None:
    (small / "conftest.py").write_text(
        "import pytest\n\n\ndef pytest_runtest_setup(item):\n"
        "    if not item.config.pluginmanager.hasplugin('pytest-duel-worker'):\n"
        "        pytest.skip('here')\n"
    )
    done = run(small, "--duel-blocks=1", "--benchmark-max-time=0.05")
    assert done.code == pytest.ExitCode.OK
    assert "block of fresh processes" in done.said
    assert "time of a call" not in done.said


def test_no_times_are_left_for_the_next_pytest_in_this_process(small: Path) -> None:
    """Times of one must not stand in for what the other could not measure."""
    script = (
        "import os, pytest\n"
        "for fails in '', 'yes':\n"
        "    os.environ['FAILS'] = fails\n"
        "    code = pytest.main(['--duel-blocks=1', '--benchmark-max-time=0.05'])\n"
        "raise SystemExit(code)\n"
    )
    (small / "conftest.py").write_text(
        "import os\nimport pytest\n\n\ndef pytest_runtest_setup(item):\n"
        "    worker = item.config.pluginmanager.hasplugin('pytest-duel-worker')\n"
        "    assert not (worker and os.environ['FAILS'])\n"
    )
    path = os.pathsep.join(filter(None, [search_path(), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=small, env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout
    assert "1 passed" in done.stdout
    assert "test_small could not be timed: a process of its own: setup failed" in done.stdout


HELPED = """

import os
import time
from pathlib import Path

_make_here, _examples_here = _make, _examples


def _make(*arguments):
    if "PYTEST_DUEL_SHARE" in os.environ:
        Path("helped").touch()
    return _make_here(*arguments)


def _examples():
    until = time.monotonic() + 60.0
    while not Path("helped").exists():
        assert time.monotonic() < until, "nobody helps"
        time.sleep(0.05)
    return _examples_here()
"""
"""The examples of the toy come once another process has made a pool."""


@pytest.mark.skipif(len(usable_cpus()) < 2, reason="nobody helps on one CPU")
def test_a_process_that_helps_to_compare_finds_the_wrong_backend(
    toy: Callable[..., pytest.RunResult],
) -> None:
    with Path("conftest.py").open("a") as file:
        file.write(HELPED)
    asked = ("--bench-tier=smoke", "--bench-backends=plain,quick,one-ulp")
    result = toy("--benchmark-only", *asked, "--duel-blocks=1")
    result.assert_outcomes(passed=2, failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        ["parity: 169 calls compared bit for bit in *, 1 disagreements", "parity: scale: one-ulp*"]
    )


def test_a_sweep_in_several_processes(toy: Callable[..., pytest.RunResult]) -> None:
    Path("test_first.py").write_text(
        "from conftest import at_cost\n\n\n"
        "def test_plain(benchmark):\n    benchmark(at_cost(1.0, list))\n"
    )
    asked = ("--bench-tier=smoke", "--bench-backends=plain,quick,empty,one-ulp")
    result = toy("--benchmark-only", *asked, "--duel-blocks=2", "--benchmark-json=out.json")
    result.assert_outcomes(passed=4, failed=1, deselected=2)
    result.stdout.fnmatch_lines(
        [
            "timing 1 benchmark in 2 blocks of fresh processes*",
            "timing 3 benchmarks in 2 blocks of fresh processes*",
            "*benchmark 'scale mixed n=400': 3 tests*",
            "    400 plain            8.00   8.00*",
            "        quick            1.00   1.00* 8.00 [[]8.00, 8.00] *8.0",
            "      400     8.00     1.00    0.125    wrong  quick, 8.0× [[]8.0, 8.0] plain",
            "interval is over 2 processes, in which the backends took turns*",
        ]
    )
    # Cases of a sweep have a table of their own.
    lines = str(result.stdout).partition("time of a call, in any process")[2].splitlines()
    assert "test_first.py::test_plain" in lines[1]
    assert "::" not in lines[2]
    run = load(Path("out.json"))
    assert {one.case.backend for one in run.results} == {"plain", "quick", "empty"}
    assert {len(one.blocks) for one in run.results} == {2}
    # A process is a sample of its own, and none is another run's.
    assert len({one.process for one in run.processes}) == 2
    assert [len(one.results) for one in run.processes] == [3, 3]


def test_the_first_kernels_table_comes_before_the_others_are_through(
    toy: Callable[..., pytest.RunResult],
) -> None:
    asked = ("--bench-backends=plain,quick", "--bench-scenarios=mixed", "--benchmark-max-time=0.1")
    result = toy("--benchmark-only", *asked, "--duel-blocks=1")
    result.assert_outcomes(passed=6, deselected=1)
    lines = result.outlines
    (table,) = [place for place, line in enumerate(lines) if line.startswith("scale, mixed (")]
    assert lines[table + 3].split()[0] == "9,000"
    last_test = next(place for place, line in enumerate(lines) if "[100%]" in line)
    assert table < last_test
    answers = [line for line in lines[last_test:] if line.startswith(("scale", "scale_all"))]
    assert [line.partition(",")[0] for line in answers] == ["scale", "scale_all"]
