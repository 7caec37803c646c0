"""Times by commit: trends, their change points, and the history that they make. Plain data."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Case
from pytest_duel.results.benchmarks import Key
from pytest_duel.statistics.changepoints import SHORTEST

TOLD = 2.0
"""A series is called steady where a step of this many thresholds would have been found."""
GRADUAL = 3
"""Change points one way that may be a trend: a series is searched for levels, not for slopes."""

Floats = NDArray[np.float64]
Machine = tuple[tuple[str, str | None], ...]
"""Facts, by name, that tell a machine from others."""


@dataclass(frozen=True)
class Commit:
    """A revision that runs are of."""

    id: str
    dirty: bool
    """With uncommitted changes."""
    subject: str = ""
    """The subject of its message; empty if the repository lacks it."""

    @property
    def name(self) -> str:
        """Return a short name."""
        return f"{self.id[:10]}{'+' if self.dirty else ''}"


@dataclass(frozen=True)
class ChangePoint:
    """A change of level between two commits that were measured one after the other."""

    at: int
    """The first of the new level, among the series' commits."""
    change: float
    """As a ratio minus one; above zero is slower."""
    before: Commit
    """The last commit of the old level."""
    after: Commit
    """The first commit of the new level. It made the change, or one between both did."""
    other: tuple[str, ...] = ()
    """Other differences between the runs of both: ``versions: numpy 2.3.0 → 2.4.6``."""
    parted: bool = False
    """Both are on different branches: the first is no ancestor of the second."""


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Times on a machine by commit, older ones first."""

    machine: int
    """Its place in `History.machines`."""
    control: str | None
    """The control: a backend, or the middle of benchmarks. None: the raw times count."""
    commits: tuple[Commit, ...]
    runs: tuple[int, ...]
    """The number of runs of each commit."""
    processes: tuple[int, ...]
    """The number of processes of each commit: more than runs, where these were made in blocks."""
    relative: Floats
    """The median of each commit's runs, less the control's movement."""
    changes: tuple[ChangePoint, ...] = ()
    visible: float = float("inf")
    """The smallest step, as a fraction, that would have been found (`changepoints.visible`)."""

    @property
    def short(self) -> bool:
        """Tell whether there are too few commits to see a change."""
        return len(self.commits) < 2 * SHORTEST

    @property
    def gradual(self) -> bool:
        """Tell whether it changed so often one way that a trend is likelier than steps."""
        slower = {one.change > 0 for one in self.changes}
        return len(self.changes) >= GRADUAL and len(slower) == 1

    @property
    def ends(self) -> tuple[float, float]:
        """Return the middle of the first few commits and of the last few."""
        few = min(SHORTEST, -(-len(self.commits) // 2))
        return float(np.median(self.relative[:few])), float(np.median(self.relative[-few:]))


@dataclass(frozen=True, kw_only=True)
class Series(Trend):
    """A case, or any other benchmark, with its times in seconds."""

    case: Key
    raw: Floats
    """The middle of each commit's runs, as they were measured."""

    @property
    def kernel(self) -> str:
        """Return the kernel of a case; empty for any other benchmark."""
        return self.case.kernel if isinstance(self.case, Case) else ""

    @property
    def backend(self) -> str:
        """Return the backend of a case; empty for any other benchmark."""
        return self.case.backend if isinstance(self.case, Case) else ""


@dataclass(frozen=True, kw_only=True)
class Together(Trend):
    """All cases of a kernel on a backend: the geometric mean of their times over usual ones."""

    kernel: str
    backend: str


@dataclass(frozen=True)
class History:
    """All series of some saved runs."""

    machines: tuple[Machine, ...]
    series: tuple[Series, ...]
    together: tuple[Together, ...]
    revisions: tuple[Commit, ...]
    """All that were measured, older ones first."""
    runs: int
    level: float
    """The chance of a false change point in one series."""
    threshold: float
    lonely: bool
    """Most commits have a single sample: a process, or a run where there is no control."""
    warnings: tuple[str, ...]
    """What was left out, and what may mislead."""

    @property
    def asked(self) -> float:
        """Return the step, as a fraction, that must be visible in what is called steady."""
        return TOLD * self.threshold

    def steady(self, trend: Trend) -> bool:
        """Tell whether nothing changed where a change would have been seen."""
        return not trend.changes and trend.visible <= self.asked
