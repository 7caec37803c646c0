"""Tables of what the Rust crate takes without Python."""

from collections.abc import Callable, Mapping
from math import isnan

from bench.study.cells import table, us
from bench.study.inputs import Inputs, Native, Times
from pytest_duel.support import harmless
from pytest_duel.support.units import figures


def native(inputs: Inputs) -> str:
    """Show the times of the Rust crate without Python, beside those of a sort."""
    ratio = {"clear / keys": lambda row: f"{row['clear'] / row['keys']:.2f} ×"}
    return _native_table(inputs.native["clear"], ratio)


def native_batch(inputs: Inputs) -> str:
    """Show the times of the Rust crate without Python, for a market in a batch."""
    return _native_table(inputs.native["batch"])


def ways(inputs: Inputs) -> str:
    """Show what each way to clear a market takes without Python, whichever is the fastest."""
    return _native_table(inputs.native["ways"])


def stages_of_blocks(inputs: Inputs) -> str:
    """Show what clearing a market takes whose units are dealt into buckets, stage by stage."""
    return _stages(inputs.native["stages_of_blocks"])


def stages_of_sums(inputs: Inputs) -> str:
    """Show what clearing a market takes of which each bucket is summed up, stage by stage."""
    return _stages(inputs.native["stages_of_sums"])


def _stages(times: Native) -> str:
    return _native_table(times, {"in all": lambda row: figures(sum(row.values()) - row["n"])})


def boundary(inputs: Inputs) -> str:
    """Show what a call from Python takes beside the crate alone: µs per market.

    What is left is told of one processor only: there is no sense in it for two.
    """
    times, crate = inputs.times("clear", "uniform"), inputs.native["clear"]
    processor = harmless.line(crate.processor)
    is_one = processor == inputs.processor
    rows = []
    for row in crate.rows:
        n, alone = int(row["n"]), 1e-9 * row["clear"]
        if ("rust", n) in times:
            called, floor = times["rust", n].median, times["floor", n].median
            left = [us(called - alone), f"{1 - alone / called:.0%}"] if is_one else []
            rows.append([f"{n:,}", us(floor), us(called), us(alone), *left])
    where = f"From Python on {inputs.processor}, crate alone on {processor}"
    heads = ["n", "floor", "from Python", "crate alone", *(["boundary", "its share"] * is_one)]
    lacking = "" if is_one else ", so the difference is not told"
    return f"{where}{lacking}:\n\n{table(heads, rows)}"


def _native_table(times: Native, more: Mapping[str, Callable[[Times], str]] | None = None) -> str:
    """Show sizes and times, and more columns that follow from them."""
    made = more or {}
    heads = [*times.rows[0], *made]
    rows = [[*_native_cells(row), *(cell(row) for cell in made.values())] for row in times.rows]
    return f"On {harmless.line(times.processor)}:\n\n{table(heads, rows)}"


def _native_cells(row: Times) -> list[str]:
    """Return a size and times; one that could not be taken is not a number."""
    times = [row[name] for name in row if name != "n"]
    return [f"{row['n']:,.0f}", *("–" if isnan(time) else figures(time) for time in times)]
