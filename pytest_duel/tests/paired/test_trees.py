"""Source trees of revisions and of the working tree."""

from pathlib import Path

import pytest

from pytest_duel.paired.arms import trees
from repositories import commit, git


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository with one commit, and changes of every kind since."""
    root = tmp_path / "root"
    (root / "project").mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    for name in ("kept", "changed", "deleted"):
        (root / "project" / name).write_text("before")
    (root / ".gitignore").write_text("ignored\n")
    (root / "project/link").symlink_to("kept")
    git(root, "add", "--all")
    commit(root, "one", 1)
    (root / "project/changed").write_text("after")
    (root / "project/deleted").unlink()
    (root / "project/untracked").write_text("after")
    (root / "project/ignored").write_text("after")
    return root


def content(folder: Path) -> dict[str, str]:
    """Return the text of each file in a folder."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_a_revision_has_its_own_files(root: Path, tmp_path: Path) -> None:
    own = trees.repository(root / "project")
    assert own == trees.Repository(root, Path("project"))
    index = (root / ".git/index").read_bytes()
    trees.export(own, trees.commit_of("main", own), tmp_path / "out")
    before = dict.fromkeys(("kept", "changed", "deleted", "link"), "before")
    assert content(tmp_path / "out/project") == before
    assert (tmp_path / "out/project/link").is_symlink()
    assert (root / ".git/index").read_bytes() == index
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "root"]


def test_the_working_tree_has_what_git_would_add(root: Path, tmp_path: Path) -> None:
    trees.export(trees.repository(root), None, tmp_path / "out")
    assert content(tmp_path / "out/project") == {
        "kept": "before", "link": "before", "changed": "after", "untracked": "after",
    }  # fmt: skip


def test_a_submodule_comes_along(root: Path, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "--quiet", "--initial-branch=main")
    (inner / "file").write_text("inner")
    git(inner, "add", "--all")
    commit(inner, "one", 1)
    allowed = ("-c", "protocol.file.allow=always")
    git(root, *allowed, "submodule", "--quiet", "add", str(inner), "project/sub")
    commit(root, "two", 2)
    own = trees.repository(root)
    (root / "project/sub/file").write_text("changed")
    trees.export(own, trees.commit_of("main", own), tmp_path / "base")
    trees.export(own, None, tmp_path / "head")
    assert content(tmp_path / "base/project/sub")["file"] == "inner"
    assert content(tmp_path / "head/project/sub")["file"] == "changed"


def test_a_project_that_the_base_lacks(root: Path, tmp_path: Path) -> None:
    (root / "new").mkdir()
    own = trees.repository(root / "new")
    with pytest.raises(trees.TreeError, match="has no folder new"):
        trees.export(own, trees.commit_of("main", own), tmp_path / "out")


def test_no_hook_runs(root: Path, tmp_path: Path) -> None:
    hook = root / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    hook.chmod(0o755)
    own = trees.repository(root)
    trees.export(own, trees.commit_of("main", own), tmp_path / "out")
    assert not (tmp_path / "ran").exists()
