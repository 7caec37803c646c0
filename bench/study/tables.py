"""Tables for the docs, as Markdown, from saved runs."""

import csv
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isnan
from pathlib import Path
from typing import Any

from bench.study import calls, learning, repeats
from bench.study import places as places_text
from pytest_duel.catalogue.model import Catalogue, Role
from pytest_duel.duel import targets_text
from pytest_duel.results import provenance
from pytest_duel.results.benchmarks import Result
from pytest_duel.results.runs import Run
from pytest_duel.results.summary import Size, Summary, middle, summarise
from pytest_duel.selftest import report, said
from pytest_duel.support import harmless, markdown
from pytest_duel.support.units import figures, ratio
from pytest_duel.verdicts.text import answer, crossover, fastest

Place = tuple[str, str, str, int]
"""(kernel, scenario, backend, n)."""


def _place(result: Result) -> Place:
    case = result.case
    return case.kernel, case.scenario, case.backend, case.n


Times = Mapping[str, float]
"""A size, and times by what takes them."""


@dataclass(frozen=True)
class Native:
    """A table that the crate's own benchmarks have saved."""

    processor: str
    """What they ran on."""
    rows: Sequence[Times]


@dataclass(frozen=True)
class Inputs:
    """What the docs' tables are made from."""

    runs: Sequence[Run]
    """The same sweep on one processor, as saved in the repository."""
    stable_abi: Mapping[str, Sequence[Run]]
    """The smallest case with each kind of wheel, by the wheel's ABI tag, in several processes."""
    earlier: Path
    """What the earlier study printed."""
    catalogue: Catalogue
    trials: Mapping[str, Any] | None = None
    """The saved self-test of the gate."""
    targets: Mapping[str, Any] | None = None
    """The saved verdicts on the project's targets."""
    tables: Mapping[str, Any] | None = None
    """The saved duel of tables of offers and arrays."""
    totals: Mapping[str, Any] | None = None
    """The saved duel of `totals` and `settle`."""
    changed: Sequence[str] = ()
    """Backends whose sources are no longer those that were measured."""
    repeated_sweeps: Sequence[Mapping[str, Any]] = ()
    """Saved sweeps of the same code."""
    places: Mapping[str, Any] | None = None
    """What a study took in each place."""
    trainings: Mapping[str, Any] | None = None
    """Saved trainings of all agents."""
    calls: Mapping[str, Any] | None = None
    """What comparisons and reports call in recorded runs."""
    native: Mapping[str, Native] = field(default_factory=dict)
    """What the crate's own benchmarks have saved, by the name of the table."""

    @cached_property
    def processes(self) -> Sequence[Run]:
        """Return what each process gave."""
        return [process for run in self.runs for process in run.processes]

    @property
    def is_of_blocks(self) -> bool:
        """Tell whether the processes of one run have timed all cases side by side."""
        return len(self.runs) == 1 and len(self.processes) > 1

    def ratios(self, one: Place, other: Place) -> list[float]:
        """Return the ratio of two cases' medians within each process."""
        tables = [{_place(found): found.median for found in run.results} for run in self.processes]
        return [table[one] / table[other] for table in tables]

    @cached_property
    def study(self) -> Run:
        """Return the run of all processes; of several runs the middle one."""
        return middle(self.runs, self.catalogue)

    @property
    def processor(self) -> str:
        """Return what it was measured on."""
        return harmless.line(self.study.machine["cpu"]["brand_raw"])

    @cached_property
    def summaries(self) -> Mapping[tuple[str, str], Summary]:
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

SHAPES = ("uniform", "tied", "sorted", "reversed", "scarce", "float32")

AIM = 0.05
"""No ratio of backends is to move by more when pools are doubled."""

TableWriter = Callable[[Inputs], str]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(markdown.table(header, rows))


def _us(result: Result | None) -> str:
    return "–" if result is None else _us_of(result.median)


def _us_of(seconds: float) -> str:
    return figures(seconds * 1e6)


