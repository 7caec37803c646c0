"""The state of one test session: which cases run, their backends, pools and parity."""

import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_duel.catalogue import shared_check
from pytest_duel.catalogue.answers import SHAPE, Answers, key
from pytest_duel.catalogue.model import (
    Arguments,
    Call,
    Case,
    Catalogue,
    Role,
    batch_size,
    make_pool,
)
from pytest_duel.catalogue.parity import Checker, Part, Report, parts
from pytest_duel.catalogue.shared_check import Share
from pytest_duel.catalogue.sources import digests
from pytest_duel.plugin.options import Options
from pytest_duel.plugin.timing import answered, is_answered
from pytest_duel.results import machine
from pytest_duel.support import harmless
from pytest_duel.support.system import NUMBA

if TYPE_CHECKING:
    from pytest_duel.plugin.helper import Helper

VARIABLES = (
    "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS", "OMP_NUM_THREADS", *NUMBA,
    "PYTHONOPTIMIZE", "PYTHONMALLOC", "PYTHONDEVMODE",
)  # fmt: skip
"""Environment variables that change times in any project."""


class Session:
    """The state of a test session, for all its cases."""

    def __init__(self, catalogue: Catalogue, options: Options, root: Path) -> None:
        self.root = root
        self.catalogue = catalogue
        self.options = options
        self.selected: list[Case] = []
        """The cases that will run, noted when collection ends."""
        self.repeated = 0
        """How many cases were collected once more, as pytest-repeat has it."""
        self.report = Report()
        self.missing: dict[str, str] = {}
        """Why a backend cannot be timed."""
        self.left_out: dict[str, str] = {}
        """The same for optional ones."""
        self.details: dict[str, str] = {}
        """Notes on backends in this run."""
        self.without: dict[str, str] = {}
        """Session fixtures that are left out with the backends that need them, and why."""
        self.build_info: dict[str, str] = {}
        self.placements: dict[str, Any] = {}
        """What blocks have done about the place of native code."""
        self.process = uuid.uuid4().hex
        """The id of its process in saved runs: one process is one sample."""
        self._calls: dict[tuple[str, str], Call] = {}
        self._loaded: set[str] = set()
        self._pools: dict[tuple[str, str, int], Sequence[Arguments]] = {}
        self._load_at_start = machine.load_average()

    def cases(self, kernel: str) -> Iterator[Case]:
        """Yield the cases of `kernel` that the options ask for."""
        options = self.options
        for case in self.catalogue.cases(
            kernel,
            options.tier,
            backends=options.backends,
            scenarios=options.scenarios,
            sizes=options.sizes,
        ):
            if self.catalogue.backends[case.backend].needs not in self.without:
                yield case

    def prepare(
        self,
        get_fixture: Callable[[str], Any],
        announce: Callable[[str], None],
        folder: Path | None = None,
        helper: "Helper | None" = None,
    ) -> None:
        """Load the backends and check parity.

        Parameters
        ----------
        get_fixture
            Gives a fixture by its name.
        announce
            Shows a line to a person who waits.
        folder
            For what the reference has answered; None keeps nothing.
        helper
            Takes some of the work.
        """
        answers = Answers(self._answers_file(folder))
        if helper:
            answers.copy(helper.share.answers)
            helper.start()
        names = self._load_selected(get_fixture)
        announce(f"parity: comparing {', '.join(names)} with {self.catalogue.reference} ...")
        started = time.perf_counter()
        checker, parts = self._check(answers)
        self.report = (
            shared_check.check_all(checker, parts, helper.share, helper.is_there)
            if helper
            else checker.check_all(parts)
        )
        answers.save()
        self.report.seconds = time.perf_counter() - started
        calls, wrong = sum(self.report.checked.values()), len(self.report.failures)
        announce(
            f"parity: {calls:,} calls compared bit for bit in {self.report.seconds:.1f} s, "
            f"{wrong} disagreements"
        )
        for failure in self.report.failures.values():
            announce(f"parity: {failure}")

    def help(self, get_fixture: Callable[[str], Any], share: Share) -> None:
        """Check what another process leaves, and tell it."""
        self._load_selected(get_fixture)
        shared_check.check_some(*self._check(Answers(share.answers)), share)

    def _load_selected(self, get_fixture: Callable[[str], Any]) -> Sequence[str]:
        """Load the backends of the selected cases, and return their names."""
        names = dict.fromkeys([self.catalogue.reference, *(c.backend for c in self.selected)])
        for name in names:
            self._load(name, get_fixture)
        return list(names)

    def _check(self, answers: Answers) -> tuple[Checker, list[Part]]:
        """Return what checks the answers, and all that is to be checked."""
        cases = [case for case in self.selected if (case.kernel, case.backend) in self._calls]
        checker = Checker(self.catalogue, self._calls, lambda case: self.pool(case)[0], answers)
        return checker, parts(self.catalogue, cases, self._calls)

    def _answers_file(self, folder: Path | None) -> Path | None:
        """Return the file of what the reference, as it is here, has answered; None without one."""
        reference = self.catalogue.backends[self.catalogue.reference]
        sources = digests(self.root, [reference])
        if folder is None or not sources:
            return None
        packages = sorted({*self.catalogue.packages, "numpy"})
        parts = {"sources": sources, "machine": machine.identify(packages), "question": SHAPE}
        return folder / f"{key(parts)}.json"

    def load(self, backend: str, get_fixture: Callable[[str], Any]) -> None:
        """Load a backend that is not loaded yet."""
        if backend not in self._loaded:
            self._load(backend, get_fixture)

    def _load(self, name: str, get_fixture: Callable[[str], Any]) -> None:
        self._loaded.add(name)
        backend = self.catalogue.backends[name]
        try:
            if backend.needs:
                get_fixture(backend.needs)
            calls = backend.load()
            if backend.detail:
                self.details[name] = backend.detail()
        except Exception as error:  # whatever a broken installation raises
            known = isinstance(error, ImportError)
            reason = str(error) if known else f"{type(error).__name__}: {error}"
            (self.left_out if known and backend.optional else self.missing)[name] = reason
            return
        self._calls |= {(kernel, name): call for kernel, call in calls.items()}

    def omission(self, case: Case) -> str | None:
        """Return why `case` may be left out."""
        reason = self.left_out.get(case.backend)
        return None if reason is None else f"{case.backend} is left out: {reason}"

    def refusal(self, case: Case) -> str | None:
        """Return why `case` must not be timed."""
        if case.backend in self.missing:
            reason = self.missing[case.backend].partition("\n")[0]
            return f"{case.backend} cannot be timed: {reason} (in full below the tables)"
        if (case.kernel, case.backend) not in self._calls:
            return f"{case.backend} offers no kernel {case.kernel}"
        failure = self.report.failure(self.catalogue.kernels[case.kernel], case.backend)
        return str(failure) if failure else None

    def is_timed(self, case: Case) -> bool:
        """Tell whether a case may be timed, and is not left out."""
        return not (self.omission(case) or self.refusal(case))

    def refused(self) -> dict[str, dict[str, str]]:
        """Return why a reader misses a backend in a kernel's tables, by kernel and backend."""
        refused: dict[str, dict[str, str]] = {}
        for case in self.selected:
            if case.backend in self.missing:
                refused.setdefault(case.kernel, {})[case.backend] = "missing"
            elif not self.omission(case) and self.refusal(case):
                refused.setdefault(case.kernel, {})[case.backend] = "wrong"
        return refused

    def call(self, kernel: str, backend: str) -> Call:
        """Return the callable of a backend."""
        return self._calls[kernel, backend]

    def answers(self, case: Case, most: int) -> str | None:
        """Return a digest of what a backend's first calls return, to the last bit.

        None where a backend needs nothing that is built, or returns nothing to compare.
        """
        backend = self.catalogue.backends[case.backend]
        is_compared = is_answered(self.catalogue.kernels[case.kernel])
        if not backend.needs or backend.role is Role.FLOOR or not is_compared:
            return None
        return answered(self.call(case.kernel, case.backend), self.pool(case)[0], most)

    def pool(self, case: Case) -> tuple[Sequence[Arguments], int]:
        """Return the calls of `case`, and how many items one call takes."""
        kernel = self.catalogue.kernels[case.kernel]
        scenario = self.catalogue.scenarios[case.scenario]
        key = case.kernel, case.scenario, case.n
        if key not in self._pools:
            self._pools[key] = make_pool(kernel, scenario, case.n)
        return self._pools[key], batch_size(kernel, scenario)

    def describe(self, case: Case) -> dict[str, Any]:
        """Return what is saved of a case besides its times."""
        pool, batch = self.pool(case)
        return {
            "kernel": case.kernel,
            "backend": case.backend,
            "scenario": case.scenario,
            "n": case.n,
            "seed": self.catalogue.scenarios[case.scenario].seed,
            "calls": len(pool),
            "distinct": len({id(arguments) for arguments in pool}) * batch,
        }

    def machine(self) -> dict[str, Any]:
        """Return the machine and the versions: what is known before anything is built."""
        return machine.describe((*self.catalogue.packages, "pytest", "pytest-benchmark"))

    def as_dict(self) -> dict[str, Any]:
        """Return the harness's section of a saved run."""
        return {
            "process": self.process,
            "tier": self.options.tier.name,
            "build_info": self.build_info,
            "placements": self.placements,
            "sources": digests(self.root, self.catalogue.backends.values()),
            "parity": self.report.as_dict(),
            "missing": self.missing,
            "left_out": self.left_out,
            "refused": self.refused(),
            "details": self.details,
            "without": list(self.without),
            "load": [self._load_at_start, machine.load_average()],
            "variables": {
                name: os.environ[name]
                for name in (*VARIABLES, *self.catalogue.variables)
                if name in os.environ
            },
        }

    def notes(self) -> Iterator[str]:
        """Yield what a reader must know before the tables."""
        if self.repeated:
            yield (
                f"{self.repeated} repeated cases were left out: a process is one sample, however "
                "often it times a case; save several runs instead"
            )
        for name, reason in self.without.items():
            yield f"{name} was left out: {reason}"
        for name, reason in self.left_out.items():
            yield f"{name} was left out: {reason}"
        for name, detail in self.details.items():
            yield f"{name}: {detail}"
        for name, reason in self.missing.items():
            yield f"{name} was not timed: {reason}"
        for failure in self.report.failures.values():
            yield f"not timed: {failure}"


SESSION = pytest.StashKey[Session]()
"""Where a pytest configuration keeps its session."""


def announcer(config: pytest.Config) -> Callable[[str], None]:
    """Return a function that writes a line to the terminal at once, despite capturing."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    capture: Any = config.pluginmanager.get_plugin("capturemanager")

    def announce(line: str) -> None:
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(harmless.lines(line))
            reporter.flush()

    return announce
