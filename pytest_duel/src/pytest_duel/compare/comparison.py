"""Compare saved runs: from runs to changes and verdicts. Plain data, printed elsewhere.

A benchmark is compared raw, and relative to a control, so that what slows the whole machine down
cancels. A sweep has a good control, a backend (`backends`); other benchmarks have the middle of
all that the change leaves alone (`centre`). All else is the same for both.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Case, Catalogue
from pytest_duel.compare.backends import Control, control_of, drifts_of, scales_of
from pytest_duel.compare.centre import Centre, centre_of
from pytest_duel.compare.matrix import Drifts, SideMatrix, fastest
from pytest_duel.results.benchmarks import Benchmark, Key, SavedTimes
from pytest_duel.results.runs import Run, RunError
from pytest_duel.statistics import unpaired
from pytest_duel.statistics.paired import Estimate, Verdict, decide
from pytest_duel.support.thresholds import Thresholds

ALPHA = 0.05
"""Family-wise, for all claims of slower cases and means together; the same again for faster."""
THRESHOLD = 0.02
"""The smallest change that matters where several runs tell the spread."""

NO_CONTROL = "none"
CONTROL = "control"
NO_SPREAD = "unknown spread"
"""With one run a side and few cases nothing shows what two processes do by themselves."""

Mean = tuple[str, str]
"""Kernel and backend."""


@dataclass(frozen=True)
class Family:
    """Benchmarks that share a control: the cases of a kernel, or all that belong to no sweep."""

    keys: tuple[Key, ...]
    drifts: Drifts | None
    """How far each run is off by the control; None without one."""
    scale: float | None
    """With one run a side: how far two processes lie apart; None where nothing shows it."""
    disputed: bool
    fastest: Drifts | None = None
    """The drifts by the fastest rounds."""
    is_doubled: bool = False
    """A change must show in the median and in the fastest round: nothing better tells code from
    other work of the machine."""
    least: float = 0.0
    """The smallest change that can be told from that, as a fraction."""
    withheld: str = ""
    """Why none of them is judged."""


@dataclass(frozen=True)
class Change:
    """A benchmark, or all cases of a kernel and backend, in old and in new runs."""

    old: float
    """Geometric mean over runs of the median, in seconds for each item or iteration."""
    new: float
    raw: Estimate
    relative: Estimate | None
    verdict: Verdict | None
    """None for the control itself."""
    fastest: Estimate | None = None
    """The change of the fastest rounds, where they have to show it too."""
    least: float = 0.0
    """The smallest change that is called, as a fraction, whatever matters."""
    note: str = ""
    cases: int = 1
    single: bool = False
    """There is one run on each side."""
    unknown: bool = False
    """Its spread is unknown, so its estimates have no interval."""
    disputed: bool = False
    """Its control is disputed."""
    threshold: float | None = None
    """The smallest change that matters to it, where it has one of its own."""

    @property
    def trusted(self) -> Estimate:
        """Return the estimate that the verdict rests on."""
        return self.relative or self.raw


@dataclass(frozen=True)
class Comparison:
    """What changed between two sides."""

    runs: tuple[int, int]
    cases: Mapping[Key, Change]
    """By benchmark; a sweep's benchmarks are cases."""
    means: Mapping[Mean, Change]
    gone: tuple[Key, ...]
    new: tuple[Key, ...]
    unread: tuple[Mapping[str, str], Mapping[str, str]]
    """What is wrong with benchmarks that cannot be read in some old run, and in some new one."""
    lost: tuple[str, ...]
    """The ids of those among them that are in no other list, so that nothing is known of them."""
    controls: Mapping[str, Control]
    """By kernel."""
    centre: Centre | None
    """The control of benchmarks that belong to no sweep; None where there are none."""
    spread: Mapping[str, float | None]
    """With one run a side: how far two processes lie apart, by kernel, as a fraction; None where
    nothing shows it."""
    without_rounds: tuple[Case, ...]
    """Cases saved without raw rounds, which a sweep's are saved with."""
    threshold: float

    @property
    def single(self) -> bool:
        """Tell whether there is one run on each side, so that their spread is unknown."""
        return self.runs == (1, 1)


