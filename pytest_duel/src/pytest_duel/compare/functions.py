"""Benchmarks by test function: a function's parameters are many looks at one piece of code."""

from collections.abc import Mapping, Sequence

import numpy as np

from pytest_duel.compare.matrix import Drifts, SideMatrix
from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.statistics.unpaired import Sides
from pytest_duel.support.units import count
from pytest_duel.verdicts.parameters import function

Functions = Mapping[str, Sequence[Benchmark]]
"""The benchmarks of each test function that has several, by the function's id."""


def members(benchmarks: Sequence[Benchmark]) -> Functions:
    """Return the benchmarks of each test function that has several."""
    found: dict[str, list[Benchmark]] = {}
    for one in benchmarks:
        found.setdefault(function(one), []).append(one)
    return {name: own for name, own in found.items() if len(own) > 1}


def sides_of(matrix: SideMatrix, functions: Functions, drifts: Drifts | None) -> dict[str, Sides]:
    """Return the mean log time of each function in each run, less the run's drift."""
    old, shifts = matrix.sizes[0], np.zeros(sum(matrix.sizes)) if drifts is None else drifts
    means = {name: matrix.logs(own).mean(axis=1) - shifts for name, own in functions.items()}
    return {name: Sides(one[:old], one[old:]) for name, one in means.items()}


def label(name: str, benchmarks: int) -> str:
    """Return what the mean of a function is called in a table."""
    return f"{name.partition('::')[2] or name}, {count(benchmarks, 'benchmark')}"
