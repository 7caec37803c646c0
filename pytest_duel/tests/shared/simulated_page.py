"""Pages of runs whose truth is known."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import simulated
from pytest_duel.catalogue.model import Case
from pytest_duel.page import answers
from pytest_duel.page.material import Material
from pytest_duel.results.reading import Saved
from simulated import CASES, run_of

Medians = Mapping[int, Mapping[str, float]]
CATALOGUE = replace(simulated.CATALOGUE, counted="units")


def made_of(*medians: Medians, spread: float = 0.005, **more: Any) -> Material:
    """Return the material of runs with these medians in µs, by n and backend."""
    found = [
        run_of(
            {
                Case("clear", name, "uniform", n): 1e-6 * value
                for n, row in one.items()
                for name, value in row.items()
            },
            spread=spread,
            **more,
        )
        for one in medians
    ]
    return Material(
        [Saved(Path(f"{number}.json"), run) for number, run in enumerate(found)], CATALOGUE
    )


def of_three(values: Mapping[int, Sequence[float]]) -> Medians:
    return {
        n: dict(zip(("numpy", "numba", "rust"), row, strict=True)) for n, row in values.items()
    }


WINNER = of_three({5: (20, 1.2, 0.2), 100: (24, 2, 1), 1000: (80, 9, 6)})


def answer(made: Material) -> Any:
    """Return the answer of a page of one kernel."""
    (section,) = answers.sections(made)
    (found,) = section.answers
    return found


def a_run(cases: Sequence[Case] = CASES, **more: Any) -> dict[str, Any]:
    times = {case: simulated.truth(case) for case in cases}
    return simulated.document(times, **more)
