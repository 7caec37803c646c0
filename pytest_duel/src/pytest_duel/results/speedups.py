"""How far a backend is ahead of the next best, in every process that was timed."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pytest_duel.catalogue.model import Case
from pytest_duel.results.benchmarks import Result
from pytest_duel.results.leads import lead
from pytest_duel.results.runs import Run
from pytest_duel.results.summary import Size, Summary, competitors
from pytest_duel.statistics.bootstrap import median_interval

Results = Mapping[Case, Sequence[Result]]
"""The results of each case, by process."""


@dataclass(frozen=True)
class Lead:
    """The speed of a backend over that of the fastest other one, at a size."""

    n: int
    first: str
    second: str
    value: float
    low: float
    high: float


def by_case(runs: Iterable[Run]) -> Results:
    """Return the results of several runs by case."""
    found: dict[Case, list[Result]] = {}
    for run in runs:
        for result in run.results:
            found.setdefault(result.case, []).append(result)
    return found


def favourite(summary: Summary) -> str | None:
    """Return the backend that is the fastest over all sizes, or else at most of them."""
    if summary.overall:
        return summary.overall.first
    firsts = [size.leaders.first for size in summary.sizes if size.leaders]
    return statistics.mode(firsts) if firsts else None


def leads(summary: Summary, first: str, results: Results) -> list[Lead]:
    """Return the lead of a backend at each size where it can be told."""
    found = (_lead(summary, size, first, results) for size in summary.sizes)
    return [one for one in found if one]


def _lead(summary: Summary, size: Size, first: str, results: Results) -> Lead | None:
    rows = {row.result.case.backend: row.result for row in competitors(size)}
    others = [name for name in rows if name != first]
    if first not in rows or not others:
        return None
    second = others[0]
    ratio = lead([rows[second]], [rows[first]])
    found = _leads(summary, size.n, first, others, results)
    low, high = (min(found), max(found)) if len(found) > 1 else (ratio.low, ratio.high)
    return Lead(size.n, first, second, ratio.value, low, high)


def _leads(
    summary: Summary, n: int, first: str, others: Sequence[str], results: Results
) -> list[float]:
    """Return the lead in each process, where every one has timed all of them."""
    tables = [
        results.get(Case(summary.kernel, name, summary.scenario, n), ())
        for name in (first, *others)
    ]
    if len({len(table) for table in tables}) > 1:
        return []
    return [
        min(result.median for result in rest) / own.median
        for own, *rest in zip(*tables, strict=True)
    ]


def span(result: Result, results: Results) -> tuple[float, float]:
    """Return the interval of a time: over the processes, or else within the only one."""
    medians = [one.median for one in results[result.case]]
    if len(medians) > 1:
        return min(medians), max(medians)
    if result.data:
        return median_interval(result.data)
    return result.median, result.median
