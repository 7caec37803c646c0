"""Runs that pytest-benchmark alone has saved: all that can be read is, and the rest is named."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_duel.results import provenance, reading, runs
from pytest_duel.results.runs import ForeignError, Run, RunError
from pytest_duel.results.storage import Files
from simulated import save
from stock_files import STATS, document, entry


def read(*benchmarks: Any, **more: Any) -> Run:
    return runs.from_json(document(*benchmarks, **more))


def reasons(*benchmarks: Any) -> dict[str, str]:
    """Return what is wrong with benchmarks that stand beside a good one."""
    run = read(*benchmarks, entry("good.py::test_good"))
    assert [one.benchmark.id for one in run.others] == ["good.py::test_good"]
    return {one.id or one.place: one.reason for one in run.unread}


VERSION_3_0 = {
    # No parameters, no extra_info, no `ops`; the time without a zone, the processor not told.
    "machine_info": {
        "node": "minibox", "processor": "x86_64", "machine": "x86_64", "release": "3.13.0-55",
        "python_compiler": "GCC 4.6.3", "python_implementation": "CPython",
        "python_version": "2.7.3", "system": "Linux",
    },
    "commit_info": {"id": "5b78858eb718649a31fb93d8dc96ca2cee41a4cd", "dirty": True},
    "benchmarks": [
        {
            "group": None, "name": "test_xfast_parametrized[0]",
            "fullname": "tests/test_normal.py::test_xfast_parametrized[0]",
            "stats": {
                "q1": 2.2016643907464864e-07, "q3": 2.5838185725599954e-07, "iterations": 418,
                "min": 2.1731454219544334e-07, "max": 1.1447389118979422e-05, "rounds": 9987,
                "median": 2.2016643907464864e-07, "mean": 2.622408132654948e-07,
                "stddev": 2.140441942118885e-07, "iqr": 3.82154181813509e-08,
                "outliers": "90;1878", "iqr_outliers": 1878, "stddev_outliers": 90,
            },
            "options": {"max_time": 1.0, "timer": "time", "min_rounds": 5, "warmup": False},
        }
    ],
    "datetime": "2015-08-15T00:01:46.250433",
    "version": "3.0.0",
}  # fmt: skip


def test_version_3_0_is_read() -> None:
    run = runs.from_json(VERSION_3_0)
    (one,) = run.benchmarks
    assert one.benchmark.id == "tests/test_normal.py::test_xfast_parametrized[0]"
    assert (one.median, one.rounds, one.data) == (2.2016643907464864e-07, 9987, ())
    assert run.commit.id == "5b78858eb718649a31fb93d8dc96ca2cee41a4cd"
    assert run.when == "2015-08-15T00:01:46.250433+00:00"
    assert provenance.facts_of(run)["versions", "python"] == "2.7.3"
    assert provenance.facts_of(run)["machine", "cpu"] is None


def test_version_3_2_has_parameters_and_another_name_for_the_processor() -> None:
    old = entry("a.py::TestA::test_b[8-x]", group="g", param="8-x", params={"n": 8, "how": "x"})
    saved = document(old, version="3.2.3")
    saved["machine_info"]["cpu"] = {"brand": "A CPU", "count": 8, "vendor_id": "V"}
    run = runs.from_json(saved)
    (one,) = run.benchmarks
    assert (one.benchmark.group, one.benchmark.param) == ("g", "8-x")
    assert one.benchmark.params == {"n": 8, "how": "x"}
    assert (one.benchmark.place, one.benchmark.label) == ("a.py", "TestA::test_b[8-x]")
    assert provenance.differences([run], [read(entry(), version="3.2.3")]) == []


def test_a_host_is_told_from_others_and_not_named() -> None:
    run = read(entry())
    assert "buildhost-7" not in repr(run)
    other = document(entry())
    other["machine_info"]["node"] = "buildhost-8"
    (difference,) = provenance.differences([run], [runs.from_json(other)])
    assert difference.name == "node_hash"


@pytest.mark.parametrize("data", [None, []])
def test_raw_rounds_may_be_missing_or_null(data: object) -> None:
    (one,) = read(entry(stats={**STATS, "data": data})).benchmarks
    assert one.data == ()
    assert one.rounds == STATS["rounds"]


@pytest.mark.parametrize("part", ["machine_info", "commit_info", "datetime", "version"])
@pytest.mark.parametrize("kind", ["missing", "null"])
def test_what_a_file_does_not_tell_is_unknown(part: str, kind: str) -> None:
    saved = document(entry())
    if kind == "null":
        saved[part] = None
    else:
        del saved[part]
    run = runs.from_json(saved)
    assert len(run.benchmarks) == 1
    if part == "datetime":
        assert run.when == ""
    if part == "commit_info":
        assert run.commit.id is None


def test_machine_info_of_a_projects_own_hook_does_no_harm() -> None:
    odd = {"cpu": "fast", "versions": [1], "node": 7, "cores": {"a": 1}}
    assert len(read(entry(), machine_info=odd).benchmarks) == 1


@pytest.mark.parametrize("part", ["machine_info", "commit_info", "datetime", "version"])
@pytest.mark.parametrize("odd", ["text", 3, [1], {"a": 1}, True, float("nan")], ids=repr)
def test_what_a_file_tells_oddly_is_unknown(part: str, odd: Any) -> None:
    run = read(entry(), **{part: odd})
    assert len(run.benchmarks) == 1
    facts = provenance.facts_of(run)
    assert facts["machine", "cpu"] == (None if part == "machine_info" else "A CPU")
    assert run.commit.id is None
    assert run.when == ("" if part == "datetime" and odd != "text" else run.when)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "failed": ({"stats": None}, "it has no times: it failed"),
    "no stats": ({"stats": {}}, "stats.median is missing"),
    "zero": ({"stats": {**STATS, "min": 0.0}}, "stats.min is 0.0: it must be a number of seconds"),
    "negative": ({"stats": {**STATS, "median": -1e-6}}, "stats.median is -1e-06"),
    "infinite": ({"stats": {**STATS, "median": float("inf")}}, "stats.median is inf"),
    "no number": ({"stats": {**STATS, "mean": float("nan")}}, "stats.mean is nan"),
    "text": ({"stats": {**STATS, "median": "2 us"}}, "stats.median is '2 us'"),
    "huge": ({"stats": {**STATS, "rounds": 10**400}}, "stats.rounds is 1000"),
    "contradiction": ({"stats": {**STATS, "median": 1e-9}}, "which is below stats.min"),
    "odd group": ({"group": 3}, "group is 3: it must be a text"),
    "odd extra": ({"extra_info": [1]}, "extra_info is [1]: it must be an object"),
    "bad round": ({"stats": {**STATS, "data": [2e-6, 0]}}, "stats.data[1] is 0"),
    "half a letter": ({"group": "\ud800"}, "group is '\\ud800'"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_benchmark_that_cannot_be_read_costs_the_others_nothing(kind: str) -> None:
    more, reason = BAD[kind]
    found = reasons(entry("bad.py::test_bad", **more))
    assert set(found) == {"bad.py::test_bad"}
    assert reason in found["bad.py::test_bad"]


def test_a_benchmark_without_a_name_is_called_by_its_place() -> None:
    nameless = entry()
    del nameless["fullname"]
    assert reasons(3, nameless) == {
        "benchmarks[0]": "benchmarks[0] is 3: it must be an object",
        "benchmarks[1]": "fullname is missing",
    }


def test_twins_are_left_out_for_nothing_tells_which_is_which() -> None:
    one, other = entry(), entry(stats={**STATS, "median": 3e-6})
    assert reasons(one, other) == {
        "tests/test_a.py::test_a": "2 benchmarks of the run have this name"
    }
    assert set(reasons(one, entry(stats=None))) == {"tests/test_a.py::test_a"}


FOREIGN: dict[str, Any] = {
    "a list": [document(entry())],
    "another shape": {"results": []},
    # Other tools have a part of this name too, and other units.
    "google": {"context": {}, "benchmarks": [{"name": "BM", "real_time": 4, "time_unit": "ns"}]},
    "pyperf": {"benchmarks": [{"metadata": {"name": "x"}, "runs": [{"values": [0.1]}]}]},
}  # fmt: skip


@pytest.mark.parametrize("kind", FOREIGN)
def test_files_of_other_tools_are_told_from_runs(kind: str) -> None:
    with pytest.raises(ForeignError, match="this is no pytest-benchmark run"):
        runs.from_json(FOREIGN[kind])


def test_a_run_of_which_nothing_can_be_read_says_why() -> None:
    with pytest.raises(RunError, match=r"none of its benchmarks can be read, such as tests/test"):
        read(entry(stats=None))


def test_a_run_that_timed_nothing_is_an_error(tmp_path: Path) -> None:
    path = save(tmp_path / "disabled.json", document())
    with pytest.raises(RunError, match=r"disabled\.json: this run timed no benchmark"):
        reading.read(Files((path,)))


@pytest.mark.parametrize("name", ["run.json", "run.json.gz", "run"])
@pytest.mark.parametrize("is_packed", [True, False])
def test_gzip_is_told_by_what_a_file_holds(tmp_path: Path, name: str, is_packed: bool) -> None:
    text = json.dumps(document(entry())).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(text) if is_packed else text)
    assert len(runs.load(path).benchmarks) == 1


def test_a_file_that_unpacks_to_a_thousand_times_its_size_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.json"
    path.write_bytes(gzip.compress(b"[" * (40 << 20), compresslevel=1))
    with pytest.raises(RunError, match=r"bomb\.json: it unpacks to more than .. MiB, which no"):
        runs.load(path)


HOSTILE: dict[str, tuple[str, str]] = {
    "deep": ("[" * 100_000, "its JSON is nested too deeply to be read"),
    "deep and whole": ("[" * 90 + "]" * 90, "its JSON is nested too deeply to be read"),
    "cut": ('{"benchmarks": [{"fulln', "is no whole JSON file"),
    "no text": ("\x00\x01\x02", "is no whole JSON file"),
    "nothing": ("", "is no whole JSON file"),
    "two of a name": (
        '{"benchmarks": [], "benchmarks": []}',
        "has two values called 'benchmarks'",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_json_is_refused_in_a_sentence(tmp_path: Path, kind: str) -> None:
    text, said = HOSTILE[kind]
    path = tmp_path / "run.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RunError, match=said) as caught:
        runs.load(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < len(str(path)) + 200


@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000, "1e999", "NaN", "-Infinity"])
def test_a_number_that_is_none_costs_its_benchmark_only(tmp_path: Path, number: str) -> None:
    bad = entry("bad.py::test_bad", stats={**STATS, "median": 12345})
    noted = entry("noted.py::test_noted", extra_info={"n": 12345})
    path = tmp_path / "run.json"
    path.write_text(json.dumps(document(bad, noted)).replace("12345", number), encoding="utf-8")
    run = runs.load(path)
    assert [one.benchmark.id for one in run.others] == ["noted.py::test_noted"]
    assert [one.id for one in run.unread] == ["bad.py::test_bad"]


def test_a_truncated_gzip_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.json.gz"
    path.write_bytes(gzip.compress(json.dumps(document(entry())).encode()))
    assert len(runs.load(path).benchmarks) == 1
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(RunError, match=r"run\.json\.gz: "):
        runs.load(path)


def test_the_same_process_in_two_files_is_one_run(tmp_path: Path) -> None:
    data = [1.8e-6, 2e-6, 2.2e-6]
    stats = {"median": 2e-6, "mean": 2e-6, "min": 1.8e-6, "stddev": 2e-7, "rounds": 3}
    bare = save(tmp_path / "bare.json", document(entry(stats=stats)))
    raw = save(tmp_path / "raw.json", document(entry(stats={**stats, "data": data})))
    other = save(tmp_path / "other.json", document(entry(stats={**stats, "mean": 2.01e-6})))
    found = reading.read(Files((bare, raw, other))).saved
    assert [one.path for one in found] == [raw, other]


def test_benchmarks_beside_a_sweep_are_read_too(tmp_path: Path) -> None:
    saved = document(entry(), entry("bad.py::test_bad", stats=None))
    saved["bench"] = {"schema": 1}
    run = runs.from_json(saved)
    assert run.results == ()
    assert [one.benchmark.id for one in run.benchmarks] == ["tests/test_a.py::test_a"]
    assert [one.id for one in run.unread] == ["bad.py::test_bad"]
