"""Git, whatever a hook, the environment or the user's settings say."""

import os
import sys
from pathlib import Path

import pytest

from pytest_duel.history import commits
from pytest_duel.paired.arms import trees
from pytest_duel.results import commit_info
from pytest_duel.support import git, processes
from repositories import commit
from repositories import git as plain_git

SUBJECT = "a b\x0bc\x0cd\x1ce\x85f\u2028g\u2029h"
"""With all that `splitlines` takes for the end of a line."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a repository of two commits, and another beside it."""
    for name in "root", "other":
        root = tmp_path / name
        root.mkdir()
        plain_git(root, "init", "--quiet", "--initial-branch=main")
        for number in "1", "2":
            (root / "file").write_text(name + number)
            plain_git(root, "add", "--all")
            commit(root, SUBJECT, int(number))
    return tmp_path / "root"


def settings(home: Path, text: str) -> Path:
    path = home / "settings"
    path.write_text(text, encoding="utf-8")
    return path


HOOK = {
    "GIT_DIR": "../other/.git",
    "GIT_WORK_TREE": "../other",
    "GIT_INDEX_FILE": "root/.git/index",
    "GIT_OBJECT_DIRECTORY": "../other/.git/objects",
    "GIT_COMMON_DIR": "../other/.git",
    "GIT_NAMESPACE": "x",
    "GIT_PREFIX": "x/",
    "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
    "GIT_ATTR_SOURCE": "nothing",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_TRACE": "1",
    "GIT_DEFAULT_HASH": "sha256",
    "GIT_SHALLOW_FILE": "../other/none",
    "GIT_REPLACE_REF_BASE": "refs/heads",
    "GIT_EXTERNAL_DIFF": "false",
}
"""Variables of a hook, and others that change what git does."""


def everything(root: Path, out: Path) -> object:
    """Do all that the harness does with git, and return what it gave."""
    own = trees.repository(root)
    before = git.commit_of("HEAD~1", root)
    trees.export(own, before, out / "base")
    trees.export(own, None, out / "head")
    log = commits.read([before, git.commit_of("HEAD", root)], root)
    files = sorted(path.relative_to(out).as_posix() for path in out.rglob("*"))
    texts = [(out / name / "file").read_bytes() for name in ("base", "head")]
    return own.root, before, log, files, texts, commit_info.describe(root), trees.version(own)


@pytest.mark.parametrize("names", [("GIT_INDEX_FILE",), ("GIT_DIR", "GIT_TRACE"), tuple(HOOK)])
def test_no_variable_of_a_hook_changes_anything(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    expected = everything(root, tmp_path / "plain")
    index = (root / ".git/index").read_bytes()
    for name in names:
        monkeypatch.setenv(name, HOOK[name].replace("root/", f"{root}/"))
    assert everything(root, tmp_path / "hook") == expected
    assert (root / ".git/index").read_bytes() == index
    assert not list((root / ".git").glob("sharedindex*"))


LOUD = """
[color]
    ui = always
[core]
    pager = false
    splitIndex = true
    quotePath = true
    abbrev = 4
[log]
    showSignature = true
    decorate = full
    date = relative
[format]
    pretty = oneline
[i18n]
    logOutputEncoding = UTF-16
[alias]
    rev-parse = log
    status = log
[status]
    short = true
    branch = true
    showUntrackedFiles = all
[submodule]
    recurse = true
[diff]
    external = false
    noprefix = true
"""


@pytest.mark.parametrize("where", ["GIT_CONFIG_GLOBAL", "variables"])
def test_no_setting_of_the_users_changes_anything(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    expected = everything(root, tmp_path / "plain")
    if where == "variables":
        hook = tmp_path / "hooks/post-checkout"
        hook.parent.mkdir()
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
        given = {"core.hooksPath": str(hook.parent), "color.ui": "always", "core.worktree": "/"}
        monkeypatch.setenv("GIT_CONFIG_COUNT", str(len(given)))
        for number, (name, value) in enumerate(given.items()):
            monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
            monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", value)
    else:
        monkeypatch.setenv(where, str(settings(tmp_path, LOUD)))
    assert everything(root, tmp_path / "loud") == expected
    assert not list((root / ".git").glob("sharedindex*"))


def test_a_folder_that_is_trusted_in_a_variable_is(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr(git, "KEPT", git.KEPT | {"GIT_TEST_ASSUME_DIFFERENT_OWNER"})
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    with pytest.raises(git.GitError, match="dubious ownership"):
        git.run(root, "rev-parse", "HEAD")
    assert commit_info.read(commit_info.describe(root)).id is None
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(root))
    assert git.run(root, "rev-parse", "HEAD")


def test_no_child_is_tied_to_the_callers_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOOK.items():
        monkeypatch.setenv(name, value)
    code = "import os; print(*(name for name in os.environ if name.startswith('GIT_')))"
    said = processes.run([sys.executable, "-c", code], timeout=60).stdout.split()
    assert not processes.REPOSITORY & {*said}
    # Nor where its environment is made from the caller's.
    given = processes.run([sys.executable, "-c", code], timeout=60, env={**os.environ, "A": "b"})
    assert not processes.REPOSITORY & {*given.stdout.split()}


def test_git_ties_itself_by_no_other_variable() -> None:
    done = processes.run(["git", "rev-parse", "--local-env-vars"], timeout=60)
    numbered = {"GIT_CONFIG_COUNT"}  # settings of the user's, of which git.py keeps some
    assert {*done.stdout.split()} - numbered <= processes.REPOSITORY


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no such names")
@pytest.mark.parametrize(
    "name", [b"caf\xe9.py", b"a\rb.py", b"a\nb.py", b" a ", "é\u2028".encode()]
)
def test_files_of_any_name_come_along(root: Path, tmp_path: Path, name: bytes) -> None:
    (root / os.fsdecode(name)).write_text("there")
    own = trees.repository(root)
    trees.export(own, None, tmp_path / "untracked")
    plain_git(root, "add", "--all")
    commit(root, "three", 3)
    trees.export(own, git.commit_of("HEAD", root), tmp_path / "committed")
    trees.export(own, None, tmp_path / "tracked")
    for folder in "untracked", "committed", "tracked":
        assert (tmp_path / folder / os.fsdecode(name)).read_text() == "there"


def test_a_repository_in_a_folder_of_any_name(tmp_path: Path) -> None:
    root = tmp_path / "a\nb\r"
    root.mkdir()
    plain_git(root, "init", "--quiet")
    commit(root, "one", 1)
    assert trees.repository(root).root == root.resolve()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in folders")
def test_a_file_that_became_a_pipe_is_not_waited_for(root: Path, tmp_path: Path) -> None:
    (root / "file").unlink()
    os.mkfifo(root / "file")
    (root / ".#file").symlink_to("nobody@nowhere.1")
    trees.export(trees.repository(root), None, tmp_path / "out")
    assert not (tmp_path / "out/file").exists()
    assert (tmp_path / "out/.#file").is_symlink()
