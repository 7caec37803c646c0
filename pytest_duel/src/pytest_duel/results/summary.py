"""A summary of a run: ratios, winners, crossovers. Plain data, printed elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from pytest_duel.catalogue.model import Catalogue, Role
from pytest_duel.results.benchmarks import Result
from pytest_duel.results.leads import compared_time, comparisons_together, is_certain, lead
from pytest_duel.results.runs import Run
from pytest_duel.statistics.bootstrap import Ratio
from pytest_duel.support import harmless

T = TypeVar("T")


@dataclass(frozen=True)
class Timing:
    """One case beside the reference and the floor."""

    result: Result
    role: Role
    speedup: Ratio | None
    """How many times faster than the reference backend."""
    to_floor: float | None
    """Its time as a multiple of the floor's."""


@dataclass(frozen=True)
class Leaders:
    """The two fastest backends, and the lead of the first over the second."""

    first: str
    second: str
    lead: Ratio
    """Its interval over processes holds for all sizes together."""
    rivals: tuple[str, ...] = ()
    """Those that may be as fast as the first."""

    @property
    def winner(self) -> str | None:
        """Return the fastest backend, or None where it is too close to call."""
        return None if self.rivals else self.first

    @property
    def close(self) -> tuple[str, ...]:
        """Return those among which it is too close to call; the first alone is the winner."""
        return (self.first, *self.rivals)


@dataclass(frozen=True)
class Size:
    """All cases of one kernel and scenario at one n."""

    n: int
    rows: tuple[Timing, ...]
    leaders: Leaders | None
    """None where there are not two backends to choose from."""


@dataclass(frozen=True)
class Summary:
    """All sizes of one kernel and scenario."""

    kernel: str
    item: str
    scenario: str
    reference: str
    sizes: tuple[Size, ...]
    overall: Leaders | None
    """Over all sizes, by geometric mean."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Backends that were asked for and not timed, with the word for why."""
    diagnostic: bool = False
    """It is no reason to choose a backend."""
    blocks: int = 1
    """Processes that timed each case."""

    @property
    def crossovers(self) -> tuple[tuple[int, str, int, str], ...]:
        """Return (n, backend, n', backend') wherever the fastest backend changes between sizes."""
        called = [(s.n, s.leaders.winner) for s in self.sizes if s.leaders and s.leaders.winner]
        return tuple(
            (n, str(one), m, str(other))
            for (n, one), (m, other) in pairwise(called)
            if one != other
        )


def summarise(
    run: Run, catalogue: Catalogue, only: tuple[str, str] | None = None
) -> list[Summary]:
    """Return a summary of each kernel and scenario of `run`, or for one, in the run's order."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in run.results:
        if catalogue.knows(result.case):
            groups.setdefault((result.case.kernel, result.case.scenario), []).append(result)
    refused = run.section.get("refused", {})
    return [
        _summary(*names, results, catalogue, _harmless(refused.get(names[0], {})))
        for names, results in groups.items()
        if only is None or names == only
    ]


def _harmless(words: Mapping[str, str]) -> dict[str, str]:
    return {harmless.line(name): harmless.line(word) for name, word in words.items()}


def middle(runs: Sequence[Run], catalogue: Catalogue) -> Run:
    """Return the run whose first summary's overall lead is the middle one.

    One process is one sample, so the middle of three is better than one; and it is a whole run,
    so that all that is compared was measured in one process.
    """
    if not runs[0].results:
        return runs[0]
    first = runs[0].results[0].case

    def lead(run: Run) -> float:
        summaries = summarise(run, catalogue, (first.kernel, first.scenario))
        return next((one.overall.lead.value for one in summaries if one.overall), 1.0)

    return sorted(runs, key=lead)[len(runs) // 2]


def _summary(
    kernel: str,
    scenario: str,
    results: Sequence[Result],
    catalogue: Catalogue,
    refused: Mapping[str, str],
) -> Summary:
    numbers = sorted({result.case.n for result in results})
    sizes = [
        _size(n, [r for r in results if r.case.n == n], catalogue, len(numbers)) for n in numbers
    ]
    return Summary(
        kernel=kernel,
        item=catalogue.kernels[kernel].item,
        scenario=scenario,
        reference=catalogue.reference,
        sizes=tuple(sizes),
        overall=_overall(sizes),
        refused=refused,
        diagnostic=(
            catalogue.kernels[kernel].diagnostic or catalogue.scenarios[scenario].diagnostic
        ),
        blocks=max(1, min(len(result.blocks) for result in results)),
    )


def _size(n: int, results: Sequence[Result], catalogue: Catalogue, sizes: int) -> Size:
    roles = {
        result.case.backend: catalogue.backends[result.case.backend].role for result in results
    }
    reference = _only(r for r in results if r.case.backend == catalogue.reference)
    lowest = _only(one.name for one in catalogue.backends.values() if one.role is Role.FLOOR)
    floor = _only(r for r in results if r.case.backend == lowest)
    rows = tuple(
        Timing(
            result=result,
            role=roles[result.case.backend],
            speedup=_speedup(reference, result),
            to_floor=result.median / floor.median if floor else None,
        )
        for result in results
    )
    return Size(n, rows, _leaders(rows, sizes))


def _only(found: Iterable[T]) -> T | None:
    return next(iter(found), None)


def _speedup(reference: Result | None, result: Result) -> Ratio | None:
    if reference is None or reference is result:
        return None
    return lead([reference], [result]) if reference.data and result.data else None


def competitors(size: Size) -> list[Timing]:
    """Return the rows that compete for the win, fastest first."""
    rows = [row for row in size.rows if row.role is Role.BACKEND and row.result.data]
    return sorted(rows, key=lambda row: compared_time(row.result))


def _leaders(rows: tuple[Timing, ...], sizes: int) -> Leaders | None:
    order = competitors(Size(0, rows, None))
    return _ahead([[row.result] for row in order], sizes) if len(order) > 1 else None


def _ahead(order: Sequence[Sequence[Result]], sizes: int = 1) -> Leaders:
    """Return who leads, of the results of each backend, the fastest first."""
    tests = comparisons_together(len(order), sizes)
    first, *others = order
    return Leaders(
        first[0].case.backend,
        others[0][0].case.backend,
        lead(others[0], first, tests),
        tuple(one[0].case.backend for one in others if not is_certain(one, first, tests)),
    )


def _overall(sizes: Sequence[Size]) -> Leaders | None:
    """Compare the backends present at every size by the geometric mean of their ratios."""
    tables = [{row.result.case.backend: row.result for row in competitors(size)} for size in sizes]
    names = [name for name in tables[0] if all(name in table for table in tables)]
    if len(names) < 2:
        return None

    columns = [[table[name] for table in tables] for name in names]
    return _ahead(sorted(columns, key=lambda column: lead(column, columns[0]).value))