def where(inputs: Inputs) -> str:
    """Say on what machine, with what versions and when the study was measured."""
    run = inputs.study
    machine, versions = run.machine, run.machine["versions"]
    build = run.section["build_info"]
    packages = ", ".join(f"{name} {versions[name]}" for name in ("python", "numpy", "numba"))
    parity = run.section["parity"]
    calls = sum(parity["calls"].values())
    governor = machine["governor"] or "not told"
    changed = (
        f" Since then the sources of {' and '.join(inputs.changed)} have changed, and the times "
        "may have."
        if inputs.changed
        else ""
    )
    times = (
        "are medians over the rounds of all, and intervals are over processes"
        if inputs.is_of_blocks
        else "are those of the process in which the fastest backend's lead over all sizes is the "
        "middle one"
    )
    return (
        f"Measured {run.when[:10]} on {inputs.processor}, {machine['usable_cores']} "
        f"cores, virtualisation {machine['virtualisation']}, governor {governor}, load "
        f"{run.section['load'][0]:.1f} at the start; {packages}, {build['rustc']}, rust_market "
        f"{build['version']} ({build['profile']}, {build['target']}, sources "
        f"{build['source_hash'][:12]}). Tier {run.section['tier']}, {len(run.results)} cases in "
        f"each of {len(inputs.processes)} processes; the times {times}. {_placed(run)} Before the "
        f"timing {calls:,} calls were compared bit for bit with the reference; "
        f"{len(parity['disagreements'])} backends disagreed.{changed}"
    )


def _placed(run: Run) -> str:
    """Say where native code lay in the processes of a run; earlier ones placed nothing anew."""
    found = run.section.get("placements", {})
    if not found.get("modules"):
        return "Native code lay as it was built in all processes."
    placed = (
        f"{', '.join(found['modules'])} was linked anew for each block, its functions in another "
        "random order"
    )
    return f"{harmless.line('; '.join([placed, *found.get('faults', ())]))}."


def _glance(inputs: Inputs, kernel: str, scenario: str) -> str:
    """Return the middle run's medians, and the range of the lead over all processes."""
    summary = inputs.summaries[kernel, scenario]
    names = [
        row.result.case.backend
        for row in summary.sizes[0].rows
        if row.role in (Role.BACKEND, Role.FLOOR)
    ]
    rows = []
    for size in summary.sizes:
        found = {row.result.case.backend: row.result for row in size.rows}
        medians = (_us(found.get(name)) for name in names)
        rows.append(
            [f"{size.n:,}", *medians, fastest(size), _range(inputs, kernel, scenario, size)]
        )
    table = _table(["n", *names, "fastest", f"in {len(inputs.processes)} processes"], rows)
    return "\n".join([table, "", *_conclusion(inputs, summary)])


def _range(inputs: Inputs, kernel: str, scenario: str, size: Size) -> str:
    """Return the lead of a size's fastest backend over its second, from least to most."""
    if size.leaders is None:
        return ""
    one, other = (size.leaders.second, size.n), (size.leaders.first, size.n)
    leads = inputs.ratios((kernel, scenario, *one), (kernel, scenario, *other))
    return f"{figures(min(leads), 2)}–{figures(max(leads), 2)}×"


def _conclusion(inputs: Inputs, summary: Summary) -> Iterator[str]:
    if summary.overall is None:
        return
    if len(summary.sizes) > 1:
        yield f"Crossover: {crossover(summary)}."
    said = answer(summary, summary.overall)
    yield f"{said[0].upper()}{said[1:]}."
    leads = [
        found.overall.lead.value
        for run in inputs.processes
        for found in summarise(run, inputs.catalogue, (summary.kernel, summary.scenario))
        if found.overall
    ]
    yield f"In {len(leads)} processes: {figures(min(leads))} to {figures(max(leads))}×."


def uniform(inputs: Inputs) -> str:
    """Fresh inputs, all sizes: median µs per market."""
    return _glance(inputs, "clear", "uniform")


def batch(inputs: Inputs) -> str:
    """Clear a thousand markets a call: median µs per market."""
    return _glance(inputs, "clear_batch", "uniform")


def other_batches(inputs: Inputs) -> str:
    """Set the backends' threads and other libraries' batches beside the backends."""
    found = inputs.times("clear_batch", "uniform")
    names = list(dict.fromkeys(name for name, _ in found if name not in STUDY))
    sizes = sorted({n for _, n in found})
    rows = [[f"{n:,}", *(_us(found.get((name, n))) for name in names)] for n in sizes]
    return _table(["n", *names], rows)