def compare(
    old: Sequence[Run],
    new: Sequence[Run],
    catalogue: Catalogue,
    *,
    control: str | None = None,
    threshold: float = THRESHOLD,
    thresholds: Thresholds = Thresholds(),  # noqa: B008  it is frozen
) -> Comparison:
    """Compare the runs of two revisions.

    Parameters
    ----------
    old, new
        At least one run each.
    catalogue
        Tells which backends compete, and so may be the control.
    control
        A backend to be the control of every kernel, or a pattern of the names of benchmarks whose
        middle is the control of those without backends; ``none`` for no control.
    threshold
        As a fraction; with one run a side it is at least `unpaired.MARGIN`.
    thresholds
        Those of single benchmarks and groups.

    Raises
    ------
    RunError
        Where the sides share no benchmark, or the control that was named is in none of them.
    """
    matrix = SideMatrix(old, new)
    if not matrix.both:
        raise RunError(_nothing_shared(matrix))
    backends = {case.backend for case in matrix.cases}
    if control not in (None, NO_CONTROL, *backends) and not matrix.ordinary:
        raise RunError(f"no case of both sides is of {control}, which was to be the control")
    scales = scales_of(matrix) if matrix.single else {}
    backend = control if control in (NO_CONTROL, *backends) else None
    controls = {
        kernel: control_of(matrix, kernel, catalogue, backend)
        for kernel in dict.fromkeys(case.kernel for case in matrix.cases)
    }
    kernels = {kernel: _kernel(matrix, one, scales) for kernel, one in controls.items()}
    quick = SideMatrix(old, new, fastest)
    centre = _centre(matrix, quick, control, backends, threshold)
    families = [*kernels.values(), *([_ordinary(matrix, centre)] if centre else [])]
    limits = {key: _limit(matrix, key, thresholds) for own in families for key in own.keys}
    cases = {
        key: replace(_change(matrix, quick, key, own), threshold=limits[key])
        for own in families
        for key in own.keys
    }
    means = {
        name: _mean(matrix, name, kernels[name[0]], controls[name[0]])
        for name in dict.fromkeys((case.kernel, case.backend) for case in matrix.cases)
        if matrix.of_kernel(*name)
    }
    unread = _unread(old), _unread(new)
    known = {key.id for side in matrix.results for key in side}
    return Comparison(
        runs=(len(old), len(new)),
        cases=_judge({key: cases[key] for key in matrix.both}, threshold),
        means=_judge(means, threshold),
        gone=tuple(key for key in matrix.results[0] if key not in matrix.results[1]),
        new=tuple(key for key in matrix.results[1] if key not in matrix.results[0]),
        unread=unread,
        lost=tuple(name for name in {**unread[0], **unread[1]} if name not in known),
        controls=controls,
        centre=centre,
        spread={
            kernel: None if scale is None else float(np.expm1(scale))
            for kernel, scale in scales.items()
        },
        without_rounds=tuple(key for key in matrix.cases if not matrix.has_rounds(key)),
        threshold=max(threshold, unpaired.MARGIN) if matrix.single else threshold,
    )


def _limit(matrix: SideMatrix, key: Key, thresholds: Thresholds) -> float | None:
    """Return the threshold of a benchmark's own, by its name as pytest has it and its group."""
    benchmark = matrix.of(key)[1][0].benchmark
    return thresholds.of(benchmark.id, benchmark.group)


def _nothing_shared(matrix: SideMatrix) -> str:
    """Say that the sides have nothing in common, and what may be the reason."""
    if any(isinstance(key, Case) for side in matrix.results for key in side):
        return "the two sides have no case in common"
    said = "the two sides have no benchmark in common"
    names = [{key.id.rpartition("::")[2]: key.id for key in side} for side in matrix.results]
    for name, own in names[0].items():
        if name in names[1]:
            return f"{said}: {own} is called {names[1][name]} in the new runs"
    old, new = (_such_as(list(own.values())) for own in names)
    return f"{said}: the old runs have {old}, the new ones {new}"


def _such_as(names: Sequence[str]) -> str:
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}" if names else "none"


def _unread(runs: Sequence[Run]) -> dict[str, str]:
    """Return what is wrong with benchmarks, by id; the last run that tells of each decides."""
    return {one.id: one.reason for run in runs for one in run.unread if one.id is not None}


def _kernel(matrix: SideMatrix, control: Control, scales: Mapping[str, float | None]) -> Family:
    return Family(
        keys=tuple(case for case in matrix.cases if case.kernel == control.kernel),
        drifts=drifts_of(matrix, control),
        scale=scales.get(control.kernel),
        disputed=control.disputed,
    )


def _centre(
    matrix: SideMatrix,
    quick: SideMatrix,
    control: str | None,
    backends: set[str],
    threshold: float,
) -> Centre | None:
    """Return the control of benchmarks that belong to no sweep, where there are some."""
    if not matrix.ordinary:
        return None
    wanted = None if control in backends else control
    return centre_of(matrix, quick, wanted, threshold, without=wanted == NO_CONTROL)


def _ordinary(matrix: SideMatrix, centre: Centre) -> Family:
    return Family(
        keys=tuple(matrix.ordinary),
        drifts=None if centre.refused else centre.drifts,
        scale=centre.scale,
        disputed=centre.disputed,
        fastest=None if centre.refused else centre.fastest,
        is_doubled=True,
        least=centre.shaken,
        withheld="too few benchmarks changed alike" if centre.refused else "",
    )


