"""What becomes of a sweep: whole, under a number of its own, with the commit that it is of."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.utils import get_machine_id

from pytest_duel.results import storage
from repositories import commit, git

Toy = Callable[..., pytest.RunResult]
QUICK = ("--bench-backends=plain,quick", "--bench-tier=smoke", "--benchmark-only")


def add(pytester: pytest.Pytester, code: str) -> None:
    with (pytester.path / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(f"\n\n{code}\n")


def runs(pytester: pytest.Pytester) -> list[str]:
    return sorted(path.name for path in pytester.path.rglob("*.json"))


ENDS = {
    "a key": "raise KeyboardInterrupt",
    "exit": "pytest.exit('enough')",
    "exit with 0": "pytest.exit('enough', returncode=0)",
    "a failure": "assert False",
}


@pytest.mark.parametrize("how", ENDS)
def test_a_sweep_that_did_not_end_is_not_saved(
    toy: Toy, pytester: pytest.Pytester, how: str
) -> None:
    add(
        pytester,
        f"def pytest_runtest_setup(item):\n    if 'quick' in item.nodeid:\n        {ENDS[how]}",
    )
    pytester.makepyfile(test_z="def test_later(benchmark): benchmark(sum, [1])")
    result = toy("-x", "--benchmark-json=out.json", "--benchmark-save=a", *QUICK)
    assert runs(pytester) == []
    said = result.stdout.str()
    assert "nothing was saved" in said
    assert "1 of 3" in said or "2 of 3" in said
    assert "test_scale[plain-mixed-400]" in said  # what was measured is shown
    assert not [*pytester.path.rglob(".0*")]


def test_saves_that_fail_cost_nothing_else(toy: Toy, pytester: pytest.Pytester) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is full")
    home = pytester.path / ".benchmarks" / str(get_machine_id())
    home.mkdir(parents=True)
    for number in "9998", "9999", "10000":
        (home / f"{number}_a.json").write_text("{}")
    result = toy("--benchmark-json=/dev/full", "--benchmark-save=a", *QUICK)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*test_scale*quick-mixed-400*",
            "not saved in /dev/full: No space left*",
            "scale, mixed:*",
        ]
    )
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert [path.name for path in storage.numbered(home.parent)] == [
        f"{number}_a.json" for number in ("9998", "9999", "10000", "10001")
    ]
    (saved,) = storage.resolve("latest")
    assert saved.name == "10001_a.json"
    assert json.loads(saved.read_text())["benchmarks"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--benchmark-json=none/out.json", "none/out.json is in a folder that does not exist"),
        ("--benchmark-json=conftest.py/out.json", "is in a folder that does not exist"),
        ("--benchmark-json=folder", "folder is a folder"),
        ("--benchmark-storage=test_toy.py", "test_toy.py"),
        ("--benchmark-storage=file://test_toy.py/deep", "test_toy.py"),
        ("--benchmark-storage=/proc/none", "nothing can be saved in"),
    ],
)
def test_what_cannot_be_saved_is_said_before_measuring(
    toy: Toy, pytester: pytest.Pytester, option: str, said: str
) -> None:
    (pytester.path / "folder").mkdir()
    result = toy(option, "--benchmark-save=a", *QUICK)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert said in result.stderr.str()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert "parity" not in result.stdout.str()
    assert not [*pytester.path.rglob(".room*")]


def saved(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def test_the_commit_is_that_of_the_code_and_the_process_has_a_name(
    toy: Toy, pytester: pytest.Pytester, tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for root in elsewhere, pytester.path:
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "add", "--all")
        commit(root, root.name, 1)
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_TRACE", "1")
    out, store = elsewhere / "out.json", elsewhere / "store"
    result = toy(
        f"--benchmark-json={out}", "--benchmark-autosave", f"--benchmark-storage={store}", *QUICK,
        str(pytester.path),
    )  # fmt: skip
    assert result.ret == pytest.ExitCode.OK
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_TRACE")
    (kept,) = store.rglob("*.json")
    own = git(pytester.path, "rev-parse", "HEAD")
    first, second = saved(out), saved(kept)
    assert first["commit_info"]["id"] == second["commit_info"]["id"] == own
    assert first["commit_info"]["dirty"] is False
    assert first["commit_info"]["branch"] == "main"
    assert own in kept.name
    assert first["bench"]["process"] == second["bench"]["process"]


def test_without_a_repository_no_commit_is_told(toy: Toy, pytester: pytest.Pytester) -> None:
    assert toy("--benchmark-json=out.json", "--benchmark-autosave", *QUICK).ret == 0
    assert saved(pytester.path / "out.json")["commit_info"]["id"] is None


def test_a_commit_during_the_run_makes_it_dirty(toy: Toy, pytester: pytest.Pytester) -> None:
    git(pytester.path, "init", "--quiet")
    git(pytester.path, "add", "--all")
    before = commit(pytester.path, "one", 1)
    add(
        pytester,
        "def pytest_runtest_setup():\n"
        "    import subprocess\n"
        "    subprocess.run(['git', '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit',"
        " '--quiet', '--all', '--allow-empty', '-m', 'two'], check=True)",
    )
    git(pytester.path, "commit", "--quiet", "--all", "--amend", "-m", "one")
    before = git(pytester.path, "rev-parse", "HEAD")
    assert toy("--benchmark-json=out.json", *QUICK).ret == pytest.ExitCode.OK
    found = saved(pytester.path / "out.json")["commit_info"]
    assert found["id"] == before
    assert found["dirty"] is True


def test_no_two_runs_get_one_number(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    (tmp_path / "9990_before.json").write_text("{}")
    (tmp_path / ".9995").touch()  # of a process that was killed: it costs a number
    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(
                lambda one: storage.create_numbered(tmp_path, f"run{one}", f"{one}"), range(60)
            )
        )
    numbers = [int(path.name.partition("_")[0]) for path in found]
    assert len({*numbers}) == 60
    assert {path.read_text() for path in found} == {str(one) for one in range(60)}
    assert min(numbers) > 9990  # who is overtaken leaves a number out
    assert 9995 not in numbers
    assert sorted(path.name for path in tmp_path.glob(".*")) == [".9995"]


def test_a_file_that_is_there_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytest_duel.support import files

    path = tmp_path / "run.json"
    path.write_text("old")
    for links in True, False:
        if not links:
            monkeypatch.setattr(Path, "hardlink_to", _refuse)
        with pytest.raises(FileExistsError):
            files.create(path, "new")
        assert path.read_text() == "old"
        files.create(tmp_path / f"{links}.json", "new")
        assert (tmp_path / f"{links}.json").read_text() == "new"
    assert sorted(os.listdir(tmp_path)) == ["False.json", "True.json", "run.json"]  # noqa: PTH208


def _refuse(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def test_runs_of_any_number_are_found(tmp_path: Path) -> None:
    home = tmp_path / str(get_machine_id())
    home.mkdir()
    for name in "9999_a.json", "10000_b.json", "10001_a.json.gz", "0009_b.json", "123_c.json":
        (home / name).touch()

    def found(name: str) -> list[str]:
        return [path.name for path in storage.resolve(name, str(tmp_path))]

    assert found("latest") == ["10001_a.json.gz"]
    assert found("latest~1") == ["10000_b.json"]
    assert found("10000") == ["10000_b.json"]
    assert found("9") == ["0009_b.json"]
    assert found("a") == ["9999_a.json", "10001_a.json.gz"]
    assert found("10001_a") == ["10001_a.json.gz"]
