"""Every test that takes `backend` runs on every backend."""

import pytest

from easy_marl.market import Backend, get_backend


@pytest.fixture(scope="session", params=["numpy", "numba", "rust"])
def backend(request: pytest.FixtureRequest) -> Backend:
    if request.param == "rust" and request.getfixturevalue("rust_wheel") is None:
        pytest.skip("Rust was left out")
    return get_backend(request.param)
