"""Child processes with a time limit that leave nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

END_SECONDS = 30.0
"""To wait for a process that was killed."""


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
        env=env,
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


def end(child: subprocess.Popen[str]) -> None:
    """Kill the process group of `child`, which may outlive it; collect it and its pipes.

    A child that the system cannot end now, stuck in a disk for instance, is left behind with no
    return code.
    """
    # Before it is collected: until then its number cannot be another's.
    _kill_group(child)
    try:
        child.wait(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        return  # its pipes are open, and closing one would wait for whoever reads it
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def _kill_group(child: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        child.kill()
        return
    # None is left, or on macOS none but those that have ended and wait to be collected.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
