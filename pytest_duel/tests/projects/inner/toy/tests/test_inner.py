from toy import busy
from toy.tests.shared import EXPECTED


def test_busy(benchmark):
    assert benchmark(busy) == EXPECTED
