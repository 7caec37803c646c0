"""Source trees of revisions and of the working tree."""

import errno
import hashlib
import os
import shutil
import socket
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from pytest_duel.paired.arms import trees
from pytest_duel.support.scratch import scratch
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


def test_commits_that_the_head_lacks_are_counted(root: Path) -> None:
    own = trees.repository(root)
    git(root, "branch", "topic")
    assert trees.lacking(own, "main", None) == 0
    for number in (2, 3):
        commit(root, "more", number)
    git(root, "checkout", "--quiet", "topic")
    commit(root, "own", 4)
    assert trees.lacking(own, "main", None) == trees.lacking(own, "main", "topic") == 2
    assert trees.lacking(own, "topic", "main") == 1
    assert trees.lacking(own, "elsewhere", None) == trees.lacking(own, "--all", None) == 0


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


def test_what_a_filter_changed_is_told_and_line_ends_are_not(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    (root / ".gitattributes").write_text("*.py filter=own\n*.txt text eol=crlf\n*.c ident\n")
    for name, text in (("a.py", "fast\n"), ("b.txt", "fast\n"), ("c.c", "$Id$\n"), ("d", "fast")):
        (root / name).write_bytes(text.encode())
    git(root, "add", "--all")
    commit(root, "one", 1)
    own = trees.repository(root)
    revision = trees.commit_of("main", own)
    assert trees.export(own, revision, tmp_path / "plain") == ["c.c"]
    git(root, "config", "filter.own.smudge", "sed s/fast/slow/")
    git(root, "config", "core.sparseCheckout", "true")
    (root / ".git/info/sparse-checkout").write_text("/a.py\n")
    assert trees.export(own, revision, tmp_path / "out") == ["a.py", "c.c"]
    assert (tmp_path / "out/a.py").read_text() == "slow\n"
    assert (tmp_path / "out/b.txt").read_bytes() == b"fast\r\n"


def test_a_file_of_lfs_is_what_its_pointer_says(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch=main")
    digest = hashlib.sha256(b"large").hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 5\n"
    (root / "data").write_text(pointer)
    git(root, "add", "--all")
    (root / ".gitattributes").write_text("data filter=lfs\n")
    git(root, "add", "--all")
    commit(root, "one", 1)
    own = trees.repository(root)
    for place, (content, altered) in enumerate((("large", []), ("other", ["data"]))):
        git(root, "config", "filter.lfs.smudge", f"printf {content}")
        found = trees.export(own, trees.commit_of("main", own), tmp_path / f"out{place}")
        assert found == altered


def test_what_is_no_file_stays_out_and_no_link_is_followed(root: Path, tmp_path: Path) -> None:
    project = root / "project"
    (project / ".#kept").symlink_to("user@host.1234:5678")
    (project / "endless").symlink_to("/dev/zero")
    os.mkfifo(project / "pipe")
    (project / "changed").unlink()
    os.mkfifo(project / "changed")
    with closing(socket.socket(socket.AF_UNIX)) as server:
        server.bind(os.path.relpath(project / "socket"))
        trees.export(trees.repository(root), None, tmp_path / "out")
    found = {path.name for path in (tmp_path / "out/project").iterdir()}
    assert found == {"kept", "link", "untracked", ".#kept", "endless"}
    assert (tmp_path / "out/project/endless").readlink() == Path("/dev/zero")


@pytest.mark.parametrize(("revision", "command"), [
    ("main~1", "git fetch --unshallow"),
    ("HEAD^", "git fetch --unshallow"),
    ("0123abcd", "git fetch --unshallow"),
    ("v1", "git fetch --depth=1 origin v1"),
    ("origin/other", "git fetch --depth=1 origin other"),
])  # fmt: skip
def test_a_shallow_clone_says_what_to_fetch(
    revision: str, command: str, root: Path, tmp_path: Path
) -> None:
    git(root, "branch", "other")
    git(root, "tag", "v1")
    git(root, "commit", "--quiet", "--all", "--message", "two")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{root}", "shallow")
    own = trees.repository(tmp_path / "shallow")
    with pytest.raises(trees.TreeError, match="shallow clone") as refused:
        trees.commit_of(revision, own)
    assert f"`{command}`" in str(refused.value)
    if "0123" not in revision:
        git(own.root, *command.split()[1:])
        found = "FETCH_HEAD" if "--depth" in command else revision
        assert trees.commit_of(found, own) == git(root, "rev-parse", "main~1")


def test_a_partial_clone_whose_remote_is_gone_says_so(root: Path, tmp_path: Path) -> None:
    git(root, "config", "uploadpack.allowFilter", "true")
    for text in ("unique", "after"):
        (root / "project/changed").write_text(text)
        git(root, "commit", "--quiet", "--all", "--message", text)
    git(root, "tag", "v1", "HEAD~1")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", f"file://{root}", "partial")
    own = trees.repository(tmp_path / "partial")
    commit = trees.commit_of("v1", own)
    root.rename(tmp_path / "moved")
    with pytest.raises(trees.TreeError, match="this partial clone lacks files"):
        trees.export(own, commit, tmp_path / "out")
    (tmp_path / "moved").rename(root)
    trees.export(own, commit, tmp_path / "again")
    assert (tmp_path / "again/project/changed").read_text() == "unique"


def test_a_hash_stands_for_what_git_has_whatever_replaces_it(root: Path, tmp_path: Path) -> None:
    before = git(root, "rev-parse", "HEAD")
    git(root, "commit", "--quiet", "--all", "--message", "two")
    git(root, "replace", before, "HEAD")
    own = trees.repository(root)
    assert trees.export(own, before, tmp_path / "out") == []
    assert (tmp_path / "out/project/changed").read_text() == "before"


def test_a_link_that_is_written_as_a_file_is_told(root: Path, tmp_path: Path) -> None:
    git(root, "config", "core.symlinks", "false")
    own = trees.repository(root)
    assert trees.export(own, trees.commit_of("main", own), tmp_path / "out") == ["project/link"]


@pytest.mark.parametrize("revision", ["HEAD", None])
def test_a_link_that_names_the_repository_in_full_leads_into_the_copy(
    root: Path, tmp_path: Path, revision: str | None
) -> None:
    (root / "project/full").symlink_to(root / "project/kept")
    (root / "project/all").symlink_to(root / "project", target_is_directory=True)
    (root / "project/away").symlink_to(tmp_path)
    git(root, "add", "--all")
    commit(root, "links", 2)
    (root / "project/kept").write_text("after")
    own = trees.repository(root)
    trees.export(own, revision and trees.commit_of(revision, own), tmp_path / "out")
    for link, target in ("full", "kept"), ("all", "."):
        copied = tmp_path / "out/project"
        assert (copied / link).resolve() == (copied / target).resolve()
    assert (tmp_path / "out/project/away").readlink() == tmp_path


def test_what_a_sparse_checkout_leaves_out_is_not_taken_for_deleted(
    root: Path, tmp_path: Path
) -> None:
    git(root, "sparse-checkout", "set", "--no-cone", "/*", "!kept", "!link")
    assert not (root / "project/kept").exists()
    index = (root / ".git/index").read_bytes()
    trees.export(trees.repository(root), None, tmp_path / "out")
    assert content(tmp_path / "out/project") == {
        "kept": "before", "link": "before", "changed": "after", "untracked": "after",
    }  # fmt: skip
    assert (root / ".git/index").read_bytes() == index


def test_what_gates_write_for_a_while_is_no_part_of_the_tree(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "project/temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(root / "project/temporary"))
    own = trees.repository(root)
    with scratch() as theirs, scratch() as ours:
        trees.export(own, trees.commit_of("main", own), theirs / "base")
        trees.export(own, None, ours / "head")
        assert not (ours / "head/project/temporary").exists()


def test_a_working_tree_that_is_elsewhere_is_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    git(root, "config", "core.worktree", str(tmp_path / "elsewhere"))
    with pytest.raises(trees.TreeError, match=r"core\.worktree"):
        trees.repository(root / "project")


@pytest.mark.parametrize("revision", ["HEAD:.gitignore", "HEAD:project", "v1", "HEAD"])
def test_what_is_there_and_no_commit_is_not_called_missing(root: Path, revision: str) -> None:
    git(root, "tag", "v1", "HEAD:.gitignore")
    key = git(root, "rev-parse", revision)
    if revision == "HEAD":
        (root / ".git/objects" / key[:2] / key[2:]).unlink()
    with pytest.raises(
        trees.TreeError, match=f"'{revision}' is {key[:10]}, which git cannot read"
    ):
        trees.commit_of(revision, trees.repository(root))


def test_a_worktree_within_the_tree_is_no_part_of_it(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "--quiet", "project/other", "HEAD")
    other = root / "project/clone"
    git(root, "clone", "--quiet", ".", str(other))
    trees.export(trees.repository(root), None, tmp_path / "out")
    assert content(tmp_path / "out/project").keys() == {"kept", "link", "changed", "untracked"}


def test_a_file_that_cannot_be_read_is_named(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copy2

    def refused(source: Path, target: Path, **options: bool) -> None:  # root may read all files
        if source.name == "untracked":
            raise PermissionError(errno.EACCES, "Permission denied", str(source))
        copy(source, target, **options)

    monkeypatch.setattr(shutil, "copy2", refused)
    with pytest.raises(trees.TreeError, match="project/untracked cannot be copied: Permission"):
        trees.export(trees.repository(root), None, tmp_path / "out")


@pytest.mark.parametrize("skip", ["", "1"])
def test_pointers_of_lfs_stay_where_the_user_leaves_them(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: str
) -> None:
    (root / ".gitattributes").write_text("kept filter=lfs\n")
    fetch = 'test -n "$GIT_LFS_SKIP_SMUDGE" && cat || echo fetched'
    git(root, "config", "filter.lfs.smudge", fetch)
    git(root, "add", ".gitattributes")
    commit(root, "two", 2)
    monkeypatch.setenv("GIT_LFS_SKIP_SMUDGE", skip)
    own = trees.repository(root)
    trees.export(own, trees.commit_of("main", own), tmp_path / "out")
    assert (tmp_path / "out/project/kept").read_text() == ("before" if skip else "fetched\n")
