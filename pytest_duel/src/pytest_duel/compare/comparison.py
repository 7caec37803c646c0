"""Compare saved runs: from runs to changes and verdicts. Plain data, printed elsewhere.

A case is compared raw, and relative to a control: the backend whose own change is the middle one,
taken over its cases of the same kernel in the same run. What slows the whole machine down slows
the control down as well, and cancels.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Case, Catalogue, Role
from pytest_duel.compare.matrix import Drifts, SideMatrix
from pytest_duel.results.runs import Result, Run, RunError
from pytest_duel.statistics import unpaired
from pytest_duel.statistics.paired import Estimate, Verdict, decide

ALPHA = 0.05
"""Family-wise, for all claims of slower cases and means together; the same again for faster."""
THRESHOLD = 0.02
"""The smallest change that matters where several runs tell the spread."""

NO_CONTROL = "none"
CONTROL = "control"
NO_SPREAD = "unknown spread"
"""With one run a side and few cases nothing shows what two processes do by themselves."""

Key = tuple[str, str]
"""Kernel and backend."""


@dataclass(frozen=True)
class Control:
    """The control of a kernel."""

    kernel: str
    backend: str | None
    """None: there is none to trust, so the raw change counts."""
    drifts: Mapping[str, float]
    """How much slower each competing backend became, as a fraction."""
    chosen: bool = False
    """The user named it."""

    @property
    def moved(self) -> float:
        """Return how much slower the control itself became, as a fraction."""
        return self.drifts.get(self.backend, 0.0) if self.backend else 0.0

    @property
    def disputed(self) -> bool:
        """Tell whether the control moved far, and not all others with it.

        Either the machine's speed and a backend changed, or most of the backends did: nothing in
        the runs tells which, so nothing relative to it can pass.
        """
        spread = max(self.drifts.values(), default=0.0) - min(self.drifts.values(), default=0.0)
        return not self.chosen and abs(self.moved) > unpaired.MARGIN and spread > unpaired.MARGIN


@dataclass(frozen=True)
class Change:
    """A case, or all cases of a kernel and backend, in old and in new runs."""

    kernel: str
    backend: str
    old: float
    """Geometric mean over runs of the median, in seconds per item."""
    new: float
    raw: Estimate
    relative: Estimate | None
    verdict: Verdict | None
    """None for the control itself."""
    note: str = ""
    cases: int = 1
    single: bool = False
    """There is one run on each side."""
    unknown: bool = False
    """Its spread is unknown, so its estimates have no interval."""
    disputed: bool = False
    """Its control is disputed."""

    @property
    def trusted(self) -> Estimate:
        """Return the estimate that the verdict rests on."""
        return self.relative or self.raw


@dataclass(frozen=True)
class Comparison:
    """What changed between two sides."""

    runs: tuple[int, int]
    cases: Mapping[Case, Change]
    means: Mapping[Key, Change]
    gone: tuple[Case, ...]
    new: tuple[Case, ...]
    controls: Mapping[str, Control]
    spread: Mapping[str, float | None]
    """With one run a side: how far two processes lie apart, by kernel, as a fraction; None where
    nothing shows it."""
    without_rounds: tuple[Case, ...]
    """Cases saved without raw rounds."""
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
) -> Comparison:
    """Compare the runs of two revisions.

    Parameters
    ----------
    old, new
        At least one run each.
    catalogue
        Tells which backends compete, and so may be the control.
    control
        A backend to be the control of every kernel; ``none`` for no control.
    threshold
        As a fraction; with one run a side it is at least `changes.MARGIN`.

    Raises
    ------
    RunError
        Where the sides share no case, or no run timed the backend named as control.
    """
    matrix = SideMatrix(old, new)
    if not matrix.both:
        raise RunError("the two sides have no case in common")
    if control not in (None, NO_CONTROL) and control not in {c.backend for c in matrix.both}:
        raise RunError(f"no case of both sides is of {control}, which was to be the control")
    scales = _scales(matrix) if matrix.single else {}
    controls = {
        kernel: _control(matrix, kernel, catalogue, control)
        for kernel in dict.fromkeys(case.kernel for case in matrix.both)
    }
    drifts = {kernel: _drifts(matrix, one) for kernel, one in controls.items()}

    def common(kernel: str) -> tuple[Control, Drifts | None, float | None]:
        return controls[kernel], drifts[kernel], scales.get(kernel)

    cases = {case: _case(matrix, case, *common(case.kernel)) for case in matrix.both}
    means = {
        key: _mean(matrix, key, *common(key[0]))
        for key in dict.fromkeys((case.kernel, case.backend) for case in matrix.both)
        if matrix.whole(*key)
    }
    return Comparison(
        runs=(len(old), len(new)),
        cases=_judge(cases, threshold),
        means=_judge(means, threshold),
        gone=tuple(case for case in matrix.results[0] if case not in matrix.results[1]),
        new=tuple(case for case in matrix.results[1] if case not in matrix.results[0]),
        controls=controls,
        spread={
            kernel: None if scale is None else float(np.expm1(scale))
            for kernel, scale in scales.items()
        },
        without_rounds=tuple(case for case in matrix.both if not matrix.has_rounds(case)),
        threshold=max(threshold, unpaired.MARGIN) if matrix.single else threshold,
    )


def _control(matrix: SideMatrix, kernel: str, catalogue: Catalogue, wanted: str | None) -> Control:
    """Choose the backend whose change over the kernel's cases is the middle one."""
    whole = matrix.whole(kernel)
    known = catalogue.backends
    competing = [
        name
        for name in dict.fromkeys(case.backend for case in whole)
        if name == wanted or (name in known and known[name].role is Role.BACKEND)
    ]
    # Backends are compared on the cases that all of them have.
    sizes = [{(c.scenario, c.n) for c in whole if c.backend == name} for name in competing]
    shared = set.intersection(*sizes) if sizes else set()
    drifts = {
        name: float(
            matrix.change(
                c for c in whole if c.backend == name and (c.scenario, c.n) in shared
            ).mean()
        )
        for name in competing
        if shared
    }
    said = {name: float(np.expm1(value)) for name, value in drifts.items()}
    if wanted is not None:
        there = any(case.backend == wanted for case in whole)
        return Control(kernel, wanted if there else None, said, chosen=True)
    return Control(kernel, unpaired.middle(drifts), said)


