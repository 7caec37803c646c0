"""A step of environments under any rules of payment.

The kernel pays all the price that clears the market. Under other rules, what it gives is paid anew
here, alike for every backend: clearing does not depend on who is paid what.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from easy_marl.envs.parameters import Parameters
from easy_marl.market import get_backend
from easy_marl.market.markets import unserved
from easy_marl.market.payment import Payment
from easy_marl.market.reference_step import acting, offers
from easy_marl.market.stepping import GOOD, Floats, Model, Outcome, Singles, State

Step = Callable[..., int]
"""As the kernel `step_batch`."""


def step_of(parameters: Parameters, backend: str | None) -> Step:
    """Return what takes a step, and pays by the rules of these parameters."""
    kernel = get_backend(backend).step_batch
    payment = parameters.payment()
    return kernel if payment.is_plain else partial(_step, kernel, payment)


def _step(
    kernel: Step,
    payment: Payment,
    model: Model,
    state: State,
    actions: Singles,
    outcome: Outcome,
    *,
    threads: int | None = None,
) -> int:
    hours = state.hours.copy()  # the kernel sets them forward
    bad = kernel(model, state, actions, outcome, threads=threads)
    if bad == GOOD:
        rows = np.flatnonzero(state.active)
        demand = state.demand[rows, hours[rows]] + 0.0  # -0.0 reads as 0.0
        _pay(payment, model, rows, demand, actions[rows], outcome)
    return bad


def _pay(
    payment: Payment,
    model: Model,
    rows: NDArray[np.intp],
    demand: Floats,
    actions: Singles,
    outcome: Outcome,
) -> None:
    """Write prices, profits and rewards of some environments, from what they dispatched."""
    bids, quantities = offers(model, actions)
    told = acting(model)
    costs, bids_told = model.costs[told], bids[:, told]
    prices = outcome.prices[rows]
    profits = (payment.paid(prices, bids_told) - costs) * outcome.dispatch[rows]
    markup = bids_told - costs
    charges = model.bid_penalty * (markup * markup)
    penalties = model.shortage_penalty * unserved(bids, quantities, demand, model.tolerance)
    outcome.prices[rows] = payment.bounded(prices)
    outcome.profits[rows] = profits
    outcome.rewards[rows] = ((profits - charges) - penalties[:, np.newaxis]) * model.reward_scale
