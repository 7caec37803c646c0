"""Figures for the docs, from saved runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import altair as alt
import vl_convert

from bench.study.inputs import Inputs
from pytest_duel.catalogue.model import Role
from pytest_duel.charts import sweep
from pytest_duel.charts.axes import between
from pytest_duel.charts.look import IN_DOCS, VERSION
from pytest_duel.charts.palette import Series, numbered, of_backends
from pytest_duel.charts.points import lead_point, point
from pytest_duel.results.leads import MARGIN
from pytest_duel.results.speedups import by_case, favourite, leads
from pytest_duel.verdicts.text import crossover

SHAPES = ("uniform", "tied", "sorted", "reversed", "scarce", "float32")
ENVIRONMENTS = ("vector_step", "envs-1024")


@dataclass(frozen=True)
class Figure:
    """A chart for a document, and what it shows, for those who cannot see it."""

    chart: alt.LayerChart
    says: str

    def svg(self) -> str:
        """Return the picture."""
        text: str = vl_convert.vegalite_to_svg(self.chart.to_dict(), vl_version=VERSION)
        return text.rstrip() + "\n"


def times(inputs: Inputs) -> Figure:
    """Draw time against n, for one market a call."""
    return _times(inputs, "clear", "uniform")


def steps(inputs: Inputs) -> Figure:
    """Draw time against n, for steps of a vector environment."""
    return _times(inputs, *ENVIRONMENTS, foreign=True)


def _times(inputs: Inputs, kernel: str, scenario: str, *, foreign: bool = False) -> Figure:
    """Draw what competes, and the floor; where it is asked for, also what others have made."""
    summary = inputs.summaries[kernel, scenario]
    roles = {Role.BACKEND, Role.FLOOR, *([Role.BASELINE] if foreign else ())}
    shown = [row for size in summary.sizes for row in size.rows if row.role in roles]
    names = {row.result.case.backend for row in shown}
    styles = of_backends(inputs.catalogue.backends)
    series = [Series(name, style) for name, style in styles.items() if name in names]
    results = by_case(inputs.processes)
    rows = [point(row.result, results) for row in shown]
    counted = f"Number of {inputs.catalogue.counted} (n)"
    chart = sweep.times(rows, series, summary.item, counted, scenario, IN_DOCS)
    lines = ", ".join(one.name for one in series)
    says = (
        f"On {inputs.processor}, time per {summary.item} against n, both logarithmic, for {lines}."
    )
    return Figure(chart, says if foreign else f"{says} Crossover: {crossover(summary)}.")


def lead(inputs: Inputs) -> Figure:
    """Draw the lead of the fastest backend over the next best, for each kind of market."""
    summaries = [inputs.summaries["clear", name] for name in SHAPES]
    first = str(favourite(summaries[0]))
    results = by_case(inputs.processes)
    rows = [
        lead_point(summary.scenario, one)
        for summary in summaries
        for one in leads(summary, first, results)
    ]
    start = sum(one.role is Role.BACKEND for one in inputs.catalogue.backends.values())
    series = [Series(name, numbered(start + number)) for number, name in enumerate(SHAPES)]
    changes = [between(n, m) for n, _, m, _ in summaries[0].crossovers]
    title = f"Lead of {first} over the next best backend"
    counted = f"Number of {inputs.catalogue.counted} (n)"
    chart = sweep.leads(rows, series, changes, MARGIN, title, counted, IN_DOCS)
    least, most = (pick(row["lead"] for row in rows) for pick in (min, max))
    says = f"On {inputs.processor}, l{title[1:]} against n, by kind of input"
    return Figure(chart, f"{says}: {least:.1f}× to {most:.0f}×.")


FIGURES: Mapping[str, Callable[[Inputs], Figure]] = {
    f"figure_{draw.__name__}": draw for draw in (times, lead, steps)
}
"""By the name of the part of a document that holds it."""
