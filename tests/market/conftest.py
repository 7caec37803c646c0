"""Every test that takes `backend` runs on every backend."""

import pytest

from bench.catalogue import CHOICE, catalogue
from easy_marl.market import Backend, get_backend


@pytest.fixture(scope="session", params=CHOICE)
def backend(request: pytest.FixtureRequest) -> Backend:
    needs = catalogue().backends[request.param].needs
    if needs and request.getfixturevalue(needs) is None:
        pytest.skip(f"{request.param} was left out")
    return get_backend(request.param)
