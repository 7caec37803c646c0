"""Rules of payment in environments: the words of the market, and the same numbers."""

from typing import Any

import numpy as np
import pytest

from easy_marl.envs import BiddingEnv, BiddingVectorEnv, Parameters
from easy_marl.envs.simulation import Simulation
from easy_marl.learning import best_response
from easy_marl.market import settle

CAPACITIES, COSTS, DEMAND = [100.0, 100.0, 50.0], [20.0, 30.0, 40.0], [120.0, 300.0, 0.0]
RULES: list[dict[str, Any]] = [
    {"pricing": "pay_as_bid"},
    {"price_cap": 35.0},
    {"price_floor": 45.0, "scarcity_price": 10.0},
    {"pricing": "pay_as_bid", "price_floor": 25.0, "price_cap": 38.0, "ties": "pro_rata"},
]


def parameters(**options: Any) -> Parameters:
    given: dict[str, Any] = {
        "capacities": CAPACITIES,
        "costs": COSTS,
        "demand": DEMAND,
        "deviation": 0.1,
        "shortage_penalty": 3.0,
    }
    return Parameters(**(given | options))


@pytest.mark.parametrize("rules", RULES)
def test_profits_are_those_that_settle_tells(backend: str, rules: dict[str, Any]) -> None:
    own = parameters(**rules)
    environments = BiddingVectorEnv(5, own, agents="all", backend=backend)
    environments.reset(seed=3)
    state = environments._simulation.state
    rng = np.random.default_rng(0)
    for _ in range(own.hours):
        actions = rng.uniform(-1.0, 1.0, (5, 3, 2)).astype(np.float32)
        demand = state.demand[np.arange(5), state.hours]
        _, rewards, _, _, infos = environments.step(actions)
        bids = own.costs + actions[..., 1].astype(float) * own.bid_change
        quantities = own.capacities * (1.0 - np.maximum(0.0, actions[..., 0].astype(float)))
        settled = settle(bids, quantities, demand, costs=own.costs, **rules)
        assert settled.profit is not None
        assert infos["price"].tolist() == settled.prices.tolist()
        assert infos["profit"].tolist() == settled.profit.tolist()
        markups = bids - own.costs
        penalties = own.shortage_penalty * settled.unserved[:, np.newaxis]
        expected = (settled.profit - own.bid_penalty * (markups * markups)) - penalties
        assert rewards.tolist() == (expected * own.reward_scale).tolist()


@pytest.mark.parametrize("rules", RULES)
def test_one_learner_gets_what_it_gets_among_all(backend: str, rules: dict[str, Any]) -> None:
    actions = np.random.default_rng(1).uniform(-1.0, 1.0, (3, 1, 2)).astype(np.float32)
    environment = BiddingEnv(parameters(**rules), learner=1, backend=backend)
    everyone = BiddingVectorEnv(1, parameters(**rules), agents="all", backend=backend)
    environment.reset(seed=5)
    everyone.reset(seed=5)
    for action in actions:
        all_act = np.zeros((1, 3, 2), np.float32)
        all_act[0, 1] = action[0]
        _, reward, _, _, info = environment.step(action[0])
        _, rewards, _, _, infos = everyone.step(all_act)
        assert reward == rewards[0, 1]
        assert info["price"] == infos["price"][0]
        assert info["profit"] == infos["profit"][0, 1]


def test_environments_that_rest_are_not_paid() -> None:
    simulation = Simulation(
        parameters(price_floor=45.0), 2, "{} {} {}".format,
        observation="simple", remember=True, backend="numpy",
    )  # fmt: skip
    simulation.begin(np.ones(2, np.bool_))
    outcome = simulation.step(np.zeros((2, 3, 2), np.float32), np.array([True, False]))
    assert outcome.prices.tolist() == [45.0, 0.0]
    assert outcome.rewards[1].tolist() == [0.0, 0.0, 0.0]
    assert simulation.market(0).price == 45.0


def test_where_each_is_paid_its_bid_bidding_cost_earns_nothing() -> None:
    found = best_response("duopoly", None, 0, backend="numpy")
    own = found.episodes.parameters
    paid = best_response(
        Parameters(
            capacities=own.capacities, costs=own.costs, demand=own.demand, deviation=0.0,
            bid_penalty=0.0, pricing="pay_as_bid",
        ),
        None,
        0,
        backend="numpy",
    )  # fmt: skip
    assert paid.episodes.profits[..., 1].tolist() == [[0.0, 0.0, 0.0, 0.0]]
    assert paid.episodes.profits[..., 0].tolist() == [[0.0, 400.0, 1000.0, 1800.0]]


def test_a_cap_bounds_what_could_overflow() -> None:
    with pytest.raises(ValueError, match="so large that a return could overflow"):
        parameters(price_floor=1e308)
    parameters(price_cap=1e308)


@pytest.mark.parametrize(
    ("rules", "kind", "said"),
    [
        ({"pricing": 3}, ValueError, "pricing is 3: pricing must be 'uniform' or 'pay_as_bid'"),
        ({"price_cap": "a"}, TypeError, "price_cap has type str: price_cap must be a number"),
        (
            {"price_floor": 2.0, "price_cap": 1.0},
            ValueError,
            "price_floor is 2.0: price_floor must be at most price_cap, which is 1.0",
        ),
    ],
)
def test_bad_rules(rules: dict[str, Any], kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as caught:
        parameters(**rules)
    assert str(caught.value) == said
