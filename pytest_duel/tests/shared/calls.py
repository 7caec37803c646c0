"""What comparisons and reports call in recorded runs: of equal code, and of slowed copies.

    python pytest_duel/tests/shared/calls.py [SUITE ...]

counts it for `recorded` suites and writes docs/runs/calls.json, which `python -m bench report
--update-docs` makes a table of. It takes some minutes; suites that are not named are kept.
"""

import json
import math
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

from pytest_duel.catalogue.model import EMPTY
from pytest_duel.compare.comparison import Comparison, compare
from pytest_duel.results.benchmarks import SavedTimes
from pytest_duel.results.runs import Run
from pytest_duel.statistics.paired import Verdict
from pytest_duel.verdicts import groups
from pytest_duel.verdicts.fastest import BOUND, outcomes
from recorded import SAME, variants

OUT = Path(__file__).resolve().parents[3] / "docs" / "runs" / "calls.json"
SUITES = ("pluggy", "cattrs", "pint")
SIDES = ((1, 1), (2, 2), (3, 3), (5, 5), (1, 3), (3, 1))
"""Runs of each side."""
AT_RANDOM = 20
TIMES = ("median", "mean", "min", "stddev")
TRIED = 6
"""Of these comparisons, how many are made again with slowed runs."""
FACTORS = (1.5, 2.0, 3.0)
SHARE = 20
"""One benchmark in so many is slowed."""
PROCESSES = (1, 2, 3, 5)
"""Processes of a report."""
REPORTS = 10

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


def false_calls(runs: Sequence[Run], old: int, new: int, at_random: int = AT_RANDOM) -> list[bool]:
    """Tell of comparisons of equal code whether anything was called."""
    found = []
    for one, other in splits(len(runs), old, new, at_random):
        comparison = compare([runs[at] for at in one], [runs[at] for at in other], EMPTY)
        found.append(bool(called(comparison)))
    return found


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
        found.append(sum(one.contests[0].winner is not None for one in results))
    return found


def far_apart(runs: Sequence[Run]) -> float:
    """Return the share of benchmarks that two runs time so differently that a lead is called."""
    found = [one for pair in combinations(runs, 2) for one in _far(*pair)]
    return statistics.fmean(found)


def _far(first: Run, second: Run) -> Iterator[bool]:
    own = alternatives(first, second, 0).others
    for one, other in zip(own[::2], own[1::2], strict=True):
        ratios = [other.median / one.median, other.min / one.min]
        yield min(ratios) > 1 + BOUND or max(ratios) < 1 / (1 + BOUND)


def measure(name: str) -> dict[str, Any]:
    """Return what is counted in one suite."""
    runs = variants(name)[SAME]
    sides = []
    for old, new in SIDES:
        wrong = false_calls(runs, old, new)
        found = {str(by): power(runs, old, new, by) for by in FACTORS}
        sides.append(
            {"old": old, "new": new, "compared": len(wrong), "false": sum(wrong), "found": found}
        )
        print(name, sides[-1], flush=True)  # noqa: T201
    return {
        "benchmarks": len(runs[0].others),
        "runs": len(runs),
        "machine": runs[0].machine["cpu"]["brand_raw"],
        "sides": sides,
        "far_apart": far_apart(runs),
        "reports": [_report(runs, number) for number in PROCESSES],
    }


def _report(runs: Sequence[Run], processes: int) -> dict[str, int]:
    leads = false_leads(runs, processes)
    return {"processes": processes, "reports": len(leads), "groups": len(runs[0].others),
            "false": sum(leads), "with_any": sum(map(bool, leads))}  # fmt: skip


def main(*names: str) -> None:
    for name in names or SUITES:
        found = measure(name)
        saved = json.loads(OUT.read_text(encoding="utf-8"))["suites"] if OUT.exists() else {}
        saved[name] = found
        whole = {"schema": 1, "suites": {one: saved[one] for one in SUITES if one in saved}}
        OUT.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
