"""Compare saved runs: from runs to changes and verdicts. Plain data, printed elsewhere.

A benchmark is compared raw, and relative to a control, so that what slows the whole machine down
cancels. A sweep has a good control, a backend (`backends`); other benchmarks have the middle of
all that the change leaves alone (`centre`). All else is the same for both.

The sample is the process: each block of a run, where several processes timed it.
"""

import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Case, Catalogue
from pytest_duel.compare.backends import Control, control_of, drifts_of, scales_of
from pytest_duel.compare.centre import Centre, centre_of
from pytest_duel.compare.functions import members, sides_of
from pytest_duel.compare.matrix import Drifts, SideMatrix, fastest
from pytest_duel.compare.wanted import Wanted, wanted
from pytest_duel.results.benchmarks import Benchmark, Key, SavedTimes
from pytest_duel.results.runs import Run, RunError
from pytest_duel.statistics import unpaired
from pytest_duel.statistics.paired import Estimate, Verdict, decide
from pytest_duel.statistics.sharing import Tails
from pytest_duel.statistics.unpaired import Sides
from pytest_duel.support.thresholds import Thresholds

ALPHA = 0.05
"""Family-wise, for all claims of slower cases and means together; the same again for faster."""
THRESHOLD = 0.02
"""The smallest change that matters where several runs tell the spread."""

CONTROL = "control"
STANDING_OUT = "stands out from all others"
NO_SPREAD = "unknown spread"
"""With one run a side and few cases nothing shows what two processes do by themselves."""

Mean = tuple[str, str]
"""Kernel and backend."""
_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True)
class Family:
    """Benchmarks that share a control: the cases of a kernel, or all that belong to no sweep."""

    keys: tuple[Key, ...]
    drifts: Drifts | None
    """How far each run is off by the control; None without one."""
    apart: Tails | None
    """With one process a side: how far two of them lie apart; None where nothing shows it."""
    disputed: bool
    fastest: Drifts | None = None
    """The drifts by the fastest rounds."""
    is_doubled: bool = False
    """A change must show in the median and in the fastest round: nothing better tells code from
    other work of the machine."""
    least: float = 0.0
    """The smallest change that can be told from that, as a fraction."""
    beyond: float = math.inf
    """Of the logarithm: a change further off than this stands out from what others do."""
    withheld: str = ""
    """Why none of them is judged."""
    lone: Key | None = None
    """The only benchmark that is the control, so that nothing is left to hold it against."""


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
    beyond: float = math.inf
    """Of the logarithm: further off than this, it stands out from what others do."""
    note: str = ""
    cases: int = 1
    single: bool = False
    """A side is a single run, of one process or of several at once."""
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

    @property
    def stands_out(self) -> bool:
        """Tell whether it is further off than what others do, in the fastest round as well."""
        if self.fastest is None:
            return False
        both = [math.log1p(one.median) for one in (self.trusted, self.fastest)]
        return min(both) > self.beyond or max(both) < -self.beyond


@dataclass(frozen=True)
class Comparison:
    """What changed between two sides."""

    runs: tuple[int, int]
    processes: tuple[int, int]
    """More than there are runs, where these were made in blocks."""
    cases: Mapping[Key, Change]
    """By benchmark; a sweep's benchmarks are cases."""
    means: Mapping[Mean, Change]
    functions: Mapping[str, Change]
    """Of test functions with several parameters, by their ids."""
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
        """Tell whether there is one process on each side, so that their spread is unknown."""
        return self.processes == (1, 1)


