"""Several implementations, one question; those of an arm need nothing to be built."""

import pytest
import several

from pytest_duel.catalogue.model import Backend, Catalogue, Kernel, Scenario, Sweep
from pytest_duel.plugin.arm import measured_code

pytest_plugins = ["pytest_duel.plugin.sweep"]


@pytest.fixture(scope="session")
def installed(request):
    code = measured_code(request.config)
    assert code, "nothing builds it outside of a gate"
    assert several.__file__.startswith(code.modules["several"])


def nap(values):
    return 1e-4 * len(values)


def pytest_duel_catalogue():
    backends = (
        Backend("plain", lambda: {"double": several.plain, "nap": nap}),
        Backend("quick", lambda: {"double": several.quick, "nap": nap}, needs="installed"),
    )
    return Catalogue(
        reference="plain",
        kernels={
            "double": Kernel("double", ("doubled",)),
            "nap": Kernel("nap", (), self_timed=True),
        },
        backends={one.name: one for one in backends},
        scenarios={
            "ints": Scenario(
                "ints", lambda n, items, seed: [([i] * n,) for i in range(items)], seed=1
            )
        },
        sweeps=[
            Sweep(kernel, "ints", ("plain", "quick"), {"default": (4,)})
            for kernel in ("double", "nap")
        ],
    )
