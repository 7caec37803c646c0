"""Saved runs: what they hold, and that pytest-benchmark's own ways of using them work."""

import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import runs

Toy = Callable[..., pytest.RunResult]

ROOT = Path(__file__).resolve().parent.parent.parent
SAVED = Path(__file__).parent / "data" / "run.json"
QUICK = ("--bench-backends=plain,quick", "--bench-tier=smoke", "--benchmark-only")


def document() -> Any:
    return json.loads(SAVED.read_text(encoding="utf-8"))


def test_json_holds_all_that_a_reader_needs(toy: Toy) -> None:
    assert toy("--benchmark-json=out.json", *QUICK).ret == pytest.ExitCode.OK
    text = Path("out.json").read_text(encoding="utf-8")
    saved = json.loads(text)
    machine = saved["machine_info"]
    assert "node" not in machine
    host = socket.gethostname()
    assert f'"{host}"' not in text
    assert "hz_actual" not in machine["cpu"]
    assert {"brand_raw", "count"} <= machine["cpu"].keys()
    assert machine["versions"]["python"] == platform.python_version()
    assert {"python", "pytest", "pytest-benchmark"} <= machine["versions"].keys()
    assert {"cores", "usable_cores", "governor", "virtualisation"} <= machine.keys()
    assert {"id", "dirty"} <= saved["commit_info"].keys()
    section = saved["bench"]
    assert section["schema"] == runs.SCHEMA
    assert section["build_info"] == {}  # the toy has no wheel
    assert section["parity"]["calls"] == {"scale quick": 4098}
    assert section["parity"]["disagreements"] == []
    assert section["tier"] == "smoke"
    assert len(section["load"]) == 2
    for case in saved["benchmarks"]:
        info = case["extra_info"]
        assert info["seed"] == 11
        assert info["calls"] == info["distinct"] == 4096
        assert len(case["stats"]["data"]) == case["stats"]["rounds"]

    run = runs.load(Path("out.json"))
    assert [one.case.id for one in run.results] == ["scale[plain-mixed-4]", "scale[quick-mixed-4]"]
    assert [list(one.data) for one in run.results] == [
        case["stats"]["data"] for case in saved["benchmarks"]
    ]


def test_saved_runs_compare_without_a_warning(toy: Toy, pytester: pytest.Pytester) -> None:
    assert toy("--benchmark-save=first", *QUICK).ret == pytest.ExitCode.OK
    result = toy("--benchmark-autosave", "--benchmark-compare", *QUICK)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines_random(
        ["test_scale*quick-mixed-4* (NOW) *", "test_scale*quick-mixed-4* (0001_first) *"]
    )
    both = result.stdout.str() + result.stderr.str()
    assert "Comparing against benchmarks from" in both
    assert "Warning" not in both

    # What is saved by name or by itself holds the raw rounds too.
    files = sorted(pytester.path.glob(".benchmarks/*/*.json"))
    assert [len(runs.load(path).results) for path in files] == [2, 2]
    assert all(one.data for path in files for one in runs.load(path).results)

    stock = pytester.run(sys.executable, "-m", "pytest_benchmark", "compare", "0001", "0002")
    assert stock.ret == 0
    stock.stdout.fnmatch_lines_random(["test_scale*quick-mixed-4* (0001_first) *"])


def test_comparing_with_another_machine_warns_and_goes_on(
    toy: Toy, pytester: pytest.Pytester
) -> None:
    assert toy("--benchmark-save=first", *QUICK).ret == pytest.ExitCode.OK
    (path,) = pytester.path.glob(".benchmarks/*/*.json")
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved["machine_info"]["cpu"]["brand_raw"] = "another CPU"
    path.write_text(json.dumps(saved), encoding="utf-8")
    # The toy's settings turn warnings into errors, as careful projects do.
    result = toy("--benchmark-compare", *QUICK)
    assert result.ret == pytest.ExitCode.OK
    assert "machine_info is different" in result.stdout.str() + result.stderr.str()
    result.stdout.fnmatch_lines_random(["test_scale*quick-mixed-4* (NOW) *"])


def test_stock_compare_works_in_this_project(tmp_path: Path) -> None:
    other = shutil.copy(SAVED, tmp_path / "other.json")
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(SAVED), str(other)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "test_clear[rust-uniform-5]" in done.stdout


def test_load_reads_a_saved_run() -> None:
    run = runs.load(SAVED)
    first = run.results[0]
    stats = document()["benchmarks"][0]["stats"]
    assert first.case.id == "clear[numpy-uniform-5]"
    assert (first.median, first.mean, first.min) == (stats["median"], stats["mean"], stats["min"])
    assert (first.stddev, first.rounds) == (stats["stddev"], stats["rounds"])
    assert list(first.data) == stats["data"]
    assert first.distinct == 4096
    assert run.when == document()["datetime"]
    assert run.machine == document()["machine_info"]


def test_load_reads_a_run_without_raw_rounds(tmp_path: Path) -> None:
    saved = document()
    for case in saved["benchmarks"]:
        del case["stats"]["data"]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(saved), encoding="utf-8")
    assert {one.data for one in runs.load(path).results} == {()}


def without(*keys: str) -> str:
    saved = document()
    part = saved
    for key in keys[:-1]:
        part = part[0] if key == "0" else part[key]
    del part[keys[-1]]
    return json.dumps(saved)


def having(key: str, value: Any) -> str:
    return json.dumps(document() | {key: value})


NOT_RUNS = {
    "empty": ("", "no whole JSON"),
    "truncated": (SAVED.read_text(encoding="utf-8")[:-200], "no whole JSON"),
    "binary": ("\x00\x01", "no whole JSON"),
    "other JSON": ('{"name": "x"}', "no pytest-benchmark run"),
    "a list": ("[1, 2]", "no pytest-benchmark run"),
    "a number": ("3", "no pytest-benchmark run"),
    "stock": (without("bench"), "not made by this harness"),
    "newer": (having("bench", {"schema": 2}), "schema 2 is not known here; this version reads 1"),
    "no schema": (having("bench", {}), "schema None"),
    "odd section": (having("bench", [1]), "schema None"),
    "no cases": (having("benchmarks", None), "missing or of the wrong kind"),
    "odd cases": (having("benchmarks", {"a": 1}), "missing or of the wrong kind"),
    "no machine": (without("machine_info"), "'machine_info'"),
    "no median": (without("benchmarks", "0", "stats", "median"), "'median'"),
    "no size": (without("benchmarks", "0", "extra_info", "n"), "'n'"),
    "no extra_info": (without("benchmarks", "0", "extra_info"), "'extra_info'"),
}


@pytest.mark.parametrize("kind", NOT_RUNS)
def test_load_says_which_file_is_no_run_and_why(tmp_path: Path, kind: str) -> None:
    content, reason = NOT_RUNS[kind]
    path = tmp_path / "some run.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(runs.RunError) as caught:
        runs.load(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


def test_load_says_which_file_is_missing_or_not_text(tmp_path: Path) -> None:
    for path in tmp_path / "none.json", tmp_path:
        with pytest.raises(runs.RunError) as caught:
            runs.load(path)
        assert str(path) in str(caught.value)
    latin = tmp_path / "latin.json"
    latin.write_bytes(b'{"caf\xe9": 1}')
    with pytest.raises(runs.RunError, match=r"latin\.json"):
        runs.load(latin)
