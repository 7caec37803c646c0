"""Count the instructions of a call with valgrind's callgrind: the same number every time.

Evidence beside the timing, never instead of it: it knows nothing of caches, of branches guessed
wrong, or of how many instructions run at once. `callgrind_worker` runs two loops over the same
calls, one longer than the other, and what they differ by is divided by the calls that they differ
by, so start-up cancels. The interpreter's share of a call is in it, alike for both arms.

Valgrind's processor is not this one (no AVX-512, for instance), and numba compiles for the
plainest of its kind, because code compiled for this processor might not run there.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_duel.paired.engine import GARBAGE, Arm, usable_cpus
from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

WORKER = Path(__file__).resolve().parent / "callgrind_worker.py"
SECONDS = 300.0
"""For one process; under callgrind a program takes some fifty times as long."""
TRIAL_SECONDS = 60.0
POLL_SECONDS = 0.2
SAID_LINES = 3
"""How much of what a process last said is passed on."""

MARKS = ("getpgid", "__getpgid")
"""What `callgrind_worker.mark` calls, by the names that C libraries have for it."""
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",  # idle threads spin
    "OMP_NUM_THREADS": "1",
    "NUMBA_CPU_NAME": "generic",
}

_NO_STOP = threading.Event()


class CountError(DuelError):
    """Instructions cannot be counted; the message says why."""


@dataclass(frozen=True)
class Count:
    """What callgrind counted of a case."""

    calls: tuple[int, int]
    """In the shorter and in the longer loop."""
    instructions: tuple[int, int]
    """In all, of each loop."""

    @property
    def per_call(self) -> float:
        """Return the instructions of one call."""
        short, long = self.instructions
        return (long - short) / (self.calls[1] - self.calls[0])


@dataclass(frozen=True)
class Counted:
    """Instructions of one call on two arms."""

    base: float
    head: float

    @property
    def change(self) -> float:
        """Return how much more head takes, as a share."""
        return self.head / self.base - 1


def unavailable() -> str | None:
    """Return why nothing can be counted here; None where it can."""
    if not sys.platform.startswith("linux"):
        return f"instructions are counted on Linux only, and this is {sys.platform}"
    try:
        with tempfile.TemporaryDirectory(prefix="counts-") as name:
            command = [*_callgrind(Path(name)), sys.executable, "-c", "pass"]
            _run(command, os.environ, "Python", TRIAL_SECONDS, _NO_STOP)
    except CountError as error:
        return str(error)
    return None


def count(
    arm: Arm, case: Sequence[Any], catalogue: str, stop: threading.Event = _NO_STOP
) -> Count:
    """Count the instructions of a case on one arm.

    Parameters
    ----------
    arm
        The code.
    case
        (kernel, backend, scenario, n), of a kernel that does not time itself.
    catalogue
        ``module:function`` that returns the catalogue.
    stop
        Another thread may set it to give the count up.

    Raises
    ------
    CountError
        Where valgrind is missing, or the program fails, dies or hangs, with valgrind or without.
    """
    request = {"paths": arm.paths, "catalogue": catalogue, "case": list(case)}
    program = [sys.executable, "-P", str(WORKER), json.dumps(request)]
    environment = os.environ | dict(arm.environment) | ENVIRONMENT
    with tempfile.TemporaryDirectory(prefix="counts-") as name:
        command = [*_callgrind(Path(name)), *program]
        # Without valgrind first: whatever is compiled and kept on disk is compiled much faster.
        _reply(_run(program, environment, arm.name, SECONDS, stop), arm.name)
        said = _run(command, environment, f"{arm.name} under valgrind", SECONDS, stop)
        calls = _reply(said, arm.name)
        return Count(calls, _loops(Path(name)))


def compare(
    arms: tuple[Arm, Arm],
    cases: Mapping[str, Sequence[Any]],
    catalogue: str,
    announce: Callable[[str], None],
) -> tuple[dict[str, Counted], dict[str, str]]:
    """Count cases on two arms, as many at a time as there are CPUs; never while others are timed.

    Returns
    -------
    dict, dict
        What was counted, by name, and why the others were not.
    """
    reason = unavailable()
    if reason:
        return {}, dict.fromkeys(cases, reason)
    counted: dict[str, list[float]] = {name: [0.0, 0.0] for name in cases}
    errors: dict[str, str] = {}
    stop = threading.Event()
    with ThreadPoolExecutor(len(usable_cpus())) as pool:
        futures = {
            pool.submit(count, arm, case, catalogue, stop): (name, slot)
            for name, case in cases.items()
            for slot, arm in enumerate(arms)
        }
        try:
            for done, future in enumerate(as_completed(futures), 1):
                name, slot = futures[future]
                try:
                    counted[name][slot] = future.result().per_call
                except (CountError, OSError) as error:
                    errors[name] = str(error)
                except GARBAGE as error:
                    errors[name] = f"garbage: {error!r}"
                announce(f"counting instructions: {done} of {len(futures)}")
        finally:
            stop.set()  # for an interrupt: what runs ends soon, and the rest at once
    return {name: Counted(*both) for name, both in counted.items() if name not in errors}, errors


def _callgrind(home: Path) -> list[str]:
    """Return how to start a program under callgrind, with a file in `home` at each mark."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountError("valgrind is not installed: get it from the system's package manager")
    marks = [f"--dump-before={name}" for name in MARKS]
    return [
        valgrind,
        "--command-line-only=yes",
        "--quiet",
        "--tool=callgrind",
        f"--callgrind-out-file={home / 'counts'}",
        *marks,
    ]