def shapes(inputs: Inputs) -> str:
    """Set other kinds of markets beside uniform ones."""
    rows = []
    shown = {size.n for size in inputs.summaries["clear", "tied"].sizes}
    for scenario in SHAPES:
        summary = inputs.summaries.get(("clear", scenario))
        for size in summary.sizes if summary else ():
            if size.n in shown:
                found = {row.result.case.backend: row.result for row in size.rows}
                times = (_us(found.get(name)) for name in ("numpy", "numba", "rust"))
                rows.append([scenario, f"{size.n:,}", *times, fastest(size)])
    return _table(["scenario", "n", "numpy", "numba", "rust", "fastest"], rows)


def fleet(inputs: Inputs) -> str:
    """Clear the real fleet, hour by hour and as a batch: median µs per market."""
    rows = []
    for (kernel, scenario), summary in inputs.summaries.items():
        if scenario.startswith("ACTIVSg2000"):
            for size in summary.sizes:
                found = {row.result.case.backend: row.result for row in size.rows}
                times = (_us(found.get(name)) for name in ("numpy", "numba", "rust"))
                rows.append([f"`{kernel}`", scenario, *times, fastest(size)])
    return _table(["kernel", "bids", "numpy", "numba", "rust", "fastest"], rows)


def repeated(inputs: Inputs) -> str:
    """Set the earlier study's table beside its algorithms today, on one repeated market."""
    with inputs.earlier.open(encoding="utf-8", newline="") as file:
        earlier = {int(row["n"]): row for row in csv.DictReader(file)}
    today = inputs.times("clear", "repeated")
    rows = [
        [str(n), row["numba_us"], row["rust_us"], *(_us(today.get((name, n))) for name in STUDY)]
        for n, row in earlier.items()
    ]
    return _table(["n", "numba then", "Rust then", *STUDY], rows)


def fresh(inputs: Inputs) -> str:
    """Time the study's algorithms, and today's backends, on fresh markets."""
    found = inputs.times("clear", "uniform")
    sizes = sorted({n for _, n in inputs.times("clear", "repeated")})
    names = (*STUDY, "numba", "rust")
    rows = [[str(n), *(_us(found.get((name, n))) for name in names)] for n in sizes]
    return _table(["n", *names], rows)


def learnt(inputs: Inputs) -> str:
    """Say how many times longer each takes on fresh markets than on one repeated."""
    again, anew = inputs.times("clear", "repeated"), inputs.times("clear", "uniform")
    names = (*STUDY, "numba", "rust")
    rows = []
    for n in sorted({n for _, n in again}):
        ratios = [anew[name, n].median / again[name, n].median for name in names]
        rows.append([str(n), *(f"{figures(value, 2)} ×" for value in ratios)])
    return _table(["n", *names], rows)


def cold_start(inputs: Inputs) -> str:
    """Import and first call in a new process, in seconds."""
    rows = []
    for scenario in ("first-run", "later-run"):
        found = inputs.times("cold_start", scenario)
        for (backend, _), result in found.items():
            rows.append([scenario, backend, f"{result.median:.2f}", f"{result.min:.2f}"])
    return _table(["compile cache", "backend", "median s", "min s"], rows)


def training(inputs: Inputs) -> str:
    """Tell what share of a training step is the clearing call."""
    whole = inputs.times("train", "bidding")
    part = inputs.times("train_clearing", "bidding")
    rows = []
    for (backend, n), step in sorted(whole.items(), key=lambda item: item[0][1]):
        clearing = part[backend, n]
        share = clearing.median / step.median
        rows.append([f"{n:,}", backend, _us(step), _us(clearing), f"{share:.0%}"])
    return _table(["n", "backend", "step, µs", "of it clearing, µs", "share"], rows)


def environments(inputs: Inputs) -> str:
    """Tell how many million steps a second vector environments take."""
    found = {
        (int(scenario.removeprefix("envs-")), n, backend): result
        for (kernel, scenario) in inputs.summaries
        if kernel == "vector_step"
        for (backend, n), result in inputs.times(kernel, scenario).items()
    }
    names = list(dict.fromkeys(backend for _, _, backend in found))
    rows = []
    for count, n in sorted({(count, n) for count, n, _ in found}):
        results = (found.get((count, n, name)) for name in names)
        rows.append([f"{count:,}", str(n), *(_millions(result) for result in results)])
    return _table(["environments", "generators", *names], rows)


