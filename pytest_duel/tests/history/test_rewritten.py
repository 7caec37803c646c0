"""Histories that were rewritten, or are not whole, told apart from branches."""

from pathlib import Path

import pytest

from pytest_duel.history import commits
from pytest_duel.history.commits import Log
from repositories import commit, git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def change(repository: Path, file: str, when: int) -> str:
    """Commit a new file."""
    (repository / file).write_text(file, encoding="utf-8")
    git(repository, "add", file)
    return commit(repository, f"add {file}", when)


def ordered(log: Log) -> list[str]:
    """Return the commits of a log in their order, though all were measured at one time."""
    return commits.sort(dict.fromkeys(log.order, 0.0), log)


def test_a_rebased_commit_is_no_branch(repository: Path) -> None:
    first = change(repository, "a", 0)
    git(repository, "checkout", "--quiet", "-b", "work")
    before = change(repository, "b", 1)
    git(repository, "checkout", "--quiet", "main")
    main = change(repository, "c", 2)
    git(repository, "checkout", "--quiet", "work")
    git(repository, "rebase", "--quiet", "main")
    rebased = git(repository, "rev-parse", "HEAD")
    later = change(repository, "d", 3)
    log = commits.read([later, rebased, main, before, first], repository)
    assert log.rewritten == {before: rebased}
    assert ordered(log) == [first, main, before, rebased, later]
    assert not log.parted(before, rebased)
    assert not log.parted(before, later)
    assert not log.parted(main, before)


def test_a_squashed_branch_is_no_branch(repository: Path) -> None:
    first = change(repository, "a", 0)
    git(repository, "checkout", "--quiet", "-b", "work")
    half = change(repository, "b", 1)
    tip = change(repository, "c", 2)
    git(repository, "checkout", "--quiet", "main")
    git(repository, "merge", "--quiet", "--squash", "work")
    squashed = commit(repository, "all of work", 3)
    git(repository, "branch", "--quiet", "-D", "work")
    log = commits.read([squashed, tip, half, first], repository)
    assert log.rewritten == {tip: squashed}
    assert not log.parted(first, tip)
    assert not log.parted(tip, squashed)
    # What was only half of it has no place in the history that is left.
    assert log.parted(half, squashed)


def test_a_branch_that_is_kept_is_one(repository: Path) -> None:
    change(repository, "a", 0)
    git(repository, "checkout", "--quiet", "-b", "work")
    side = change(repository, "b", 1)
    git(repository, "checkout", "--quiet", "main")
    change(repository, "c", 2)
    git(repository, "cherry-pick", side)
    picked = git(repository, "rev-parse", "HEAD")
    log = commits.read([side, picked], repository)
    assert log.rewritten == {}
    assert log.parted(side, picked)


def test_an_empty_commit_is_taken_for_no_other(repository: Path) -> None:
    first = change(repository, "a", 0)
    empty = commit(repository, "nothing", 1)
    git(repository, "reset", "--quiet", "--hard", first)
    other = commit(repository, "nothing else", 2)
    assert commits.read([empty, other], repository).rewritten == {}


def test_beyond_the_end_of_a_shallow_clone_nothing_is_known(
    repository: Path, tmp_path: Path
) -> None:
    ids = [change(repository, name, at) for at, name in enumerate("abc")]
    git(repository, "checkout", "--quiet", "-b", "side", ids[0])
    side = change(repository, "s", 4)
    git(repository, "checkout", "--quiet", "main")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--no-single-branch",
        repository.as_uri(), str(clone))  # fmt: skip
    log = commits.read([*ids, side], clone)
    assert set(log.order) == {ids[2], side}
    assert log.lacking == {ids[0], ids[1]}
    assert log.ends == {ids[2], side}
    # In the whole repository these are of two branches; here they could be anything.
    assert commits.read([*ids, side], repository).parted(side, ids[2])
    assert not log.parted(side, ids[2])
