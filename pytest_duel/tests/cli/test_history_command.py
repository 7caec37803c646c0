"""``pytest-duel history`` as its users run it."""

import json
from pathlib import Path

import pytest
from pytest_benchmark.utils import get_machine_id

from pytest_duel.cli.main import main
from pytest_duel.support.exit_codes import Exit
from repositories import commit, git
from simulated import save
from simulated_history import FEW, documents, name_of, step

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(workplace: Path) -> Path:
    """Return the storage, with thirty runs of as many commits; rust is slower from the 21st on."""
    folder = workplace / ".benchmarks" / str(get_machine_id())
    for number, saved in enumerate(documents(30, step(20, 1.2)), 1):
        save(folder / f"{number:04}_x.json", saved)
    return folder


def run(*arguments: str) -> int:
    return main(["history", *arguments])


def test_it_shows_what_changed_and_between_which_commits(folder: Path, capsys: Capture) -> None:
    assert run() == Exit.PASS
    out = capsys.readouterr().out
    assert out.startswith("history: 30 runs, 30 commits, 1 machine\n")
    between = f"slower between {name_of(19)[:10]} and {name_of(20)[:10]}\n"
    # Both cases of rust, and their mean.
    assert out.count(between) == out.count("changed\n") == 3
    assert "verdict: changed (2 changed, 6 steady of 8 cases)" in out


def test_few_commits_are_not_called_steady(folder: Path, capsys: Capture) -> None:
    for path in sorted(folder.glob("*.json"))[6:]:
        path.unlink()
    assert run() == Exit.PASS
    said = " ".join(capsys.readouterr().out.split())
    assert "WARNING: too few commits, or too much noise, to tell whether 8 of 8" in said
    assert "verdict: inconclusive (8 inconclusive of 8 cases)" in said


def test_steps_one_way_are_called_a_trend(folder: Path, capsys: Capture) -> None:
    drifting = documents(30, lambda commit, case: 1.02**commit if case.backend == "rust" else 1)
    for path, saved in zip(sorted(folder.glob("*.json")), drifting, strict=True):
        save(path, saved)
    assert run("--only", "clear[rust-uniform-200]") == Exit.PASS
    said = " ".join(capsys.readouterr().out.split())
    assert "together: maybe a trend over many commits" in said


def test_a_pattern_shows_less_and_judges_the_same(folder: Path, capsys: Capture) -> None:
    assert run("--json") == Exit.PASS
    whole = json.loads(capsys.readouterr().out)
    assert run("--only", "clear[rust-*", "--only", "clear[numpy-uniform-5]", "--json") == 0
    part = json.loads(capsys.readouterr().out)
    names = [one["name"] for one in part["cases"]]
    assert names == [
        one.id for one in FEW if one.backend == "rust" or one.id.endswith("[numpy-uniform-5]")
    ]
    assert part["cases"] == [one for one in whole["cases"] if one["name"] in names]
    assert [one["name"] for one in part["means"]] == [
        "numpy, clear: all cases", "rust, clear: all cases",
    ]  # fmt: skip
    assert part["level"] == whole["level"] == 0.05 / len(FEW)
    (change,) = part["cases"][-1]["changes"]
    assert (change["before"], change["after"]) == (name_of(19), name_of(20))
    assert change["ratio"] == pytest.approx(1.2, abs=0.03)


@pytest.mark.parametrize(
    ("where", "number"),
    [
        (".benchmarks", 30), (".", 30), (".benchmarks/*/*.json", 30), ("x", 30),
        (".benchmarks/*/0001_x.json", 1), ("1,2", 2),
    ],
)  # fmt: skip
def test_runs_are_folders_patterns_and_names(
    folder: Path, where: str, number: int, capsys: Capture
) -> None:
    assert run(where) == Exit.PASS
    assert capsys.readouterr().out.startswith(f"history: {number} run")


def test_a_bad_file_is_named_and_costs_nothing_but_the_exit_code(
    folder: Path, capsys: Capture
) -> None:
    bad = folder / "0031_x.json"
    bad.write_bytes((folder / "0001_x.json").read_bytes()[:999])
    assert run() == Exit.ERROR
    out = capsys.readouterr().out
    assert "WARNING: 1 file could not be read" in out
    assert f"{bad.relative_to(Path.cwd())} is no whole JSON file" in " ".join(out.split())
    assert "verdict: changed (2 changed, 1 no run, 6 steady of 9 cases)" in out
    for path in folder.glob("*.json"):
        path.write_text("[1, 2")
    assert run() == Exit.ERROR
    assert capsys.readouterr().err.count("is no whole JSON file") == 31


def test_files_of_other_things_are_passed_over_unless_they_are_named(
    folder: Path, capsys: Capture
) -> None:
    other = save(folder / "judgement.json", {"schema": 1, "command": "gate"})
    assert run() == Exit.PASS
    said = " ".join(capsys.readouterr().out.split())
    assert f"were not read: 1, such as {other.relative_to(Path.cwd())}" in said
    assert run(str(other), ".benchmarks") == Exit.ERROR
    assert "this is no pytest-benchmark run" in " ".join(capsys.readouterr().out.split())


def test_the_repository_here_tells_order_and_subjects(folder: Path, capsys: Capture) -> None:
    git(Path.cwd(), "init", "--quiet")
    ids = [commit(Path.cwd(), f"Change {number}", -number) for number in range(30)]
    for path, one in zip(sorted(folder.glob("*.json")), ids, strict=True):
        saved = json.loads(path.read_text(encoding="utf-8"))
        save(path, {**saved, "commit_info": {"id": one, "dirty": False}})
    assert run("--only", "clear[rust-uniform-5]") == Exit.PASS
    said = " ".join(capsys.readouterr().out.split())
    assert f"between {ids[19][:10]} and {ids[20][:10]} (Change 20)" in said


def test_every_format_is_written(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    outputs = [f"--output={tmp_path / name}" for name in ("h.txt", "h.md", "h.json", "h.xml")]
    assert run("--format", "github", *outputs) == Exit.PASS
    assert capsys.readouterr().out.startswith("::notice title=history%3A changed::")
    assert (tmp_path / "h.md").read_text(encoding="utf-8").startswith("**history: changed**")
    assert json.loads((tmp_path / "h.json").read_text(encoding="utf-8"))["verdict"] == "changed"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--control", "gpu"], "matches 'gpu'"),
        (["nothing"], "no saved run in"),
        (["/nosuch/runs"], "/nosuch/runs: there is no such file or folder"),
        (["--storage", "none"], "none holds no saved runs"),
        (["--storage", "elasticsearch+http://x"], "only runs in files"),
    ],
)
def test_what_is_not_there_is_an_error(
    folder: Path, capsys: Capture, arguments: list[str], said: str
) -> None:
    assert run(*arguments) == Exit.ERROR
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--ignore", "colour"], ["--threshold", "-1%"]])
def test_misuse_is_a_usage_error(folder: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2


def test_a_path_that_is_not_there_is_named_without_a_storage(
    workplace: Path, capsys: Capture
) -> None:
    for arguments in (["history", "nosuch"], ["report", "-o", "a.html", "--history", "nosuch"]):
        assert main(arguments) == Exit.ERROR
        said = capsys.readouterr().err
        assert "nosuch: there is no such file or folder" in said
        assert "--storage" not in said
    assert not (workplace / "a.html").exists()


def test_an_empty_folder_holds_no_run(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "empty").mkdir()
    assert run("empty") == Exit.ERROR
    assert "there is no saved run" in capsys.readouterr().err
