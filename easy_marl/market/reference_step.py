"""The environments' step in NumPy: `docs/environment.md` as code, written to be read.

Every other backend is held against this one to the last bit.
"""

import numpy as np

from easy_marl.market import reference, step_arguments
from easy_marl.market.stepping import ALL, GOOD, Floats, Model, Outcome, Singles, State


def step_batch(
    model: Model,
    state: State,
    actions: Singles,
    outcome: Outcome,
    *,
    threads: int | None = None,  # a hint, of which this backend makes nothing
) -> int:
    """Take one hour in every active environment; see `easy_marl.market.stepping`."""
    given = step_arguments.check(model, state, actions, outcome, threads)
    step_arguments.check_hours(given)
    model, state, actions, outcome = given
    good = (actions >= -1.0) & (actions <= 1.0)
    good[~state.active] = True
    if not good.all():
        return int(good.argmin())
    for row in range(len(state.hours)):
        _step(row, model, state, actions[row], outcome)
        _observe(row, model, state, outcome)
    return GOOD


def offers(model: Model, actions: Singles) -> tuple[Floats, Floats]:
    """Return the bids (currency/MWh) and the quantities (MW) of all agents, both (…, N).

    Parameters
    ----------
    model
        The constants.
    actions
        (…, N, 2) where all act, else (…, 1, 2): the learner's; the others' are zero.
    """
    acts = np.zeros((*actions.shape[:-2], len(model.costs), 2))
    acts[..., acting(model), :] = actions
    withheld = np.maximum(0.0, acts[..., 0])
    bids = model.costs + acts[..., 1] * model.bid_change
    return bids, model.capacities * (1.0 - withheld)


def acting(model: Model) -> slice:
    """Return which agents act, and are told how it went."""
    return slice(None) if model.learner == ALL else slice(model.learner, model.learner + 1)


def _step(row: int, model: Model, state: State, actions: Singles, outcome: Outcome) -> None:
    """Clear the market of one environment's hour, and reward."""
    if not state.active[row]:
        outcome.rewards[row] = outcome.prices[row] = 0.0
        outcome.dispatch[row] = outcome.profits[row] = 0.0
        return
    bids, quantities = offers(model, actions)
    demand = state.demand[row, state.hours[row]] + 0.0  # -0.0 reads as 0.0
    price, cleared = reference.clear(
        bids,
        quantities,
        demand,
        ties=model.ties,
        scarcity_price=model.scarcity_price,
        tolerance=model.tolerance,
    )
    told = acting(model)
    markup = bids[told] - model.costs[told]
    profit = (price - model.costs[told]) * cleared[told]
    charge = model.bid_penalty * (markup * markup)
    supply = reference.supply(bids, quantities)
    reached = supply >= reference.enough(demand, model.tolerance)
    shortage = 0.0 if reached else demand - supply
    penalty = model.shortage_penalty * shortage
    outcome.rewards[row] = ((profit - charge) - penalty) * model.reward_scale
    outcome.prices[row] = price
    outcome.dispatch[row] = cleared[told]
    outcome.profits[row] = profit
    state.hours[row] += 1


def _observe(row: int, model: Model, state: State, outcome: Outcome) -> None:
    """Write what the agents see of the hour that comes next."""
    hour = state.hours[row]
    static = 1 + model.agent_features.shape[1]
    observations = outcome.observations[row]
    observations[:, 0] = state.demand[row, hour] * model.demand_scale
    observations[:, 1:static] = model.agent_features[acting(model)]
    observations[:, static:] = model.hour_features[hour]
