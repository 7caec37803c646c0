"""The fixture `benchmark_import`: how long the import of a module takes, as a benchmark.

A process imports a module once, so each round starts an interpreter of its own. That takes the
time by itself, from just before the import to just after it: what its start takes is not counted.
All that the module imports is, unless any interpreter has it at its start.
"""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import pytest

from pytest_duel.plugin import fresh_import
from pytest_duel.plugin.arm import MeasuredCode, measured_code
from pytest_duel.support import processes
from pytest_duel.support.tracing import untraced

LONGEST = 300.0
"""Seconds that an import may take."""
MOST_ROUNDS = 100
MOST_AT_A_TIME = 2
"""Imports that are made where an engine asks for many calls at once: it does not know that each
takes a process, and gets the mean of these for all of them."""
VALGRIND = "vgpreload"
"""In the variable LD_PRELOAD of a process whose instructions are counted."""

BenchmarkImport = Callable[[str], None]


class FreshImportError(Exception):
    """The import of a module cannot be timed; the message says why."""


@dataclass(frozen=True)
class Imported:
    """What a fresh interpreter tells of an import."""

    seconds: float
    file: str
    """Which the module was loaded from; nothing for a namespace package."""


@dataclass(frozen=True)
class FreshImport:
    """Imports a module in fresh interpreters, from where this process would."""

    module: str
    folder: Path
    """For what they tell."""
    code: MeasuredCode | None
    """The code that this process measures, where it is a worker of a gate."""

    @property
    def _call(self) -> str:
        return f"benchmark_import({self.module!r})"

    def once(self) -> Imported:
        """Import it, and return what the interpreter tells.

        Raises
        ------
        FreshImportError
            Where that fails. The message ends with what Python says.
        """
        parts = self.module.split(".") if isinstance(self.module, str) else [""]
        if not all(part.isidentifier() for part in parts):
            raise FreshImportError(
                f"{self._call}: it takes the full name of a module, such as 'package.module'"
            )
        report = self.folder / "report"
        report.unlink(missing_ok=True)
        # The tests' folder, and an editable install, may offer the user's own copy.
        order = fresh_import.FOLDERS_FIRST if self.code else ""
        folders = [*dict.fromkeys(self.code.modules.values() if self.code else ()), *sys.path]
        command = [sys.executable, "-P", fresh_import.__file__, str(report), self.module, order]
        try:
            done = processes.run([*command, *folders], timeout=LONGEST, env=untraced(os.environ))
        except subprocess.TimeoutExpired:
            raise FreshImportError(
                f"{self._call}: the import has not ended after {LONGEST:.0f} s"
            ) from None
        told = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
        if not told:
            raise FreshImportError(self._refusal(done.returncode, done.stderr))
        if told[0] == fresh_import.LOADED:
            raise FreshImportError(
                f"{self._call}: every interpreter here loads it at its start, so there is no "
                "import to time"
            )
        return Imported(float(told[0]), told[1])

    def _refusal(self, code: int, said: str) -> str:
        if code == 0 or not said.strip():
            return f"{self._call}: the interpreter ended during the import, with exit code {code}"
        return f"{self._call}: the import fails\n{said.strip()}"

    def check(self) -> None:
        """Import it once, untimed: that compiles and caches it, and tells where it comes from.

        Raises
        ------
        FreshImportError
            Where it fails, or in a gate comes from elsewhere than this side's code.
        """
        if VALGRIND in os.environ.get("LD_PRELOAD", ""):
            raise FreshImportError("an import is made in other processes, so it cannot be counted")
        found = self.once()
        if self.code and self.module.partition(".")[0] in self.code.modules:
            # Which the gate itself holds against the code of this side.
            own = importlib.import_module(self.module).__file__ or ""
            if os.path.realpath(own) != os.path.realpath(found.file):
                raise FreshImportError(
                    f"{self.module} was imported from {found.file}, not from {own}"
                )

    def several(self, calls: int, _: Callable[[], float]) -> float:
        """Return the seconds of so many calls, for an engine."""
        made = min(calls, MOST_AT_A_TIME)
        return calls / made * sum(self.once().seconds for _ in range(made))


def time_import(benchmark: Any, fresh: FreshImport) -> None:
    """Have a `benchmark` fixture, of whatever kind, take the times of an import."""
    take = getattr(benchmark, "take", None)
    if take:  # other processes have timed it
        take(1)
        return
    if benchmark.disabled:
        benchmark.pedantic(fresh.once)
        return
    fresh.check()
    serve = getattr(benchmark, "serve", None)
    if serve:  # an engine says how often
        serve(fresh.several)
        return
    seconds: list[float] = []
    benchmark.pedantic(
        lambda: seconds.append(fresh.once().seconds), rounds=_rounds(benchmark, fresh)
    )
    benchmark.stats.stats.data[:] = seconds  # before any statistic is taken of them


def _rounds(benchmark: Any, fresh: FreshImport) -> int:
    """Return how many rounds fit into the time that pytest-benchmark's options allow.

    The start of an interpreter counts here: a person waits for it.
    """
    started = perf_counter()
    fresh.once()
    fitting = int(benchmark._max_time / (perf_counter() - started))
    return int(max(benchmark._min_rounds, min(MOST_ROUNDS, fitting)))


@pytest.fixture
def benchmark_import(benchmark: Any, request: pytest.FixtureRequest) -> Iterator[BenchmarkImport]:
    """Time the import of a module: ``benchmark_import("package.module")``.

    Each round is an interpreter of its own, which imports from where the tests do.
    """
    with TemporaryDirectory() as folder:

        def time_one(module: str) -> None:
            fresh = FreshImport(module, Path(folder), measured_code(request.config))
            try:
                time_import(benchmark, fresh)
            except FreshImportError as error:
                reason = str(error)
            else:
                return
            pytest.fail(reason, pytrace=False)

        yield time_one
