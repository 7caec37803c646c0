import pytest
from toy import busy, joined, total, upper
from toy.clock import now

pytestmark = pytest.mark.benchmark(timer=now)


def test_busy(benchmark):
    assert benchmark(busy) == 1000


@pytest.mark.parametrize("size", [100, 1000])
def test_total(benchmark, size):
    values = list(range(size))
    assert benchmark(total, values) == sum(values)


def test_joined(benchmark):
    assert benchmark(joined, ["a", "b"] * 50).startswith("a b")


def test_upper(benchmark):
    assert benchmark(upper, ["a", "b"] * 50)[0] == "A"
