"""Make the code of a revision importable: in a folder of its own, with its wheel beside it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench import wheel
from bench.engine import Arm
from pytest_duel.support import processes

ROOT = wheel.ROOT
PACKAGE = "easy_marl"
GIT_SECONDS = 120.0


class ArmError(Exception):
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
    """What the arm imports: the package, and beside it the unpacked wheel."""


@contextmanager
def prepared(
    revision: str | None, root: Path = ROOT, *, flags: str = "", cache: Path = wheel.CACHE
) -> Iterator[Checkout]:
    """Yield a revision, or the working tree, built as every other.

    Its folder goes when the context ends; its name is as long for every arm, because the length
    of a path moves what lies in memory after it. The wheel stays in the cache, where an equal
    source shares it.

    Parameters
    ----------
    revision
        None is the working tree.
    root
        Of the repository.
    flags
        More of them for the Rust compiler.
    cache
        Where wheels are kept.

    Raises
    ------
    ArmError
        Where there is no such revision.
    wheel.WheelError
        Where its wheel does not build.
    """
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="arm-")))
        tree = root if revision is None else stack.enter_context(_worktree(revision, root, home))
        code = home / "code"
        for folder in (wheel.MODULE, PACKAGE):
            if not (tree / folder).is_dir():
                raise ArmError(f"{revision or tree} has no folder {folder}")
        wheel.unpack(wheel.build(tree / wheel.MODULE, cache, flags), code)
        shutil.copytree(
            tree / PACKAGE, code / PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
        )
        arm = Arm(
            name=revision or "working tree",
            paths=(str(code), str(root)),
            environment={"NUMBA_CACHE_DIR": str(home / "compiled")},
            own=(PACKAGE, wheel.MODULE),
        )
        yield Checkout(arm, tree, code)


@contextmanager
def _worktree(revision: str, root: Path, home: Path) -> Iterator[Path]:
    commit = commit_of(revision, root)
    tree = home / "tree"
    try:
        _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
        yield tree
    finally:  # half a worktree goes like a whole one
        with suppress(ArmError):
            _git(root, "worktree", "remove", "--force", str(tree))


def commit_of(revision: str, root: Path = ROOT) -> str:
    """Return the hash of a revision.

    Raises
    ------
    ArmError
        Where there is no such revision.
    """
    try:
        commit = f"{revision}^{{commit}}"
        return _git(root, "rev-parse", "--verify", "--end-of-options", commit).strip()
    except ArmError as error:
        raise ArmError(f"there is no revision {revision!r} ({error})") from None


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = processes.run(command, timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArmError(f"git {arguments[0]} failed: {error}") from None
    if done.returncode:
        raise ArmError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
