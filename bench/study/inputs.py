"""What the docs' tables and figures are made from: saved runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.model import Catalogue
from pytest_duel.results.benchmarks import Result
from pytest_duel.results.runs import Run
from pytest_duel.results.summary import Summary, middle, summarise
from pytest_duel.support import harmless

Place = tuple[str, str, str, int]
"""(kernel, scenario, backend, n)."""


def place(result: Result) -> Place:
    """Return the place of a result in the study."""
    case = result.case
    return case.kernel, case.scenario, case.backend, case.n


Times = Mapping[str, float]
"""A size, and times by what takes them."""


@dataclass(frozen=True)
class Native:
    """A table that the crate's own benchmarks have saved."""

    processor: str
    """What they ran on."""
    rows: Sequence[Times]


@dataclass(frozen=True)
class Inputs:
    """What the docs' tables are made from."""

    runs: Sequence[Run]
    """The same sweep on one processor, as saved in the repository."""
    stable_abi: Mapping[str, Sequence[Run]]
    """The smallest case with each kind of wheel, by the wheel's ABI tag, in several processes."""
    earlier: Path
    """What the earlier study printed."""
    catalogue: Catalogue
    trials: Mapping[str, Any] | None = None
    """The saved self-test of the gate."""
    targets: Mapping[str, Any] | None = None
    """The saved verdicts on the project's targets."""
    tables: Mapping[str, Any] | None = None
    """The saved duel of tables of offers and arrays."""
    totals: Mapping[str, Any] | None = None
    """The saved duel of `totals` and `settle`."""
    changed: Sequence[str] = ()
    """Backends whose sources are no longer those that were measured."""
    repeated_sweeps: Sequence[Mapping[str, Any]] = ()
    """Saved sweeps of the same code."""
    places: Mapping[str, Any] | None = None
    """What a study took in each place."""
    trainings: Mapping[str, Any] | None = None
    """Saved trainings of all agents."""
    calls: Mapping[str, Any] | None = None
    """What comparisons and reports call in recorded runs."""
    native: Mapping[str, Native] = field(default_factory=dict)
    """What the crate's own benchmarks have saved, by the name of the table."""

    @cached_property
    def processes(self) -> Sequence[Run]:
        """Return what each process gave."""
        return [process for run in self.runs for process in run.processes]

    @property
    def is_of_blocks(self) -> bool:
        """Tell whether the processes of one run have timed all cases side by side."""
        return len(self.runs) == 1 and len(self.processes) > 1

    def ratios(self, one: Place, other: Place) -> list[float]:
        """Return the ratio of two cases' medians within each process."""
        tables = [{place(found): found.median for found in run.results} for run in self.processes]
        return [table[one] / table[other] for table in tables]

    @cached_property
    def study(self) -> Run:
        """Return the run of all processes; of several runs the middle one."""
        return middle(self.runs, self.catalogue)

    @property
    def processor(self) -> str:
        """Return what it was measured on."""
        return harmless.line(self.study.machine["cpu"]["brand_raw"])

    @cached_property
    def summaries(self) -> Mapping[tuple[str, str], Summary]:
        """Return the study's summary by kernel and scenario."""
        return {(b.kernel, b.scenario): b for b in summarise(self.study, self.catalogue)}

    def times(self, kernel: str, scenario: str) -> dict[tuple[str, int], Result]:
        """Return results by backend and n."""
        return {
            (result.case.backend, result.case.n): result
            for result in self.study.results
            if (result.case.kernel, result.case.scenario) == (kernel, scenario)
        }
