"""Steps of environments chosen to tell backends apart.

A generator that leaves its bid alone bids its cost. So markets that break shortcuts to the merit
order become environments as they are: bids are costs, quantities are capacities.

`easy_marl.envs` is imported where it is used: a paired measurement runs this file on revisions
that are older.
"""

from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.adversarial import markets, order, tolerances
from bench.adversarial.markets import RULES, STRICT, Valid, example, said
from pytest_duel.catalogue.model import Example

if TYPE_CHECKING:
    from easy_marl.market.stepping import Model, State

HOURS = 3
EVERY_RULE = (*RULES, *STRICT)
EVERY = 7
"""One market of this many becomes an environment, since environments have many rows."""
MOST_UNITS = 300
SOME = (1, 2, 3, 6, 7, 20, 33, 65, 701)
LARGEST = 1e100
"""Larger numbers overflow in rewards; `Parameters` refuses them."""
NUMBERS = (-1.0, -0.5, -0.0, 0.0, 1e-30, 0.25, 0.5, 1.0)
"""Actions, the extremes and both zeros among them."""
CASES: Mapping[str, Mapping[str, Any]] = {
    "plain": {},
    "equal costs": {"costs": 30.0},
    "costs of both signs": {"costs": (-40.0, 40.0), "bid_change": 80.0},
    "no change of bids": {"bid_change": 0.0},
    "no penalties": {"bid_penalty": 0.0, "shortage_penalty": 0.0},
    "no demand": {"demand": 0.0},
    "too much demand": {"demand": 1.5},
    "some without capacity": {"idle": 0.5},
}


def examples() -> Iterator[Example]:
    """Yield the adversarial set of `step_batch`."""
    from easy_marl.market.stepping import ALL

    for turn, (label, market) in enumerate(_markets()):
        rules = EVERY_RULE[turn % len(EVERY_RULE)]
        yield example(f"{label}, {said(rules)}", _of_market(market, rules, turn), {})
    for turn, (agents, tolerance) in enumerate(product(SOME, tolerances.TOLERANCES)):
        rules = {**RULES[turn % len(RULES)], "tolerance": tolerance}
        for learner in ALL, agents // 2:
            who = "all" if learner == ALL else "one"
            label = f"withheld, {agents} agents, {who} act, {said(rules)}"
            yield example(label, _withheld(agents, learner, rules), {})
    for agents in (1, 2, 3, 5, 7, 8, 9, 20, 64, 65, 100):
        for turn, (label, case) in enumerate(CASES.items()):
            for learner in ALL, agents // 2:
                rules = EVERY_RULE[(turn + agents) % len(EVERY_RULE)]
                model, state, actions = _case(agents, learner, case, rules)
                who = "all" if learner == ALL else "one"
                name = f"{label}, {agents} agents, {who} act, {said(rules)}"
                yield example(name, (model, state, actions), {})
                yield example(
                    f"{name}, one action bad", (model, state, _spoilt(actions, turn)), {}
                )


def _markets() -> Iterator[tuple[str, Valid]]:
    for source in (markets.markets(MOST_UNITS), order.markets(MOST_UNITS)):
        for label, market in islice(source, 0, None, EVERY):
            if max(np.abs(market[0]).max(), market[1].max()) < LARGEST:
                yield label, market


def _of_market(
    market: Valid, rules: Mapping[str, Any], turn: int
) -> tuple["Model", "State", NDArray[np.float32]]:
    """Return a step in which bids are the market's, in all rows of eleven but two."""
    from easy_marl.market.stepping import ALL, Model, State

    bids, quantities, demand = market
    agents, rows = len(bids), 11
    features = np.zeros((agents, 1), np.float32), np.zeros((2, 1), np.float32)
    learner = ALL if turn % 2 else turn % agents
    model = Model(
        quantities + 0.0, bids + 0.0, *features, 1.0, 0.1, 10.0, 0.01, 0.001,
        learner, **rules,
    )  # fmt: skip
    state = State(np.zeros(rows, np.int64), np.full((rows, 2), demand), np.ones(rows, np.bool_))
    actions = np.zeros((rows, agents if learner == ALL else 1, 2), np.float32)
    actions[1] = 0.5
    actions[2, 0] = -0.25, -1.0  # one bid moves past some others
    return model, state, actions


