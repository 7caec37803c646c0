"""One environment with one learner, for Gymnasium."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import ArrayLike, NDArray

from easy_marl.envs.actions import numbers
from easy_marl.envs.parameters import Parameters
from easy_marl.envs.policies import Asking, asked
from easy_marl.envs.recording import Folder, Recorder
from easy_marl.envs.rendering import Frame, Renderer
from easy_marl.envs.simulation import (
    Simulation,
    check_options,
    random_stream,
)
from easy_marl.envs.spaces import action_space, observation_space
from easy_marl.market.stepping import Singles

OnePolicy = Callable[[Singles], ArrayLike]
"""From the observations of all agents (N, F) to their actions (N, 2)."""
OnePolicies = Sequence[OnePolicy | None] | Mapping[int, OnePolicy | None]


class BiddingEnv(gymnasium.Env[Singles, Singles]):
    """An electricity market in which one generator learns to bid; see `docs/environment.md`.

    Parameters
    ----------
    parameters : Parameters or str
        Generators, demand and rewards, or the name of a preset.
    learner : int
        Which agent acts.
    policy : callable, optional
        What the others do: from the observations of all agents, float32 of shape (N, F), to their
        actions, (N, 2); the learner's are ignored. Without it, they bid their cost and withhold
        nothing.
    policies : sequence or dict, optional
        The same agent by agent: one for each, or some by agent. Of what each gives, only its own
        agent's actions count. Who has none, or None, bids its cost; the learner's is ignored.
        `frozen` makes policies of trained models.
    observation : {"cyclic", "simple", "full"}
        What the learner sees.
    render_mode : {"rgb_array", "human"}, optional
        How the market is shown: by `render`, or in a window after every step.
    details : bool
        Whether infos also tell demand, shortage, and the bids and offers of all agents.
    record : str or Path, optional
        A folder to write every hour to, as Parquet files; it must not be there. `close` writes
        what is left.
    backend : {"rust", "numba", "numpy"}, optional
        Who does the work. Trajectories are the same to the last bit.

    Raises
    ------
    TypeError, ValueError
        If a parameter does not fit.

    Examples
    --------
    >>> environment = BiddingEnv()
    >>> observation, _ = environment.reset(seed=0)
    >>> observation, reward, terminated, truncated, info = environment.step([0.0, 0.5])
    >>> sorted(info)
    ['dispatch', 'price', 'profit']
    """

    metadata = Renderer.METADATA

    def __init__(
        self,
        parameters: Parameters | str = "default",
        *,
        learner: int = 0,
        policy: OnePolicy | None = None,
        policies: OnePolicies | None = None,
        observation: str = "cyclic",
        render_mode: str | None = None,
        details: bool = False,
        record: Folder | None = None,
        backend: str | None = None,
    ) -> None:
        self._simulation = Simulation(
            parameters,
            1,
            _place,
            observation=observation,
            learner=learner,
            policy=_OnBatch(policy) if callable(policy) else policy,
            policies=_on_batches(policies),
            backend=backend,
            remember=render_mode is not None,
            detailed=details or record is not None,
        )
        self.render_mode = render_mode
        self._renderer = Renderer(self._simulation, render_mode)
        self._recorder = Recorder(self._simulation, record, details)
        self.action_space = action_space()
        self.observation_space = observation_space(self.parameters, self._simulation.features)
        self._ready = False
        self._stream: np.random.Generator | None = None

    @property
    def parameters(self) -> Parameters:
        """Generators, demand and rewards."""
        return self._simulation.parameters

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Singles, dict[str, Any]]:
        """Begin an episode.

        Parameters
        ----------
        seed
            Of the random stream that demand is drawn from; without it, the stream goes on.
        options
            None are known, so anything in it is refused.

        Returns
        -------
        observation
            float32 of shape (F,).
        info
            Empty.
        """
        check_options(options)
        if seed is not None:
            random_stream(seed)  # refuses what is none
        super().reset(seed=None if seed is None else int(seed), options=options)
        if self._stream is not self.np_random:
            self._stream = self.np_random
            self._simulation.seed(0, self._stream)
        self._simulation.begin(np.ones(1, np.bool_))
        self._ready = True
        observation = self._simulation.observe().observations[0, 0]
        self._renderer.follow()
        return observation, {}

    def step(self, action: ArrayLike) -> tuple[Singles, float, bool, bool, dict[str, Any]]:
        """Let an hour pass.

        Parameters
        ----------
        action
            Two numbers between -1 and 1: the share of capacity to withhold (below zero: none), and
            the change of the bid. Read as float32.

        Returns
        -------
        observation
            float32 of shape (F,).
        reward
            See `docs/environment.md`.
        terminated
            False.
        truncated
            Whether the last hour has passed.
        info
            `price` in currency/MWh, `dispatch` in MW, `profit` in currency; with `details`,
            `demand` and `shortage` in MW, `bids` in currency/MWh and `offers` in MW, both (N,).

        Raises
        ------
        ValueError
            If the action has a wrong shape, is NaN or out of bounds; no hour passes then.
        gymnasium.error.ResetNeeded
            Before the first `reset`, and at the end of an episode.
        """
        given = numbers("action", action)
        if given.shape != (2,):
            raise ValueError(f"action has shape {given.shape}: it must be (2,)")
        if not self._ready:
            raise ResetNeeded("the episode is over, or none has begun: call reset before step")
        outcome = self._simulation.step(given.reshape(1, 1, 2))
        truncated = bool(self._simulation.ended()[0])
        self._ready = not truncated
        self._renderer.follow()
        info: dict[str, Any] = {
            "price": float(outcome.prices[0]),
            "dispatch": float(outcome.dispatch[0, 0]),
            "profit": float(outcome.profits[0, 0]),
        }
        hour = self._recorder.follow()
        if hour is not None:
            info |= {
                "demand": float(hour.demand[0]),
                "shortage": float(hour.shortage[0]),
                "bids": hour.bids[0],
                "offers": hour.offers[0],
            }
        reward = float(outcome.rewards[0, 0])
        return outcome.observations[0, 0], reward, False, truncated, info

    def render(self) -> Frame | None:
        """Return a picture of the last hour's market, or None where a window shows it."""
        return self._renderer.render()

    def close(self) -> None:
        """Close the window, and write what is left to record."""
        self._renderer.close()
        self._recorder.close()


def _place(row: int, agent: int, part: int) -> str:  # noqa: ARG001  there is one of each
    return f"action[{part}]"


def _on_batches(policies: Any) -> Any:
    """Return policies for one environment as those for a batch of one; else what was given."""
    if isinstance(policies, Mapping):
        return {agent: _on_batch(agent, policy) for agent, policy in policies.items()}
    if isinstance(policies, Sequence) and not isinstance(policies, str | bytes):
        return [_on_batch(agent, policy) for agent, policy in enumerate(policies)]
    return policies


def _on_batch(agent: Any, policy: Any) -> Any:
    return _OnBatch(policy, f"policies[{agent}]") if callable(policy) else policy


class _OnBatch(Asking):
    """A policy for one environment as one for a batch of one."""

    def __init__(self, policy: OnePolicy, name: str = "policy") -> None:
        self._policy, self._name = policy, name

    def __call__(self, observations: Singles) -> NDArray[Any]:
        given = asked(self._name, self._policy, observations[0])
        shape = len(observations[0]), 2
        if given.shape != shape:
            raise ValueError(f"{self._name} returned shape {given.shape}: it must return {shape}")
        return given[np.newaxis]
