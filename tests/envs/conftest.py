"""Every test that takes `backend` runs on every backend."""

import pytest


@pytest.fixture(scope="session", params=["numpy", "numba", "rust"])
def backend(request: pytest.FixtureRequest) -> str:
    if request.param == "rust" and request.getfixturevalue("rust_wheel") is None:
        pytest.skip("Rust was left out")
    return str(request.param)
