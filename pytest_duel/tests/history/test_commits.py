"""Commits in the order of their ancestry, or else of their time."""

from pathlib import Path

import pytest

from pytest_duel.history import commits
from pytest_duel.history.commits import Log
from repositories import commit, git

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    return tmp_path


def test_ancestry_counts_not_clocks(repository: Path) -> None:
    ids = [commit(repository, subject, when) for subject, when in (("one", 9), ("<two>", 5))]
    log = commits.read([*ids[::-1], A, "", "--all", "HEAD"], repository)
    assert log.order == tuple(ids)
    assert log.subjects == dict(zip(ids, ("one", "<two>"), strict=True))
    assert commits.sort({ids[1]: 0.0, ids[0]: 1.0}, log) == ids


def test_a_merge_comes_after_both_sides(repository: Path) -> None:
    first = commit(repository, "first", 0)
    git(repository, "checkout", "--quiet", "-b", "side")
    side = commit(repository, "side", 1)
    git(repository, "checkout", "--quiet", "main")
    main = commit(repository, "main", 2)
    git(repository, "merge", "--quiet", "--no-ff", "--message", "merge", "side")
    merge = git(repository, "rev-parse", "HEAD")
    order = commits.read([merge, side, main, first], repository).order
    assert order[0] == first
    assert order[-1] == merge
    assert set(order[1:3]) == {side, main}


def test_commits_of_two_branches_are_parted(repository: Path) -> None:
    first = commit(repository, "first", 0)
    git(repository, "checkout", "--quiet", "-b", "side")
    side = commit(repository, "side", 1)
    git(repository, "checkout", "--quiet", "main")
    commit(repository, "between, which nobody measured", 2)
    main = commit(repository, "main", 3)
    log = commits.read([main, side, first], repository)
    assert log.parted(side, main)
    assert log.parted(main, side)
    assert not log.parted(first, main)
    assert not log.parted(first, side)
    assert not log.parted(A, main)
    assert not log.parted(first, A)


@pytest.mark.parametrize("ids", [[], [A], ["no hash"]])
def test_a_repository_that_knows_none_says_nothing(repository: Path, ids: list[str]) -> None:
    assert commits.read(ids, repository) == Log()


def test_so_does_a_folder_that_is_none_and_a_system_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commits.read([A], tmp_path) == Log()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commits.read([A], tmp_path) == Log()


def test_what_the_repository_lacks_stands_where_its_time_puts_it() -> None:
    log = Log(order=(B, C), times={B: 20, C: 10})
    # C is a child of B, so it was made at 20 at the earliest, whatever its clock said.
    assert commits.sort({A: 15.0, B: 0.0, C: 0.0}, log) == [A, B, C]
    assert commits.sort({A: 25.0, B: 0.0, C: 0.0}, log) == [B, C, A]
    assert commits.sort({A: 3.0, B: 2.0, D: 1.0}, Log()) == [D, B, A]
    assert commits.sort({}, Log()) == []
