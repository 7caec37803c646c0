import pytest
import toy


def test_busy(benchmark, server):
    assert benchmark(toy.busy) > 0


def test_few_rounds(benchmark, server):
    benchmark.pedantic(toy.busy, rounds=4, iterations=50)


@pytest.mark.duel(check=True)
def test_checked(benchmark, server):
    benchmark(toy.busy)


def test_skipped(benchmark, server):
    pytest.skip("not today")
    benchmark(toy.busy)