def gymnasium(inputs: Inputs) -> str:
    """Tell what Gymnasium's own function measures, in million steps a second."""
    found = inputs.times("gymnasium_step", "envs-1024")
    return _table([name for name, _ in found], [[_millions(result) for result in found.values()]])


def year(inputs: Inputs) -> str:
    """Tell what an hour of the real fleet takes as an environment in which all act."""
    found = inputs.times("year", "fleet-year")
    rows = [
        [backend, _us(result), figures(result.median * inputs.catalogue.kernels["year"].batch)]
        for (backend, _), result in found.items()
    ]
    return _table(["backend", "µs an hour", "s a year"], rows)


def _millions(result: Result | None) -> str:
    return "–" if result is None else figures(1e-6 / result.median)


def pools(inputs: Inputs) -> str:
    """Tell how far doubling the pools moves times and ratio, within each process."""
    once, twice = ("clear", "uniform"), ("clear", "uniform-2x")
    sizes = sorted({n for _, n in inputs.times(*twice)})
    rows = []
    far = []
    for n in sizes:
        distinct = (f"{inputs.times(*one)['rust', n].distinct:,}" for one in (once, twice))
        rust, numba = (
            inputs.ratios((*twice, name, n), (*once, name, n)) for name in ("rust", "numba")
        )
        ratio = [two / one for one, two in zip(rust, numba, strict=True)]
        rows.append([f"{n:,}", *distinct, *map(_changes, (rust, numba, ratio))])
        if abs(statistics.median(ratio) - 1) > AIM:
            far.append(f"{n:,}")
    table = _table(["n", "pool", "doubled", "rust", "numba", "numba / rust"], rows)
    met = f"misses it at n = {', '.join(far)}" if far else "meets it at every size"
    return f"{table}\n\nThe aim is that no ratio moves by more than {AIM:.0%}: the middle {met}."


def _changes(ratios: Sequence[float]) -> str:
    """Return the middle of some ratios and their range, as changes."""
    low, *_, high = sorted(ratios)
    return f"{statistics.median(ratios) - 1:+.1%} ({low - 1:+.1%} to {high - 1:+.1%})"


def stable_abi(inputs: Inputs) -> str:
    """Set a wheel for the stable ABI beside one for a single version of Python."""
    medians = {
        tag: [
            one.median
            for run in runs
            for one in run.results
            if (one.case.kernel, one.case.backend) == ("clear", "rust")
        ]
        for tag, runs in inputs.stable_abi.items()
    }
    one_version = next(times for tag, times in medians.items() if tag != "abi3")
    rows = []
    for tag, times in medians.items():
        middle = statistics.median(times)
        span = f"{_us_of(min(times))}–{_us_of(max(times))}"
        change = middle / statistics.median(one_version) - 1
        rows.append([tag, str(len(times)), _us_of(middle), span, f"{change:+.1%}"])
    return _table(["ABI", "processes", "median µs", "range", "cost"], rows)


def ties(inputs: Inputs) -> str:
    """Tell how wrong the study's algorithms are where bids tie."""
    rows = []
    for case, tally in inputs.study.section["parity"]["outside_domain"].items():
        share = tally["different"] / tally["calls"]
        counts = f"{tally['calls']:,}", f"{tally['different']:,}", f"{share:.0%}"
        rows.append([f"`{case}`", *counts, f"{tally['largest']:.3g}"])
    return _table(["case", "markets", "wrong", "share", "by up to, MW"], rows)


def selftest(inputs: Inputs) -> str:
    """Return how far the gate can be trusted."""
    if inputs.trials is None:
        return "No self-test is saved."
    of_project = "project" in inputs.trials["key"]
    told = said.as_markdown(inputs.trials) if of_project else report.render(inputs.trials)
    return told.rstrip()


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
            left = [_us_of(called - alone), f"{1 - alone / called:.0%}"] if is_one else []
            rows.append([f"{n:,}", _us_of(floor), _us_of(called), _us_of(alone), *left])
    where = f"From Python on {inputs.processor}, crate alone on {processor}"
    heads = ["n", "floor", "from Python", "crate alone", *(["boundary", "its share"] * is_one)]
    lacking = "" if is_one else ", so the difference is not told"
    return f"{where}{lacking}:\n\n{_table(heads, rows)}"


