"""What the kernel `step_batch` takes: environments' constants, their state, and room for results.

`docs/environment.md` has the dynamics. The kernel works on any number of environments that share
their constants, and each backend has one::

    step_batch(model, state, actions, outcome, *, threads=None) -> int

It takes one hour in every environment that is active, and observes all of them. It returns -1; or,
before anything is written, the position in C order of the first action that an active environment
must not take: NaN, or outside [-1, 1]. `threads` is the most threads to use; results do not depend
on it. `docs/semantics.md` lists what else is refused, and what other threads may do meanwhile.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

GOOD = -1
"""What a kernel returns where all actions are good."""
ALL = -1
"""The `learner` of a model in which every agent acts."""


class Model(NamedTuple):
    """What N agents, T hours and their market have in common in all environments."""

    capacities: Floats
    """(N,), MW."""
    costs: Floats
    """(N,), currency/MWh; no -0.0."""
    agent_features: Singles
    """(N, A): what an agent observes that never changes."""
    hour_features: Singles
    """(T + 1, H): what all observe of an hour; the last one comes after the end."""
    bid_change: float
    """What an action of 1 adds to a bid, currency/MWh."""
    bid_penalty: float
    """For the square of what is added to a bid."""
    shortage_penalty: float
    """For each MW of demand that offers do not reach, currency."""
    reward_scale: float
    """What a reward in currency is multiplied by."""
    demand_scale: float
    """What demand in MW is multiplied by to be observed."""
    learner: int
    """The one agent that acts, among others that bid their cost; or `ALL`."""
    ties: str = "first"
    """The market's options; see `easy_marl.market.clear`."""
    scarcity_price: float | None = None
    tolerance: float = 1e-9


class State(NamedTuple):
    """Where B environments are. The kernel sets `hours` forward; the rest is the caller's."""

    hours: NDArray[np.int64]
    """(B,): the hour that comes next; less than T where it is active, else at most T."""
    demand: Floats
    """(B, T + 1), MW: demand of this episode's hours and of the one after them."""
    active: NDArray[np.bool_]
    """(B,): whether an environment takes a step; where not, it is only observed."""


class Outcome(NamedTuple):
    """What a step gives, for M agents: all, or the learner alone. Overwritten by the kernel."""

    rewards: Floats
    """(B, M); zero where it is not active."""
    observations: Singles
    """(B, M, 1 + A + H): demand of the next hour, the agent's features, that hour's features."""
    prices: Floats
    """(B,), currency/MWh; zero where it is not active."""
    dispatch: Floats
    """(B, M), MW; zero where it is not active."""
    profits: Floats
    """(B, M), currency: what was earned, without charges; zero where it is not active."""


def room(model: Model, environments: int) -> Outcome:
    """Return room for the results of so many environments; nothing is written to it yet."""
    agents = len(model.costs) if model.learner == ALL else 1
    features = 1 + model.agent_features.shape[1] + model.hour_features.shape[1]
    return Outcome(
        np.empty((environments, agents)),
        np.empty((environments, agents, features), np.float32),
        np.empty(environments),
        np.empty((environments, agents)),
        np.empty((environments, agents)),
    )