def compare(
    old: Sequence[Run],
    new: Sequence[Run],
    catalogue: Catalogue,
    *,
    control: Sequence[str] = (),
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
        A backend to be the control of every kernel, and patterns of the names of benchmarks whose
        middle is the control of those without backends; ``none`` alone for no control.
    threshold
        As a fraction; with one run on a side it is at least `unpaired.MARGIN`.
    thresholds
        Those of single benchmarks and groups.

    Raises
    ------
    RunError
        Where the sides share no benchmark, or the control that was named is in none of them.
    """
    sides = [[process for run in side for process in run.processes] for side in (old, new)]
    matrix, quick = SideMatrix(sides[0], sides[1]), SideMatrix(sides[0], sides[1], fastest)
    if not matrix.both:
        raise RunError(_nothing_shared(matrix))
    named = _wanted(control, matrix)
    scales = scales_of(matrix) if matrix.single else {}
    controls = {
        kernel: control_of(matrix, kernel, catalogue, named.backend)
        for kernel in dict.fromkeys(case.kernel for case in matrix.cases)
    }
    kernels = {kernel: _kernel(matrix, one, scales) for kernel, one in controls.items()}
    centre = (
        centre_of(matrix, quick, named.patterns, threshold, without=named.none)
        if matrix.ordinary
        else None
    )
    families = [*kernels.values(), *([_ordinary(matrix, centre)] if centre else [])]
    # A side of one run has seen the machine in one state, in however many blocks.
    is_single = 1 in (len(old), len(new))
    limits = {key: _limit(matrix, key, thresholds) for own in families for key in own.keys}
    cases = {
        key: replace(one, threshold=limits[key])
        for own in families
        for key, one in _changes(matrix, quick, own, is_single=is_single).items()
    }
    means = {
        name: _mean(matrix, name, kernels[name[0]], controls[name[0]], is_single=is_single)
        for name in dict.fromkeys((case.kernel, case.backend) for case in matrix.cases)
        if matrix.of_kernel(*name)
    }
    functions = (
        _functions(matrix, quick, families[-1], limits, is_single=is_single) if centre else {}
    )
    # A function is one more look at its benchmarks, so that both are judged together.
    shared = {key: cases[key] for key in matrix.both}
    judged = _judge(dict[Key | str, Change]([*shared.items(), *functions.items()]), threshold)
    unread = _unread(old), _unread(new)
    known = {key.id for side in matrix.results for key in side}
    return Comparison(
        runs=(len(old), len(new)),
        processes=matrix.sizes,
        cases={key: judged[key] for key in shared},
        means=_judge(means, threshold),
        functions={name: judged[name] for name in functions},
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
        threshold=max(threshold, unpaired.MARGIN) if is_single else threshold,
    )


def _limit(matrix: SideMatrix, key: Key, thresholds: Thresholds) -> float | None:
    """Return the threshold of a benchmark's own, by its name as pytest has it and its group."""
    benchmark = matrix.of(key)[1][0].benchmark
    return thresholds.of(benchmark.id, benchmark.group)


def _wanted(control: Sequence[str], matrix: SideMatrix) -> Wanted:
    found = wanted(control, matrix.both)
    if found.patterns and not matrix.ordinary:
        raise RunError(f"--control: no case of both sides is of {', '.join(found.patterns)}")
    return found


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
        apart=None if (scale := scales.get(control.kernel)) is None else Tails(scale),
        disputed=control.disputed,
    )


def _ordinary(matrix: SideMatrix, centre: Centre) -> Family:
    return Family(
        keys=tuple(matrix.ordinary),
        drifts=None if centre.refused else centre.drifts,
        apart=centre.apart,
        disputed=centre.disputed,
        fastest=None if centre.refused else centre.fastest,
        is_doubled=True,
        least=centre.shaken,
        beyond=centre.beyond,
        withheld="too few benchmarks changed alike" if centre.refused else "",
        lone=centre.lone,
    )


