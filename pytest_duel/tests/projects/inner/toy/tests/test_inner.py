import pytest

from toy import busy
from toy.clock import now
from toy.tests.shared import EXPECTED

pytestmark = pytest.mark.benchmark(timer=now)


def test_busy(benchmark):
    assert benchmark(busy) == EXPECTED
