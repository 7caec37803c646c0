"""The one way to call git: with a time limit, and independent of variables and settings."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

SECONDS = 120.0
PREFIX = "GIT_"
KEPT = frozenset(
    {
        "GIT_ALLOW_PROTOCOL", "GIT_ASKPASS", "GIT_ATTR_NOSYSTEM", "GIT_CEILING_DIRECTORIES",
        "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH", "GIT_LFS_SKIP_SMUDGE", "GIT_SSH",
        "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_TERMINAL_PROMPT",
    }
)  # fmt: skip
"""Variables of git for paths and access. They do not change what it answers.

One of them leaves the pointers of git-lfs in a working tree. A revision has to be written
likewise, or its files would differ from those beside it, and be fetched in each gate.
"""
_KEPT_SETTINGS = ("safe.", "credential.", "http.", "url.")
"""The same for settings given in variables, as continuous integration does."""
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.sparseCheckout": "false",  # a revision is all of it
    "core.splitIndex": "false",  # its other half would stay in the user's repository
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "color.ui": "false",
    "log.showSignature": "false",
    "i18n.logOutputEncoding": "UTF-8",
}
"""Nothing of the user's runs along, and nothing is printed but what was asked for.

Other settings are left as they are: filters and line ends need them.
"""


class GitError(DuelError):
    """Git failed, or there is none; the message says why."""


def run(root: Path, *arguments: str, index: Path | None = None) -> str:
    """Run a git command in a repository, and return its output.

    Git's own variables, such as GIT_DIR and GIT_INDEX_FILE, which a hook sets, are taken out:
    with them a command would write to the index of the caller's. No hook runs.

    Parameters
    ----------
    root
        A folder of the repository.
    arguments
        The command. Only the output of plumbing commands is independent of the user's settings.
    index
        A file to use as the index, in place of the user's.

    Raises
    ------
    GitError
        Where it does not end with 0.
    """
    return _output(root, arguments, index).decode("utf-8", "replace")


def paths(root: Path, *arguments: str) -> list[str]:
    """Run a git command with `-z`, and return its entries.

    Names of files may hold anything else, line ends and bytes that are no text included.
    """
    return [os.fsdecode(one) for one in _output(root, arguments).split(b"\0") if one]


def folder(root: Path, *arguments: str) -> Path:
    """Return the one path that a command prints."""
    return Path(os.fsdecode(_output(root, arguments).removesuffix(b"\n")))


def _output(root: Path, arguments: tuple[str, ...], index: Path | None = None) -> bytes:
    settings = [f"{name}={value}" for name, value in _SETTINGS.items()]
    settings += _given_settings(os.environ)
    options = [part for one in settings for part in ("-c", one)]
    own = {} if index is None else {"GIT_INDEX_FILE": str(index)}
    command = ["git", "--no-pager", *options, "-C", str(root), *arguments]
    try:
        done = processes.run_bytes(command, timeout=SECONDS, env=environment(os.environ) | own)
    except FileNotFoundError:
        raise GitError("there is no git: install it, or put it on PATH") from None
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise GitError(f"git {arguments[0]} failed: {error}") from None
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise GitError(f"git {arguments[0]} failed: {said or f'exit code {done.returncode}'}")
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
        key = _key_of(revision, root)
        if key in ("", revision):  # a whole hash stands for itself, whether it is here or not
            raise GitError(f"there is no revision {revision!r} ({error})") from None
        raise GitError(
            f"{revision!r} is {key[:10]}, which git cannot read as a commit ({error})"
        ) from None


def _key_of(revision: str, root: Path) -> str:
    """Return the hash that a name stands for, whatever is behind it, or nothing."""
    try:
        return run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", revision).strip()
    except GitError:
        return ""


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables for git to run with: none of its own that changes what it does.

    `git replace` can put other content under the hash of a commit or of a file. What is measured
    is called by its hash, so it is what that stands for everywhere else.
    """
    kept = {
        name: value
        for name, value in variables.items()
        if not name.upper().startswith(PREFIX) or name.upper() in KEPT
    }
    own = {"GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
    return kept | own | {"LC_ALL": "C"}


def _given_settings(variables: Mapping[str, str]) -> Iterator[str]:
    """Yield the settings in variables that are kept, as GIT_CONFIG_COUNT numbers them."""
    number = variables.get("GIT_CONFIG_COUNT", "")
    for one in range(int(number) if number.isascii() and number.isdecimal() else 0):
        name = variables.get(f"GIT_CONFIG_KEY_{one}")
        if name is None:
            return
        if name.lower().startswith(_KEPT_SETTINGS):
            yield f"{name}={variables.get(f'GIT_CONFIG_VALUE_{one}', '')}"
