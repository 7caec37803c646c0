"""What stands beside the project's own backends: right where it says so, or plainly a floor."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import backends, scenarios
from easy_marl.market import get_backend
from pytest_duel.catalogue.model import Call
from pytest_duel.catalogue.outcomes import Outcome, differ

OUTPUTS = ("prices", "cleared")
REFERENCE: Call = get_backend("numpy").clear_batch
KINDS = (
    scenarios.uniform,
    scenarios.tied,
    scenarios.ascending,
    scenarios.descending,
    scenarios.scarce,
)
MARKETS = 20


def difference(call: Call, *arguments: Any) -> tuple[str, str, str] | None:
    """Return where a batch differs from the reference's, to the last bit."""
    return differ(OUTPUTS, Outcome(call(*arguments)), Outcome(REFERENCE(*arguments)))


@pytest.fixture(params=["numpy-argsort", "jax"], scope="module")
def foreign(request: pytest.FixtureRequest) -> Call:
    """Return the batch of a foreign library; JAX may not be installed."""
    if request.param == "jax":
        pytest.importorskip("jax")
        return backends.jax_vmap()["clear_batch"]
    return backends.numpy_argsort()["clear_batch"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 17, 200])
def test_a_foreign_batch_has_the_bits_of_the_reference(
    foreign: Call, kind: Callable[[int, int, int], Sequence[Any]], n: int
) -> None:
    ((bids, quantities, demand),) = scenarios.stack(kind(n, MARKETS, 3), MARKETS)
    assert difference(foreign, bids, quantities, demand) is None
    # One merit order, or one fleet, for all rows.
    assert difference(foreign, bids[0], quantities, demand) is None
    assert difference(foreign, bids, quantities[0], demand) is None
    assert difference(foreign, bids[0], quantities[0], demand) is None


def of(values: Sequence[int]) -> st.SearchStrategy[Any]:
    """Return batches of three markets of six units with few different numbers."""
    return st.lists(st.sampled_from(values), min_size=18, max_size=18).map(
        lambda drawn: np.array(drawn, np.float64).reshape(3, 6)
    )


@given(of((-1, 0, 1, 2)), of((1, 2, 3)), of(range(19)))
def test_ties_exact_steps_and_no_demand_have_the_bits_of_the_reference(
    bids: Any, quantities: Any, demands: Any
) -> None:
    call = backends.numpy_argsort()["clear_batch"]
    assert difference(call, bids, quantities, demands[:, 0].copy()) is None


def test_the_fill_writes_arrays_like_the_outputs() -> None:
    ((bids, quantities, demand),) = scenarios.stack(scenarios.uniform(7, 5, 1), 5)
    for given_bids in bids, bids[0]:
        filled = backends.fill()["clear_batch"](given_bids, quantities, demand)
        for one, other in zip(filled, REFERENCE(bids, quantities, demand), strict=True):
            assert (one.shape, one.dtype) == (other.shape, other.dtype)
            assert (one == 1.0).all()


def test_several_threads_are_asked_for() -> None:
    calls = backends.parallel("numpy")
    assert {"clear_batch", "step_batch", "vector_step"} <= set(calls)
    assert calls["clear_batch"].keywords == {"threads": 2}  # type: ignore[attr-defined]


def test_scenarios_are_what_their_names_say() -> None:
    for bids, _, _ in scenarios.descending(50, 4, 1):
        assert (np.diff(bids) < 0).all()
        assert bids.flags.carray
    for rounded, whole in zip(
        scenarios.single(50, 4, 1), scenarios.uniform(50, 4, 1), strict=True
    ):
        for one, other in zip(rounded[:2], whole[:2], strict=True):
            assert one.dtype == np.float32
            np.testing.assert_allclose(one, other, rtol=1e-7)
        assert 0 < rounded[2] < rounded[1].sum()
