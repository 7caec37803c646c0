"""Tables for the docs, as Markdown, that are not of the study, or the same on each processor."""

import statistics
from collections.abc import Callable, Mapping
from typing import Any

from bench.study import calls, crate, learning, repeats
from bench.study import places as places_text
from bench.study.cells import table, us
from bench.study.inputs import Inputs
from pytest_duel.duel import targets_text
from pytest_duel.results import provenance
from pytest_duel.results.runs import Run
from pytest_duel.selftest import report, said
from pytest_duel.support import harmless
from pytest_duel.support.units import ratio


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
        span = f"{us(min(times))}–{us(max(times))}"
        change = middle / statistics.median(one_version) - 1
        rows.append([tag, str(len(times)), us(middle), span, f"{change:+.1%}"])
    return table(["ABI", "processes", "median µs", "range", "cost"], rows)


def ties(inputs: Inputs) -> str:
    """Tell how wrong the study's algorithms are where bids tie."""
    rows = []
    for case, tally in inputs.study.section["parity"]["outside_domain"].items():
        share = tally["different"] / tally["calls"]
        counts = f"{tally['calls']:,}", f"{tally['different']:,}", f"{share:.0%}"
        rows.append([f"`{case}`", *counts, f"{tally['largest']:.3g}"])
    return table(["case", "markets", "wrong", "share", "by up to, MW"], rows)


def selftest(inputs: Inputs) -> str:
    """Return how far the gate can be trusted."""
    if inputs.trials is None:
        return "No self-test is saved."
    of_project = "project" in inputs.trials["key"]
    told = said.as_markdown(inputs.trials) if of_project else report.render(inputs.trials)
    return told.rstrip()


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
    return f"{intro}\n\n{table([parameter, 'ratio'], rows)}"


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


TABLES: Mapping[str, Callable[[Inputs], str]] = {
    writer.__name__: writer
    for writer in (
        where, ties, crate.boundary, selftest, crate.native, crate.native_batch, crate.ways,
        crate.stages_of_blocks, crate.stages_of_sums, targets, tables_of_offers, totals_of_year,
        stable_abi, repeated_sweeps, called, places, schedules, learners,
    )
}  # fmt: skip
"""By name. What they are made from says where it was measured, or is the same everywhere."""
