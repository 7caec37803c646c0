"""The distribution behind a case: the rounds of each process, by quantiles."""

from collections.abc import Iterator, Sequence

import numpy as np

from pytest_duel.charts import sweep
from pytest_duel.charts.look import ON_PAGE
from pytest_duel.page.kernels import anchor
from pytest_duel.page.material import Material
from pytest_duel.page.section import Choice, Figure, Section
from pytest_duel.results.benchmarks import Result

MARKS = 17
"""The most rounds of a process that are drawn; of more, evenly spaced quantiles are."""
BUDGET = 40_000
"""The most numbers on the page, for all cases together: it should fit into a mail."""


def sections(material: Material) -> Iterator[Section]:
    """Yield a section, where runs were saved with their raw rounds."""
    found = {case: _saved(results) for case, results in material.results.items()}
    cases = [case for case in found if found[case] and material.catalogue.knows(case)]
    if not cases:
        return
    rows = max(len(found[case]) for case in cases)
    marks = _marks(sum(len(found[case]) for case in cases))
    yield Section(
        id="rounds",
        title="The rounds behind a case",
        intro=(
            "A median hides how its rounds lie. Choose a case to see them, process by process: "
            "where the rows of two processes do not overlap, the difference is between the "
            "processes, and more rounds would not mend it."
        ),
        figures=[
            Figure(
                id="rounds-figure",
                title="Rounds of the chosen case, by process",
                caption=(
                    "A round passes over the whole pool and is divided by its items. Each thin "
                    "mark stands for an equal share of a process's rounds (quantiles, from the "
                    f"fastest to the slowest, {marks} at most); the thick mark is the median."
                ),
                specification=sweep.rounds(rows, ON_PAGE).to_dict(),
                choice=Choice("Case", "case", [(c.kernel, anchor(c), c.id) for c in cases]),
                data={anchor(case): _quantiles(found[case], marks) for case in cases},
            )
        ],
    )


def _saved(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.data]


def _marks(lines: int) -> int:
    """Return how many quantiles of each process there is room for: an odd number, for a median."""
    return (max(5, min(MARKS, BUDGET // lines)) - 1) // 2 * 2 + 1


def _quantiles(results: Sequence[Result], marks: int) -> list[list[float]]:
    """Return the quantiles of each process in nanoseconds, the middle one its median."""
    shares = np.linspace(0, 1, marks)
    return [
        [float(f"{value * 1e9:.4g}") for value in np.quantile(result.data, shares)]
        for result in results
    ]