def _change(matrix: SideMatrix, quick: SideMatrix, key: Key, family: Family) -> Change:
    zeros = np.zeros(sum(matrix.sizes))
    before, after = matrix.split(key, zeros)
    single = before.size == after.size == 1

    def estimate(shifts: Drifts | None, of: SideMatrix = matrix) -> Estimate:
        one, other = of.split(key, zeros if shifts is None else shifts)
        if single:
            reach = float(np.hypot(family.scale or 0.0, _within(matrix, key)))
            least = max(unpaired.MARGIN, family.least)
            return unpaired.between_two(float(other[0] - one[0]), reach, least)
        return unpaired.between_runs(one, other)

    withheld = "".join(list(_withheld(matrix, key, family, single=single))[:1])
    return Change(
        old=float(np.exp(before.mean())),
        new=float(np.exp(after.mean())),
        raw=estimate(None),
        relative=None if family.drifts is None else estimate(family.drifts),
        verdict=Verdict.INCONCLUSIVE if withheld else None,
        fastest=estimate(family.fastest, quick) if family.is_doubled else None,
        least=family.least,
        note=withheld,
        single=single,
        unknown=single and family.scale is None,
        disputed=family.disputed,
    )


def _withheld(matrix: SideMatrix, key: Key, family: Family, *, single: bool) -> Iterator[str]:
    """Yield why the change of a benchmark is not judged, the gravest reason first."""
    saved = [one for side in matrix.of(key) for one in side]
    if not matrix.same_pool(key):
        yield "timed on another pool"
    if single and not matrix.single:
        yield "in one run a side only"
    if single and family.scale is None:
        yield NO_SPREAD
    if family.withheld:
        yield family.withheld
    if single and isinstance(key, Benchmark) and any(one.rounds == 1 for one in saved):
        yield "a single round a side"


def _within(matrix: SideMatrix, key: Key) -> float:
    """Return the standard error that the rounds leave in a benchmark's change."""
    old, new = (_median_error(side[0]) for side in matrix.of(key))
    return float(np.hypot(old, new))


def _median_error(result: SavedTimes) -> float:
    if result.data:
        return unpaired.median_error(result.data)
    return unpaired.median_error_of_moments(result.median, result.stddev, result.rounds)


def _mean(matrix: SideMatrix, name: Mean, family: Family, control: Control) -> Change:
    """Compare the geometric mean over the cases of a kernel and backend."""
    cases, count = matrix.of_kernel(*name), matrix.sizes[0]
    drifts, scale = family.drifts, family.scale
    levels = matrix.logs(cases).mean(axis=1)

    def reach() -> float:
        errors = [_within(matrix, case) for case in cases]
        own = float(np.sqrt(np.square(errors).sum())) / len(cases)
        return float(np.hypot((scale or 0.0) / np.sqrt(len(cases)), own))

    def estimate(logs: NDArray[np.float64]) -> Estimate:
        if matrix.single:
            return unpaired.between_two(float(logs[1] - logs[0]), reach())
        return unpaired.between_runs(logs[:count], logs[count:])

    own = levels if drifts is None else levels - drifts
    verdict, note = None, ""
    if name[1] == control.backend:
        own = np.zeros_like(levels)  # but for rounding
    if name[1] == control.backend and control.disputed:
        verdict, note = Verdict.INCONCLUSIVE, "the control, which is disputed"
    elif name[1] == control.backend:
        note = CONTROL
    elif matrix.single and scale is None:
        verdict, note = Verdict.INCONCLUSIVE, NO_SPREAD
    elif matrix.single and not all(map(matrix.has_rounds, cases)):
        verdict, note = Verdict.INCONCLUSIVE, "no raw rounds"
    return Change(
        old=float(np.exp(levels[:count].mean())),
        new=float(np.exp(levels[count:].mean())),
        raw=estimate(levels),
        relative=None if drifts is None else estimate(own),
        verdict=verdict,
        note=note,
        cases=len(cases),
        single=matrix.single,
        unknown=matrix.single and scale is None,
        disputed=control.disputed,
    )


_Name = TypeVar("_Name", bound=Hashable)


def _judge(found: Mapping[_Name, Change], threshold: float) -> dict[_Name, Change]:
    """Give a verdict to each change that is not decided yet; half of alpha is for this family."""
    asked = {
        str(number): (name, change)
        for number, (name, change) in enumerate(found.items())
        if change.verdict is None and change.note != CONTROL
    }
    limits = {
        label: max(
            threshold if one.threshold is None else one.threshold,
            one.least,
            unpaired.MARGIN if one.single else 0.0,
        )
        for label, (_, one) in asked.items()
    }
    estimates = {label: one.trusted for label, (_, one) in asked.items()}
    doubled = {label: one.fastest or one.trusted for label, (_, one) in asked.items()}
    verdicts, others = (decide(one, limits, ALPHA / 2) for one in (estimates, doubled))
    judged = {
        name: replace(change, verdict=_settle(verdicts[label], others[label], change))
        for label, (name, change) in asked.items()
    }
    return {**found, **judged}


def _settle(verdict: Verdict, fastest: Verdict, change: Change) -> Verdict:
    """Withhold what the runs cannot show."""
    if verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT) and fastest is not verdict:
        return Verdict.INCONCLUSIVE
    if change.single and verdict is Verdict.NO_CHANGE:
        return Verdict.INCONCLUSIVE
    if change.disputed and verdict is not Verdict.REGRESSION:
        return Verdict.INCONCLUSIVE
    return verdict
