"""The commit that was measured: asked of git, kept in a saved run, read from one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_duel.support import git

_PLACEHOLDERS = ("", "unversioned", "unknown", "none")
"""The id that pytest-benchmark writes if there is no commit, or git fails."""


@dataclass(frozen=True)
class CommitInfo:
    """The commit of the code that was measured."""

    id: str | None = None
    """Its hash; None where it is unknown."""
    dirty: bool | None = None
    """Whether there were uncommitted changes; None if unknown."""
    time: str = ""
    """It was committed at, ISO 8601; empty where unknown."""
    project: str = field(default="", compare=False)
    """The name of the project; empty where unknown."""

    @property
    def clean(self) -> bool:
        """Tell whether this commit is known to be all that was measured."""
        return self.id is not None and self.dirty is False

    def __str__(self) -> str:
        if self.id is None:
            return "an unknown commit"
        return self.id[:10] + (" with uncommitted changes" if self.dirty else "")


def read(saved: Mapping[str, Any]) -> CommitInfo:
    """Read what pytest-benchmark or a command of ours has saved under ``commit``."""
    own, dirty, time, project = (saved.get(name) for name in ("id", "dirty", "time", "project"))
    project = project if isinstance(project, str) else ""
    if not isinstance(own, str) or own.strip().lower() in _PLACEHOLDERS:
        return CommitInfo(project=project)
    return CommitInfo(
        id=own.strip(),
        dirty=dirty if isinstance(dirty, bool) else None,
        time=time if isinstance(time, str) else "",
        project=project,
    )


def describe(folder: Path, project: str | None = None) -> dict[str, Any]:
    """Return the commit of the code in a folder, as a saved run keeps it.

    The names are pytest-benchmark's. What is unknown is None: without git, outside of a
    repository, in one that has no commit yet, or where it holds no file of this folder.
    """
    found: dict[str, Any] = {
        "id": None, "time": None, "author_time": None, "dirty": None,
        "project": project or folder.resolve().name, "branch": None,
    }  # fmt: skip
    try:
        if not git.paths(folder, "ls-files", "-z", "--cached", "--", "."):
            return found | {"error": f"no file in {folder.name} is under version control"}
        shown = git.run(folder, "rev-list", "--no-walk", "--format=%cI%n%aI", "HEAD")
        heading, time, author_time = shown.split("\n")[:3]
        changed = git.paths(
            folder, "status", "--porcelain", "-z", "--untracked-files=no",
            "--ignore-submodules=none", "--no-renames",
        )  # fmt: skip
        branch = git.run(folder, "rev-parse", "--abbrev-ref", "HEAD").strip()
    except git.GitError as error:
        return found | {"error": str(error)}
    return found | {
        "id": heading.removeprefix("commit "),
        "time": time,
        "author_time": author_time,
        "dirty": bool(changed),
        "project": project or _name(folder),
        "branch": "(detached head)" if branch == "HEAD" else branch,
    }


def tag(info: Mapping[str, Any]) -> str:
    """Return the name of an unnamed run, as pytest-benchmark gives it."""
    commit, now = read(info), datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
    return f"{commit.id or 'unversioned'}_{now}" + ("_uncommitted-changes" if commit.dirty else "")


def _name(folder: Path) -> str:
    """Return the project's name: the last part of where it comes from, or its folder's."""
    try:
        address = git.run(folder, "config", "--get", "remote.origin.url").strip().rstrip("/\\")
    except git.GitError:
        return git.folder(folder, "rev-parse", "--show-toplevel").name
    return address.removesuffix(".git").replace("\\", "/").replace(":", "/").rpartition("/")[2]
