"""The engine's end of the talk with a worker that is pytest: starting it, asking it, ending it."""

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_duel.paired import channel
from pytest_duel.paired.client import TIMEOUT, HangError, RefusalError, SideError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.sides import ENDING, Launch, Launched
from pytest_duel.support import harness, processes
from pytest_duel.support.tracing import untraced

COLLECTING = 600.0
"""Seconds to wait for the tests to be collected."""
LAST_WORDS = 2000
"""Characters of its output that are looked at when a worker has died."""
DRAINING = 1.0
"""Seconds for what a worker sent before it ended to be read."""
SHOWN = 80
"""Characters that are shown of an answer that makes no sense."""
_UNWANTED = (
    "PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_XDIST_WORKER", "PYTHONSTARTUP",
    "PYTHONPYCACHEPREFIX",
)  # fmt: skip
"""Variables that would change what a worker does, besides those that have it traced."""

_OPTIMIZED = (
    "assertions not in test modules or plugins will be ignored",
    "Module already imported so cannot be rewritten",
)
"""What pytest warns of where PYTHONOPTIMIZE is set: there are no assertions, nor the docstring
that would keep it from rewriting ours. A project may make warnings errors."""


@dataclass(frozen=True)
class Suite:
    """The tests that both arms run."""

    folder: Path
    """Where pytest is started: the project's folder in the head's tree."""
    scratch: Path
    """A folder for files of workers."""
    arguments: tuple[str, ...] = ()
    """Arguments of pytest: files, `-k`, `-m`, the root folder and the settings file."""
    benchmarks: tuple[str, ...] = ()
    """Names of the benchmarks to measure; if empty, any."""
    checks: bool = False
    """Workers check answers; nothing is timed in them."""
    inner: Mapping[str, str] = field(default_factory=dict)
    """Test modules that lie within a package of the arm, and the folders that hold them."""
    path: tuple[str, ...] = ()
    """Folders to import dependencies from, behind those of the arm."""
    selection: tuple[str, ...] = ()
    """Arguments that hold whatever it is restricted to. Without them the project's own `addopts`
    would choose other tests, and its options make other ones."""

    def restricted(self, arguments: Sequence[str]) -> "Suite":
        """Return the same with other arguments besides those of its selection."""
        return replace(self, arguments=(*self.selection, *arguments))


