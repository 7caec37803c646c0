import pytest
from app import twice
from core.clock import now

pytestmark = pytest.mark.benchmark(timer=now)


def test_twice(benchmark):
    assert benchmark(twice) == 999000
