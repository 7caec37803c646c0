"""The control of benchmarks that have no backends: the middle of all that a change leaves alone.

What slows the whole machine down slows the middle benchmark down as well, and cancels. Where the
user names benchmarks that the change cannot reach, it is the middle of these. Else it is the
middle of those that changed alike; where these are not most of all, nothing tells which
benchmarks moved and which stood still, and none of them is judged.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pytest_duel.compare.matrix import Drifts, SideMatrix
from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.results.runs import RunError
from pytest_duel.statistics import unpaired
from pytest_duel.statistics.paired import Estimate
from pytest_duel.statistics.sharing import Tails
from pytest_duel.statistics.unpaired import Sides

FEWEST = 7
"""Benchmarks; the middle of fewer is moved by a few that changed."""
MOST = 2 / 3
"""The share of all benchmarks that must have changed alike."""
FAR = 3.0
"""With one run a side: so many scales from the middle is not alike any more."""
STANDS_OUT = 3.0
"""So many times as far as what others do is no noise: in the recorded runs of equal code nothing
lies further off than 2.9 times (docs/method.md)."""
OTHERS = 0.9
"""The share of the benchmarks whose changes tell what others do; the rest may have changed."""
SHAKEN = 1.5
"""By so much, at most, others are taken to do more where one of them was disturbed by itself."""
SURE = 0.01
"""The chance, where only the machine's speed varies from run to run, that the middle is said to
have moved."""


@dataclass(frozen=True)
class Centre:
    """The control of all benchmarks that belong to no sweep."""

    patterns: tuple[str, ...] = ()
    """The user named benchmarks of these names."""
    is_none: bool = False
    """The user wants no control."""
    benchmarks: int = 0
    """How many it is the middle of; 0: there is none, so the raw changes count."""
    compared: int = 0
    """How many benchmarks all runs have."""
    moved: float = 0.0
    """How much slower the middle became, as a fraction."""
    is_sure: bool = False
    """It moved further than the runs of each side differ."""
    drifts: Drifts | None = None
    """How far each run is off, by the medians; None without a control."""
    fastest: Drifts | None = None
    """The same by the fastest rounds."""
    apart: Tails | None = None
    """With one run a side: how far two processes lie apart; None where nothing shows it."""
    lone: Benchmark | None = None
    """The control, where it is a single benchmark."""
    shaken: float = 0.0
    """With one run a side: how far the change of a median and that of the fastest round lie apart,
    at most, as a fraction. Other work of the machine does that, and code hardly ever."""
    beyond: float = math.inf
    """Of the logarithm: a change further off than this stands out from what others do. Infinite
    where nothing tells."""

    @property
    def chosen(self) -> bool:
        """Tell whether the user chose it."""
        return self.is_none or bool(self.patterns)

    @property
    def refused(self) -> bool:
        """Tell whether too few benchmarks changed alike to call them the unchanged ones."""
        return not self.chosen and 0 < self.benchmarks < MOST * self.compared

    @property
    def disputed(self) -> bool:
        """Tell whether nothing relative to it can pass: most benchmarks may have changed."""
        moved = self.is_sure and abs(self.moved) > unpaired.MARGIN
        return self.refused or (moved and not self.chosen)


def centre_of(
    matrix: SideMatrix,
    fastest: SideMatrix,
    wanted: tuple[str, ...],
    threshold: float,
    *,
    without: bool = False,
) -> Centre:
    """Find the middle of the benchmarks that a change is not expected to reach.

    Parameters
    ----------
    matrix, fastest
        The medians, and the fastest rounds.
    wanted
        Patterns of their names; empty for those that changed alike.
    threshold
        The smallest change that matters, as a fraction.
    without
        Whether the user wants no control.

    Raises
    ------
    RunError
        Where no benchmark that all runs have has a name like one of them.
    """
    whole = matrix.whole(matrix.ordinary)
    if not whole:
        return Centre(wanted, without)
    apart = _apart(matrix, fastest, whole)
    shaken = _shaken(matrix, fastest, whole)
    centre = Centre(wanted, without, compared=len(whole), apart=apart, shaken=shaken)
    if without or (not wanted and len(whole) < FEWEST):
        still = np.zeros(sum(matrix.sizes))
        return replace(centre, beyond=_beyond(matrix, fastest, whole, still, still))
    if not wanted:
        basis = _alike(matrix, whole, threshold, apart)
    else:
        basis = list(dict.fromkeys(one for name in wanted for one in _named(whole, name)))
        apart = _apart(matrix, fastest, basis) or apart
    drifts = _drifts(matrix, basis)
    quick = _drifts(fastest, basis)
    before, after = matrix.sides(drifts)
    # The middle of few is itself not known better than this.
    wider = float(np.sqrt(1 + np.pi / 2 / len(basis)))
    return replace(
        centre,
        benchmarks=len(basis),
        moved=float(np.expm1(after.mean() - before.mean())),
        is_sure=max(matrix.sizes) > 1 and _is_sure(before, after),
        drifts=drifts,
        fastest=quick,
        apart=apart and replace(apart, scale=apart.scale * wider),
        lone=basis[0] if len(basis) == 1 else None,
        beyond=_beyond(matrix, fastest, whole, drifts, quick),
    )


def _apart(matrix: SideMatrix, fastest: SideMatrix, keys: Sequence[Benchmark]) -> Tails | None:
    """Return how far two processes lie apart; None with several runs, or of few benchmarks.

    The scale is the larger and the tails are the heavier of what medians and fastest rounds show.
    """
    if not matrix.single:
        return None
    found = [unpaired.process_tails(one.change(keys)) for one in (matrix, fastest)]
    told = [one for one in found if one]
    if not told:
        return None
    return Tails(max(one.scale for one in told), min(one.freedom for one in told))


def _shaken(matrix: SideMatrix, fastest: SideMatrix, keys: Sequence[Benchmark]) -> float:
    if not matrix.single:
        return 0.0
    apart = matrix.change(keys) - fastest.change(keys)
    return float(np.expm1(np.abs(apart - np.median(apart)).max()))


def _beyond(
    matrix: SideMatrix,
    fastest: SideMatrix,
    keys: Sequence[Benchmark],
    drifts: Drifts,
    quick: Drifts,
) -> float:
    """Return how far a change lies that stands out from what others do, as a logarithm.

    Other work of the machine moves benchmarks apart, and the median of each from its fastest
    round. The larger of the two is what others do, within `SHAKEN`.
    """
    if len(keys) < FEWEST:
        return math.inf
    medians, minima = (
        own.change(keys) - (shifts[1].mean() - shifts[0].mean())
        for own, shifts in ((matrix, matrix.sides(drifts)), (fastest, fastest.sides(quick)))
    )
    usual = max(float(np.quantile(np.abs(one), OTHERS)) for one in (medians, minima))
    shaken = float(np.abs(medians - minima).max())
    # Times that do not differ at all were never measured, so they show nothing.
    return STANDS_OUT * min(max(usual, shaken), SHAKEN * usual) if usual > 0 else math.inf


def _named(whole: Sequence[Benchmark], pattern: str) -> list[Benchmark]:
    """Return the benchmarks that have such a name."""
    found = [one for one in whole if one.is_called(pattern)]
    if not found:
        raise RunError(f"--control: no benchmark that all runs have matches {pattern!r}")
    return found


def _alike(
    matrix: SideMatrix, whole: Sequence[Benchmark], threshold: float, apart: Tails | None
) -> list[Benchmark]:
    """Return the largest group of benchmarks that changed alike, as far as can be seen."""
    changes = matrix.change(whole)
    if matrix.single:
        scale = apart.scale if apart else 0.0
        reach = np.full(len(whole), max(np.log1p(unpaired.MARGIN), FAR * scale))
    else:
        drifts = _drifts(matrix, whole)
        found = unpaired.together([Sides(*matrix.split(one, drifts)) for one in whole])
        reach = np.array([max(np.log1p(threshold), _reach(one)) for one in found])
    near = np.abs(changes - changes[:, np.newaxis]) <= reach
    # Of several that have as many near them, the one nearest to the middle.
    order = np.lexsort((np.abs(changes - np.median(changes)), -near.sum(axis=1)))
    return [one for one, is_near in zip(whole, near[order[0]], strict=True) if is_near]


def _reach(found: Estimate) -> float:
    """Return half the width of the interval of a change over several runs, as a logarithm."""
    return float(np.log1p(found.high) - np.log1p(found.median))


def _drifts(matrix: SideMatrix, keys: Sequence[Benchmark]) -> Drifts:
    """Return how far each run lies from the mean run, by the middle of some benchmarks."""
    logs = matrix.logs(keys)
    drifts: Drifts = np.median(logs - logs.mean(axis=0), axis=1)
    return drifts


def _is_sure(before: Drifts, after: Drifts) -> bool:
    found = unpaired.between_runs(before, after)
    return min(found.p_slower, found.p_faster) < SURE / 2