class PytestSide:
    """A worker process that is pytest.

    Parameters
    ----------
    arm
        The code to measure.
    tests
        What it runs.
    cpus
        To be pinned to; none is no pinning.
    seed
        Of hashing; ``random`` draws one.
    before
        A program, with its arguments, that runs the worker.
    """

    def __init__(
        self,
        arm: Arm,
        tests: Suite,
        cpus: Sequence[int] = (),
        seed: str = "random",
        before: Sequence[str] = (),
    ) -> None:
        self.name = arm.name
        self._is_well = True
        """It has answered all that it was asked, and can be expected to end by itself."""
        self._is_dismissed = False
        self._is_closed = False
        self._sending = threading.Lock()
        self._closing = threading.Lock()
        self._ended = threading.Event()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        own = tempfile.mkdtemp(prefix="worker-", dir=tests.scratch)
        self._log = Path(own) / "output"
        talk, child = channel.connect()
        self._talk = talk
        try:
            with self._log.open("wb") as log:
                self._process = processes.start(
                    [*before, *_command(arm, tests, own)],
                    cwd=tests.folder,
                    env=environment(arm, own, seed, tests.path) | child.environment,
                    stdout=log.fileno(),
                    stderr=subprocess.STDOUT,
                    pass_fds=child.descriptors,
                )
        finally:
            child.close()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        threading.Thread(target=self._watch, daemon=True).start()
        self.hello = {
            "do": "hello", "cpus": list(cpus), "modules": arm.modules, "placed": arm.placed,
            "tests": tests.inner, "benchmarks": tests.benchmarks, "checks": tests.checks,
            "scratch": str(tests.scratch),
        }  # fmt: skip
        """The first request. The answer has what the worker has collected."""

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        """Ask, and return the answer.

        Raises
        ------
        SideError
            Where the process died, hung, answered with an error, or with what is no answer.
        """
        try:
            with self._sending:
                self._talk.send(request)
            line = self._lines.get(timeout=timeout)
        except (OSError, ValueError):  # its pipe is broken, or closed
            line = ""
        except queue.Empty:
            self._is_well = False
            raise HangError(f"{self.name} did not answer in {timeout:.0f} s") from None
        except KeyboardInterrupt:
            self._is_well = False
            raise
        if not line:
            self.close(ENDING if self._is_dismissed else 0.0)
            raise SideError(f"{self.name} {self._ending()}")
        reply = self._read(line)
        if "error" in reply:
            raise RefusalError(self.name, reply["error"])
        return reply

    def _read(self, line: str) -> dict[str, Any]:
        with suppress(ValueError, RecursionError):
            if isinstance(reply := json.loads(line), dict):
                return reply
        self._is_well = False
        raise SideError(f"{self.name} sent garbage: {line.strip()[:SHOWN]!r}")

    def dismiss(self) -> None:
        """Let the process end as pytest does, fixtures torn down; do not wait for it."""
        if self._is_well and self._sending.acquire(blocking=False):
            try:
                self._is_dismissed = True
                self._talk.finish()
            finally:
                self._sending.release()

    def close(self, seconds: float = ENDING) -> None:
        """End the process, and those that it started.

        It has some seconds to end by itself, unless it hangs or has gone wrong.
        """
        self.dismiss()
        if self._is_well:
            self._ended.wait(seconds)
        with self._closing:  # whoever is second must not kill what has its number by then
            if not self._is_closed:
                processes.end(self._process)
                self._is_closed = self._process.returncode is not None

    def _listen(self) -> None:
        """Pass lines on."""
        try:
            while line := self._talk.receive():
                self._lines.put(line)
        except ValueError:  # it is closed, or no text
            pass
        self._talk.close()

    def _watch(self) -> None:
        """Say that there are no more lines, once what the process has sent last is read.

        Its children may hold the pipe open, so the end of the lines is not waited for.
        """
        processes.wait_uncollected(self._process)
        self._ended.set()
        self._listener.join(DRAINING)
        self._lines.put("")

    def _ending(self) -> str:
        code = self._process.returncode
        if code is None:
            how = "does not answer, and cannot be ended"
        elif code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code}"
        said = self._log.read_text(encoding="utf-8", errors="replace")[-LAST_WORDS:]
        lines = [line.strip() for line in said.splitlines() if line.strip(" =\t")]
        errors = [line for line in lines if line.startswith(("E  ", "ERROR", "INTERNALERROR> E"))]
        return how + "".join(f": {line}" for line in (_fatal(lines) or errors or lines)[-1:])


def _fatal(lines: Sequence[str]) -> list[str]:
    """Return where Python was when it was ended by a fault, as its fault handler tells it."""
    threads = [place for place, line in enumerate(lines) if line.startswith("Current thread ")]
    return list(lines[threads[-1] + 1 : threads[-1] + 2]) if threads else []


def _command(arm: Arm, tests: Suite, own: str) -> list[str]:
    given = tests.arguments
    at = given.index("--") if "--" in given else len(given)
    return [
        arm.python, "-P", "-m", "pytest_duel.paired.pytest_worker",
        "-p", "pytest_duel.paired.pytest_worker.plugin",
        "-p", "benchmark",  # by itself it may come late, or not at all
        *(word for warning in _OPTIMIZED for word in ("-W", f"ignore:{warning}")),
        f"--basetemp={Path(own, 'tmp')}", "-o", f"cache_dir={own}/cache",
        # Though a project does without it: it knows that setting, which keeps a cache out of the
        # project. The last word counts.
        *given[:at], "-p", "cacheprovider", *given[at:],
    ]  # fmt: skip


def environment(arm: Arm, own: str, seed: str, dependencies: Sequence[str] = ()) -> dict[str, str]:
    """Return the variables of a process that runs an arm's code.

    Parameters
    ----------
    arm
        The code.
    own
        A folder for what the process writes.
    seed
        Of hashing.
    dependencies
        Folders to import from, behind all others.
    """
    wanted = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    # The harness that measures is this one. Where it is installed every process finds it, and its
    # folder must not stand before the standard library.
    own_harness = arm.harness or (() if harness.is_installed() else (str(harness.HOME),))
    folders = [*dict.fromkeys(arm.modules.values()), *own_harness, *dependencies]
    path = os.pathsep.join(folders)
    return untraced(wanted) | {
        "PYTHONPATH": path,
        "PYTHONHASHSEED": seed,
        "TMPDIR": own,
        **arm.environment,
    }


def pytest_workers(tests: Suite) -> Launch:
    """Return what starts workers that run these tests."""

    def launch(arm: Arm, cpus: Sequence[int]) -> Launched:
        side = PytestSide(arm, tests, cpus)
        return Launched(side, side.hello, COLLECTING)

    return launch