def _changes(
    matrix: SideMatrix, quick: SideMatrix, family: Family, *, is_single: bool
) -> dict[Key, Change]:
    """Return the changes of the benchmarks of a family."""
    zeros = np.zeros(sum(matrix.sizes))

    def samples(shifts: Drifts | None, of: SideMatrix = matrix) -> dict[Key, Sides]:
        drifts = zeros if shifts is None else shifts
        return {key: Sides(*of.split(key, drifts)) for key in family.keys}

    def estimates(of: Mapping[Key, Sides]) -> dict[Key, Estimate]:
        return _estimates(of, family, {key: _within(matrix, key) for key in of})

    raw = samples(None)
    plain = estimates(raw)
    relative = None if family.drifts is None else estimates(samples(family.drifts))
    doubled = estimates(samples(family.fastest, quick)) if family.is_doubled else {}
    found = {}
    for key, sides in raw.items():
        lone = sides.old.size == sides.new.size == 1
        withheld = next(_withheld(matrix, key, family, is_lone=lone), "")
        found[key] = Change(
            old=float(np.exp(sides.old.mean())),
            new=float(np.exp(sides.new.mean())),
            raw=plain[key],
            relative=None if relative is None else relative[key],
            verdict=Verdict.INCONCLUSIVE if withheld else None,
            fastest=doubled.get(key),
            least=family.least,
            beyond=family.beyond,
            note=CONTROL if not withheld and key == family.lone else withheld,
            single=is_single or 1 in (sides.old.size, sides.new.size),
            unknown=lone and family.apart is None,
            disputed=family.disputed,
        )
    return found


def _estimates(
    samples: Mapping[_Name, Sides], family: Family, within: Mapping[_Name, float]
) -> dict[_Name, Estimate]:
    """Estimate changes: by all spreads together, or of one process a side by the family's.

    `within` has the standard errors that the rounds leave.
    """
    lone = {name for name, one in samples.items() if one.old.size == one.new.size == 1}
    several = {name: one for name, one in samples.items() if name not in lone}
    found = dict(zip(several, unpaired.together(list(several.values())), strict=True))
    apart, least = family.apart or Tails(0.0), max(unpaired.MARGIN, family.least)
    for name in lone:
        scale = float(np.hypot(apart.scale, within[name]))
        change = float(samples[name].new[0] - samples[name].old[0])
        found[name] = unpaired.between_two(change, replace(apart, scale=scale), least)
    return found


def _withheld(matrix: SideMatrix, key: Key, family: Family, *, is_lone: bool) -> Iterator[str]:
    """Yield why the change of a benchmark is not judged, the gravest reason first."""
    saved = [one for side in matrix.of(key) for one in side]
    if not matrix.same_pool(key):
        yield "timed on different inputs"
    if is_lone and not matrix.single:
        yield "only one run of each side has it"
    if is_lone and family.apart is None:
        yield NO_SPREAD
    if family.withheld:
        yield family.withheld
    if is_lone and isinstance(key, Benchmark) and any(one.rounds == 1 for one in saved):
        yield "a single round on a side"


def _within(matrix: SideMatrix, key: Key) -> float:
    """Return the standard error that the rounds leave in a benchmark's change."""
    old, new = (_median_error(side[0]) for side in matrix.of(key))
    return float(np.hypot(old, new))


def _median_error(result: SavedTimes) -> float:
    if result.data:
        return unpaired.median_error(result.data)
    return unpaired.median_error_of_moments(result.median, result.stddev, result.rounds)


def _mean(
    matrix: SideMatrix, name: Mean, family: Family, control: Control, *, is_single: bool
) -> Change:
    """Compare the geometric mean over the cases of a kernel and backend."""
    cases, count = matrix.of_kernel(*name), matrix.sizes[0]
    drifts, apart = family.drifts, family.apart
    levels = matrix.logs(cases).mean(axis=1)

    def reach() -> Tails:
        own = _within_all(matrix, cases)
        scale = apart.scale if apart else 0.0
        return Tails(float(np.hypot(scale / np.sqrt(len(cases)), own)))

    def estimate(logs: NDArray[np.float64]) -> Estimate:
        if matrix.single:
            return unpaired.between_two(float(logs[1] - logs[0]), reach())
        return unpaired.between_runs(logs[:count], logs[count:])

    own = levels if drifts is None else levels - drifts
    verdict, note = None, ""
    if name[1] == control.backend:
        own = np.zeros_like(levels)  # but for rounding
    if name[1] == control.backend and control.disputed:
        verdict, note = Verdict.INCONCLUSIVE, "the control, which may itself have changed"
    elif name[1] == control.backend:
        note = CONTROL
    elif matrix.single and apart is None:
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
        single=is_single,
        unknown=matrix.single and apart is None,
        disputed=control.disputed,
    )


