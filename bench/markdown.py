"""Tables for the docs, as Markdown, from saved runs."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.registry import Catalogue, Role
from bench.runs import Result, Run
from bench.summary import Block, Size, middle, summarise
from bench.text import crossover, figures, overall, recommendation


@dataclass(frozen=True)
class Sources:
    """What the docs' tables are made from."""

    runs: Sequence[Run]
    """The same sweep in several processes, as saved in the repository."""
    earlier: Path
    """What the earlier study printed."""
    catalogue: Catalogue

    @cached_property
    def study(self) -> Run:
        """Return the middle of the runs."""
        return middle(self.runs, self.catalogue)

    @cached_property
    def blocks(self) -> Mapping[tuple[str, str], Block]:
        """Return the study's summary by kernel and scenario."""
        return {(b.kernel, b.scenario): b for b in summarise(self.study, self.catalogue)}

    def times(self, kernel: str, scenario: str) -> dict[tuple[str, int], Result]:
        """Return results by backend and n."""
        return {
            (result.case.backend, result.case.n): result
            for result in self.study.results
            if (result.case.kernel, result.case.scenario) == (kernel, scenario)
        }


STUDY = ("study-numba", "study-rust", "study-views")
"""The earlier study's algorithms."""

Table = Callable[[Sources], str]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["--:"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _us(result: Result | None) -> str:
    return "–" if result is None else figures(result.median * 1e6)


def where(sources: Sources) -> str:
    """Say on what machine, with what versions and when the study was measured."""
    run = sources.study
    machine, versions = run.machine, run.machine["versions"]
    build = run.section["build_info"]
    packages = ", ".join(f"{name} {versions[name]}" for name in ("python", "numpy", "numba"))
    parity = run.section["parity"]
    calls = sum(parity["calls"].values())
    governor = machine["governor"] or "not told"
    return (
        f"Measured {run.when[:10]} on {machine['cpu']['brand_raw']}, {machine['usable_cores']} "
        f"cores, virtualisation {machine['virtualisation']}, governor {governor}, load "
        f"{run.section['load'][0]:.1f} at the start; {packages}, {build['rustc']}, rust_market "
        f"{build['version']} ({build['profile']}, {build['target']}, sources "
        f"{build['source_hash'][:12]}). Tier {run.section['tier']}, {len(run.results)} cases in "
        f"each of {len(sources.runs)} processes; each size shows the process in which the lead "
        f"of the fastest is the middle one. Before the timing {calls:,} calls were compared bit "
        f"for bit with the reference, in each process; "
        f"{len(parity['disagreements'])} backends disagreed."
    )


def _glance(block: Block) -> str:
    names = [
        row.result.case.backend
        for row in block.sizes[0].rows
        if row.role in (Role.BACKEND, Role.FLOOR)
    ]
    rows = []
    for size in block.sizes:
        found = {row.result.case.backend: row.result for row in size.rows}
        rows.append([f"{size.n:,}", *(_us(found.get(name)) for name in names), _fastest(size)])
    return _table(["n", *names, "fastest"], rows)


def _fastest(size: Size) -> str:
    verdict = size.verdict
    if verdict is None:
        return ""
    if verdict.winner is None:
        return f"too close: {verdict.first}, {verdict.second}"
    return f"{verdict.first}, {figures(verdict.lead.value, 2)} × {verdict.second}"


def _with_conclusion(block: Block) -> str:
    lines = [_glance(block), ""]
    if block.overall:
        if len(block.sizes) > 1:
            lines.append(f"Crossover: {crossover(block)}.")
        said = overall(block.overall, len(block.sizes))
        lines.append(f"{said[0].upper()}{said[1:]}; {recommendation(block)}.")
    return "\n".join(lines)


def uniform(sources: Sources) -> str:
    """Fresh inputs, all sizes: median µs per market."""
    return _with_conclusion(sources.blocks["clear", "uniform"])


def batch(sources: Sources) -> str:
    """Clear a thousand markets a call: median µs per market."""
    return _with_conclusion(sources.blocks["clear_batch", "uniform"])


def shapes(sources: Sources) -> str:
    """Tied, sorted and scarce markets beside uniform ones."""
    rows = []
    for scenario in ("uniform", "tied", "sorted", "scarce"):
        for size in sources.blocks["clear", scenario].sizes:
            if size.n in (5, 50, 200, 1000):
                found = {row.result.case.backend: row.result for row in size.rows}
                times = (_us(found.get(name)) for name in ("numpy", "numba", "rust"))
                rows.append([scenario, f"{size.n:,}", *times, _fastest(size)])
    return _table(["scenario", "n", "numpy", "numba", "rust", "fastest"], rows)


def fleet(sources: Sources) -> str:
    """Clear the real fleet, hour by hour and as a batch: median µs per market."""
    rows = []
    for (kernel, scenario), block in sources.blocks.items():
        if scenario.startswith("ACTIVSg2000"):
            for size in block.sizes:
                found = {row.result.case.backend: row.result for row in size.rows}
                times = (_us(found.get(name)) for name in ("numpy", "numba", "rust"))
                rows.append([f"`{kernel}`", scenario, *times, _fastest(size)])
    return _table(["kernel", "bids", "numpy", "numba", "rust", "fastest"], rows)


def repeated(sources: Sources) -> str:
    """Set the earlier study's table beside its algorithms today, on one repeated market."""
    with sources.earlier.open(encoding="utf-8", newline="") as file:
        earlier = {int(row["n"]): row for row in csv.DictReader(file)}
    today = sources.times("clear", "repeated")
    rows = [
        [str(n), row["numba_us"], row["rust_us"], *(_us(today.get((name, n))) for name in STUDY)]
        for n, row in earlier.items()
    ]
    return _table(["n", "numba then", "Rust then", *STUDY], rows)


def fresh(sources: Sources) -> str:
    """Time the study's algorithms, and today's backends, on fresh markets."""
    found = sources.times("clear", "uniform")
    sizes = sorted({n for _, n in sources.times("clear", "repeated")})
    names = (*STUDY, "numba", "rust")
    rows = [[str(n), *(_us(found.get((name, n))) for name in names)] for n in sizes]
    return _table(["n", *names], rows)


def learnt(sources: Sources) -> str:
    """Say how many times longer each takes on fresh markets than on one repeated."""
    again, anew = sources.times("clear", "repeated"), sources.times("clear", "uniform")
    names = (*STUDY, "numba", "rust")
    rows = []
    for n in sorted({n for _, n in again}):
        ratios = [anew[name, n].median / again[name, n].median for name in names]
        rows.append([str(n), *(f"{figures(value, 2)} ×" for value in ratios)])
    return _table(["n", *names], rows)


def cold_start(sources: Sources) -> str:
    """Import and first call in a new process, in seconds."""
    rows = []
    for scenario in ("first-run", "later-run"):
        found = sources.times("cold_start", scenario)
        for (backend, _), result in found.items():
            rows.append([scenario, backend, f"{result.median:.2f}", f"{result.min:.2f}"])
    return _table(["compile cache", "backend", "median s", "min s"], rows)


def training(sources: Sources) -> str:
    """Tell what share of a training step is the clearing call."""
    whole = sources.times("train", "bidding")
    part = sources.times("train_clearing", "bidding")
    rows = []
    for (backend, n), step in sorted(whole.items(), key=lambda item: item[0][1]):
        clearing = part[backend, n]
        share = clearing.median / step.median
        rows.append([f"{n:,}", backend, _us(step), _us(clearing), f"{share:.0%}"])
    return _table(["n", "backend", "step, µs", "of it clearing, µs", "share"], rows)


def pools(sources: Sources) -> str:
    """Tell how far doubling the pools moves the time of each backend."""
    once, twice = sources.times("clear", "uniform"), sources.times("clear", "uniform-2x")
    rows = []
    for n in sorted({n for _, n in twice}):
        row = [f"{n:,}", *(f"{run['rust', n].distinct:,}" for run in (once, twice))]
        for name in ("rust", "numba"):
            one, other = once[name, n], twice[name, n]
            row += [_us(one), _us(other), f"{other.median / one.median - 1:+.1%}"]
        rows.append(row)
    header = ["n", "pool", "doubled", "rust", "doubled", "change", "numba", "doubled", "change"]
    return _table(header, rows)


def ties(sources: Sources) -> str:
    """Tell how wrong the study's algorithms are where bids tie."""
    rows = []
    for case, tally in sources.study.section["parity"]["outside_domain"].items():
        if "study-views" not in case:  # the same steps as study-rust
            share = tally["different"] / tally["calls"]
            counts = f"{tally['calls']:,}", f"{tally['different']:,}", f"{share:.0%}"
            rows.append([f"`{case}`", *counts, f"{tally['largest']:.3g}"])
    return _table(["case", "markets", "wrong", "share", "by up to, MW"], rows)


TABLES: Mapping[str, Table] = {
    table.__name__: table
    for table in (
        where, uniform, batch, shapes, fleet, repeated, fresh, learnt, cold_start, training,
        pools, ties,
    )
}  # fmt: skip
