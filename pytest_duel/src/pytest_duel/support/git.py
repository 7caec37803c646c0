"""The one way to call git, whatever the variables of a hook say, and with a time limit."""

import os
import subprocess
from functools import cache
from pathlib import Path

from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

SECONDS = 120.0


class GitError(DuelError):
    """Git failed, or there is none; the message says why."""


_SETTINGS = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false")
"""Nothing of the user's runs along; other settings are left as they are, for filters need them."""


def run(root: Path, *arguments: str, index: Path | None = None) -> str:
    """Return what a git command prints that is run in a repository.

    Variables such as GIT_DIR and GIT_INDEX_FILE, which a hook sets, are taken out: with them a
    new worktree would rewrite the index of the caller's. No hook runs.

    Parameters
    ----------
    root
        A folder of the repository.
    arguments
        The command. Only plumbing prints the same whatever the user has configured.
    index
        A file to use as the index, in place of the user's.

    Raises
    ------
    GitError
        Where it does not end with 0.
    """
    command = ["git", *_SETTINGS, "-C", str(root), *arguments]
    own = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    if index is not None:
        own["GIT_INDEX_FILE"] = str(index)
    try:
        done = processes.run(command, timeout=SECONDS, env=_environment() | own)
    except FileNotFoundError:
        raise GitError("there is no git: install it, or put it on PATH") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git {arguments[0]} failed: {error}") from None
    if done.returncode:
        raise GitError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def commit_of(revision: str, root: Path) -> str:
    """Return the hash of a revision.

    Raises
    ------
    GitError
        Where there is no such revision.
    """
    try:
        commit = f"{revision}^{{commit}}"
        return run(root, "rev-parse", "--verify", "--end-of-options", commit).strip()
    except GitError as error:
        raise GitError(f"there is no revision {revision!r} ({error})") from None


def _environment() -> dict[str, str]:
    local = _local_variables()
    return {name: value for name, value in os.environ.items() if name not in local}


@cache
def _local_variables() -> frozenset[str]:
    """Return the variables that tie git to one repository, as git itself lists them."""
    try:
        done = processes.run(["git", "rev-parse", "--local-env-vars"], timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(done.stdout.split())
