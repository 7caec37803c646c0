"""What comparisons and reports call in recorded runs: of equal code, and of slowed copies.

    python pytest_duel/tests/shared/calls.py [SUITE ...]

counts it for `recorded` suites and writes docs/runs/calls.json, which `python -m bench report
--update-docs` makes a table of. It takes some minutes; suites that are not named are kept.

Two constants of the method were chosen by such counts. So each suite is also left out: they are
chosen by the same rule from the other suites, and tried on it. `strangers` are runs that nothing
was chosen by.
"""

import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import published
from pytest_duel.catalogue.model import EMPTY
from pytest_duel.compare import centre
from pytest_duel.compare.comparison import Comparison, compare
from pytest_duel.results import runs
from pytest_duel.results.benchmarks import SavedTimes
from pytest_duel.results.runs import Run, RunError
from pytest_duel.statistics import sharing, unpaired
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support import schema
from pytest_duel.verdicts import groups
from pytest_duel.verdicts.fastest import BOUND, outcomes
from recorded import SAME, variants

RUNS = Path(__file__).resolve().parents[3] / "docs" / "runs"
OUT = RUNS / "calls.json"
SUITES = ("pluggy", "cattrs", "pint")
SIDES = ((1, 1), (2, 2), (3, 3), (5, 5), (1, 3), (3, 1))
"""Runs of each side."""
AT_RANDOM = 20
TIMES = ("median", "mean", "min", "stddev")
TRIED = 6
"""Of these comparisons, how many are made again with slowed runs."""
FACTORS = (1.5, 2.0, 3.0, 10.0)
SHARE = 20
"""One benchmark in so many is slowed."""
PROCESSES = (1, 2, 3, 5)
"""Processes of a report."""
REPORTS = 10

SHARED = (12.0, 6.0, sharing.TAILS, 1.5)
"""What the others may say at most of a benchmark's spread, in degrees of freedom: the boldest
first."""
STANDS_OUT = (1.5, 2.0, centre.STANDS_OUT, 4.5)
"""How far off a change must be to stand out: the boldest first."""
LEADS = (1.5, 2.0, 1 + BOUND, 3.0)
"""How far ahead in one process the fastest must be for a lead to be called: the boldest first."""
RARELY = 0.01
"""Of benchmarks that equal code times apart, those so far apart: half of what is promised."""
ONE_BENCHMARK = "pytest-benchmark"
"""The published project that kept many runs of one commit; they have a single benchmark."""
SCHEMA = 2
TRIED_SIDES = ((1, 1), (2, 2), (5, 5), (1, 3))

Split = tuple[tuple[int, ...], tuple[int, ...]]


def splits(number: int, old: int, new: int, at_random: int = AT_RANDOM) -> list[Split]:
    """Return ways to take runs for two sides: one after the other, in turn, and at random."""
    return list(dict.fromkeys(_splits(number, old, new, at_random)))


def _splits(number: int, old: int, new: int, at_random: int) -> Iterator[Split]:
    both = old + new
    for first in range(number - both + 1):
        one = tuple(range(first, first + both))
        yield one[:old], one[old:]
        if old == new:
            yield one[::2], one[1::2]
    rng = random.Random(17)  # noqa: S311
    for _ in range(at_random):
        picked = tuple(rng.sample(range(number), both))
        yield picked[:old], picked[old:]


def called(comparison: Comparison, *verdicts: Verdict) -> list[str]:
    """Return what has such a verdict: benchmarks, and means of functions."""
    wanted = verdicts or (Verdict.REGRESSION, Verdict.IMPROVEMENT)
    cases = [key.id for key, one in comparison.cases.items() if one.verdict in wanted]
    return cases + [name for name, one in comparison.functions.items() if one.verdict in wanted]


def slower(run: Run, ids: set[str], by: float) -> Run:
    """Return a run in which some benchmarks took longer."""

    def scaled(one: SavedTimes) -> SavedTimes:
        if one.benchmark.id not in ids:
            return one
        return _scaled(one, by)

    return replace(run, others=tuple(map(scaled, run.others)))


def false_calls(
    runs: Sequence[Run], old: int, new: int, at_random: int = AT_RANDOM, at_most: int | None = None
) -> list[bool]:
    """Tell of comparisons of equal code whether anything was called; until it was so often."""
    found: list[bool] = []
    for one, other in splits(len(runs), old, new, at_random):
        if at_most is not None and sum(found) >= at_most:
            break
        comparison = compare([runs[at] for at in one], [runs[at] for at in other], EMPTY)
        found.append(bool(called(comparison)))
    return found


