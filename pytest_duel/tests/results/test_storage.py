"""Names of saved runs, as pytest-benchmark gives them."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.utils import get_machine_id

from pytest_duel.results import reading, storage
from pytest_duel.results.runs import RunError
from simulated import CASES, document, save, times_of

RUN = document(times_of(np.random.default_rng(0)))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of this machine's runs: 1 and 2 before, 3 after, 4 before-long."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ".benchmarks" / str(get_machine_id())
    for name in "0001_before", "0002_before", "0003_after", "0004_before-long":
        save(folder / f"{name}.json", RUN)
    return folder


def stems(names: str, store: str = storage.DEFAULT) -> list[str]:
    return [path.name.removesuffix(".json") for path in storage.resolve(names, store)]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("0003", ["0003_after"]),
        ("3", ["0003_after"]),
        ("after", ["0003_after"]),
        ("before", ["0001_before", "0002_before"]),
        ("before-long", ["0004_before-long"]),
        ("0001_before", ["0001_before"]),
        ("latest", ["0004_before-long"]),
        ("latest~1", ["0003_after"]),
        ("latest~3", ["0001_before"]),
        ("1, 3", ["0001_before", "0003_after"]),
        ("1,before", ["0001_before", "0002_before"]),
        ("000[12]", ["0001_before", "0002_before"]),
        ("*/0003", ["0003_after"]),
        (".benchmarks/*/0003_*.json", ["0003_after"]),
    ],
)
def test_runs_are_found_as_the_stock_tool_names_them(
    home: Path, names: str, found: list[str]
) -> None:
    assert stems(names) == found


@pytest.mark.parametrize("names", ["7", "nothing", "latest~4", "*/0009", "a/b/c", "0001_after"])
def test_a_name_without_a_run_offers_those_that_are_there(home: Path, names: str) -> None:
    with pytest.raises(RunError, match=r"called .*; there are 0001_before, 0002_before, 0003"):
        storage.resolve(names)


@pytest.mark.parametrize("names", ["", "1,", ",", " "])
def test_an_empty_name_is_an_error(home: Path, names: str) -> None:
    with pytest.raises(RunError, match="the name of a run is missing"):
        storage.resolve(names)


def test_a_path_that_is_missing_is_named(home: Path) -> None:
    with pytest.raises(RunError, match=r"some/run\.json: there is no such file"):
        storage.resolve("some/run.json")


def test_another_machines_runs_are_taken_where_this_one_has_none(home: Path) -> None:
    other = home.parent / "Other-CPython-3.9-64bit"
    save(other / "0007_there.json", RUN)
    save(other / "0001_there.json", RUN)
    assert stems("there") == ["0001_there", "0007_there"]
    assert stems("7") == ["0007_there"]
    assert stems("1") == ["0001_before"]
    assert stems("Other*/0001") == ["0001_there"]
    assert stems("latest") == ["0004_before-long"]
    save(other.parent / "Third" / "0007_too.json", RUN)
    with pytest.raises(RunError, match="7 means several runs"):
        storage.resolve("7")


def test_storage_can_be_elsewhere_and_is_never_made(home: Path, tmp_path: Path) -> None:
    elsewhere = home.parent.rename(tmp_path / "elsewhere")
    for store in (f"file://{elsewhere}", str(elsewhere), "file://./elsewhere", "elsewhere"):
        assert stems("3", store) == ["0003_after"]
    with pytest.raises(RunError, match="no such folder"):
        storage.resolve("3")
    assert not home.parent.exists()
    with pytest.raises(RunError, match="only runs in files"):
        storage.resolve("3", "elasticsearch+http://host/index")


def test_a_folder_is_all_that_lies_in_it(home: Path, tmp_path: Path) -> None:
    save(tmp_path / "notes.json", {"a": 1})
    (home / "notes.txt").write_text("x", encoding="utf-8")
    found = storage.find([".benchmarks", "notes.json", "3"])
    assert [path.name for path in found.named] == ["notes.json", "0003_after.json"]
    assert [path.name for path in found.inside] == sorted(
        path.name for path in home.glob("*.json")
    )
    assert len(found.all) == 5  # each file once
    read = reading.read(storage.find(["."]))
    assert read.foreign == (Path("notes.json"),)
    assert read.faults == {}
    with pytest.raises(RunError, match=r"notes\.json: this is no pytest-benchmark run"):
        reading.read(storage.find(["notes.json"]))


def test_what_is_no_file_in_a_folder_is_no_run(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    run = save(folder / "0001_x.json", RUN)
    (folder / "folder.json").mkdir()
    (folder / "loop.json").symlink_to("loop.json")
    (folder / "gone.json").symlink_to("nowhere")
    (folder / "round").symlink_to(folder)
    names = ["loop.json", "gone.json"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.json")
        names.append("pipe.json")
    assert storage.find([str(folder)]).all == (run,)
    for name in names:
        with pytest.raises(RunError, match="there is no such file"):
            storage.find([str(folder / name)])


def test_a_folder_without_a_run_says_so(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RunError, match="there is no saved run in empty"):
        storage.find(["empty"])
    save(tmp_path / "empty" / "notes.json", {"a": 1})
    with pytest.raises(
        RunError, match=r"no saved run: none of 1 files is one, such as empty.notes"
    ):
        reading.read(storage.find(["empty"]))


@pytest.mark.parametrize("name", ["before", "3", "0003", "latest"])
def test_a_name_of_a_folder_and_of_a_run_is_refused(home: Path, tmp_path: Path, name: str) -> None:
    save(tmp_path / name / "run.json", RUN)
    with pytest.raises(
        RunError, match=f"{name} is a folder, and .* write ./{name} for the folder"
    ):
        storage.find([name])
    assert storage.find([f"./{name}"]).inside == (Path(name) / "run.json",)


def test_a_file_that_cannot_be_read_costs_the_others_nothing(home: Path, tmp_path: Path) -> None:
    (home / "0005_cut.json").write_text('{"benchmarks": [', encoding="utf-8")
    read = reading.read(storage.find(["1", "cut"]))
    assert [one.path.name for one in read.saved] == ["0001_before.json"]
    assert [path.name for path in read.faults] == ["0005_cut.json"]
    with pytest.raises(RunError, match=r"0005_cut\.json is no whole JSON file"):
        reading.read(storage.find(["cut"]))


def test_compressed_runs_are_read(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.json.gz"
    path.write_bytes(gzip.compress(json.dumps(RUN).encode()))
    (saved,) = reading.read(storage.find(["run.json.gz"])).saved
    assert saved.path == Path("run.json.gz")
    assert [one.case for one in saved.run.results] == list(CASES)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RunError, match=r"run\.json\.gz: "):
        reading.read(storage.Files((path,)))


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf"), None, "1"])
def test_a_time_that_cannot_be_one_is_an_error(tmp_path: Path, bad: object) -> None:
    saved = json.loads(json.dumps(RUN))
    saved["benchmarks"][3]["stats"]["median"] = bad
    path = save(tmp_path / "odd.json", saved)
    with pytest.raises(RunError, match=r"odd\.json: .*clear\[floor-uniform-5\]: stats"):
        reading.read(storage.Files((path,)))


def test_a_run_that_timed_nothing_or_a_case_twice_is_an_error(tmp_path: Path) -> None:
    path = save(tmp_path / "empty.json", RUN | {"benchmarks": []})
    with pytest.raises(RunError, match=r"empty\.json: this run timed no case"):
        reading.read(storage.Files((path,)))
    path = save(tmp_path / "twice.json", RUN | {"benchmarks": RUN["benchmarks"][:1] * 2})
    with pytest.raises(RunError, match=r"clear\[numpy-uniform-5\] is there twice"):
        reading.read(storage.Files((path,)))
