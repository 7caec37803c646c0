"""Whole episodes, played in the environments by policies."""

from dataclasses import dataclass

import numpy as np

from easy_marl.envs.parameters import RANDOM, Parameters
from easy_marl.envs.simulation import Simulation, parameters_of, random_stream
from easy_marl.learning.policies import Policies, act, players
from easy_marl.market.arguments import is_int
from easy_marl.market.stepping import Floats, Singles

EPISODES = 16
"""So many are played unless told, where their demand differs."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Episodes:
    """What N agents did and got in E episodes of T hours.

    Attributes
    ----------
    parameters : Parameters
        Generators, demand and rewards.
    demand : ndarray of float64, shape (E, T)
        In MW.
    actions : ndarray of float32, shape (E, T, N, 2)
        The share of capacity to withhold, and the change of the bid; between -1 and 1.
    rewards : ndarray of float64, shape (E, T, N)
        As the environments give them: in currency times `reward_scale`.
    prices : ndarray of float64, shape (E, T)
        In currency/MWh.
    dispatch : ndarray of float64, shape (E, T, N)
        In MW.
    profits : ndarray of float64, shape (E, T, N)
        In currency, without charges.
    """

    parameters: Parameters
    demand: Floats
    actions: Singles
    rewards: Floats
    prices: Floats
    dispatch: Floats
    profits: Floats


def play(
    parameters: Parameters | str,
    policies: Policies,
    *,
    episodes: int | None,
    seed: int,
    observation: str,
    backend: str | None,
    threads: int | None,
) -> Episodes:
    """Return what happens where all follow their policies.

    The arguments are those of `easy_marl.learning.best_response`.
    """
    parameters = parameters_of(parameters)
    simulation = Simulation(
        parameters,
        count_of(episodes, parameters),
        "actions[{}, {}, {}]".format,
        observation=observation,
        backend=backend,
        threads=threads,
    )
    everyone = players(policies, parameters.agents)
    _begin(simulation, seed)
    observations = simulation.observe().observations
    actions, outcomes = [], []
    for hour in range(parameters.hours):
        actions.append(act(everyone, observations, hour))
        outcomes.append(simulation.step(actions[-1]))
        observations = outcomes[-1].observations
    return Episodes(
        parameters=parameters,
        demand=simulation.state.demand[:, :-1].copy(),
        actions=np.stack(actions, axis=1),
        rewards=np.stack([one.rewards for one in outcomes], axis=1),
        prices=np.stack([one.prices for one in outcomes], axis=1),
        dispatch=np.stack([one.dispatch for one in outcomes], axis=1),
        profits=np.stack([one.profits for one in outcomes], axis=1),
    )


def are_alike(parameters: Parameters) -> bool:
    """Return whether all episodes have the same demand."""
    return parameters.deviation == 0.0 and parameters.start != RANDOM


def count_of(episodes: int | None, parameters: Parameters) -> int:
    """Return how many episodes to play: one tells all where all have the same demand."""
    if episodes is None:
        return 1 if are_alike(parameters) else EPISODES
    if not is_int(episodes) or episodes < 1:
        raise ValueError(f"episodes is {episodes!r}: episodes must be a positive int")
    return int(episodes)


def _begin(simulation: Simulation, seed: int) -> None:
    """Begin the episodes that `BiddingVectorEnv.reset(seed=seed)` begins."""
    random_stream(seed)  # refuses what is none
    for row in range(simulation.environments):
        simulation.seed(row, random_stream(int(seed) + row))
    simulation.begin(np.ones(simulation.environments, np.bool_))
