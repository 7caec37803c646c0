"""Source trees: the files of a revision, or of the working tree, in a folder of their own.

The user's index and working tree are only read. The working tree is what git would add with all
that is not ignored: changed, deleted and untracked files count.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.support import git, scratch
from pytest_duel.support.errors import DuelError
from pytest_duel.support.git import GitError

_SUBMODULE, _LINK = "160000", "120000"
_LEFT_OUT, _UNTRACKED = "S", "?"
"""The tags of files that a sparse checkout leaves out of the working tree, and of those that git
does not know."""
_USUAL = {"main": "master", "master": "main"}
"""The names that a main branch usually has."""
_AT_ONCE = 500
"""Names of files that one command is given."""
_SHA1 = 40
"""Characters of a key; those of SHA-256 are longer."""


class TreeError(DuelError):
    """A revision cannot be had; the message says why."""


@dataclass(frozen=True)
class Repository:
    """Where a project lives."""

    root: Path
    """Of the repository."""
    project: Path
    """The project's folder, relative to `root`."""


def repository(folder: Path) -> Repository:
    """Return the repository that a project's folder belongs to.

    Raises
    ------
    TreeError
        Where there is none, or no git.
    """
    try:
        root = git.folder(folder, "rev-parse", "--show-toplevel").resolve()
    except GitError as error:
        if "not a git repository" in str(error):
            raise TreeError(
                f"{folder} is not in a git repository, and the base is a revision of one"
            ) from None
        raise TreeError(str(error)) from None
    home = folder.resolve()
    if not home.is_relative_to(root):
        raise TreeError(
            f"{folder} is not in the working tree of its repository, which is {root}: git's "
            "setting core.worktree says so"
        )
    return Repository(root, home.relative_to(root))


def commit_of(revision: str, own: Repository) -> str:
    """Return the hash of a revision.

    Raises
    ------
    TreeError
        Where it is unknown; the message says what may help.
    """
    try:
        return git.commit_of(revision, own.root)
    except GitError as error:
        if "no revision" not in str(error):
            raise TreeError(str(error)) from None
        reason = f"there is no revision {revision!r}"
        if not _answer(own, "rev-parse", "--verify", "--quiet", "HEAD"):
            raise TreeError(f"{reason}: this repository has no commit yet") from None
        usual = _USUAL.get(revision, "")
        if usual and _answer(own, "rev-parse", "--verify", "--quiet", f"refs/heads/{usual}"):
            raise TreeError(f"{reason}, but there is {usual}: use that") from None
        if _answer(own, "rev-parse", "--is-shallow-repository") == "true":
            raise TreeError(f"{reason} in this shallow clone: {_how_to_fetch(revision)}") from None
        if _answer(own, "rev-parse", "--verify", "--quiet", f"origin/{revision}^{{commit}}"):
            raise TreeError(f"{reason}, but there is origin/{revision}: use that") from None
        if _answer(own, "remote"):
            reason += "; where a remote has it, `git fetch` that branch or tag first"
        raise TreeError(reason) from None


def lacking(own: Repository, base: str, head: str | None) -> int:
    """Return how many commits the base has that the head lacks; 0 where git cannot tell.

    Parameters
    ----------
    own
        Their repository.
    base, head
        Revisions; None is the working tree.
    """
    told = _answer(own, "rev-list", "--count", "--end-of-options", base, f"^{head or 'HEAD'}")
    return int(told or 0)


def _how_to_fetch(revision: str) -> str:
    """Say what brings a revision into a shallow clone: remotes know names and whole hashes."""
    all_of_it = "fetch all of the history with `git fetch --unshallow`"
    is_short = re.fullmatch(r"[0-9a-f]{4,39}", revision)
    if is_short or any(sign in revision for sign in "~^@:"):
        return all_of_it
    name = revision.removeprefix("refs/remotes/").removeprefix("origin/")
    return f"`git fetch --depth=1 origin {name}` and --base FETCH_HEAD, or {all_of_it}"


def version(own: Repository) -> str:
    """Return the last version that was tagged, for builds that ask git; both arms get the same."""
    tag = _answer(own, "describe", "--tags", "--abbrev=0")
    found = re.search(r"\d+(\.\d+)*", tag)
    return found.group() if found else "0.0"


def export(own: Repository, revision: str | None, folder: Path) -> list[str]:
    """Write the files of a revision, or of the working tree, into a folder that is new.

    Returns those of a revision that are not what git has, because a filter changed them.

    Raises
    ------
    TreeError
        Where that fails, or a submodule is not there.
    """
    folder.mkdir(parents=True)
    altered: list[str] = []
    try:
        if revision is None:
            _copy_working_tree(own.root, folder)
        else:
            altered = _check_out(own.root, revision, folder)
    except GitError as error:
        lacking = "promisor remote" in str(error)
        said = "this partial clone lacks files that its remote must give: " if lacking else ""
        raise TreeError(f"{said}{error}") from None
    _aim_links(own.root, folder)
    if not (folder / own.project).is_dir():
        raise TreeError(f"{revision or 'the working tree'} has no folder {own.project}")
    return altered


