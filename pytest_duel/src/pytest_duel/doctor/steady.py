"""The benchmark that the doctor holds against itself; it needs nothing but Python.

The doctor has a copy of this file collected by pytest, away from the user's project.
"""

from pytest_benchmark.fixture import BenchmarkFixture

SAID = "a sort of 200 numbers"
"""Its name in messages."""


def work() -> list[int]:
    """Do what most Python code does: arithmetic, a loop, objects made and thrown away."""
    return sorted(place * 7919 % 1009 for place in range(200))


def test_work(benchmark: BenchmarkFixture) -> None:
    """Time it."""
    benchmark(work)