def _run(
    command: Sequence[str],
    environment: Mapping[str, str],
    name: str,
    seconds: float,
    stop: threading.Event,
) -> str:
    """Run a program to its end; return what it printed."""
    if stop.is_set():
        raise CountError("the count was given up")
    try:
        child = processes.start(command, env=environment)
    except OSError as error:
        raise CountError(f"{name} did not start: {error}") from None
    until = time.monotonic() + seconds
    try:
        while True:
            try:
                stdout, stderr = child.communicate(timeout=POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    raise CountError("the count was given up") from None
                if time.monotonic() > until:
                    raise CountError(f"{name} did not end in {seconds:.0f} s") from None
    finally:
        processes.end(child)
    if child.returncode:
        raise CountError(f"{name} {_death(child.returncode)}{_last_words(stderr)}")
    return stdout


def _death(code: int) -> str:
    if code > 0:
        return f"failed with exit code {code}"
    try:
        return f"died with {signal.Signals(-code).name}"
    except ValueError:
        return f"died with signal {-code}"


def _last_words(stderr: str) -> str:
    """Return the last lines, without the process id that valgrind puts before its own."""
    lines = [re.sub(r"^(==|--)\d+\1 ?", "", line).strip() for line in stderr.splitlines()]
    said = " / ".join([line for line in lines if line][-SAID_LINES:])
    return f": {said}" if said else ""


def _reply(printed: str, name: str) -> tuple[int, int]:
    """Return the calls of both loops."""
    try:
        reply = json.loads(printed)
        if "error" in reply:
            raise CountError(f"{name}: {reply['error']}")
        short, long = map(int, reply["calls"])
        if not 0 < short < long:
            raise ValueError("the second loop must be longer")
    except (*GARBAGE, RecursionError):
        raise CountError(f"{name} printed garbage: {printed.strip()[:80]!r}") from None
    return short, long


def _loops(home: Path) -> tuple[int, int]:
    """Return the instructions of both loops: what ran before the second and the third mark."""
    totals = []
    for path in sorted(home.glob("counts.*")):
        text = path.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"^totals: (\d{1,18})$", text, re.MULTILINE)
        totals.append(int(found[1]) if found else 0)
    if len(totals) != 3 or not 0 < totals[1] < totals[2]:
        raise CountError(f"callgrind did not see the loops: it counted {totals} between the marks")
    return totals[1], totals[2]