def _within_all(matrix: SideMatrix, keys: Sequence[Key]) -> float:
    """Return the standard error that the rounds leave in the mean change of some benchmarks."""
    errors = [_within(matrix, key) for key in keys]
    return float(np.sqrt(np.square(errors).sum())) / len(keys)


def _functions(
    matrix: SideMatrix,
    quick: SideMatrix,
    family: Family,
    limits: Mapping[Key, float | None],
    *,
    is_single: bool,
) -> dict[str, Change]:
    """Compare the geometric mean over the parameters of each test function.

    The threshold of a function is the largest that some of its benchmarks have of their own.

    What disturbs a run disturbs benchmarks that follow each other, so a function's mean may be
    as far off as a benchmark: it is held against the spread of single ones.
    """
    whole = matrix.whole(matrix.ordinary)
    own = members(whole)
    within = {name: _within_all(matrix, keys) for name, keys in own.items()}
    within |= {one.id: _within(matrix, one) for one in whole}

    def estimates(of: SideMatrix, drifts: Drifts | None) -> dict[str, Estimate]:
        alone = {one.id: [one] for one in whole}
        return _estimates(sides_of(of, {**alone, **own}, drifts), family, within)

    raw, plain = sides_of(matrix, own, None), estimates(matrix, None)
    trusted = None if family.drifts is None else estimates(matrix, family.drifts)
    doubled = estimates(quick, family.fastest)
    unknown = matrix.single and family.apart is None
    note = family.withheld or (NO_SPREAD if unknown else "")
    return {
        name: Change(
            old=float(np.exp(sides.old.mean())),
            new=float(np.exp(sides.new.mean())),
            raw=plain[name],
            relative=None if trusted is None else trusted[name],
            verdict=Verdict.INCONCLUSIVE if note else None,
            fastest=doubled[name],
            least=family.least,
            beyond=family.beyond,
            note=note,
            cases=len(own[name]),
            single=is_single,
            unknown=unknown,
            disputed=family.disputed,
            threshold=max(filter(None, (limits[key] for key in own[name])), default=None),
        )
        for name, sides in raw.items()
    }


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
    judged = {}
    for label, (name, change) in asked.items():
        verdict = _settle(verdicts[label], others[label], change)
        far = abs(math.log1p(change.trusted.median)) > math.log1p(limits[label])
        if far and verdict is Verdict.INCONCLUSIVE and change.stands_out:
            judged[name] = _standing_out(change)
        else:
            judged[name] = replace(change, verdict=verdict)
    return {**found, **judged}


def _standing_out(change: Change) -> Change:
    """Return a change that no spread of its own explains, with an interval that says so."""
    trusted = unpaired.no_further(change.trusted, change.beyond)
    slower = trusted.median > 0
    verdict = Verdict.REGRESSION if slower else Verdict.IMPROVEMENT
    return replace(
        change,
        raw=change.raw if change.relative else trusted,
        relative=trusted if change.relative else None,
        verdict=Verdict.INCONCLUSIVE if change.disputed and not slower else verdict,
        note=STANDING_OUT,
    )


def _settle(verdict: Verdict, fastest: Verdict, change: Change) -> Verdict:
    """Withhold what the runs cannot show."""
    if verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT) and fastest is not verdict:
        return Verdict.INCONCLUSIVE
    if change.single and verdict is Verdict.NO_CHANGE:
        return Verdict.INCONCLUSIVE
    if change.disputed and verdict is not Verdict.REGRESSION:
        return Verdict.INCONCLUSIVE
    return verdict
