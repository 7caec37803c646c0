import pytest


@pytest.mark.sweep("double")
def test_double(measure, backend, scenario, n):
    measure("double", backend, scenario, n)


@pytest.mark.sweep("nap")
def test_nap(measure, backend, scenario, n):
    measure("nap", backend, scenario, n)