def _withheld(
    agents: int, learner: int, rules: Mapping[str, Any]
) -> tuple["Model", "State", NDArray[np.float32]]:
    """Return a step in which agents withhold everything, with demand near a step of supply."""
    from easy_marl.market import reference_step
    from easy_marl.market.stepping import ALL, Model, State

    rng = np.random.default_rng([agents, learner + 1, 51])
    rows = 40
    features = np.zeros((agents, 1), np.float32), np.zeros((2, 1), np.float32)
    capacities = rng.choice([0.1, 0.3, 5.0], agents)
    if agents > 2:
        capacities[rng.random(agents) < 0.3] = 0.0
    costs = rng.integers(0, max(2, agents // 2), agents).astype(np.float64)
    model = Model(capacities, costs, *features, 1.0, 0.1, 10.0, 0.01, 0.001, learner, **rules)
    actions = np.zeros((rows, agents if learner == ALL else 1, 2), np.float32)
    withheld = rng.random(actions.shape[:2]) < rng.choice([0.0, 0.3, 0.9, 1.0], (rows, 1))
    actions[..., 0] = withheld
    actions[..., 1] = rng.choice([0.0, 0.5, -1.0, 1.0], actions.shape[:2])
    demand = np.zeros((rows, 2))
    for row in range(rows):
        bids, offered = reference_step.offers(model, actions[row])
        supply = order.running_sums(order.merit_order(bids), offered)
        ulps = int(rng.choice(tolerances.ULPS))
        near = tolerances.beside_a_step(supply, ulps, rules["tolerance"], rng)
        demand[row, 0] = rng.choice(near if rng.random() < 0.8 else [0.0, -0.0, order.TINY])
    return model, State(np.zeros(rows, np.int64), demand, np.ones(rows, np.bool_)), actions


def _case(
    agents: int, learner: int, case: Mapping[str, Any], rules: Mapping[str, Any]
) -> tuple["Model", "State", NDArray[np.float32]]:
    """Return a step of environments at every hour, some of them not active."""
    from easy_marl.envs.parameters import Parameters
    from easy_marl.envs.simulation import model_of
    from easy_marl.market.stepping import ALL, State

    rng = np.random.default_rng([agents, len(case)])
    capacities = rng.uniform(10.0, 50.0, agents)
    capacities[rng.random(agents) < case.get("idle", 0.0)] = 0.0
    capacities[0] = 20.0
    low, high = np.broadcast_to(case.get("costs", (20.0, 60.0)), 2)
    chosen = {name: value for name, value in case.items() if name.startswith(("bid", "short"))}
    parameters = Parameters(
        capacities=capacities,
        costs=rng.uniform(low, high, agents),
        demand=np.full(HOURS, case.get("demand", 0.7) * capacities.sum()),
        **{**chosen, **rules},
    )
    rows = 37
    hours = rng.integers(HOURS + 1, size=rows)
    profile = parameters.profile()
    demand = profile * rng.uniform(0.3, 1.4, (rows, len(profile)))
    state = State(hours, demand, (hours < HOURS) & (rng.random(rows) < 0.9))
    acting = agents if learner == ALL else 1
    actions = rng.uniform(-1.0, 1.0, (rows, acting, 2))
    extreme = rng.random(actions.shape) < 0.3
    actions[extreme] = rng.choice(NUMBERS, int(extreme.sum()))
    return model_of(parameters, "full", learner), state, actions.astype(np.float32)


def _spoilt(actions: NDArray[np.float32], turn: int) -> NDArray[np.float32]:
    """Return the actions with bad ones here and there; those of idle environments do not count."""
    spoilt = actions.copy()
    value = (np.nan, 1.0000001, -1.5, np.inf, -np.inf)[turn % 5]
    spoilt.reshape(-1)[turn :: 1 + spoilt.size // 3] = value
    return spoilt