def _check_out(root: Path, revision: str, folder: Path) -> list[str]:
    """Write a revision by way of an index of its own; return what git does not have like this."""
    index = folder.with_name(folder.name + ".index")
    try:
        git.run(root, "read-tree", revision, index=index)
        git.run(root, "checkout-index", "--all", f"--prefix={folder}{os.sep}", index=index)
    finally:
        index.unlink(missing_ok=True)
    altered = []
    for entry in git.paths(root, "ls-tree", "-r", "-z", revision):
        about, _, name = entry.partition("\t")
        mode, _, key = about.split(" ")
        if mode == _SUBMODULE:
            inner = _check_out_submodule(root / name, name, key, folder / name)
            altered += [f"{name}/{one}" for one in inner]
        elif not (_is_link if mode == _LINK else _is_blob)(folder / name, key):
            altered.append(name)
    return altered


def _is_link(path: Path, key: str) -> bool:
    """Tell whether a link is what git has; where core.symlinks is off it is a file of text."""
    return path.is_symlink() and _key(os.fsencode(path.readlink()), key) == key


def _is_blob(path: Path, key: str) -> bool:
    """Tell whether a file is what git has under a key.

    Ends of lines may be as the user has them, and files of git-lfs stand for their pointers.
    """
    if not path.is_file():
        return False
    content = path.read_bytes()
    pointer = (
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{hashlib.sha256(content).hexdigest()}\nsize {len(content)}\n"
    )
    same = (content, content.replace(b"\r\n", b"\n"), pointer.encode())
    return any(_key(one, key) == key for one in same)


def _key(content: bytes, like: str) -> str:
    """Return the key of a blob, of the same kind as another."""
    kind = "sha1" if len(like) == _SHA1 else "sha256"
    return hashlib.new(kind, b"blob %d\0" % len(content) + content).hexdigest()


def _check_out_submodule(inner: Path, name: str, commit: str, folder: Path) -> list[str]:
    if not (inner / ".git").exists():
        return []  # it is not initialised here, so the head does without it, too
    try:
        git.run(inner, "cat-file", "-e", f"{commit}^{{commit}}")
    except GitError:
        raise TreeError(
            f"the submodule {name} lacks the commit {commit[:10]}: "
            f"run `git -C {name} fetch origin {commit}`"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    return _check_out(inner, commit, folder)


def _copy_working_tree(root: Path, folder: Path) -> None:
    tagged = git.paths(root, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    tags = {name: tag for tag, _, name in (entry.partition(" ") for entry in tagged)}
    gates = tuple(
        name.removesuffix(scratch.MARK) for name in tags if name.endswith(f"/{scratch.MARK}")
    )  # folders for what is temporary may be in the tree
    for name in tags:
        source, target = root / name, folder / name
        if name.startswith(gates):
            continue
        if source.is_dir() and not source.is_symlink():
            # A submodule. Others are no part of this repository, such as its own worktrees.
            if tags[name] != _UNTRACKED and (source / ".git").exists():
                _copy_working_tree(source, target)
        elif source.is_file() or source.is_symlink():  # what was deleted, or became a pipe, is not
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(source, target)
    lacking = [name for name, tag in tags.items() if tag == _LEFT_OUT and not _exists(root / name)]
    _check_out_some(root, lacking, folder)


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copy2(source, target, follow_symlinks=False)
    except OSError as error:
        raise TreeError(
            f"{source} cannot be copied: {error.strerror or error}; of the working tree, only "
            "what git ignores is left out"
        ) from None


def _check_out_some(root: Path, names: Sequence[str], folder: Path) -> None:
    """Write files that a sparse checkout leaves out, as the last commit has them."""
    if not names:
        return
    folder.mkdir(parents=True, exist_ok=True)
    index = folder.with_name(folder.name + ".index")
    try:
        git.run(root, "read-tree", "HEAD", index=index)
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            prefix = f"--prefix={folder}{os.sep}"
            git.run(root, "checkout-index", "--quiet", prefix, "--", *some, index=index)
    finally:
        index.unlink(missing_ok=True)


def _exists(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def _aim_links(root: Path, folder: Path) -> None:
    """Aim links that name a place in the repository in full at the same place in the folder.

    Else they would lead both sides to the user's working tree.
    """
    for home, folders, names in os.walk(folder):
        for path in (Path(home, name) for name in (*folders, *names)):
            if path.is_symlink() and path.readlink().is_absolute():
                target = Path(os.path.realpath(path.readlink()))
                if target.is_relative_to(root):
                    path.unlink()
                    path.symlink_to(folder / target.relative_to(root))


def _answer(own: Repository, *arguments: str) -> str:
    try:
        return git.run(own.root, *arguments).strip()
    except GitError:
        return ""
