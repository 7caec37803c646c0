"""What a gate says of a base that has gone on since the head left it."""

from pathlib import Path

from pytest_duel.gate.question import Question
from pytest_duel.gate.run import about_base
from repositories import commit, git
from strangers import repository


def test_commits_that_only_the_base_has_are_told(tmp_path: Path) -> None:
    folder = repository("flat", tmp_path / "toy")
    git(folder, "branch", "topic")
    assert list(about_base(Question(folder, "main"))) == []
    commit(folder, "two", 2)
    git(folder, "checkout", "--quiet", "topic")
    (line,) = about_base(Question(folder, "main"))
    assert "1 commit" in line
    assert "git merge-base main HEAD" in line
    assert list(about_base(Question(folder, "HEAD"))) == []
    assert list(about_base(Question(folder, None))) == []
