"""``pytest-duel history`` without settings, on what pytest-benchmark alone has saved."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.utils import get_machine_id

from pytest_duel.cli import history as command
from pytest_duel.cli.main import main
from pytest_duel.support.exit_codes import Exit
from simulated import save
from simulated_history import name_of
from stock_files import MACHINE, entry, suite

Capture = pytest.CaptureFixture[str]
COMMITS = 24
SLOWER = 14
"""The commit from which on one benchmark is slower."""


def saved(rng: np.random.Generator, commit: int, **more: Any) -> dict[str, Any]:
    """Return a run of a commit, on a machine whose speed drifts."""
    drift = float(np.exp(rng.normal(0, 0.1)))
    info = {"id": name_of(commit), "dirty": False, "time": f"2026-11-{commit + 1:02}T00:00:00Z"}
    document = suite(rng, 12, drift=drift * more.pop("shift", 1.0), **more)
    return {**document, "commit_info": info, "datetime": f"2026-12-{commit + 1:02}T00:00:00"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the storage of a folder without settings, with three runs of each commit."""
    monkeypatch.chdir(tmp_path)
    folder = Path(".benchmarks") / str(get_machine_id())
    rng = np.random.default_rng(5)
    for commit in range(COMMITS):
        for run in range(3):
            slower = {4: 1.3} if commit >= SLOWER else {}
            number = 3 * commit + run + 1
            save(folder / f"{number:04}_x.json", saved(rng, commit, slower=slower))
    return folder


def run(*arguments: str) -> int:
    return main(["history", *arguments])


def test_a_slower_benchmark_is_found_at_its_commit(folder: Path, capsys: Capture) -> None:
    assert run() == Exit.PASS
    out = capsys.readouterr().out
    assert out.startswith("history: 72 runs, 24 commits, 1 machine\n")
    said = " ".join(out.split())
    assert f"slower between {name_of(SLOWER - 1)[:10]} and {name_of(SLOWER)[:10]}" in said
    assert "verdict: changed (1 changed, 11 steady of 12 cases)" in said
    assert "controls: benchmarks by the middle of all" in said
    assert not Path(".cache").exists()  # nothing is left in a project that has no catalogue


def test_benchmarks_are_named_by_patterns(folder: Path, capsys: Capture) -> None:
    assert run("--only", "test_it[4]", "--json") == Exit.PASS
    (one,) = json.loads(capsys.readouterr().out)["cases"]
    assert one["name"] == "tests/test_suite.py::test_it[4]"
    assert one["changes"][0]["ratio"] == pytest.approx(1.3, abs=0.03)
    assert run("--control", "test_it[1*", "--json") == Exit.PASS
    assert {one["control"] for one in json.loads(capsys.readouterr().out)["cases"]} == {
        "the middle of test_it[1*"
    }
    assert run("--control", "test_it[1*", "--control", "test_it[0]", "--json") == Exit.PASS
    assert {one["control"] for one in json.loads(capsys.readouterr().out)["cases"]} == {
        "the middle of test_it[1*, test_it[0]"
    }
    assert run("--control", "test_it[1*", "--control", "nothing*") == Exit.ERROR
    assert "--control: no run has a benchmark that matches 'nothing*'" in capsys.readouterr().err
    assert run("--control", "none", "--control", "test_it[1]") == Exit.ERROR
    assert "--control none cannot be given with other" in capsys.readouterr().err
    assert run("--control", "nothing*") == Exit.ERROR
    assert "--control: no run has a benchmark that matches 'nothing*'" in capsys.readouterr().err


def test_where_all_became_slower_that_is_said(folder: Path, capsys: Capture) -> None:
    rng = np.random.default_rng(6)
    for path in folder.glob("*.json"):
        commit = (int(path.name[:4]) - 1) // 3
        save(path, saved(rng, commit, shift=1.5 if commit >= SLOWER else 1.0))
    assert run() == Exit.PASS
    said = " ".join(capsys.readouterr().out.split())
    assert "WARNING: the middle of all benchmarks became" in said
    assert f"slower between {name_of(SLOWER - 1)[:10]} and {name_of(SLOWER)[:10]}" in said
    assert "verdict: steady" in said


def test_a_run_of_few_benchmarks_takes_no_part(folder: Path, capsys: Capture) -> None:
    (path,) = folder.glob("0001_*")
    document = json.loads(path.read_text(encoding="utf-8"))
    save(path, {**document, "benchmarks": document["benchmarks"][:2]})
    assert run() == Exit.PASS
    said = " ".join(capsys.readouterr().out.split())
    assert "1 run without the control left out" in said


def test_benchmarks_that_cannot_be_read_cost_nothing(folder: Path, capsys: Capture) -> None:
    for path in folder.glob("*.json"):
        document = json.loads(path.read_text(encoding="utf-8"))
        document["benchmarks"].append(entry("a.py::test_bad", stats=None))
        save(path, document)
    assert run() == Exit.PASS
    said = " ".join(capsys.readouterr().out.split())
    assert "verdict: changed (1 changed, 11 steady" in said
    assert "72 runs with benchmarks that cannot be read, which are left out there" in said
    assert "such as a.py::test_bad (it has no times" in said


def test_a_long_read_tells_how_far_it_is(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "PERIOD", -1.0)
    assert run() == Exit.PASS
    assert "read 60 of 72 files\n" in capsys.readouterr().err


def test_hosts_that_come_and_go_are_told_with_what_to_ignore(
    folder: Path, capsys: Capture
) -> None:
    """Asked of pytest-benchmark in its issue 276: machines that change from run to run."""
    for number, path in enumerate(sorted(folder.glob("*.json"))):
        document = json.loads(path.read_text(encoding="utf-8"))
        save(path, {**document, "machine_info": {**MACHINE, "node": f"runner-{number}"}})
    assert run() == Exit.PASS
    out = " ".join(capsys.readouterr().out.split())
    assert "the runs are of 72 machines; with --ignore node_hash they are of 1" in out
    assert "verdict: too short" in out
    assert run("--ignore", "node_hash") == Exit.PASS
    out = " ".join(capsys.readouterr().out.split())
    assert "most series are too short" not in out
    assert "1 changed" in out


def test_pythons_are_kept_apart(folder: Path, capsys: Capture) -> None:
    """pytest-benchmark keeps them in folders of their own, and one is not as fast as another."""
    for number, path in enumerate(sorted(folder.glob("*.json"))):
        document = json.loads(path.read_text(encoding="utf-8"))
        version = ("3.12.1", "3.13.0", "3.13.2")[number % 3]
        save(path, {**document, "machine_info": {**MACHINE, "python_version": version}})
    assert run("--only", "test_it[4]") == Exit.PASS
    out = " ".join(capsys.readouterr().out.split())
    assert "24 commits, 2 machines" in out
    assert "python 3.12 machine 2:" in out
    assert run("--only", "test_it[4]", "--ignore", "python") == Exit.PASS
    assert "24 commits, 1 machine" in " ".join(capsys.readouterr().out.split())


def test_times_are_shown_in_the_unit_that_is_asked_for(folder: Path, capsys: Capture) -> None:
    """Asked of pytest-benchmark in its issues 27 and 38."""
    assert run("--only", "test_it[9]", "--time-unit", "ns") == Exit.PASS
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "test_it[9]" in line]
    first, unit, now, again = line.split()[3:7]
    assert unit == again == "ns"
    assert 1000 < float(first) < 100_000
    assert 1000 < float(now) < 100_000
