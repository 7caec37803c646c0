"""A summary as plain text: 80 columns, no colour."""

import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Case, Role
from pytest_duel.results.benchmarks import Result
from pytest_duel.results.leads import MARGIN, MARGIN_OVER_BLOCKS, over_blocks
from pytest_duel.results.summary import Leaders, Size, Summary, Timing
from pytest_duel.statistics.bootstrap import Ratio
from pytest_duel.statistics.typical import paces, typical
from pytest_duel.support import units
from pytest_duel.support.terminal import WIDTH
from pytest_duel.support.units import common_unit, decimals, figures
from pytest_duel.verdicts.apart import apart

MARK = "*"
"""Beside a time that depends on the process which has taken it."""
NEAR = 1.1
"""Leads below this are told with a figure more."""
NAMED = 3
"""The most backends that a row of a table names as too close to call."""
_SIZE = f"{'n':>9}"
"""The first column of a table of sizes, in its header."""
INDENT = 8
"""Of what is said of a case, below its line."""
Processes = Mapping[Case, Sequence[str]]
"""How far the processes of a case differ, where that is much: lines."""


def render(summaries: Sequence[Summary], notes: Mapping[str, str]) -> str:
    """Return the whole summary: details, then side by side, then in short.

    Parameters
    ----------
    summaries
        What was measured.
    notes
        Notes on backends for the legend, by name.
    """
    lines: list[str] = []
    told = [by_process(summary) for summary in summaries]
    for summary, own in zip(summaries, told, strict=True):
        lines += [*details(summary, own), ""]
    lines += [*_heading("Which backend at which size"), ""]
    for summary, own in zip(summaries, told, strict=True):
        lines += [*glance(summary, own), ""]
    meant = legend(notes, min((one.blocks for one in summaries), default=1))
    lines += [*meant, "", *_heading("In short"), *in_short(summaries)]
    return "\n".join(lines)


def first(summaries: Sequence[Summary]) -> Summary | None:
    """Return the one of which all sizes are shown: the first that has backends to choose from."""
    return next((one for one in summaries if one.overall and not one.diagnostic), None)


def brief(
    summaries: Sequence[Summary], notes: Mapping[str, str], *, with_table: bool = True
) -> str:
    """Return what a person came for: what to use, and all sizes of the first kernel.

    Where there is nothing to choose from, that is the whole summary.

    Parameters
    ----------
    summaries
        What was measured.
    notes
        Notes on backends for the legend, by name.
    with_table
        False where the sizes of the first kernel were shown before.
    """
    shown = first(summaries)
    if shown is None:
        return render(summaries, notes)
    lines = [*table(shown), ""] if with_table and len(shown.sizes) > 1 else []
    lines += in_short(summaries)
    blocks = min((one.blocks for one in summaries), default=1)
    return "\n".join([*lines, *_meant(blocks)])


def in_short(summaries: Iterable[Summary]) -> Iterator[str]:
    """Yield what to use for every kernel: by its first scenario in full, a word on the others."""
    kernels: dict[str, list[Summary]] = {}
    for summary in summaries:
        if summary.overall and not summary.diagnostic:
            kernels.setdefault(summary.kernel, []).append(summary)
    for kernel, (first, *others) in kernels.items():
        told = f"{kernel}, {first.scenario}: {answer(first, cast('Leaders', first.overall))}"
        yield from textwrap.wrap(told, WIDTH, subsequent_indent="    ")
        for use, scenarios in _by_use(others).items():
            told = f"{', '.join(scenarios)}: {use}"
            yield from textwrap.wrap(told, WIDTH, initial_indent="  ", subsequent_indent="    ")


def _by_use(summaries: Iterable[Summary]) -> dict[str, list[str]]:
    """Return scenarios by what to use."""
    found: dict[str, list[str]] = {}
    for summary in summaries:
        found.setdefault(recommendation(summary), []).append(summary.scenario)
    return found


def answer(summary: Summary, leaders: Leaders) -> str:
    """Say which backend to use, and by how much it leads over all sizes."""
    use = crossover(summary) if summary.crossovers else recommendation(summary)
    return f"{use}; {overall(leaders, len(summary.sizes))}{_without(summary)}"


def _without(summary: Summary) -> str:
    """Say which backends the conclusion leaves out."""
    left_out = ", ".join(f"{name} ({why})" for name, why in summary.refused.items())
    return f"; of those timed, without {left_out}" if left_out else ""


