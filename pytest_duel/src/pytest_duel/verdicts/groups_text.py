"""Groups of benchmarks as plain text: a table for each, and what is the fastest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.results.leads import MARGIN, MARGIN_OVER_BLOCKS
from pytest_duel.support import harmless
from pytest_duel.support.terminal import WIDTH, wrapped
from pytest_duel.support.units import AUTO, count, duration, figures, ratio, scale_of
from pytest_duel.verdicts import noted
from pytest_duel.verdicts.apart import apart
from pytest_duel.verdicts.fastest import BOUND, Outcome, Race, outcomes
from pytest_duel.verdicts.groups import Group, Timed
from pytest_duel.verdicts.parameters import Value, said

LEAST = 24
"""Columns for the names of benchmarks; a longer name has a line of its own."""


@dataclass(frozen=True)
class Look:
    """What the tables show, and how."""

    processes: int
    """How many have timed the benchmarks."""
    keys: Sequence[str] = ()
    """Entries of `extra_info` that have a column."""
    unit: str = AUTO
    """Of times: a word of `units.UNITS`."""


def render(groups: Sequence[Group], look: Look) -> str:
    """Return a table for each group, and below it which benchmark is the fastest."""
    results = {one.group.name: one for one in outcomes(groups)}
    lines: list[str] = []
    for group in groups:
        lines += [*_group(group, results.get(group.name), look), ""]
    return "\n".join([*lines, *_legend(results, look.processes)])


def _group(group: Group, outcome: Outcome | None, look: Look) -> Iterator[str]:
    heading = f"{group.name}: {count(len(group.members), 'benchmark')}"
    yield from (heading, "-" * min(len(heading), WIDTH))
    rows = [_cells(one, outcome, look) for one in group.members]
    columns = ("time", *(("[95 %]",) if look.processes > 1 else ()), "fastest", "rounds")
    columns = (*columns, "× first") if outcome and outcome.races else columns
    columns = (*columns, *map(noted.heading, look.keys))
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    rest = max(LEAST, WIDTH - sum(width + 2 for width in widths))
    labels = [_label(one.benchmark) for one in group.members]
    room = min(rest, max(map(len, labels)))
    yield _line("", columns, room, widths)
    for one, label, cells in zip(group.members, labels, rows, strict=True):
        if len(label) > room:
            yield label
            label = ""
        yield _line(label, cells, room, widths)
        if one.typical and one.typical.groups:
            yield f"    {apart(one.typical)}"
    if outcome:
        for race in outcome.races:
            yield from wrapped(sentence(race, outcome))


def _label(benchmark: Benchmark) -> str:
    return harmless.line(benchmark.label)


def _cells(one: Timed, outcome: Outcome | None, look: Look) -> tuple[str, ...]:
    found = one.typical
    interval = f"[{_within(found.low, found.high, look.unit)}]" if found else "–"
    cells = (
        duration(one.time, look.unit), *((interval,) if look.processes > 1 else ()),
        duration(one.min, look.unit), f"{one.rounds:,}",
    )  # fmt: skip
    if outcome and outcome.races:
        own = next((race for race in outcome.races if one in race.order), None)
        cells = (*cells, figures(one.time / own.order[0].time) if own else "–")
    return (*cells, *(noted.said(key, one.noted) for key in look.keys))


def _within(low: float, high: float, word: str) -> str:
    """Return an interval of times with one unit."""
    unit, name = scale_of(high, word)
    return f"{figures(low / unit)}, {figures(high / unit)} {name}"


def _line(label: str, cells: Sequence[str], room: int, widths: Sequence[int]) -> str:
    told = "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
    return f"{label:<{room}}{told}".rstrip()


def sentence(race: Race, outcome: Outcome) -> str:
    """Say which alternative is the fastest, and by how much."""
    names = [outcome.name(one) for one in (race.order[0], race.rival)]
    where, lead = at(race.at), race.lead
    is_next = race.rival is race.order[1]
    among = f", the next of {len(race.order)}" if is_next and len(race.order) > 2 else ""
    if race.winner and lead:
        told = ratio(lead.value, lead.low, lead.high)
        return f"{where}{names[0]} is {told}× as fast as {names[1]}{among}"
    if lead is None:
        why = "one was timed once" if race.processes else "no process has timed both"
        return f"{where}{names[0]} and {names[1]} are not compared: {why}"
    if race.processes < 2 and lead.low > 1 + MARGIN:
        return (
            f"{where}{names[0]} was {figures(lead.value)}× as fast as {names[1]}{among}, in one "
            "process: not called"
        )
    return f"{where}{names[0]} and {names[1]} are too close to call"


def at(numbers: Sequence[tuple[str, Value]]) -> str:
    """Say at which numbers alternatives were compared."""
    values = dict(numbers)
    return f"{said(values, values)}: " if values else ""


def _legend(results: Mapping[str, Outcome], processes: int) -> Iterator[str]:
    yield from wrapped(
        f"The time is the geometric mean over {processes} processes of the median of each, with "
        "its interval; fastest is the fastest round of all."
        if processes > 1
        else "The time is the median of the rounds of one process: another process may differ by "
        "several percent, on a shared machine by far more. Save several runs to see."
    )
    if any(one.races for one in results.values()):
        alone = (
            "One process does not show what another would give, so a lead is called only if it is "
            f"at least {1 + BOUND:g} times, and so by the fastest rounds, too."
        )
        over = (
            "A lead counts only if it holds over the processes, for all groups together, by the "
            f"medians and by the fastest rounds, and is more than {MARGIN_OVER_BLOCKS:.0%}. Else "
            "it is too close to call."
        )
        yield from wrapped(
            "× first is the time of a benchmark over that of the fastest in its group. "
            f"{over if processes > 1 else alone}"
        )
