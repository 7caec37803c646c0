"""The hours that policies play, each for itself, in which other actions are tried by the kernel.

An hour pays what its own demand and actions give, whatever was done before. So each hour can stand
alone, as an episode of one hour, and many actions can be tried in it, many hours at once.
"""

from dataclasses import replace
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easy_marl.envs.parameters import Parameters
from easy_marl.envs.rewards import step_of
from easy_marl.envs.simulation import model_of
from easy_marl.learning.episodes import Episodes, play
from easy_marl.learning.grid import checked_grid
from easy_marl.learning.policies import Policies
from easy_marl.market.arguments import is_int
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
    """The hours of E episodes, each for itself: H = E · T hours of N agents.

    `steps` counts how many were stepped, when they were played and when actions were tried.

    Parameters
    ----------
    parameters, policies, grid, episodes, seed, observation, backend, threads
        As in `easy_marl.learning.best_response`.
    """

    def __init__(
        self,
        parameters: Parameters | str,
        policies: Policies,
        *,
        grid: ArrayLike | None,
        episodes: int | None,
        seed: int,
        observation: str,
        backend: str | None,
        threads: int | None,
    ) -> None:
        self._started = perf_counter()
        self._grid = checked_grid(grid)
        self.played = play(
            parameters,
            policies,
            episodes=episodes,
            seed=seed,
            observation=observation,
            backend=backend,
            threads=threads,
        )
        """What happens where all follow their policies."""
        parameters = self.played.parameters
        self.agents = parameters.agents
        self.demand: Floats = self.played.demand.ravel()
        """(H,), MW."""
        self.actions: Singles = self.played.actions.reshape(-1, self.agents, 2)
        """What policies do, (H, N, 2)."""
        self.steps = len(self.demand)
        self._model = model_of(parameters, "simple", ALL)._replace(
            # An hour and the one after it, of which nothing but demand is observed.
            agent_features=np.empty((self.agents, 0), np.float32),
            hour_features=np.empty((2, 0), np.float32),
        )
        self._step_batch = step_of(parameters, backend)
        self._threads = int(threads) if is_int(threads) else threads

    @property
    def seconds(self) -> float:
        """How long it took until now."""
        return perf_counter() - self._started

    def _outcome(self, demand: Floats, actions: Singles) -> Outcome:
        """Return what all get in some hours, given (H,) and (H, N, 2)."""
        hours = len(demand)
        state = State(
            np.zeros(hours, np.int64), np.stack([demand, demand], axis=1), np.ones(hours, np.bool_)
        )
        outcome = room(self._model, hours)
        self._step_batch(self._model, state, actions, outcome, threads=self._threads)
        self.steps += hours
        return outcome

    def best(self, demand: Floats, actions: Singles, agent: int) -> Best:
        """Return an agent's best actions, of its own and those of the grid, against the others'.

        Of actions that pay the same its own comes first, then the grid's in its order.

        Parameters
        ----------
        demand
            Of some hours, in MW.
        actions
            What all do there, (H, N, 2).
        agent
            Who may do otherwise.
        """
        size = max(1, _AT_ONCE // ((len(self._grid) + 1) * self.agents))
        parts = [
            self._best(demand[start : start + size], actions[start : start + size], agent)
            for start in range(0, len(demand), size)
        ]
        return Best(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _best(self, demand: Floats, actions: Singles, agent: int) -> Best:
        hours, count = len(demand), len(self._grid) + 1
        tried = np.repeat(actions[:, np.newaxis], count, axis=1)
        tried[:, 1:, agent] = self._grid  # the first of each hour is what the agent did
        outcome = self._outcome(np.repeat(demand, count), tried.reshape(-1, self.agents, 2))
        rewards = outcome.rewards[:, agent].reshape(hours, -1)
        rows, best = np.arange(hours), rewards.argmax(axis=1)
        return Best(tried[rows, best, agent], rewards[rows, best] - rewards[:, 0])

    def with_actions(self, actions: Singles) -> Episodes:
        """Return the same episodes with other actions, (H, N, 2), and what they give."""
        outcome = self._outcome(self.demand, actions)
        shape = self.played.demand.shape

        def by_hour(values: NDArray[np.float64]) -> Floats:
            return values.reshape(*shape, *values.shape[1:])

        return replace(
            self.played,
            actions=actions.reshape(self.played.actions.shape),
            rewards=by_hour(outcome.rewards),
            prices=by_hour(outcome.prices),
            dispatch=by_hour(outcome.dispatch),
            profits=by_hour(outcome.profits),
        )