def table(summary: Summary) -> Iterator[str]:
    """Yield the medians of the backends to choose from, and the fastest at each size."""
    return _sizes(summary, (Role.BACKEND,), by_process(summary))


def is_header(line: str) -> bool:
    """Tell whether a line is the header of a table of sizes."""
    return line.startswith(f"{_SIZE} ") and "  fastest" in line


def details(summary: Summary, processes: Processes) -> Iterator[str]:
    """Yield a line for every case of `summary`, and below it how far its processes differ."""
    unit, name = common_unit(row.result.median for size in summary.sizes for row in size.rows)
    yield from _heading(f"{summary.kernel}, {summary.scenario}: {name} per {summary.item}")
    speedup = f"× {summary.reference} [95 %]"
    yield (
        f"{'n':>7} {'backend':<14}{'median':>7}{'mean':>7}{'stddev':>7}{'min':>7}"
        f"{speedup:>22}{'/ floor':>8}"
    )
    for size in summary.sizes:
        for index, row in enumerate(size.rows):
            yield _detail(f"{size.n:,}" if index == 0 else "", row, unit)
            for line in processes.get(row.result.case, ()):
                yield f"{'':>{INDENT}}{line}"


def _detail(n: str, row: Timing, unit: float) -> str:
    result = row.result
    places = decimals(result.median / unit)
    median, mean, least = (
        f"{value / unit:>7.{places}f}" for value in (result.median, result.mean, result.min)
    )
    stddev = result.stddev / unit
    spread = f"{stddev:>7.{min(decimals(stddev, 2), places + 1)}f}"
    columns = f"{median}{mean}{spread}{least}"
    speedup = ratio(row.speedup) if row.speedup else ""
    floor = figures(row.to_floor, 2) if row.to_floor and row.role is not Role.FLOOR else ""
    return f"{n:>7} {result.case.backend:<14}{columns}{speedup:>22}{floor:>8}".rstrip()


def glance(summary: Summary, processes: Processes) -> Iterator[str]:
    """Yield the medians side by side, the fastest at each size, and the conclusion."""
    yield from _sizes(summary, (Role.BACKEND, Role.FLOOR), processes)
    if not summary.diagnostic:
        yield from conclusion(summary)


def _sizes(summary: Summary, roles: Collection[Role], processes: Processes) -> Iterator[str]:
    """Yield the medians of backends in these roles side by side, and the fastest at each size."""
    timed = dict.fromkeys(
        row.result.case.backend for size in summary.sizes for row in size.rows if row.role in roles
    )
    names = [*timed, *(name for name in summary.refused if name not in timed)]
    unit, unit_name = common_unit(row.result.median for size in summary.sizes for row in size.rows)
    yield f"{summary.kernel}, {summary.scenario} (median {unit_name} per {summary.item})"
    widths = {name: max(9, len(name) + 1) for name in names}
    rows, is_any_marked = [], False
    for size in summary.sizes:
        cells: dict[str, str] = dict(summary.refused)
        for result in (row.result for row in size.rows):
            name, is_marked = result.case.backend, result.case in processes
            cells[name] = figures(result.median / unit) + (MARK if is_marked else "")
            is_any_marked |= is_marked and name in names
        row = f"{size.n:>9,}"
        rows.append(row + "".join(f"{cells.get(name, '–'):>{widths[name]}}" for name in names))
    plain = [fastest(size) for size in summary.sizes]
    told = [fastest(size, with_interval=True) for size in summary.sizes]
    if any(len(f"{row}  {one}") > WIDTH for row, one in zip(rows, told, strict=True)):
        told = plain
    head = "fastest" if told == plain else "fastest [95 %]"
    yield _SIZE + "".join(f"{name:>{widths[name]}}" for name in names) + f"  {head}"
    for row, one in zip(rows, told, strict=True):
        yield f"{row}  {one}".rstrip()
    if is_any_marked:
        yield f"  {MARK} differs between processes by a fifth or more; -v shows how far"


def fastest(size: Size, *, with_interval: bool = False) -> str:
    """Say which backend is fastest at a size, and by how much."""
    leaders = size.leaders
    if leaders is None:
        return ""
    if leaders.winner is None:
        close, more = leaders.close[:NAMED], len(leaders.close) - NAMED
        return f"too close: {', '.join([*close, *([f'{more} more'] if more > 0 else [])])}"
    lead = leaders.lead
    digits = 2 if (lead.low if with_interval else lead.value) >= NEAR else 3
    ends = f" [{figures(lead.low, digits)}, {figures(lead.high, digits)}]" if with_interval else ""
    return f"{leaders.first}, {figures(lead.value, digits)}×{ends} {leaders.second}"


