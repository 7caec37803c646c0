"""A summary as plain text: 80 columns, no colour."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from bench.registry import Role
from bench.stats import Ratio
from bench.summary import MARGIN, Block, Row, Size, Verdict

WIDTH = 80
_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def decimals(value: float, digits: int = 3) -> int:
    """Return the decimal places that show `value` with `digits` significant figures."""
    if value == 0:
        return 0
    exponent = int(f"{abs(value):.{digits - 1}e}".partition("e")[2])
    return max(0, digits - 1 - exponent)


def figures(value: float, digits: int = 3) -> str:
    """Return `value` with `digits` significant figures and no exponent."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    return f"{rounded:.{decimals(value, digits)}f}"


def duration(seconds: float) -> str:
    """Return a time with its unit: ``4.22 µs``."""
    for unit, name in _UNITS:
        if seconds >= unit * 0.9995:
            return f"{figures(seconds / unit)} {name}"
    return f"{figures(seconds / _UNITS[-1][0])} {_UNITS[-1][1]}"


def render(blocks: Sequence[Block]) -> str:
    """Return the whole summary: every block in detail, then all of them at a glance."""
    lines: list[str] = []
    for block in blocks:
        lines += [*details(block), ""]
    lines += [*_heading("Which backend at which size"), ""]
    for block in blocks:
        lines += [*glance(block), ""]
    lines += legend()
    return "\n".join(lines)


def details(block: Block) -> Iterator[str]:
    """Yield a line for every case of `block`."""
    unit, name = _unit(row.result.median for size in block.sizes for row in size.rows)
    yield from _heading(f"{block.kernel}, {block.scenario}: {name} per {block.item}")
    speedup = f"× {block.reference} [95 %]"
    yield (
        f"{'n':>7} {'backend':<11}{'median':>8}{'mean':>8}{'stddev':>8}{'min':>8}"
        f"{speedup:>21}{'/ floor':>8}"
    )
    for size in block.sizes:
        for index, row in enumerate(size.rows):
            yield _detail(f"{size.n:,}" if index == 0 else "", row, unit)


def _detail(n: str, row: Row, unit: float) -> str:
    result = row.result
    places = decimals(result.median / unit)
    median, mean, least = (
        f"{value / unit:>8.{places}f}" for value in (result.median, result.mean, result.min)
    )
    stddev = result.stddev / unit
    spread = f"{stddev:>8.{min(decimals(stddev, 2), places + 1)}f}"
    columns = f"{median}{mean}{spread}{least}"
    speedup = ratio(row.speedup) if row.speedup else ""
    floor = figures(row.to_floor, 2) if row.to_floor and row.role is not Role.FLOOR else ""
    return f"{n:>7} {result.case.backend:<11}{columns}{speedup:>21}{floor:>8}".rstrip()


def glance(block: Block) -> Iterator[str]:
    """Yield the medians side by side, the winner of each size, and the conclusion."""
    names = list(
        dict.fromkeys(
            row.result.case.backend
            for size in block.sizes
            for row in size.rows
            if row.role in (Role.BACKEND, Role.FLOOR)
        )
    )
    unit, unit_name = _unit(row.result.median for size in block.sizes for row in size.rows)
    yield f"{block.kernel}, {block.scenario} (median {unit_name} per {block.item})"
    yield f"{'n':>9}" + "".join(f"{name:>9}" for name in names) + "  fastest"
    for size in block.sizes:
        medians = {row.result.case.backend: row.result.median for row in size.rows}
        cells = (figures(medians[name] / unit) if name in medians else "–" for name in names)
        row = f"{size.n:>9,}" + "".join(f"{cell:>9}" for cell in cells)
        yield f"{row}  {_winner(size)}".rstrip()
    yield from conclusion(block)


def _winner(size: Size) -> str:
    verdict = size.verdict
    if verdict is None:
        return ""
    if verdict.winner is None:
        return f"too close: {verdict.first}, {verdict.second}"
    return f"{verdict.first}, {figures(verdict.lead.value, 2)}× {verdict.second}"


def conclusion(block: Block) -> Iterator[str]:
    """Yield the crossover and the one line for all sizes."""
    if block.overall is None:
        return
    if len(block.sizes) > 1:
        line = f"crossover: {crossover(block)}"
        yield from textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ")
    line = f"{overall(block.overall, len(block.sizes))}; {recommendation(block)}"
    yield from textwrap.wrap(line, WIDTH, initial_indent="  ", subsequent_indent="    ")


def crossover(block: Block) -> str:
    """Say between which sizes the fastest backend changes."""
    changes = block.crossovers
    if changes:
        return "; ".join(
            f"{one} → {other} between {n:,} and {m:,}" for n, one, m, other in changes
        )
    undecided = [size for size in block.sizes if size.verdict and size.verdict.winner is None]
    if len(undecided) == len(block.sizes):
        return "undecided, all sizes are too close to call"
    names = {size.verdict.winner for size in block.sizes if size.verdict and size.verdict.winner}
    where = "every size" if not undecided else "every size that can be called"
    return f"none, {names.pop()} is fastest at {where}"


def overall(verdict: Verdict, sizes: int) -> str:
    """Say in one line who is faster over all sizes."""
    over = f"over all {sizes} sizes (geometric mean)" if sizes > 1 else "here"
    if verdict.winner is None:
        return f"{over}: {verdict.first} and {verdict.second} are too close to call"
    return f"{over}: {verdict.first} is {ratio(verdict.lead)}× as fast as {verdict.second}"


def recommendation(block: Block) -> str:
    """Say what to use."""
    winners = {size.verdict.winner for size in block.sizes if size.verdict}
    decided = winners - {None}
    if len(decided) == 1:
        name = decided.pop()
        return f"use {name}" if None not in winners else f"use {name} (in part too close to call)"
    if not decided:
        return "use either"
    return "choose by size, see above"


def legend() -> list[str]:
    """Explain the columns."""
    return textwrap.wrap(
        "× and its interval: how many times faster than the reference backend; the interval is "
        "what another look at this process would give. Another process may differ, so a lead "
        f"within {MARGIN:.0%} is too close to call. floor: the same call from Python with no work "
        "behind it. public: the public function on its default backend. study-*: the earlier "
        "study's code, right on untied bids only, for comparison.",
        WIDTH,
    )


def ratio(value: Ratio) -> str:
    """Return a ratio with its interval."""
    digits = 3 if value.value >= 1 else 2
    low, high = figures(value.low, digits), figures(value.high, digits)
    return f"{figures(value.value, digits)} [{low}, {high}]"


def _unit(medians: Iterable[float]) -> tuple[float, str]:
    """Choose the largest unit in which the smallest median is at least 0.05."""
    least = min(medians)
    for unit, name in _UNITS:
        if least >= unit * 0.05:
            return unit, name
    return _UNITS[-1]


def _heading(text: str) -> list[str]:
    return [text, "-" * len(text)]
