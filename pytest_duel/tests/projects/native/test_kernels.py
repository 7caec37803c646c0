import kernels
import pytest


@pytest.mark.parametrize("name", ["sorted", "hashed", "parsed", "walked"])
def test_kernel(benchmark, name):
    benchmark(getattr(kernels, name), 2026)