@contextmanager
def constants(
    shared: float = sharing.TAILS, stands_out: float = centre.STANDS_OUT
) -> Iterator[None]:
    """Have comparisons take other constants."""
    with ExitStack() as changed:
        for module in (sharing, unpaired):
            changed.enter_context(patch.object(module, "TAILS", shared))
        changed.enter_context(patch.object(centre, "STANDS_OUT", stands_out))
        yield


def boldest(runs: Sequence[Run]) -> dict[str, float]:
    """Return the boldest candidate of each constant by which nothing is called in equal code.

    For a lead, the boldest by which hardly anything is.
    """

    def is_calm(**chosen: float) -> bool:
        with constants(**chosen):
            return not any(
                any(false_calls(runs, *own, AT_RANDOM // 2, at_most=1)) for own in TRIED_SIDES
            )

    return {
        "shared": _first(SHARED, lambda one: is_calm(shared=one)),
        "stands_out": _first(STANDS_OUT, lambda one: is_calm(stands_out=one)),
        "lead": _first(LEADS, lambda one: far_apart(runs, one) <= RARELY),
    }


def _first(known: Sequence[float], fits: Callable[[float], bool]) -> float:
    return next(filter(fits, known), known[-1])


def left_out(name: str, suites: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is called in a suite by the constants that are chosen without it."""
    others = [one["boldest"] for other, one in suites.items() if other != name]

    def of(constant: str, known: Sequence[float]) -> float:
        """Return the meekest of what the others ask for."""
        asked: list[float] = [one[constant] for one in others]
        return max(asked, key=known.index)

    shared, stands_out, lead = (
        of("shared", SHARED),
        of("stands_out", STANDS_OUT),
        of("lead", LEADS),
    )
    own, sides = variants(name)[SAME], suites[name]["sides"]
    if (shared, stands_out) != (sharing.TAILS, centre.STANDS_OUT):  # else it is counted already
        with constants(shared, stands_out):
            sides = list(compared(own))
    return {
        "shared": shared, "stands_out": stands_out,
        **{of: sum(one[of] for one in sides) for of in ("compared", "false")},
        "lead": lead, "false_leads": far_apart(own, lead),
    }  # fmt: skip


def strangers() -> dict[str, list[Run]]:
    """Return other runs of equal code: of this project's sweep, and those that one published."""
    studies = [schema.parse(runs.content(path)) for path in sorted(RUNS.glob("study-*"))]
    processors = [one["machine_info"]["cpu"]["brand_raw"] for one in studies]
    most = statistics.mode(processors)
    sweep = [_ordinary(one) for one, own in zip(studies, processors, strict=True) if own == most]
    saved = published.documents(ONE_BENCHMARK)
    commit = statistics.mode(one["commit_info"]["id"] for one in saved)
    own = []
    for one in saved:
        with suppress(RunError):  # one of them contradicts itself
            own += [_ordinary(one)] if one["commit_info"]["id"] == commit else []
    return {"this project's sweep": sweep, ONE_BENCHMARK: own}


def _ordinary(document: Mapping[str, Any]) -> Run:
    """Return a run as pytest-benchmark alone would have saved it."""
    benchmarks = [
        {"fullname": one["fullname"], "stats": one["stats"]}
        for one in document["benchmarks"]
        if one["stats"]
    ]
    kept = {name: document[name] for name in ("machine_info", "datetime", "version")}
    return runs.from_json({**kept, "benchmarks": benchmarks})


def power(runs: Sequence[Run], old: int, new: int, by: float) -> tuple[int, int]:
    """Return how many slowed benchmarks were called slower, and how many there were."""
    names = [one.benchmark.id for one in runs[0].others]
    rng = random.Random(int(10 * by))  # noqa: S311
    found = slowed = 0
    for one, other in splits(len(runs), old, new)[-TRIED:]:
        ids = set(rng.sample(names, max(1, len(names) // SHARE)))
        sides = [runs[at] for at in one], [slower(runs[at], ids, by) for at in other]
        found += len(ids & {*called(compare(*sides, EMPTY), Verdict.REGRESSION)})
        slowed += len(ids)
    return found, slowed


def alternatives(first: Run, second: Run, process: int) -> Run:
    """Return a process in which each benchmark has an identical alternative, timed by another run.

    The second run's own speed is taken out, so that both are as if of one process.
    """
    own = {one.benchmark.id: one for one in second.others}
    off = [math.log(own[one.benchmark.id].median / one.median) for one in first.others]
    by = math.exp(-statistics.median(off))
    others = [
        replace(one, benchmark=replace(one.benchmark, id=f"{name}-{side}", group=name))
        for one in first.others
        for name in [one.benchmark.id]
        for side, one in (("a", one), ("b", _scaled(own[name], by)))
    ]
    return replace(first, others=tuple(others), section={"process": str(process)})


def _scaled(one: SavedTimes, by: float) -> SavedTimes:
    return replace(one, **{name: by * getattr(one, name) for name in TIMES})


def false_leads(runs: Sequence[Run], processes: int, reports: int = REPORTS) -> list[int]:
    """Return how many leads reports call among identical alternatives."""
    rng = random.Random(processes)  # noqa: S311
    found = []
    for _ in range(reports):
        picked = rng.sample(list(runs), 2 * processes)
        pairs = zip(picked[::2], picked[1::2], strict=True)
        timed = groups.timed([alternatives(*pair, at) for at, pair in enumerate(pairs)])
        results = outcomes(groups.grouped(timed))
        found.append(sum(one.races[0].winner is not None for one in results))
    return found


def far_apart(runs: Sequence[Run], by: float = 1 + BOUND) -> float:
    """Return the share of benchmarks that two runs time so differently that a lead is called."""
    found = [one for pair in combinations(runs, 2) for one in _far(*pair, by)]
    return statistics.fmean(found)


def any_apart(runs: Sequence[Run], by: float) -> float:
    """Return the share of pairs of runs in which some benchmark is off by a factor and more."""
    return statistics.fmean(any(_far(*pair, by)) for pair in combinations(runs, 2))


def _far(first: Run, second: Run, by: float) -> Iterator[bool]:
    """Tell of each benchmark whether its median and its fastest round are off by a factor."""
    own = alternatives(first, second, 0).others
    for one, other in zip(own[::2], own[1::2], strict=True):
        ratios = [other.median / one.median, other.min / one.min]
        yield min(ratios) > by or max(ratios) < 1 / by


def measure(name: str) -> dict[str, Any]:
    """Return what is counted in one suite."""
    own = variants(name)[SAME]
    sides = []
    for one in compared(own):
        found = {str(by): power(own, one["old"], one["new"], by) for by in FACTORS}
        sides.append({**one, "found": found})
        print(name, sides[-1], flush=True)  # noqa: T201
    return {
        **_about(own),
        "sides": sides,
        "far_apart": far_apart(own),
        "any_apart": {str(by): any_apart(own, by) for by in FACTORS},
        "reports": [_report(own, number) for number in PROCESSES],
        "boldest": boldest(own),
    }


def compared(own: Sequence[Run]) -> Iterator[dict[str, int]]:
    """Yield what is called in equal code, by the runs of each side."""
    for old, new in SIDES:
        if old + new <= len(own):
            wrong = false_calls(own, old, new)
            yield {"old": old, "new": new, "compared": len(wrong), "false": sum(wrong)}


def _about(own: Sequence[Run]) -> dict[str, Any]:
    cpu = own[0].machine.get("cpu") or {}
    return {
        "benchmarks": len(own[0].others),
        "runs": len(own),
        "machine": cpu.get("brand_raw") or "an unknown processor",
    }


def _report(own: Sequence[Run], processes: int) -> dict[str, int]:
    leads = false_leads(own, processes)
    return {"processes": processes, "reports": len(leads), "groups": len(own[0].others),
            "false": sum(leads), "with_any": sum(map(bool, leads))}  # fmt: skip


def main(*names: str) -> None:
    for name in names or SUITES:
        found = measure(name)
        saved = json.loads(OUT.read_text(encoding="utf-8"))["suites"] if OUT.exists() else {}
        _save({one: found if one == name else saved[one] for one in SUITES
               if one == name or one in saved})  # fmt: skip
    saved = json.loads(OUT.read_text(encoding="utf-8"))["suites"]
    _save(
        saved,
        left_out={name: left_out(name, saved) for name in saved},
        strangers={
            name: {**_about(own), "sides": list(compared(own))}
            for name, own in strangers().items()
        },
    )


def _save(suites: Mapping[str, Any], **more: Any) -> None:
    whole = {"schema": SCHEMA, "suites": suites, **more}
    OUT.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
