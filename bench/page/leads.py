"""How far a backend is ahead of the next best, in every process that was timed."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.page.material import Material
from bench.registry import Case
from bench.runs import Result
from bench.stats import median_interval, median_ratio
from bench.summary import Block, Size, competitors


@dataclass(frozen=True)
class Lead:
    """How many times as fast as the fastest other backend one is, at a size."""

    n: int
    first: str
    second: str
    value: float
    low: float
    high: float


def favourite(block: Block) -> str | None:
    """Return the backend that is the fastest over all sizes, or else at most of them."""
    if block.overall:
        return block.overall.first
    firsts = [size.verdict.first for size in block.sizes if size.verdict]
    return statistics.mode(firsts) if firsts else None


def leads(block: Block, first: str, material: Material) -> list[Lead]:
    """Return the lead of a backend at each size where it can be told."""
    found = (_lead(block, size, first, material) for size in block.sizes)
    return [lead for lead in found if lead]


def _lead(block: Block, size: Size, first: str, material: Material) -> Lead | None:
    rows = {row.result.case.backend: row.result for row in competitors(size)}
    others = [name for name in rows if name != first]
    if first not in rows or not others:
        return None
    second = others[0]
    value = rows[second].median / rows[first].median
    if material.several:
        low, high = _range(block, size.n, first, others, material)
    else:
        ratio = median_ratio(rows[second].data, rows[first].data)
        low, high = ratio.low, ratio.high
    return Lead(size.n, first, second, value, low, high)


def _range(
    block: Block, n: int, first: str, others: Sequence[str], material: Material
) -> tuple[float, float]:
    """Return the least and the largest lead over the processes that timed all of them."""
    tables = [
        material.results.get(Case(block.kernel, name, block.scenario, n), ())
        for name in (first, *others)
    ]
    leads = [
        min(result.median for result in rest) / own.median
        for own, *rest in zip(*tables, strict=False)
    ]
    return min(leads), max(leads)


def span(result: Result, material: Material) -> tuple[float, float]:
    """Return the interval of a time: over the processes, or else within the only one."""
    medians = [one.median for one in material.results[result.case]]
    if len(medians) > 1:
        return min(medians), max(medians)
    if result.data:
        return median_interval(result.data)
    return result.median, result.median
