"""Make the code of a revision importable: in a folder of its own, with its wheel beside it."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import processes, wheel
from bench.engine import Arm

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


@contextmanager
def prepared(revision: str | None, root: Path = ROOT) -> Iterator[Arm]:
    """Yield the arm for a revision, or for the working tree, built as every other.

    Its folder goes when the context ends; the wheel stays in the cache, where an equal source
    shares it.

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
        wheel.unpack(wheel.build(tree / "rust_market"), code)
        shutil.copytree(
            tree / PACKAGE, code / PACKAGE, ignore=shutil.ignore_patterns("__pycache__")
        )
        yield Arm(
            name=revision or "working tree",
            paths=(str(code), str(root)),
            environment={"NUMBA_CACHE_DIR": str(home / "compiled")},
        )


@contextmanager
def _worktree(revision: str, root: Path, home: Path) -> Iterator[Path]:
    commit = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()
    if not commit:
        raise ArmError(f"there is no revision {revision!r}")
    tree = home / "tree"
    _git(root, "worktree", "add", "--quiet", "--detach", str(tree), commit)
    try:
        yield tree
    finally:
        _git(root, "worktree", "remove", "--force", str(tree))


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    try:
        done = processes.run(command, timeout=GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArmError(f"git {arguments[0]} failed: {error}") from None
    if done.returncode and "--quiet" not in arguments:
        raise ArmError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout
