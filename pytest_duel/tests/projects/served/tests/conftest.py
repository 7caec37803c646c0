import pytest

BUILT = {"number": 0}


@pytest.fixture(scope="session")
def expensive():
    BUILT["number"] += 1
    assert BUILT["number"] == 1, "it was built twice in a process"
    return BUILT


@pytest.fixture
def measure(benchmark):
    def call(function):
        return benchmark(function)

    return call
