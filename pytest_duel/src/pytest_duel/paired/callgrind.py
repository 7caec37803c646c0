"""Count the instructions of a call with valgrind's callgrind: the same number every time.

Evidence beside the timing, never instead of it: it knows nothing of caches, of branches guessed
wrong, or of how many instructions run at once. A worker under callgrind runs two loops over the
same benchmark, one twice as long as the other, and what they differ by is divided by the calls
that they differ by, so start-up cancels. The interpreter's share of a call is in it, alike for
both arms.

What is not counted, imports above all, runs without callgrind's instrumentation, which makes it
four times as fast: to import numba and to load a function takes 16 seconds instead of 84.

Valgrind's processor is not this one (no AVX-512, for instance), and numba compiles for the
plainest of its kind, because code compiled for this processor might not run there.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from pathlib import Path
from typing import Any, Self

from pytest_duel.paired.client import GARBAGE, RefusalError, SideError
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.pytest_client import PytestSide, Suite
from pytest_duel.paired.sides import ENDING, GRACE, end
from pytest_duel.paired.talk import Taken
from pytest_duel.support import processes
from pytest_duel.support.errors import DuelError

SECONDS = 1800.0
"""The longest wait for an answer. Callgrind makes a program about fifty times slower, and a busy
machine makes that slower yet."""
SWITCHING = 60.0
"""Seconds to wait until instrumentation is switched."""
TRIAL_SECONDS = 60.0
CALLS = 64
"""The most calls of the shorter loop."""
LOOP_SECONDS = 5.0
"""The most seconds that it may take under callgrind."""
MARKS = ("getpgid", "__getpgid")
"""The function that a worker calls between loops, by its names in C libraries."""
SWITCH = "vgdb"
"""The program, a part of valgrind, that has callgrind begin and end to instrument."""
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # idle threads spin
    "OMP_NUM_THREADS": "1",
    "NUMBA_CPU_NAME": "generic",
}

Announce = Callable[[str], None]


class CountError(DuelError):
    """Instructions cannot be counted; the message says why."""


class SwitchError(DuelError):
    """Instrumentation cannot be switched here; the message says why."""


class Way(Enum):
    """How benchmarks are run."""

    PLAIN = auto()
    """Without valgrind."""
    SWITCHED = auto()
    """Under valgrind, which instruments the loops only."""
    WHOLE = auto()
    """Under valgrind, which instruments all that runs."""


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
            command = [*_callgrind(Path(name), Way.WHOLE), sys.executable, "-c", "pass"]
            done = processes.run(command, timeout=TRIAL_SECONDS)
    except (CountError, OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it says nothing"]
        return f"valgrind does not work here: {said[-1]}"
    return None


def compare(
    arms: tuple[Arm, Arm], tests: Suite, contests: Sequence[Contest], announce: Announce
) -> tuple[dict[str, Counted], dict[str, str]]:
    """Count contests of two arms; never while others are timed.

    Returns
    -------
    dict, dict
        What was counted, by name, and why the others were not.
    """
    names = [one.name for one in contests]
    reason = unavailable()
    if reason:
        return {}, dict.fromkeys(names, reason)
    wanted = dict.fromkeys(one.called(slot) for one in contests for slot in range(len(arms)))
    counts = _Counts(arms, replace(tests, benchmarks=tuple(wanted)), contests, announce)
    # Without valgrind first: code that is compiled and kept on disk is compiled much faster.
    counts.run(Way.PLAIN)
    try:
        counts.run(Way.SWITCHED if shutil.which(SWITCH) else Way.WHOLE)
    except SwitchError as error:
        announce(f"{error}; so start-up is counted as well, which takes several times as long")
        counts.run(Way.WHOLE)
    return counts.found, counts.errors


class _Counts:
    """The instructions of contests, and why those of some are not known."""

    def __init__(
        self, arms: tuple[Arm, Arm], tests: Suite, contests: Sequence[Contest], announce: Announce
    ) -> None:
        self._arms, self._tests, self._contests = arms, tests, contests
        self._announce = announce
        self._counted: dict[str, Counted] = {}
        self.errors: dict[str, str] = {}

    @property
    def found(self) -> dict[str, Counted]:
        """Return what was counted of contests that did not fail."""
        return {name: one for name, one in self._counted.items() if name not in self.errors}

    def run(self, way: Way) -> None:
        """Run all contests once.

        Raises
        ------
        SwitchError
            Where instrumentation cannot be switched.
        """
        try:
            with _Pair(self._arms, self._tests, way) as pair:
                for number, contest in enumerate(self._contests, 1):
                    if way is not Way.PLAIN:
                        self._announce(f"counting instructions: {number} of {len(self._contests)}")
                    self._count(contest, pair)
        except (SideError, OSError) as error:
            names = [one.name for one in self._contests]
            left = [name for name in names if name not in {*self._counted, *self.errors}]
            self.errors |= dict.fromkeys(left, str(error))

    def _count(self, contest: Contest, pair: "_Pair") -> None:
        try:
            found = pair.count(contest)
            self._counted |= {contest.name: found} if found else {}
        except (RefusalError, CountError, *GARBAGE) as error:
            self.errors[contest.name] = str(error)


class _Pair:
    """A worker of each arm, both at once."""

    def __init__(self, arms: tuple[Arm, Arm], tests: Suite, way: Way) -> None:
        self._arms, self._tests, self._way = arms, tests, way
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(ThreadPoolExecutor(len(arms)))
        self._homes: list[Path] = []
        self._sides: list[PytestSide] = []

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.enter_context(self._stack)
            for arm in self._arms:
                name = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="counts-"))
                before = () if self._way is Way.PLAIN else _callgrind(Path(name), self._way)
                own = replace(arm, environment={**arm.environment, **ENVIRONMENT})
                side = PytestSide(own, self._tests, seed="0", before=before)
                self._stack.enter_context(closing(side))
                self._homes.append(Path(name))
                self._sides.append(side)
            self._ask([side.hello for side in self._sides])
            starting.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        is_interrupted = kind is not None and not issubclass(kind, Exception)
        end(self._sides, GRACE if is_interrupted else ENDING)
        self._stack.close()

    def count(self, contest: Contest) -> Counted | None:
        """Run a contest on both; count its instructions where valgrind sees them."""
        names = [contest.called(slot) for slot in range(len(self._sides))]
        try:
            opened = self._ask([{"do": "open", "name": name} for name in names])
            with self._instrumented():
                taken = self._all({"do": "time", "calls": 1})
                return None if self._way is Way.PLAIN else self._counted(opened, taken)
        finally:
            with suppress(RefusalError):
                self._ask([{"do": "close", "name": name} for name in names])

    @contextmanager
    def _instrumented(self) -> Iterator[None]:
        """Have callgrind instrument what runs within."""
        if self._way is not Way.SWITCHED:
            yield
            return
        self._instrument("on")
        yield
        self._instrument("off")  # where something has failed it stays on, and the rest is slower

    def _instrument(self, how: str) -> None:
        """Switch callgrind's instrumentation ``on`` or ``off``."""
        for home, side in zip(self._homes, self._sides, strict=True):
            command = [SWITCH, _pipes(home), f"--pid={side.pid}", "instrumentation", how]
            try:
                done = processes.run(command, timeout=SWITCHING)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise SwitchError(f"{SWITCH} does not work here: {error}") from None
            if done.returncode:
                said = done.stderr.strip().splitlines() or ["it says nothing"]
                raise SwitchError(f"{SWITCH} does not work here: {said[-1]}")

    def _counted(
        self, opened: Sequence[Mapping[str, Any]], taken: Sequence[Mapping[str, Any]]
    ) -> Counted:
        seconds = max(Taken.of(one).lasted for one in taken)
        calls = max(1, min(CALLS, int(LOOP_SECONDS / seconds)))
        limits = [one["limit"] for one in opened if one["limit"]]
        if limits and 1 + 3 * calls > min(limits):
            calls = (min(limits) - 1) // 3
        if calls < 1:
            raise CountError("the test allows too few rounds to count them")
        self._all({"do": "count", "calls": calls})
        base, head = (per_call(home, calls * one["calls"]) for home, one in
                      zip(self._homes, opened, strict=True))  # fmt: skip
        return Counted(base, head)

    def _all(self, request: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self._ask([request] * len(self._sides))

    def _ask(self, requests: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Ask both at once; wait for both before an error is raised."""
        asked = [
            self._pool.submit(side.ask, request, SECONDS)
            for side, request in zip(self._sides, requests, strict=True)
        ]
        errors = [error for one in asked if (error := one.exception())]
        if errors:
            raise errors[0]
        return [one.result() for one in asked]


def _callgrind(home: Path, way: Way) -> list[str]:
    """Return how to start a program under callgrind, with a file in `home` at each mark."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountError("valgrind is not installed: get it from the system's package manager")
    marks = [f"--dump-before={name}" for name in MARKS]
    switched = ["--instr-atstart=no", _pipes(home)] if way is Way.SWITCHED else []
    return [
        valgrind, "--command-line-only=yes", "--quiet", "--tool=callgrind",
        f"--callgrind-out-file={home / 'counts'}", *marks, *switched,
    ]  # fmt: skip


def _pipes(home: Path) -> str:
    """Return the option that says where valgrind and `SWITCH` meet."""
    return f"--vgdb-prefix={home / 'vgdb'}"


def per_call(home: Path, calls: int) -> float:
    """Return the instructions of a call: what ran before the last two marks, a longer loop last.

    Raises
    ------
    CountError
        Where callgrind has not seen the loops.
    """
    paths = sorted(home.glob("counts.*"), key=lambda path: int(path.suffix[1:] or 0))
    totals = []
    for path in paths[-2:]:
        text = path.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"^totals: (\d{1,18})$", text, re.MULTILINE)
        totals.append(int(found[1]) if found else 0)
    if len(totals) != 2 or not 0 < totals[0] < totals[1]:
        raise CountError(f"callgrind did not see the loops: it counted {totals} between the marks")
    return (totals[1] - totals[0]) / calls
