"""The commit that was measured: known, or unknown and taken for no other."""

from pathlib import Path
from typing import Any

import pytest

from pytest_duel.results import commit_info, provenance, runs
from pytest_duel.results.index import entry_of
from repositories import commit, git
from simulated import CASES as ALL
from simulated import document, truth


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "project").mkdir(parents=True)
    (root / "project/file").write_text("1")
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    commit(root, "one", 1)
    return root


def told(folder: Path) -> commit_info.CommitInfo:
    return commit_info.read(commit_info.describe(folder))


def test_the_commit_of_a_folder_whatever_the_current_one_is(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    commit(other, "another", 5)
    monkeypatch.chdir(other)
    found = told(root / "project")
    assert found.id == git(root, "rev-parse", "HEAD")
    assert found.time
    assert found.clean
    (root / "project/file").write_text("2")
    assert told(root / "project").dirty is True
    assert not told(root / "project").clean


def test_what_is_not_in_a_repository_has_no_commit(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, within = tmp_path / "beside", root / "within"
    unborn = tmp_path / "unborn"
    for one in beside, within, unborn:
        one.mkdir()
        (one / "file").write_text("1")
    git(unborn, "init", "--quiet")
    git(unborn, "add", "--all")
    for one in beside, within, unborn:  # the repository around `within` does not hold its files
        assert told(one) == commit_info.CommitInfo()
    monkeypatch.setenv("PATH", "")
    assert told(root) == commit_info.CommitInfo()


UNKNOWN: tuple[dict[str, Any], ...] = (
    {},
    *({"id": one, "dirty": False} for one in ("unversioned", "unknown", "", " ", None, "None")),
    *({"id": one, "dirty": False} for one in (3, True, ["1" * 40], {"odd": 1})),
)


@pytest.mark.parametrize("saved", UNKNOWN, ids=str)
def test_a_missing_commit_is_no_commit(saved: dict[str, Any]) -> None:
    own = document({case: truth(case) for case in ALL})
    own["commit_info"] = saved
    run = runs.from_json(own)
    assert not provenance.same_code([run], [run])
    assert entry_of(run, Path()).commit == ""
    assert any("which commit" in one for one in provenance.unknown_commits([run], "old"))
    assert "unknown" in provenance.revision([run])


def test_a_commit_is_clean_only_where_that_is_told() -> None:
    own = document({case: truth(case) for case in ALL})
    run = runs.from_json(own)
    assert provenance.same_code([run], [run])
    del own["commit_info"]["dirty"]
    unsure = runs.from_json(own)
    assert not provenance.same_code([run], [unsure])
    assert entry_of(unsure, Path()).dirty
