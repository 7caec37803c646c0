"""What agents see, number by number."""

import math

import numpy as np
import pytest

from easy_marl.envs.observations import OBSERVATIONS, features
from easy_marl.envs.parameters import Parameters, fleet
from easy_marl.envs.vector import BiddingVectorEnv

PARAMETERS = Parameters(
    capacities=[50.0, 100.0, 25.0],
    costs=[20.0, -60.0, 40.0],
    demand=[35.0, 70.0, 140.0],
    deviation=0.0,
    bid_change=20.0,
)


def seen(observation: str) -> list[list[list[float]]]:
    """Return what the agents see at the beginning, and after one hour."""
    environments = BiddingVectorEnv(
        1, PARAMETERS, agents="all", observation=observation, backend="numpy"
    )
    first, _ = environments.reset(seed=0)
    second, *_ = environments.step(np.zeros((1, 3, 2)))
    return [first[0].tolist(), second[0].tolist()]


def single(*values: float) -> list[float]:
    return [float(np.float32(value)) for value in values]


def test_simple() -> None:
    first, second = seen("simple")
    assert first == [
        single(0.2, 0.5, 0.25, 0),
        single(0.2, 1, -0.75, 0),
        single(0.2, 0.25, 0.5, 0),
    ]
    assert second[0] == single(0.4, 0.5, 0.25, 1 / 3)


def test_cyclic() -> None:
    _, second = seen("cyclic")
    day, year = 2 * math.pi / 24, 2 * math.pi / (24 * 365.25)
    cycles = [math.sin(day), math.cos(day), math.sin(year), math.cos(year)]
    np.testing.assert_allclose(second[0], [0.4, 0.5, 0.25, 1 / 3, *cycles], rtol=1e-6)


def test_full_has_the_peers_in_their_order() -> None:
    first, _ = seen("full")
    assert first[0][:7] == single(0.2, 0.5, 0.25, 1.0, 0.25, -0.75, 0.5)
    assert first[1][:7] == single(0.2, 1.0, -0.75, 0.5, 0.25, 0.25, 0.5)
    assert first[2][:7] == single(0.2, 0.25, 0.5, 0.5, 1.0, 0.25, -0.75)


@pytest.mark.parametrize("name", OBSERVATIONS)
def test_features_are_of_order_one_and_finite(name: str) -> None:
    for table in features(name, fleet()):
        assert table.dtype == np.float32
        assert np.abs(table).max() <= 1.0


def test_free_generators_that_cannot_change_their_bids() -> None:
    parameters = Parameters(capacities=[1.0], costs=[0.0], demand=[1.0], bid_change=0.0)
    agents, _ = features("simple", parameters)
    assert agents.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize("name", ["x", None, ["simple"]])
def test_unknown_names_are_refused(name: object) -> None:
    with pytest.raises(ValueError, match="observation must be one of 'simple', 'cyclic', 'full'"):
        features(name, PARAMETERS)  # type: ignore[arg-type]
