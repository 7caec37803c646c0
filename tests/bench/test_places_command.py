"""``python -m bench places``: how long a study takes in each place, told from what was saved."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.study import places
from pytest_duel.support.exit_codes import Exit


def saved() -> dict[str, Any]:
    return {
        "schema": places.SCHEMA,
        "machine": {"cpu": "Some CPU", "usable_cores": 2},
        "commit": {"id": "0123456789abcdef", "dirty": False},
        "when": "2026-01-02T03:04:05+00:00",
        "scenarios": 1000,
        "rows": 432_000,
        "ray_start": [9.04],
        "places": [
            {"name": "loop", "one": [1.0, 1.0], "all": [12.0, 14.0]},
            {"name": "Ray", "one": [5.0, 6.0], "all": [20.0, 20.0]},
        ],
    }


def test_the_table_tells_the_range_of_each_place() -> None:
    said = places.render(saved())
    assert "on Some CPU, 2 cores" in said
    assert "in 2 runs: 1,000 scenarios are 432,000 rows." in said
    assert "to start the nodes of Ray took 9.0 s" in said
    assert "| loop | 1.0 | 12 to 14 |" in said
    assert "| Ray | 5.0 to 6.0 | 20 |" in said


def test_without_ray_nothing_is_said_of_its_start() -> None:
    assert "nodes of Ray" not in places.render(saved() | {"ray_start": []})


@pytest.mark.parametrize("bad", [{"places": 3}, {"rows": -1}, {"schema": 9}])
def test_a_file_of_something_else_is_refused(bad: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "places.json"
    file.write_text(json.dumps(saved() | bad), encoding="utf-8")
    with pytest.raises(Exception, match=str(next(iter(bad)))):
        places.load(file)


def test_a_study_that_fails_says_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "some output\nits last line\n")
    monkeypatch.setattr("pytest_duel.support.processes.run", lambda *_, **__: failed)
    monkeypatch.setattr("bench.wheel.build", lambda: tmp_path / "wheel")
    monkeypatch.setattr("bench.wheel.unpack", lambda *_: tmp_path)
    assert main(["places", "--scenarios", "2", "--runs", "1"]) == Exit.ERROR
    assert "its last line" in capsys.readouterr().err
