"""Where the numbers come from: machine, versions, build, revision, runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_duel.page.material import Material
from pytest_duel.page.section import Cell, Section, Table, TableRow
from pytest_duel.results.alike import mixed
from pytest_duel.results.provenance import (
    revision,
    uncommitted,
    unknown_commits,
    unreadable,
    weaknesses,
)
from pytest_duel.results.reading import Saved
from pytest_duel.results.runs import Run


def sections(material: Material) -> Iterator[Section]:
    """Yield the section."""
    yield Section(
        id="origin",
        title="Machine and versions",
        intro=f"What the times belong to. Another machine will give others; the ratios between "
        f"{'backends' if material.study.results else 'them'} travel better, but not unchanged.",
        facts=list(_facts(material)),
        tables=[_runs(material)],
        notes=list(_notes(material)),
    )


def warnings(material: Material) -> Iterator[str]:
    """Yield what a reader must know before any number."""
    for path, fault in material.unread.items():
        yield f"{path.name} could not be read, and is left out: {fault}"
    if left := mixed([one.run for one in material.runs], material.asked.ignore):
        yield left
    without = material.study.section.get("without") or ()
    if without:
        known = material.catalogue.backends.items()
        needy = ", ".join(name for name, one in known if one.needs in without)
        yield (
            f"Measured without {', '.join(without)}: {needy or 'what needs it'} was left out, so "
            "an answer is the best of the others."
        )
    yield from dict.fromkeys(weaknesses(material.shown, "the run"))
    yield from unknown_commits(material.shown, "the run")
    yield from uncommitted(material.shown, "this report")
    yield from unreadable(material.shown, "the run")
    if material.unknown:
        yield (
            f"{material.unknown} cases are left out, because this catalogue does not know their "
            "kernel, backend or kind of input."
        )


def _facts(material: Material) -> Iterator[tuple[str, str]]:
    run = material.study
    machine, build = run.machine, _part(run.section, "build_info")
    yield "Processor", _processor(run)
    yield "Cores", _cores(machine)
    yield "System", _said(machine.get("system"), machine.get("release"), machine.get("machine"))
    if run.section:  # pytest-benchmark alone tells nothing of these
        yield "Virtualisation", _said(machine.get("virtualisation"))
        yield "Governor", _said(machine.get("governor"))
        load = run.section.get("load") or [None]
        yield "Load at the start", "not told" if load[0] is None else f"{load[0]:.1f}"
    versions = _part(machine, "versions").items()
    yield "Versions", ", ".join(f"{name} {one}" for name, one in versions if one) or "not told"
    if build:
        yield (
            "Rust wheel",
            f"{build.get('version')}, {build.get('profile')}, {build.get('target')}, "
            f"{build.get('rustc')}, sources {str(build.get('source_hash'))[:12]}",
        )
    yield "Revision", revision([run])
    if run.section:
        yield "Tier", _said(run.section.get("tier"))
    for name, number in (("Cases", len(run.results)), ("Benchmarks", len(material.timed))):
        if number or (name == "Cases" and run.section):
            yield name, f"{number:,} {_processes(material)}"
    if linked := _part(run.section, "placements").get("modules"):
        yield (
            "Native code",
            f"{', '.join(linked)}: linked anew for each block, its functions in another random "
            "order.",
        )
    if len(material.shown) > 1 and run.results:
        yield (
            "Shown",
            "The times are those of the process in which the fastest backend's lead over all "
            "sizes is the middle one, so that all that is compared was measured in one process.",
        )
    for name, value in _part(run.section, "variables").items():
        yield name, str(value)


def _cores(machine: Mapping[str, Any]) -> str:
    usable, all_ = machine.get("usable_cores"), machine.get("cores")
    if usable is None and all_ is not None:
        return f"{all_}"
    return f"{'not told' if usable is None else usable} usable"


def _processes(material: Material) -> str:
    number = len(material.processes)
    return f"in each of {number} processes" if material.several else "in one process"


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = of.get(name)
    return part if isinstance(part, dict) else {}


def _said(*values: Any) -> str:
    return " ".join(str(value) for value in values if value) or "not told"


def _notes(material: Material) -> Iterator[str]:
    for name, reason in _part(material.study.section, "left_out").items():
        yield f"{name} was left out: {reason}"
    for name, note in material.catalogue.notes.items():
        if any(case.backend == name for case in material.results):
            yield f"{name}: {note}."


def _runs(material: Material) -> Table:
    timed = "benchmarks" if material.timed else "cases"
    processors = {_processor(saved.run) for saved in material.runs}
    own = ("processor",) * (len(processors) > 1)  # the facts above have it, where there is one
    columns = ("file", "measured", "revision", *own, timed, "in the figures")
    return Table(
        id="runs",
        caption="The runs",
        columns=columns,
        rows=[_run(saved, material, is_told=bool(own)) for saved in material.runs],
        words=frozenset({*range(len(columns))} - {columns.index(timed)}),
    )


def _processor(run: Run) -> str:
    return str(_part(run.machine, "cpu").get("brand_raw") or "not told")


def _run(saved: Saved, material: Material, *, is_told: bool) -> TableRow:
    run = saved.run
    used = "range" if run in material.shown else "no"
    if run is material.study or (material.timed and used == "range"):
        used = "shown"
    return TableRow(
        [
            Cell(saved.path.name),
            Cell(run.when[:16].replace("T", " "), run.when),
            Cell(revision([run])),
            *[Cell(_processor(run))] * is_told,
            Cell(f"{len(run.benchmarks):,}", len(run.benchmarks)),
            Cell(used),
        ]
    )
