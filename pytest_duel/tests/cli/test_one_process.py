"""One process is one sample, however often it is saved; a bad file costs the others nothing."""

import copy
import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_duel.cli.main import main
from pytest_duel.support.exit_codes import Exit
from simulated import CASES, document, save, times_of

pytestmark = pytest.mark.usefixtures("workplace")
Capture = pytest.CaptureFixture[str]
RNG = np.random.default_rng(7)


def a_run(commit: str = "1" * 40, **more: Any) -> dict[str, Any]:
    return document(times_of(RNG, noise=0.001), commit=commit, **more)


def again(saved: dict[str, Any], **section: Any) -> dict[str, Any]:
    """Return the same process, saved once more."""
    other = copy.deepcopy(saved)
    other["datetime"] = "2026-11-23T03:18:26+00:00"
    other["bench"] |= section
    return other


def without_rounds(saved: dict[str, Any]) -> dict[str, Any]:
    other = again(saved)
    for one in other["benchmarks"]:
        del one["stats"]["data"]
    return other


def packed(path: Path, saved: dict[str, Any]) -> Path:
    path.write_bytes(gzip.compress(json.dumps(saved).encode()))
    return path


COPIES: dict[str, Callable[[Path, dict[str, Any]], Path]] = {
    "saved twice": lambda path, run: save(path / "copy.json", again(run)),
    "without rounds": lambda path, run: save(path / "copy.json", without_rounds(run)),
    "compressed": lambda path, run: packed(path / "copy.json.gz", run),
    "linked": lambda path, run: _linked(path / "copy.json", path / "a.json"),
    "copied": lambda path, run: Path(shutil.copy(path / "a.json", path / "copy.json")),
}


def _linked(path: Path, to: Path) -> Path:
    path.hardlink_to(to)
    return path


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("named", [True, False])
def test_a_process_counts_once(tmp_path: Path, capsys: Capture, how: str, named: bool) -> None:
    own = {"process": "a" * 32} if named else {}
    run = again(a_run(), **own)
    first = save(tmp_path / "a.json", run)
    second = COPIES[how](tmp_path, run)
    other = save(tmp_path / "b.json", a_run("2" * 40))
    assert main(["compare", f"{first},{second}", str(other), "--format=json"]) == Exit.PASS
    told = json.loads(capsys.readouterr().out)
    assert told["runs"] == {"old": 1, "new": 1}
    assert main(["compare", str(first), str(second)]) == Exit.ERROR
    assert "same run on both sides" in capsys.readouterr().err
    assert main(["compare", f"{other},{first}", str(second)]) == Exit.ERROR
    capsys.readouterr()
    pytest.importorskip("skchange")
    assert main(["history", str(tmp_path), "--format=json"]) == Exit.PASS
    assert "2 runs" in json.loads(capsys.readouterr().out)["title"]


def test_processes_that_took_the_same_times_are_two(tmp_path: Path, capsys: Capture) -> None:
    run = a_run()
    paths = [
        save(tmp_path / f"{name}.json", again(run, process=name * 32)) for name in ("a", "b", "c")
    ]
    assert main(["compare", f"{paths[0]},{paths[1]}", str(paths[2]), "--format=json"]) == Exit.PASS
    assert json.loads(capsys.readouterr().out)["runs"] == {"old": 2, "new": 1}


def test_one_process_has_not_taken_two_times(tmp_path: Path, capsys: Capture) -> None:
    run = again(a_run(), process="a" * 32)
    edited = again(a_run(), process="a" * 32)
    paths = [save(tmp_path / f"{name}.json", one) for name, one in (("a", run), ("b", edited))]
    other = save(tmp_path / "c.json", a_run("2" * 40))
    assert main(["compare", ",".join(map(str, paths)), str(other)]) == Exit.ERROR
    said = " ".join(capsys.readouterr().out.split())
    assert f"{paths[0]} and {paths[1]} are said to be of one process, but clear[" in said
    pytest.importorskip("skchange")
    assert main(["history", str(tmp_path), "--format=json"]) == Exit.ERROR
    shown = capsys.readouterr()
    assert "2 runs" in json.loads(shown.out)["title"]
    assert "are said to be of one process" in shown.out + shown.err


