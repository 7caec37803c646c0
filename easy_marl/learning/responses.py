"""By how much agents could gain: the best response of one, and the exploitability of all."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from easy_marl.envs.parameters import Parameters
from easy_marl.learning.episodes import Episodes
from easy_marl.learning.hours import Hours
from easy_marl.learning.policies import Policies
from easy_marl.market.arguments import is_int
from easy_marl.market.stepping import Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class BestResponse:
    """What one agent does best while the others stay with their policies.

    Attributes
    ----------
    agent : int
        Who responds.
    gains : ndarray of float64, shape (E, T)
        By how much its reward is more than with its own policy, hour by hour; not negative.
    episodes : Episodes
        What happens where it responds; its actions are `episodes.actions[:, :, agent]`.
    steps : int
        How many environment steps this took.
    seconds : float
        How long it took.
    """

    agent: int
    gains: Floats
    episodes: Episodes
    steps: int
    seconds: float

    @property
    def gain(self) -> float:
        """By how much its reward of an episode is more, on average."""
        return float(self.gains.sum(axis=1).mean())


@dataclass(frozen=True, eq=False, kw_only=True)
class Exploitability:
    """By how much agents could gain, each of them alone.

    Attributes
    ----------
    gains : ndarray of float64, shape (E, T, N)
        By how much an agent's best response has more reward than its policy while the others stay
        with theirs, hour by hour; not negative.
    episodes : Episodes
        What happens where all stay.
    steps : int
        How many environment steps this took.
    seconds : float
        How long it took.
    """

    gains: Floats
    episodes: Episodes
    steps: int
    seconds: float

    @property
    def by_agent(self) -> Floats:
        """By how much an episode's reward of each agent could be more, on average, shape (N,)."""
        gained: Floats = self.gains.sum(axis=1).mean(axis=0)
        return gained

    @property
    def total(self) -> float:
        """The sum over agents, known as NashConv: 0 where none could gain on the grid."""
        return float(self.by_agent.sum())


def best_response(
    parameters: Parameters | str,
    policies: Policies,
    agent: int,
    *,
    grid: ArrayLike | None = None,
    episodes: int | None = None,
    seed: int = 0,
    observation: str = "cyclic",
    backend: str | None = None,
    threads: int | None = None,
) -> BestResponse:
    """Return what an agent does best while the others stay with their policies.

    Parameters
    ----------
    parameters : Parameters or str
        Generators, demand and rewards, or the name of a preset.
    policies : callable, sequence of callables, or None
        What agents do: one policy for all, or one for each. A policy is what the environments
        take: from the observations of all agents, float32 of shape (E, N, F), to their actions,
        (E, N, 2); of a policy for one agent only that agent's actions count. None, for all or for
        one, bids cost and withholds nothing. Each is asked once for each hour, in their order, so
        it is frozen while others deviate; one that several agents have is asked once for all of
        them. Where policies draw at random, a response knows what the others drew, which no policy
        does: gains are then upper bounds.
    agent : int
        Who responds.
    grid : array_like, shape (G, 2), optional
        The actions that it may take; without it, `action_grid()`. It may also stay with its own.
    episodes : int, optional
        How many to play: E. Without it 16, or 1 where all have the same demand.
    seed : int
        Of demand; the episodes are those that `BiddingVectorEnv(E).reset(seed=seed)` begins.
    observation : {"cyclic", "simple", "full"}
        What policies see.
    backend : {"rust", "numba", "numpy"}, optional
        Who does the work. Results are the same to the last bit.
    threads : int, optional
        The most threads that it may use.

    Returns
    -------
    BestResponse
        Exact on the grid: no policy whose actions are on it has more reward in these episodes.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit, or a policy returns another shape or what is no action; the
        message names the policy, the place and the value.

    Examples
    --------
    >>> found = best_response("duopoly", None, 0)
    >>> found.episodes.prices.tolist()
    [[20.0, 40.0, 40.0, 40.0]]
    >>> (found.gains / found.episodes.parameters.reward_scale).tolist()
    [[0.0, 400.0, 1000.0, 1800.0]]
    """
    hours = Hours(
        parameters,
        policies,
        grid=grid,
        episodes=episodes,
        seed=seed,
        observation=observation,
        backend=backend,
        threads=threads,
    )
    agent = _agent(agent, hours.agents)
    best = hours.best(hours.demand, hours.actions, agent)
    actions = hours.actions.copy()
    actions[:, agent] = best.actions
    return BestResponse(
        agent=agent,
        gains=best.gains.reshape(hours.played.demand.shape),
        episodes=hours.with_actions(actions),
        steps=hours.steps,
        seconds=hours.seconds,
    )


def exploitability(
    parameters: Parameters | str,
    policies: Policies,
    *,
    grid: ArrayLike | None = None,
    episodes: int | None = None,
    seed: int = 0,
    observation: str = "cyclic",
    backend: str | None = None,
    threads: int | None = None,
) -> Exploitability:
    """Return by how much agents could gain, each of them while the others stay (NashConv).

    Parameters
    ----------
    parameters, policies, grid, episodes, seed, observation, backend, threads
        As in `best_response`.

    Returns
    -------
    Exploitability
        Exact on the grid. Actions between those of the grid may gain more. Where policies draw at
        random, it is an upper bound, as in `best_response`.

    Raises
    ------
    TypeError, ValueError
        As `best_response`.

    Examples
    --------
    >>> found = exploitability("duopoly", None)
    >>> (found.by_agent / found.episodes.parameters.reward_scale).tolist()
    [3200.0, 3200.0]
    """
    hours = Hours(
        parameters,
        policies,
        grid=grid,
        episodes=episodes,
        seed=seed,
        observation=observation,
        backend=backend,
        threads=threads,
    )
    gains = [hours.best(hours.demand, hours.actions, agent).gains for agent in range(hours.agents)]
    return Exploitability(
        gains=np.stack(gains, axis=1).reshape(hours.played.rewards.shape),
        episodes=hours.played,
        steps=hours.steps,
        seconds=hours.seconds,
    )


def _agent(given: Any, agents: int) -> int:
    if not is_int(given) or not 0 <= given < agents:
        raise ValueError(f"agent is {given!r}: agent must be an agent from 0 to {agents - 1}")
    return int(given)
