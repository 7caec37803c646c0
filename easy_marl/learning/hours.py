"""Single hours of a market, many at once, by the environments' kernel.

An hour pays what its own demand and actions give, whatever was done before. So each hour can stand
alone, as an episode of one hour, and many actions can be tried in it.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from easy_marl.envs.parameters import Parameters
from easy_marl.envs.rewards import step_of
from easy_marl.envs.simulation import model_of
from easy_marl.learning.episodes import Episodes
from easy_marl.market.stepping import ALL, Floats, Outcome, Singles, State, room

_AT_ONCE = 2**16
"""About so many agents act in one call of the kernel, or its memory would not stay near."""


class Best(NamedTuple):
    """What an agent does best in H hours, and by how much it is better than what it did."""

    actions: Singles
    """(H, 2)."""
    gains: Floats
    """(H,): in units of reward; not negative."""


class Hours:
    """A market's hours, each for itself; `steps` counts how many were tried.

    Parameters
    ----------
    parameters
        Generators and rewards.
    backend, threads
        Who does the work, and the most threads that it may use.
    """

    def __init__(self, parameters: Parameters, backend: str | None, threads: int | None) -> None:
        agents = parameters.agents
        self._model = model_of(parameters, "simple", ALL)._replace(
            # An hour and the one after it, of which nothing but demand is observed.
            agent_features=np.empty((agents, 0), np.float32),
            hour_features=np.empty((2, 0), np.float32),
        )
        self._step_batch = step_of(parameters, backend)
        self._threads = threads
        self.steps = 0

    def outcome(self, demand: Floats, actions: Singles) -> Outcome:
        """Return what all N agents get in H hours.

        Parameters
        ----------
        demand
            (H,), MW.
        actions
            (H, N, 2), checked.
        """
        hours = len(demand)
        state = State(
            np.zeros(hours, np.int64), np.stack([demand, demand], axis=1), np.ones(hours, np.bool_)
        )
        outcome = room(self._model, hours)
        self._step_batch(self._model, state, actions, outcome, threads=self._threads)
        self.steps += hours
        return outcome

    def best(self, demand: Floats, actions: Singles, agent: int, grid: Singles) -> Best:
        """Return an agent's best actions, of its own and those of the grid, against the others'.

        Parameters
        ----------
        demand
            (H,), MW.
        actions
            What all do, (H, N, 2).
        agent
            Who may do otherwise.
        grid
            (G, 2); of actions that pay the same its own comes first, then the grid's in its order.
        """
        size = max(1, _AT_ONCE // ((len(grid) + 1) * actions.shape[1]))
        parts = [
            self._best(demand[start : start + size], actions[start : start + size], agent, grid)
            for start in range(0, len(demand), size)
        ]
        return Best(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _best(self, demand: Floats, actions: Singles, agent: int, grid: Singles) -> Best:
        hours, agents, _ = actions.shape
        tried = np.repeat(actions[:, np.newaxis], len(grid) + 1, axis=1)
        tried[:, 1:, agent] = grid  # the first of each hour is what the agent did
        outcome = self.outcome(np.repeat(demand, len(grid) + 1), tried.reshape(-1, agents, 2))
        rewards = outcome.rewards[:, agent].reshape(hours, -1)
        rows, best = np.arange(hours), rewards.argmax(axis=1)
        return Best(tried[rows, best, agent], rewards[rows, best] - rewards[:, 0])


def episodes_of(before: Episodes, actions: Singles, outcome: Outcome) -> Episodes:
    """Return the same episodes with other actions, given hour by hour, and what they gave."""
    shape = before.demand.shape

    def by_hour(values: NDArray[np.float64]) -> Floats:
        return values.reshape(*shape, *values.shape[1:])

    return replace(
        before,
        actions=actions.reshape(before.actions.shape),
        rewards=by_hour(outcome.rewards),
        prices=by_hour(outcome.prices),
        dispatch=by_hour(outcome.dispatch),
        profits=by_hour(outcome.profits),
    )