def _native_table(times: Native, more: Mapping[str, Callable[[Times], str]] | None = None) -> str:
    """Show sizes and times, and more columns that follow from them."""
    made = more or {}
    heads = [*times.rows[0], *made]
    rows = [[*_native_cells(row), *(cell(row) for cell in made.values())] for row in times.rows]
    return f"On {harmless.line(times.processor)}:\n\n{_table(heads, rows)}"


def _native_cells(row: Times) -> list[str]:
    """Return a size and times; one that could not be taken is not a number."""
    times = [row[name] for name in row if name != "n"]
    return [f"{row['n']:,.0f}", *("–" if isnan(time) else figures(time) for time in times)]


def targets(inputs: Inputs) -> str:
    """Return how far the project's targets are met."""
    if inputs.targets is None:
        return "No verdicts on the targets are saved."
    return targets_text.render(inputs.targets)


def tables_of_offers(inputs: Inputs) -> str:
    """Return how much longer tables of offers take than the same numbers in arrays."""
    return _duel(inputs.tables, "tables / arrays", "tables of")


def totals_of_year(inputs: Inputs) -> str:
    """Return how much less time totals take than the settlement of each unit in each hour."""
    return _duel(inputs.totals, "totals / settle", "bids")


def _duel(saved: Mapping[str, Any] | None, arms: str, parameter: str) -> str:
    """Return the ratios of a duel of two benchmarks, by what they have in brackets."""
    if saved is None:
        return f"No duel is saved: {arms}."
    rows = []
    for one in saved["cases"]:
        value = one["name"].rpartition("[")[2].rstrip("]")
        rows.append([value, ratio(one["ratio"], one["low"], one["high"])])
    intro = (
        f"{provenance.where(saved)}. Ratios of times, {arms}, one thread, from {saved['blocks']} "
        "blocks of two fresh processes; brackets hold intervals over blocks."
    )
    return f"{intro}\n\n{_table([parameter, 'ratio'], rows)}"


def repeated_sweeps(inputs: Inputs) -> str:
    """Return how often sweeps of the same code said the same."""
    return repeats.render_all(inputs.repeated_sweeps)


def places(inputs: Inputs) -> str:
    """Return what a study took in each place."""
    if inputs.places is None:
        return "No times of places are saved."
    return places_text.render(inputs.places)


def schedules(inputs: Inputs) -> str:
    """Return what trainings of all agents found, against the equilibrium."""
    if inputs.trainings is None:
        return "No trainings are saved."
    return learning.render_schedules(inputs.trainings)


def learners(inputs: Inputs) -> str:
    """Return how fast libraries learn."""
    if inputs.trainings is None:
        return "No trainings are saved."
    return learning.render_learners(inputs.trainings)


def called(inputs: Inputs) -> str:
    """Return what comparisons and reports call in recorded runs."""
    return calls.render(inputs.calls) if inputs.calls else "No counted calls are saved."


def headline(inputs: Inputs) -> str:
    """Say what a table of the study was measured on."""
    return f"On {inputs.processor}, {inputs.study.machine['usable_cores']} cores:"


ANSWERS = {"uniform": ("clear", "uniform"), "batch": ("clear_batch", "uniform")}
"""Kernel and scenario that a table answers for."""


def answered(inputs: Inputs, name: str) -> str:
    """Say what a table of the study was measured on, and what it says if it is an answer."""
    where = headline(inputs).rstrip(":")
    summary = inputs.summaries.get(ANSWERS.get(name, ("", "")))
    if summary is None or summary.overall is None:
        return where
    return f"{where}: {answer(summary, summary.overall)}"


def _named(*tables: TableWriter) -> dict[str, TableWriter]:
    return {table.__name__: table for table in tables}


BY_PROCESSOR: Mapping[str, TableWriter] = _named(
    uniform, batch, other_batches, shapes, fleet, repeated, fresh, learnt, cold_start, training,
    environments, gymnasium, year, pools,
)  # fmt: skip
"""Tables of the study, of which each processor has its own."""
TABLES: Mapping[str, TableWriter] = _named(
    where, ties, boundary, selftest, native, native_batch, ways, stages_of_blocks, stages_of_sums,
    targets, tables_of_offers, totals_of_year, stable_abi, repeated_sweeps, called, places,
    schedules, learners,
)  # fmt: skip
"""Other tables; what they are made from says where it was measured, or is the same everywhere."""
