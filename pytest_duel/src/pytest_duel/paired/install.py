"""Make the code of a revision importable: from a folder of its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_duel.catalogue.project import Project
from pytest_duel.paired.engine import Arm
from pytest_duel.support import git
from pytest_duel.support.errors import DuelError


class ArmError(DuelError):
    """A revision cannot be measured; the message says why."""


@dataclass(frozen=True)
class ArmName:
    """What a user calls an arm: ``[REVISION:]BACKEND``."""

    revision: str | None
    """None: the working tree, uncommitted changes included."""
    backend: str

    @classmethod
    def parse(cls, text: str) -> "ArmName":
        """Read ``rust`` or ``HEAD~3:rust``."""
        revision, _, backend = text.rpartition(":")
        return cls(revision or None, backend)

    def __str__(self) -> str:
        return f"{self.revision}:{self.backend}" if self.revision else self.backend


@dataclass(frozen=True)
class Checkout:
    """A revision whose code can be measured."""

    arm: Arm
    tree: Path
    """Its source tree."""
    code: Path
    """What the arm imports."""


@contextmanager
def prepared(revision: str | None, project: Project, placement: str = "") -> Iterator[Checkout]:
    """Yield a revision, or the working tree, made importable as every other.

    Its folder goes when the context ends; its name is as long for every arm, because the length
    of a path moves what lies in memory after it.

    Parameters
    ----------
    revision
        None is the working tree.
    project
        Tells how its code is made importable.
    placement
        A name for another placement of its native code.

    Raises
    ------
    ArmError, DuelError
        Where there is no such revision, or its code cannot be built.
    """
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="arm-")))
        root = project.root
        tree = root if revision is None else stack.enter_context(_worktree(revision, root, home))
        code = home / "code"
        code.mkdir()
        try:
            project.prepare(tree, code, placement)
        except ArmError as error:
            raise ArmError(f"{revision or tree}: {error}") from error
        arm = Arm(
            name=revision or "working tree",
            paths=(str(code), str(root)),
            environment={"NUMBA_CACHE_DIR": str(home / "compiled")},
            own=project.packages,
        )
        yield Checkout(arm, tree, code)


def copy_package(tree: Path, code: Path, name: str) -> None:
    """Copy a package of pure Python from a source tree, without what was compiled of it."""
    shutil.copytree(tree / name, code / name, ignore=shutil.ignore_patterns("__pycache__"))


@contextmanager
def _worktree(revision: str, root: Path, home: Path) -> Iterator[Path]:
    tree = home / "tree"
    try:
        commit = git.commit_of(revision, root)
        git.run(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        yield tree
    finally:  # half a worktree goes like a whole one
        with suppress(git.GitError):
            git.run(root, "worktree", "remove", "--force", str(tree))
