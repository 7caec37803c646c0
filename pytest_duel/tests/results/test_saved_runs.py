"""Saved runs: what they hold, and that pytest-benchmark's own ways of using them work."""

import json
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from places import DATA
from pytest_duel.results import provenance, runs
from pytest_duel.results.entries import BLOCKS
from pytest_duel.support import schema
from pytest_duel.support.errors import DuelError

Toy = Callable[..., pytest.RunResult]

SAVED = DATA / "run.json"
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
    assert section["parity"]["calls"] == {"scale quick": 166}
    assert section["parity"]["disagreements"] == []
    assert section["tier"] == "smoke"
    assert len(section["load"]) == 2
    for case in saved["benchmarks"]:
        info = case["extra_info"]
        assert info["seed"] == 11
        assert info["calls"] == info["distinct"] == 164
        assert len(case["stats"]["data"]) == case["stats"]["rounds"]

    run = runs.load(Path("out.json"))
    assert [one.case.id for one in run.results] == [
        "scale[plain-mixed-400]",
        "scale[quick-mixed-400]",
    ]
    assert [list(one.data) for one in run.results] == [
        case["stats"]["data"] for case in saved["benchmarks"]
    ]


def test_saved_runs_compare_without_a_warning(toy: Toy, pytester: pytest.Pytester) -> None:
    assert toy("--benchmark-save=first", *QUICK).ret == pytest.ExitCode.OK
    result = toy("--benchmark-autosave", "--benchmark-compare", *QUICK)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines_random(
        ["test_scale*quick-mixed-400* (NOW) *", "test_scale*quick-mixed-400* (0001_first) *"]
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
    stock.stdout.fnmatch_lines_random(["test_scale*quick-mixed-400* (0001_first) *"])


CIRCLE = """

def pytest_benchmark_update_json(output_json):
    output_json["itself"] = output_json
"""


@pytest.mark.parametrize("option", ["--benchmark-json=out.json", "--benchmark-save=next"])
def test_a_run_whose_writing_fails_leaves_what_was_there(
    toy: Toy, pytester: pytest.Pytester, option: str
) -> None:
    both = ("--benchmark-json=out.json", "--benchmark-save=first")
    assert toy(*both, *QUICK).ret == pytest.ExitCode.OK
    before = {path: path.read_bytes() for path in pytester.path.rglob("*.json*")}
    assert len(before) == 2
    with (pytester.path / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(CIRCLE)
    result = toy(option, *QUICK)
    assert "Circular reference" in result.stdout.str() + result.stderr.str()
    assert {path: path.read_bytes() for path in pytester.path.rglob("*.json*")} == before


DYING = """

def pytest_benchmark_update_json():
    import os
    from pytest_duel.support import files

    files.Path.replace = files.Path.hardlink_to = lambda *_: os._exit(9)
"""


@pytest.mark.parametrize("option", ["--benchmark-json=out.json", "--benchmark-autosave"])
def test_a_run_that_is_killed_while_it_is_written_is_not_there(
    toy: Toy, pytester: pytest.Pytester, option: str
) -> None:
    with (pytester.path / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(DYING)
    assert toy(option, *QUICK).ret == 9
    assert list(pytester.path.rglob("*.json")) == []


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
    result.stdout.fnmatch_lines_random(["test_scale*quick-mixed-400* (NOW) *"])


def test_stock_compare_works_in_this_project(tmp_path: Path) -> None:
    other = shutil.copy(SAVED, tmp_path / "other.json")
    command = [sys.executable, "-m", "pytest_benchmark", "compare", str(SAVED), str(other)]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", timeout=120,
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


def without(*keys: str | int) -> str:
    saved = part = document()
    for key in keys[:-1]:
        part = part[key]
    del part[keys[-1]]
    return json.dumps(saved)


def having(value: Any, *keys: str | int) -> str:
    saved = part = document()
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    return json.dumps(saved)


FIRST = ("benchmarks", 0)
INFO, STATS = (*FIRST, "extra_info"), (*FIRST, "stats")
IT_IS = "benchmarks[0], clear[numpy-uniform-5]"
NOT_RUNS = {
    "empty": ("", "no whole JSON"),
    "truncated": (SAVED.read_text(encoding="utf-8")[:-200], "no whole JSON"),
    "binary": ("\x00\x01", "no whole JSON"),
    "other JSON": ('{"name": "x"}', "no pytest-benchmark run"),
    "a list": ("[1, 2]", "no pytest-benchmark run"),
    "a number": ("3", "no pytest-benchmark run"),
    "newer": (
        having({"schema": 2}, "bench"), "schema 2 is not known here; this version reads 1",
    ),
    "no schema": (having({}, "bench"), "schema None"),
    "odd section": (having([1], "bench"), "schema None"),
    "no cases": (having(None, "benchmarks"), "benchmarks is None: it must be a list"),
    "odd cases": (having({"a": 1}, "benchmarks"), "benchmarks is {'a': 1}: it must be a list"),
    "odd case": (having(3, *FIRST), "benchmarks[0] is 3: it must be an object"),
    "no machine": (without("machine_info"), "machine_info is missing"),
    "null machine": (having(None, "machine_info"), "machine_info is None: it must be an object"),
    "odd cpu": (having("a CPU", "machine_info", "cpu"), "machine_info.cpu is 'a CPU'"),
    "odd versions": (having([1], "machine_info", "versions"), "machine_info.versions is [1]"),
    "odd commit": (having([], "commit_info"), "commit_info is []: it must be an object"),
    "no commit": (without("commit_info"), "commit_info is missing"),
    "odd date": (having(3, "datetime"), "datetime is 3: it must be a text"),
    "odd build": (having([1], "bench", "build_info"), "bench.build_info is [1]"),
    "odd missing": (having([1], "bench", "missing"), "bench.missing is [1]"),
    "odd refused": (having([], "bench", "refused"), "bench.refused is []"),
    "odd parity": (having(1, "bench", "parity"), "bench.parity is 1"),
    "odd disagreements": (
        having(1, "bench", "parity", "disagreements"), "bench.parity.disagreements is 1",
    ),
    "no extra_info": (without(*INFO), "benchmarks[0].extra_info is missing"),
    "odd extra_info": (having([], *INFO), "benchmarks[0].extra_info is []"),
    "no stats": (without(*STATS), f"{IT_IS}: stats is missing"),
    "odd name": (having(["x"], *INFO, "backend"), "extra_info.backend is ['x']"),
    "no size": (without(*INFO, "n"), "benchmarks[0].extra_info.n is missing"),
    "odd size": (having("5", *INFO, "n"), "n is '5': it must be a whole number above 0"),
    "true size": (having(True, *INFO, "n"), "n is True: it must be a whole number above 0"),
    "odd pool": (having(0.5, *INFO, "distinct"), "extra_info.distinct is 0.5"),
    "odd seed": (having([1], *INFO, "seed"), "extra_info.seed is [1]"),
    "no median": (without(*STATS, "median"), f"{IT_IS}: stats.median is missing"),
    "odd median": (having("1", *STATS, "median"), f"{IT_IS}: stats.median is '1'"),
    "odd mean": (having(True, *STATS, "mean"), f"{IT_IS}: stats.mean is True"),
    "no time": (having(0, *STATS, "min"), f"{IT_IS}: stats.min is 0"),
    "odd round": (having([1e-6, None], *STATS, "data"), f"{IT_IS}: stats.data[1] is None"),
    "odd rounds": (having(3, *STATS, "data"), f"{IT_IS}: stats.data is 3: it must be a list"),
    "no spread": (having(float("nan"), *STATS, "stddev"), f"{IT_IS}: stats.stddev is nan"),
    "deep": ("[" * 100_000, "its JSON is nested too deeply"),
    "large median": (having(10**400, *STATS, "median"), "stats.median is 1000"),
    "large round": (having([10**400], *STATS, "data"), "stats.data[0] is 1000"),
    "large spread": (having(10**400, *STATS, "stddev"), "stats.stddev is 1000"),
    "large rounds": (having(10**400, *STATS, "rounds"), "stats.rounds is 1000"),
    "large size": (having(10**400, *INFO, "n"), "n is 1000"),
    "digits": (having(10**400, *STATS, "min").replace("0" * 400, "0" * 5000), "stats.min is inf"),
    "endless spread": (having(1e308, *STATS, "stddev"), "stats.stddev is 1e+308"),
    "endless time": (having(1e308, *STATS, "mean"), "stats.mean is 1e+308"),
    "tiny time": (having(5e-324, *STATS, "median"), "stats.median is 5e-324"),
    "endless round": (having([float("inf")], *STATS, "data"), "stats.data[0] is inf"),
    "odd calls": (having([1], "bench", "parity", "calls"), "bench.parity.calls is [1]"),
    "odd call": (having({"a": "b"}, "bench", "parity", "calls"), "bench.parity.calls.a is 'b'"),
    "odd failure": (
        having([{"a": 1}], "bench", "parity", "disagreements"), "disagreements[0] is {'a': 1}",
    ),
    "odd tally": (
        having({"a": {"calls": 0}}, "bench", "parity", "outside_domain"), "domain.a.calls is 0",
    ),
    "odd reason": (having({"a": 1}, "bench", "missing"), "bench.missing.a is 1"),
    "odd word": (having({"clear": 1}, "bench", "refused"), "bench.refused.clear is 1"),
    "odd without": (having("rust", "bench", "without"), "bench.without is 'rust'"),
    "odd load": (having(["a"], "bench", "load"), "bench.load[0] is 'a'"),
    "odd process": (having(5, "bench", "process"), "bench.process is 5"),
    "odd variables": (having([5], "bench", "variables"), "bench.variables is [5]"),
    "half a letter": (having("\ud800", *INFO, "backend"), "backend is '\\ud800'"),
    "deep value": (having(json.loads("[" * 60 + "]" * 60), "bench", "load"), "nested too deeply"),
    "deep object": (
        having(json.loads('{"a":' * 60 + "1" + "}" * 60), "machine_info", "x"), "too deeply",
    ),
    "zero rounds": (having(0, *STATS, "rounds"), "stats.rounds is 0"),
    "other median": (
        having(1e-3, *STATS, "median"), f"{IT_IS}: stats.median is 0.001, of stats.data it is",
    ),
    "other mean": (having(1e-3, *STATS, "mean"), f"{IT_IS}: stats.mean is 0.001, of stats.data"),
    "other minimum": (having(1e-12, *STATS, "min"), f"{IT_IS}: stats.min is 1e-12, of stats.data"),
    "other maximum": (having(1e-12, *STATS, "max"), f"{IT_IS}: stats.max is 1e-12, of stats.data"),
    "no spread of many": (having(0, *STATS, "stddev"), f"{IT_IS}: stats.stddev is 0, of stats"),
    "more rounds": (having(10**6, *STATS, "rounds"), f"{IT_IS}: stats.rounds is 1000000, stats"),
    "other backend": (
        having({"backend": "rust"}, *FIRST, "params"),
        f"{IT_IS}: params.backend is 'rust', extra_info.backend is 'numpy'",
    ),
    "other size": (having({"n": "5"}, *FIRST, "params"), "params.n is '5', extra_info.n is 5"),
    "two medians": (
        SAVED.read_text(encoding="utf-8").replace('"median":', '"median": 1e-9, "median":', 1),
        "an object in it has two values called 'median'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", NOT_RUNS)
def test_load_says_which_file_is_no_run_and_why(tmp_path: Path, kind: str) -> None:
    content, reason = NOT_RUNS[kind]
    path = tmp_path / "some run.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(runs.RunError) as caught:
        runs.load(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)


BARE = {"median": 2.0, "mean": 2.0, "min": 1.0, "max": 3.0, "stddev": 0.5, "rounds": 5}


@pytest.mark.parametrize(
    ("own", "wrong"),
    [
        ({"min": 2.5}, "stats.median is 2, which is below stats.min, 2.5"),
        ({"min": 2.5, "max": None}, "stats.median is 2, which is below stats.min, 2.5"),
        ({"max": 1.5}, "stats.median is 2, which is above stats.max, 1.5"),
        ({"max": 0.5}, "stats.median is 2, which is above stats.max, 0.5"),
        ({"mean": 4.0}, "stats.mean is 4, which is above stats.max, 3"),
        ({"rounds": 1}, "stats.rounds is 1, but stats.min is not stats.max"),
        ({"stddev": 0}, "stats.stddev is 0, but stats.min is not stats.max"),
        ({"stddev": 9.0}, "stats.stddev is 9, more than stats.max is above stats.min"),
    ],
)
def test_statistics_without_rounds_must_fit_each_other(
    own: dict[str, float | None], wrong: str
) -> None:
    saved = document()
    saved["benchmarks"][0]["stats"] = BARE
    assert runs.from_json(saved).results[0].median == BARE["median"]
    saved["benchmarks"][0]["stats"] = {
        name: v for name, v in (BARE | own).items() if v is not None
    }
    with pytest.raises(DuelError) as caught:
        runs.from_json(saved)
    assert f"{IT_IS}: {wrong}" in str(caught.value)


def test_all_cases_of_a_run_were_timed_in_as_many_processes() -> None:
    saved = document()
    for one in saved["benchmarks"]:
        rounds = len(one["stats"]["data"])
        one["extra_info"][BLOCKS] = [1, 1, rounds - 2]
    assert len(runs.from_json(saved).processes) == 3
    last = saved["benchmarks"][-1]
    last["extra_info"][BLOCKS] = [1, len(last["stats"]["data"]) - 1]
    with pytest.raises(DuelError, match=r"clear\[.*\] was timed in 3 processes, .* in 2$"):
        runs.from_json(saved)
    del last["extra_info"][BLOCKS]
    with pytest.raises(DuelError, match=r"was timed in 3 processes, clear.* in 1$"):
        runs.from_json(saved)


@pytest.mark.parametrize("part", [("machine_info", "cpu"), ("bench", "build_info")])
def test_load_reads_a_run_without_what_it_may_lack(tmp_path: Path, part: tuple[str, str]) -> None:
    path = tmp_path / "run.json"
    path.write_text(without(*part), encoding="utf-8")
    run = runs.load(path)
    assert list(provenance.differences([run], [run])) == []
    assert list(provenance.weaknesses([run], "OLD")) == []


def test_odd_values_in_saved_runs_are_only_shown(tmp_path: Path) -> None:
    saved = document()
    saved["commit_info"]["id"] = ["odd"]
    saved["machine_info"]["cpu"]["brand_raw"] = {"odd": 1}
    saved["bench"]["build_info"]["profile"] = ["odd"]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(saved), encoding="utf-8")
    odd, run = runs.load(path), runs.load(SAVED)
    assert not provenance.same_code([odd], [run])
    assert "['odd']" in " ".join(map(str, provenance.differences([odd], [run])))
    assert list(provenance.weaknesses([odd], "OLD")) == []


def test_a_file_that_is_too_large_is_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LARGEST", 64 << 20)  # the real limit takes more memory
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(65 << 20)  # it holds nothing, and takes no room
    with pytest.raises(runs.RunError, match=f"{large.name}: it holds more than 64 MiB"):
        runs.load(large)


def test_load_says_which_file_is_missing_or_not_text(tmp_path: Path) -> None:
    for path in tmp_path / "none.json", tmp_path:
        with pytest.raises(runs.RunError) as caught:
            runs.load(path)
        assert str(path) in str(caught.value)
    latin = tmp_path / "latin.json"
    latin.write_bytes(b'{"caf\xe9": 1}')
    with pytest.raises(runs.RunError, match=r"latin\.json"):
        runs.load(latin)


@pytest.mark.parametrize(
    ("blocks", "wrong"),
    [
        ([1, 1], "extra_info.duel_blocks tells of 2 rounds, stats.data has"),
        ([0, 3], "extra_info.duel_blocks[0] is 0"),
        (3, "extra_info.duel_blocks is 3"),
    ],
)
def test_blocks_that_do_not_fit_the_rounds_are_refused(blocks: object, wrong: str) -> None:
    saved = document()
    saved["benchmarks"][0]["extra_info"][BLOCKS] = blocks
    with pytest.raises(DuelError, match=re.escape(wrong)):
        runs.from_json(saved)


def test_a_run_of_one_block_is_one_process() -> None:
    saved = document()
    for one in saved["benchmarks"]:
        one["extra_info"][BLOCKS] = [len(one["stats"]["data"])]
    run = runs.from_json(saved)
    assert run.processes == (run,)