def test_a_run_from_before_its_commit_is_told_of(tmp_path: Path, capsys: Capture) -> None:
    runs = [a_run("1" * 40), a_run("2" * 40)]
    for run, time in zip(runs, ("2026-11-23T04:18:25+01:00", "2026-11-24T00:00:00Z"), strict=True):
        run["commit_info"]["time"] = time
    paths = [str(save(tmp_path / f"{name}.json", run)) for name, run in enumerate(runs)]
    assert main(["compare", *paths, "--format=json"]) == Exit.PASS
    early = [one for one in json.loads(capsys.readouterr().out)["warnings"] if "before" in one]
    assert len(early) == 1
    assert "new was measured at 2026-11-23T03:18:25+00:00, before its commit was made" in early[0]
    pytest.importorskip("skchange")
    assert main(["history", str(tmp_path), "--format=json"]) == Exit.PASS
    assert "1 run measured before the commit was made" in capsys.readouterr().out


def test_an_unknown_spread_is_not_zero(tmp_path: Path, capsys: Capture) -> None:
    few = [case for case in CASES if case.n <= 10]
    times = times_of(RNG, cases=few)
    slower = {case: time * (1.5 if case.backend == "rust" else 1) for case, time in times.items()}
    old = save(tmp_path / "a.json", document(times))
    new = save(tmp_path / "b.json", document(slower))
    assert main(["compare", str(old), str(new), "--format=json"]) == Exit.PASS
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"] == "inconclusive"
    assert told["process_spread"] == {"clear": None}
    assert {one["verdict"] for one in told["cases"]} == {"inconclusive"}
    assert all(one["raw"]["low"] is None for one in told["cases"])
    assert any("unknown spread" in one for one in told["warnings"])
    assert all("unknown spread" in one["note"] for one in told["cases"])
    code = main(["compare", str(old), str(new), "--fail-on=regression,inconclusive"])
    assert code == Exit.INCONCLUSIVE
    assert "[0." not in capsys.readouterr().out  # no interval


@pytest.mark.parametrize("commit", ["unversioned", "unknown", None])
def test_runs_of_no_commit_are_not_of_the_same(
    tmp_path: Path, capsys: Capture, commit: Any
) -> None:
    paths = [save(tmp_path / f"{name}.json", a_run(commit)) for name in "ab"]
    assert main(["compare", *map(str, paths)]) == Exit.PASS
    told = " ".join(capsys.readouterr().out.split())
    assert "same revision" not in told
    assert "old does not tell which commit was measured" in told
    assert main(["history", *map(str, paths)]) == Exit.ERROR
    assert "no run says which commit" in capsys.readouterr().err


def test_a_variable_that_changes_what_is_measured_is_told(tmp_path: Path, capsys: Capture) -> None:
    chosen = again(a_run(), variables={"EASY_MARL_BACKEND": "numpy"})
    told = again(a_run(), details={"public": "dispatches to numpy"})
    plain = save(tmp_path / "a.json", a_run())
    for name, run, said in ("b", chosen, "EASY_MARL_BACKEND=numpy"), ("c", told, "public"):
        other = save(tmp_path / f"{name}.json", run)
        assert main(["compare", str(plain), str(other), "--format=json"]) == Exit.PASS
        warnings = json.loads(capsys.readouterr().out)["warnings"]
        assert any("different settings" in one and said in one for one in warnings)


def bomb(path: Path) -> None:
    with gzip.open(path.with_suffix(".json.gz"), "wb") as file:
        for _ in range(70):
            file.write(b"[" * (1 << 20))


HOSTILE: dict[str, Callable[[Path], object]] = {
    "bomb": bomb,
    "deep": lambda path: path.write_text("[" * 100_000),
    "parity": lambda path: save(path, again(a_run(), parity={"calls": 3})),
    "disagreements": lambda path: save(path, again(a_run(), parity={"disagreements": [{}]})),
    "stddev": lambda path: save(path, _with_spread(1e308)),
    "refused": lambda path: save(path, again(a_run(), refused={"clear": ["rust"]})),
    "letters": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "nothing": lambda path: path.write_bytes(b""),
    "process": lambda path: save(path, again(a_run(), process=["a"])),
}


def _with_spread(value: float) -> dict[str, Any]:
    run = a_run()
    run["benchmarks"][0]["stats"]["stddev"] = value
    return run


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_bad_file_costs_the_others_nothing(tmp_path: Path, capsys: Capture, kind: str) -> None:
    pytest.importorskip("skchange")
    folder = tmp_path / "runs"
    good = save(folder / "good.json", a_run())
    HOSTILE[kind](folder / "bad.json")
    assert main(["history", str(folder), "--format=json"]) == Exit.ERROR
    told = json.loads(capsys.readouterr().out)
    assert "1 run" in told["title"]
    (bad,) = folder.glob("bad*")
    assert main(["compare", str(good), str(bad)]) == Exit.ERROR
    captured = capsys.readouterr()
    assert str(bad) in captured.err
    assert "Traceback" not in captured.err
    assert main(["report", str(bad)]) == Exit.ERROR
    assert "Traceback" not in capsys.readouterr().err
