"""Child processes with a time limit that leave nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

END_SECONDS = 30.0
"""To wait for a process that was killed."""
REPOSITORY = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG",
        "GIT_CONFIG_PARAMETERS", "GIT_DIR", "GIT_GRAFT_FILE", "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX", "GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
    }
)  # fmt: skip
"""Variables that tie git to one repository, as a hook of git has them.

A build asks git for a version, a test makes a repository of its own: neither may reach the user's.
"""


def start(
    args: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    pass_fds: Collection[int] = (),
) -> subprocess.Popen[str]:
    """Start `args` without a shell, its output in a pipe, as the leader of a process group."""
    return subprocess.Popen(  # noqa: S603  an argument list, never a shell
        args,
        cwd=cwd,
        env=_unbound(env),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        pass_fds=pass_fds,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def run(
    args: Sequence[str],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `args` without a shell and capture its output.

    However it ends, the child's children end too (cargo's compilers, for instance).

    Raises
    ------
    subprocess.TimeoutExpired
        After `timeout` seconds.
    """
    child = start(args, cwd=cwd, env=env)
    try:
        stdout, stderr = child.communicate(timeout=timeout)
    finally:
        end(child)
    return subprocess.CompletedProcess(args, child.returncode, stdout, stderr)


@dataclass(frozen=True)
class Line:
    """A line that a child has written."""

    text: str
    seconds: float
    """When it came, after the start."""


@dataclass(frozen=True)
class Output:
    """What a child has written, and how it ended."""

    returncode: int
    lines: Sequence[Line]
    seconds: float
    """That it took."""


def run_by_line(args: Sequence[str], *, timeout: float, cwd: Path | None = None) -> Output:
    """Run `args` as `run` does, and note when each line came, of either stream.

    Raises
    ------
    subprocess.TimeoutExpired
        After `timeout` seconds.
    """
    started = time.monotonic()
    child = start(args, cwd=cwd, stderr=subprocess.STDOUT)
    lines: list[Line] = []

    def read() -> None:
        lines.extend(
            Line(text.rstrip("\n"), time.monotonic() - started) for text in child.stdout or ()
        )

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        returncode = child.wait(timeout)
        seconds = time.monotonic() - started
    finally:
        _kill_group(child)  # what outlives it may hold its output open
        reader.join(END_SECONDS)
        end(child)
    return Output(returncode, lines, seconds)


def run_bytes(
    args: Sequence[str], *, timeout: float, env: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    """Do the same in exactly this environment, and return the output as it is.

    Raises
    ------
    subprocess.TimeoutExpired
        After `timeout` seconds.
    """
    child = subprocess.Popen(  # noqa: S603  an argument list, never a shell
        args,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdout, stderr = child.communicate(timeout=timeout)
    finally:
        end(child)
    return subprocess.CompletedProcess(args, child.returncode, stdout, stderr)


def _unbound(env: Mapping[str, str] | None) -> dict[str, str]:
    """Return an environment without the variables that point git to the caller's repository."""
    given = os.environ if env is None else env
    return {name: value for name, value in given.items() if name.upper() not in REPOSITORY}


def wait_uncollected(child: subprocess.Popen[Any]) -> None:
    """Wait until `child` has ended; where the system can, leave it to be collected by `end`.

    Until then its number, which is its group's too, cannot be another's.
    """
    if not hasattr(os, "waitid"):
        child.wait()
        return
    with contextlib.suppress(ChildProcessError):  # somebody has collected it meanwhile
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


def end(child: subprocess.Popen[Any]) -> None:
    """Kill the process group of `child`, which may outlive it; collect it and its pipes.

    A child that the system cannot end now, stuck in a disk for instance, is left behind with no
    return code.
    """
    # Before it is collected: until then its number cannot be another's.
    _kill_group(child)
    try:
        child.wait(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        return  # its pipes are open: closing one would wait for the process that reads it
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def _kill_group(child: subprocess.Popen[Any]) -> None:
    if sys.platform == "win32":
        child.kill()
        return
    # None is left, or on macOS none but those that have ended and wait to be collected.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
