"""Child processes with a time limit that leave nothing behind."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def start(
    args: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """Start `args` without a shell, its output in a pipe, as the leader of a process group."""
    return subprocess.Popen(  # noqa: S603  an argument list, never a shell
        args,
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=stderr,
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

    A time-out or an interrupt ends the child's children too (cargo's compilers, for instance).

    Raises
    ------
    subprocess.TimeoutExpired
        After `timeout` seconds.
    """
    with start(args, cwd=cwd, env=env) as child:
        try:
            stdout, stderr = child.communicate(timeout=timeout)
        except BaseException:
            _kill_group(child)
            raise
    return subprocess.CompletedProcess(args, child.returncode, stdout, stderr)


def end(child: subprocess.Popen[str]) -> None:
    """Kill `child`, with its process group, unless it has ended; collect it and its pipes."""
    if child.poll() is None:
        _kill_group(child)
        child.wait(timeout=30)
    for stream in (child.stdin, child.stdout, child.stderr):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def _kill_group(child: subprocess.Popen[str]) -> None:
    if sys.platform == "win32":
        child.kill()
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
