"""Tables of the study, of which each processor has its own."""

import csv
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.study.cells import median_us, table
from bench.study.inputs import Inputs
from pytest_duel.catalogue.model import Role
from pytest_duel.results.benchmarks import Result
from pytest_duel.results.summary import Size, Summary, summarise
from pytest_duel.support.units import figures
from pytest_duel.verdicts.text import answer, crossover, fastest

STUDY = ("study-numba", "study-rust", "study-views")
"""The earlier study's algorithms."""

SHAPES = ("uniform", "tied", "sorted", "reversed", "scarce", "float32")

AIM = 0.05
"""No ratio of backends is to move by more when pools are doubled."""


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
        medians = (median_us(found.get(name)) for name in names)
        rows.append(
            [f"{size.n:,}", *medians, fastest(size), _range(inputs, kernel, scenario, size)]
        )
    shown = table(["n", *names, "fastest", f"in {len(inputs.processes)} processes"], rows)
    return "\n".join([shown, "", *_conclusion(inputs, summary)])


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
    rows = [[f"{n:,}", *(median_us(found.get((name, n))) for name in names)] for n in sizes]
    return table(["n", *names], rows)


def shapes(inputs: Inputs) -> str:
    """Set other kinds of markets beside uniform ones."""
    rows = []
    shown = {size.n for size in inputs.summaries["clear", "tied"].sizes}
    for scenario in SHAPES:
        summary = inputs.summaries.get(("clear", scenario))
        for size in summary.sizes if summary else ():
            if size.n in shown:
                found = {row.result.case.backend: row.result for row in size.rows}
                times = (median_us(found.get(name)) for name in ("numpy", "numba", "rust"))
                rows.append([scenario, f"{size.n:,}", *times, fastest(size)])
    return table(["scenario", "n", "numpy", "numba", "rust", "fastest"], rows)


def fleet(inputs: Inputs) -> str:
    """Clear the real fleet, hour by hour and as a batch: median µs per market."""
    rows = []
    for (kernel, scenario), summary in inputs.summaries.items():
        if scenario.startswith("ACTIVSg2000"):
            for size in summary.sizes:
                found = {row.result.case.backend: row.result for row in size.rows}
                times = (median_us(found.get(name)) for name in ("numpy", "numba", "rust"))
                rows.append([f"`{kernel}`", scenario, *times, fastest(size)])
    return table(["kernel", "bids", "numpy", "numba", "rust", "fastest"], rows)


def repeated(inputs: Inputs) -> str:
    """Set the earlier study's table beside its algorithms today, on one repeated market."""
    with inputs.earlier.open(encoding="utf-8", newline="") as file:
        earlier = {int(row["n"]): row for row in csv.DictReader(file)}
    today = inputs.times("clear", "repeated")
    rows = [
        [
            str(n),
            row["numba_us"],
            row["rust_us"],
            *(median_us(today.get((name, n))) for name in STUDY),
        ]
        for n, row in earlier.items()
    ]
    return table(["n", "numba then", "Rust then", *STUDY], rows)


def fresh(inputs: Inputs) -> str:
    """Time the study's algorithms, and today's backends, on fresh markets."""
    found = inputs.times("clear", "uniform")
    sizes = sorted({n for _, n in inputs.times("clear", "repeated")})
    names = (*STUDY, "numba", "rust")
    rows = [[str(n), *(median_us(found.get((name, n))) for name in names)] for n in sizes]
    return table(["n", *names], rows)


def learnt(inputs: Inputs) -> str:
    """Say how many times longer each takes on fresh markets than on one repeated."""
    again, anew = inputs.times("clear", "repeated"), inputs.times("clear", "uniform")
    names = (*STUDY, "numba", "rust")
    rows = []
    for n in sorted({n for _, n in again}):
        ratios = [anew[name, n].median / again[name, n].median for name in names]
        rows.append([str(n), *(f"{figures(value, 2)} ×" for value in ratios)])
    return table(["n", *names], rows)


def cold_start(inputs: Inputs) -> str:
    """Import and first call in a new process, in seconds."""
    rows = []
    for scenario in ("first-run", "later-run"):
        found = inputs.times("cold_start", scenario)
        for (backend, _), result in found.items():
            rows.append([scenario, backend, f"{result.median:.2f}", f"{result.min:.2f}"])
    return table(["compile cache", "backend", "median s", "min s"], rows)


def training(inputs: Inputs) -> str:
    """Tell what share of a training step is the clearing call."""
    whole = inputs.times("train", "bidding")
    part = inputs.times("train_clearing", "bidding")
    rows = []
    for (backend, n), step in sorted(whole.items(), key=lambda item: item[0][1]):
        clearing = part[backend, n]
        share = clearing.median / step.median
        rows.append([f"{n:,}", backend, median_us(step), median_us(clearing), f"{share:.0%}"])
    return table(["n", "backend", "step, µs", "of it clearing, µs", "share"], rows)


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
    return table(["environments", "generators", *names], rows)


def gymnasium(inputs: Inputs) -> str:
    """Tell what Gymnasium's own function measures, in million steps a second."""
    found = inputs.times("gymnasium_step", "envs-1024")
    return table([name for name, _ in found], [[_millions(result) for result in found.values()]])


def year(inputs: Inputs) -> str:
    """Tell what an hour of the real fleet takes as an environment in which all act."""
    found = inputs.times("year", "fleet-year")
    rows = [
        [
            backend,
            median_us(result),
            figures(result.median * inputs.catalogue.kernels["year"].batch),
        ]
        for (backend, _), result in found.items()
    ]
    return table(["backend", "µs an hour", "s a year"], rows)


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
    shown = table(["n", "pool", "doubled", "rust", "numba", "numba / rust"], rows)
    met = f"misses it at n = {', '.join(far)}" if far else "meets it at every size"
    return f"{shown}\n\nThe aim is that no ratio moves by more than {AIM:.0%}: the middle {met}."


def _changes(ratios: Sequence[float]) -> str:
    """Return the middle of some ratios and their range, as changes."""
    low, *_, high = sorted(ratios)
    return f"{statistics.median(ratios) - 1:+.1%} ({low - 1:+.1%} to {high - 1:+.1%})"


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


BY_PROCESSOR: Mapping[str, Callable[[Inputs], str]] = {
    writer.__name__: writer
    for writer in (
        uniform, batch, other_batches, shapes, fleet, repeated, fresh, learnt, cold_start,
        training, environments, gymnasium, year, pools,
    )
}  # fmt: skip
"""All of them, by name."""