def _drifts(matrix: SideMatrix, control: Control) -> Drifts | None:
    """Return each run's deviation over the control's cases, or None without a control."""
    if control.backend is None:
        return None
    return unpaired.drift(matrix.logs(matrix.whole(control.kernel, control.backend)))


def _scales(matrix: SideMatrix) -> dict[str, float | None]:
    """Return how far two processes lie apart, by kernel: at least as far as over all kernels.

    None where too few cases tell.
    """
    kernels = list(dict.fromkeys(case.kernel for case in matrix.both))
    whole = {kernel: matrix.whole(kernel) for kernel in kernels}
    every = [case for cases in whole.values() for case in cases]
    shared = _scale(matrix, every)
    own = {kernel: _scale(matrix, cases) for kernel, cases in whole.items()}
    return {
        kernel: max((one for one in (shared, scale) if one is not None), default=None)
        for kernel, scale in own.items()
    }


def _scale(matrix: SideMatrix, cases: Sequence[Case]) -> float | None:
    if not cases:
        return None
    groups = [(case.kernel, case.backend) for case in cases]
    return unpaired.process_scale(matrix.change(cases), groups)


def _case(
    matrix: SideMatrix, case: Case, control: Control, drifts: Drifts | None, scale: float | None
) -> Change:
    zeros = np.zeros(sum(matrix.sizes))
    before, after = matrix.split(case, zeros)
    single = before.size == after.size == 1

    def estimate(shifts: Drifts) -> Estimate:
        one, other = matrix.split(case, shifts)
        if single:
            reach = float(np.hypot(scale or 0.0, _within(matrix, case)))
            return unpaired.between_two(float(other[0] - one[0]), reach)
        return unpaired.between_runs(one, other)

    withheld = ""
    if not matrix.same_pool(case):
        withheld = "timed on another pool"
    elif single and not matrix.single:
        withheld = "in one run a side only"
    elif single and scale is None:
        withheld = NO_SPREAD
    return Change(
        case.kernel,
        case.backend,
        old=float(np.exp(before.mean())),
        new=float(np.exp(after.mean())),
        raw=estimate(zeros),
        relative=None if drifts is None else estimate(drifts),
        verdict=Verdict.INCONCLUSIVE if withheld else None,
        note=withheld,
        single=single,
        unknown=single and scale is None,
        disputed=control.disputed,
    )


def _within(matrix: SideMatrix, case: Case) -> float:
    """Return the standard error that the rounds leave in a case's change."""
    old, new = (_median_error(side[0]) for side in matrix.of(case))
    return float(np.hypot(old, new))


def _median_error(result: Result) -> float:
    if result.data:
        return unpaired.median_error(result.data)
    return unpaired.median_error_of_moments(result.median, result.stddev, result.rounds)


def _mean(
    matrix: SideMatrix, key: Key, control: Control, drifts: Drifts | None, scale: float | None
) -> Change:
    """Compare the geometric mean over the cases of a kernel and backend."""
    cases, count = matrix.whole(*key), matrix.sizes[0]
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
    if key[1] == control.backend:
        own = np.zeros_like(levels)  # but for rounding
    if key[1] == control.backend and control.disputed:
        verdict, note = Verdict.INCONCLUSIVE, "the control, which is disputed"
    elif key[1] == control.backend:
        note = CONTROL
    elif matrix.single and scale is None:
        verdict, note = Verdict.INCONCLUSIVE, NO_SPREAD
    elif matrix.single and not all(map(matrix.has_rounds, cases)):
        verdict, note = Verdict.INCONCLUSIVE, "no raw rounds"
    return Change(
        *key,
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
    names = {str(number): name for number, name in enumerate(found)}
    asked = {
        label: found[name]
        for label, name in names.items()
        if found[name].verdict is None and found[name].note != CONTROL
    }
    limits = {
        label: max(threshold, unpaired.MARGIN) if change.single else threshold
        for label, change in asked.items()
    }
    estimates = {label: change.trusted for label, change in asked.items()}
    verdicts = {names[label]: v for label, v in decide(estimates, limits, ALPHA / 2).items()}
    return {
        name: replace(change, verdict=_settle(verdicts[name], change))
        if name in verdicts
        else change
        for name, change in found.items()
    }


def _settle(verdict: Verdict, change: Change) -> Verdict:
    """Withhold what the runs cannot show."""
    if change.single and verdict is Verdict.NO_CHANGE:
        return Verdict.INCONCLUSIVE
    if change.disputed and verdict is not Verdict.REGRESSION:
        return Verdict.INCONCLUSIVE
    return verdict