def conclusion(summary: Summary) -> Iterator[str]:
    """Yield the crossover and the one line for all sizes."""
    if summary.overall is None:
        return
    if len(summary.sizes) > 1:
        line = f"crossover: {crossover(summary)}"
        yield from textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ")
    use = f"{recommendation(summary)}{_without(summary)}"
    line = f"{overall(summary.overall, len(summary.sizes))}; {use}"
    yield from textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ")


def crossover(summary: Summary) -> str:
    """Say between which sizes the fastest backend changes."""
    changes = summary.crossovers
    if changes:
        return "; ".join(
            f"{one} → {other} between {n:,} and {m:,}" for n, one, m, other in changes
        )
    undecided = [size for size in summary.sizes if size.leaders and size.leaders.winner is None]
    if len(undecided) == len(summary.sizes):
        return "undecided, all sizes are too close to call"
    names = {size.leaders.winner for size in summary.sizes if size.leaders and size.leaders.winner}
    where = "every size" if not undecided else "every size that can be called"
    return f"none, {names.pop()} is fastest at {where}"


def overall(leaders: Leaders, sizes: int) -> str:
    """Say in one line who is faster over all sizes."""
    over = f"over all {sizes} sizes (geometric mean) " if sizes > 1 else ""
    if leaders.winner is None:
        return f"{over}{listed(leaders.close)} are too close to call"
    return f"{over}{leaders.first} is {ratio(leaders.lead)}× as fast as {leaders.second}"


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them: ``rust, numba and numpy``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def recommendation(summary: Summary) -> str:
    """Say what to use: the same at all sizes, where none speaks against it, nor all together."""
    leaders = [summary.overall, *(size.leaders for size in summary.sizes)]
    winners = {one.winner for one in leaders if one} - {None}
    if not winners:
        return "use either"
    return f"use {winners.pop()}" if len(winners) == 1 else "choose by size, see above"


def by_process(summary: Summary) -> Processes:
    """Say of each case whose time depends on the process how far its processes differ."""
    told: dict[Case, list[str]] = {}
    for size in summary.sizes:
        told |= _told([row.result for row in size.rows])
    return {case: said for case, said in told.items() if said}


def _told(results: Sequence[Result]) -> dict[Case, list[str]]:
    """Say of each result how far its processes differ; nothing where that is little.

    What slows all of them in a block does not count: they took turns on the same machine.
    """
    if not over_blocks(*results):
        return {}
    pace = paces([one.blocks for one in results])
    return {one.case: _differing(one.blocks, pace) for one in results}


def _differing(blocks: Sequence[Sequence[float]], pace: NDArray[np.float64]) -> list[str]:
    """Say how far processes differ at the usual pace, and what was measured in each."""
    said = apart(typical([np.divide(own, at) for own, at in zip(blocks, pace, strict=True)]))
    if not said:
        return []
    medians = [float(np.median(own)) for own in blocks]
    unit, name = units.scale_of(min(medians))
    measured = ", ".join(figures(one / unit) for one in medians)
    return [said, *textwrap.wrap(f"as measured: {measured} {name}", WIDTH - INDENT)]


def legend(notes: Mapping[str, str], blocks: int = 1) -> list[str]:
    """Explain the columns.

    Parameters
    ----------
    notes
        Notes on backends, by name.
    blocks
        Processes that have timed each case.
    """
    told = "".join(f" {name}: {note}." for name, note in notes.items())
    return textwrap.wrap(
        "× and its interval: how many times faster than the reference backend. "
        f"{' '.join(_meant(blocks))}{told}",
        WIDTH,
    )


def _meant(blocks: int) -> list[str]:
    """Say what an interval is over, and which leads are no leads."""
    return textwrap.wrap(
        f"The interval is over {blocks} processes, in which the backends took turns. A lead "
        f"counts only if it holds over these processes, against each other backend, for all "
        f"sizes together, and is more than {MARGIN_OVER_BLOCKS:.0%}. Else it is too close to call."
        if blocks > 1
        else "The interval says what measuring this process again would give. Another process may "
        f"differ, so a lead within {MARGIN:.0%} is too close to call.",
        WIDTH,
    )


def ratio(value: Ratio) -> str:
    """Return a ratio with its interval."""
    return units.ratio(value.value, value.low, value.high, 3 if value.value >= 1 else 2)


def _heading(text: str) -> list[str]:
    return [text, "-" * len(text)]
