"""Equilibria: those that are known, what is reached from elsewhere, and cycles."""

from typing import Any

import numpy as np
import pytest

from easy_marl.envs import Parameters, default, duopoly
from easy_marl.envs.simulation import Policy
from easy_marl.learning import action_grid, equilibrium, exploitability
from easy_marl.market.stepping import Singles
from tests.learning.games import CYCLING, Replayed, Wild

THIRDS = action_grid(3, 3)
STEP = 1.0
"""Between two bids of the finest grid here, in currency/MWh."""


def highest(observations: Singles) -> Singles:
    actions = np.zeros((*observations.shape[:2], 2), np.float32)
    actions[..., 1] = 1.0
    return actions


def test_the_duopoly(backend: str) -> None:
    found = equilibrium("duopoly", grid=action_grid(3, 9), backend=backend)
    assert found.settled.all()
    assert found.episodes.demand.tolist() == [[60.0, 120.0, 150.0, 190.0]]
    assert found.episodes.prices.tolist() == [[20.0, 40.0, 40.0, 40.0]]
    assert not found.cycles.any()


@pytest.mark.parametrize("demand", [60.0, 120.0, 150.0, 190.0])
def test_the_duopoly_on_the_finest_grid_that_is_made_unless_told(demand: float) -> None:
    found = equilibrium(duopoly(demand=[demand]))
    assert found.episodes.prices.tolist() == [[20.0 if demand == 60.0 else 40.0]]
    assert found.settled.all()


@pytest.mark.parametrize("ties", ["first", "pro_rata"])
@pytest.mark.parametrize("start", [highest, Wild(1), Wild(2)])
def test_bids_alone_reach_the_same_prices_from_elsewhere(ties: str, start: Policy) -> None:
    """Where one can serve alone, both undercut each other to cost, up to a step of the grid."""
    found = equilibrium(duopoly(ties=ties), policies=start, grid=action_grid(1, 41))
    price, *others = found.episodes.prices[0].tolist()
    assert found.settled.all()
    assert 20.0 <= price < 20.0 + 1.01 * STEP
    assert others == [40.0, 40.0, 40.0]


def test_there_may_be_other_equilibria() -> None:
    """One offers a speck less than 60 MW, and the other, who is needed for it, bids the most."""
    found = equilibrium(duopoly(demand=[60.0]), policies=highest)
    assert found.settled.all()
    assert found.episodes.prices.tolist() == [[40.0]]
    np.testing.assert_allclose(found.episodes.dispatch, [[[0.0, 60.0]]], atol=1e-5)


def test_nobody_gains_where_it_settles() -> None:
    parameters = default(hours=8)
    found = equilibrium(parameters, grid=THIRDS, episodes=3, policies=Wild(1))
    again = exploitability(parameters, Replayed(found.episodes.actions), grid=THIRDS, episodes=3)
    gains = again.gains.max(axis=-1)
    assert found.settled.any()
    assert (gains[found.settled] <= 1e-9).all()
    assert (gains[~found.settled] > 1e-9).all()
    for name in "demand", "actions", "rewards", "prices", "dispatch", "profits":
        mine, its = getattr(found.episodes, name), getattr(again.episodes, name)
        assert mine.tobytes() == its.tobytes()


def test_a_cycle_is_told() -> None:
    found = equilibrium(CYCLING, grid=THIRDS)
    assert found.cycles.tolist() == [[2]]
    assert found.settled.tolist() == [[False]]
    assert found.rounds.tolist() == [[3]]
    assert found.episodes.rewards.tolist() == [[[1400.0, 760.0]]]


@pytest.mark.parametrize(("rounds", "rewards"), [(1, [1400.0, 760.0]), (2, [360.0, 300.0])])
def test_too_few_rounds_are_told(rounds: int, rewards: list[float]) -> None:
    found = equilibrium(CYCLING, grid=THIRDS, rounds=rounds)
    assert not found.settled.any()
    assert not found.cycles.any()
    assert found.rounds.tolist() == [[rounds]]
    assert found.episodes.rewards.tolist() == [[rewards]]


def test_a_cycle_beside_hours_that_settle() -> None:
    parameters = Parameters(
        capacities=CYCLING.capacities, costs=CYCLING.costs, demand=[10.0, 80.0, 130.0],
        deviation=0.0, bid_penalty=0.1, shortage_penalty=0.0, reward_scale=1.0,
    )  # fmt: skip
    found = equilibrium(parameters, grid=THIRDS)
    assert found.settled.tolist() == [[True, False, True]]
    assert found.cycles.tolist() == [[0, 2, 0]]
    assert found.episodes.rewards[0, 1].tolist() == [1400.0, 760.0]


def test_who_gains_little_may_stay() -> None:
    found = equilibrium(duopoly(reward_scale=1.0), least_gain=1000.0)
    assert found.episodes.prices.tolist() == [[20.0, 20.0, 20.0, 40.0]]
    assert found.settled.all()


def test_it_says_what_it_took() -> None:
    found = equilibrium("duopoly", grid=THIRDS)
    assert found.rounds.tolist() == [[1, 2, 2, 2]]
    assert found.steps == 4 + (4 + 3) * 2 * (len(THIRDS) + 1) + 4
    assert found.seconds > 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"least_gain": -1.0}, "least_gain is -1.0: least_gain must be a finite number, and not"),
        ({"least_gain": np.nan}, "least_gain is nan"),
        ({"least_gain": "x"}, "least_gain is 'x'"),
        ({"rounds": 0}, "rounds is 0: rounds must be a positive int"),
        ({"parameters": "triopoly"}, "parameters is 'triopoly': the presets are default,"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        equilibrium(**({"parameters": "duopoly"} | arguments))
