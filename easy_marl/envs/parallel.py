"""One environment in which every generator acts, for PettingZoo."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from numpy.typing import ArrayLike
from pettingzoo import ParallelEnv

from easy_marl.envs.actions import numbers
from easy_marl.envs.observations import features
from easy_marl.envs.parameters import Parameters
from easy_marl.envs.recording import Folder, Recorder
from easy_marl.envs.rendering import Frame, Renderer
from easy_marl.envs.simulation import Simulation, check_options, random_stream
from easy_marl.envs.spaces import action_space, observation_space
from easy_marl.market.stepping import Singles

Infos = dict[str, dict[str, Any]]


class BiddingParallelEnv(ParallelEnv):  # type: ignore[misc]  # PettingZoo has no type hints
    """An electricity market in which all generators bid; see `docs/environment.md`.

    Parameters
    ----------
    parameters : Parameters or str
        Generators, demand and rewards, or the name of a preset.
    observation : {"cyclic", "simple", "full"}
        What an agent sees.
    render_mode : {"rgb_array", "human"}, optional
        How the market is shown: by `render`, or in a window after every step.
    details : bool
        Whether infos also tell demand, shortage, and the agent's bid and offer.
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
    >>> environment = BiddingParallelEnv()
    >>> observations, _ = environment.reset(seed=0)
    >>> actions = {agent: [0.0, 0.1] for agent in environment.agents}
    >>> observations, rewards, *_ = environment.step(actions)
    >>> list(rewards)
    ['generator_0', 'generator_1', 'generator_2', 'generator_3', 'generator_4']
    """

    metadata: ClassVar[dict[str, Any]] = Renderer.METADATA | {"name": "bidding_v0"}

    def __init__(
        self,
        parameters: Parameters | str = "default",
        *,
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
            backend=backend,
            remember=render_mode is not None,
            detailed=details or record is not None,
        )
        self.render_mode = render_mode
        self._renderer = Renderer(self._simulation, render_mode)
        self._recorder = Recorder(self._simulation, record, details)
        self.possible_agents = [_name(agent) for agent in range(self.parameters.agents)]
        self.agents: list[str] = []
        model = self._simulation.model
        self._of_all = features("simple", self.parameters)[0].reshape(-1)
        self._of_hour = 1 + model.agent_features.shape[1]
        """Where what an agent sees of the hour begins."""
        self._last: Singles | None = None
        """What the first agent saw last."""
        self.state_space = observation_space(
            self.parameters, 1 + model.hour_features.shape[1] + len(self._of_all)
        )
        self.action_spaces = {agent: action_space() for agent in self.possible_agents}
        self.observation_spaces = {
            agent: observation_space(self.parameters, self._simulation.features)
            for agent in self.possible_agents
        }

    @property
    def parameters(self) -> Parameters:
        """Generators, demand and rewards."""
        return self._simulation.parameters

    def observation_space(self, agent: str) -> spaces.Space[Singles]:
        """Return what an agent can see."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Singles]:
        """Return what an agent can do."""
        return self.action_spaces[agent]

    def reset(
        self,
        seed: int | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Singles], Infos]:
        """Begin an episode.

        Parameters
        ----------
        seed
            Of the random stream that demand is drawn from; without it, the stream goes on.
        options
            Not looked at: PettingZoo's checker gives some that no environment knows.

        Returns
        -------
        observations
            float32 of shape (F,) for each agent.
        infos
            Empty for each agent.
        """
        check_options(options, known=None)
        if seed is not None:
            self._simulation.seed(0, random_stream(seed))
        self._simulation.begin(np.ones(1, np.bool_))
        self.agents = list(self.possible_agents)
        observations = self._simulation.observe().observations[0]
        self._last = observations[0].copy()
        self._renderer.follow()
        return self._of_agents(observations), {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, ArrayLike]
    ) -> tuple[dict[str, Singles], dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Let an hour pass.

        Parameters
        ----------
        actions
            For each agent two numbers between -1 and 1: the share of capacity to withhold (below
            zero: none), and the change of the bid. Read as float32.

        Returns
        -------
        observations
            float32 of shape (F,) for each agent.
        rewards
            See `docs/environment.md`.
        terminations
            False for each agent.
        truncations
            Whether the last hour has passed, the same for all.
        infos
            `price` in currency/MWh, `dispatch` in MW, `profit` in currency; with `details`,
            `demand` and `shortage` in MW, `bid` in currency/MWh and `offer` in MW.

        Raises
        ------
        ValueError
            If an action is missing, has a wrong shape, is NaN or out of bounds, or is of an agent
            that is not there; no hour passes then.
        gymnasium.error.ResetNeeded
            Before the first `reset`, and at the end of an episode.
        """
        if not self.agents:
            raise ResetNeeded("the episode is over, or none has begun: call reset before step")
        outcome = self._simulation.step(self._checked(actions))
        self._renderer.follow()
        self._last = outcome.observations[0, 0].copy()
        agents, over = self.possible_agents, bool(self._simulation.ended()[0])
        if over:
            self.agents = []
        profits = outcome.profits[0].tolist()
        price = float(outcome.prices[0])
        infos: Infos = {
            agent: {"price": price, "dispatch": amount, "profit": profit}
            for agent, amount, profit in zip(
                agents, outcome.dispatch[0].tolist(), profits, strict=True
            )
        }
        hour = self._recorder.follow()
        if hour is not None:
            of_all = {"demand": float(hour.demand[0]), "shortage": float(hour.shortage[0])}
            bids, offers = hour.bids[0].tolist(), hour.offers[0].tolist()
            for agent, bid, offer in zip(agents, bids, offers, strict=True):
                infos[agent] |= of_all | {"bid": bid, "offer": offer}
        return (
            self._of_agents(outcome.observations[0]),
            dict(zip(agents, outcome.rewards[0].tolist(), strict=True)),
            dict.fromkeys(agents, False),
            dict.fromkeys(agents, over),
            infos,
        )

    def state(self) -> Singles:
        """Return all that matters for what comes, for a critic that sees all agents.

        float32 of shape (1 + H + 2 N,): demand over all capacity and the features of the hour that
        comes next, as agents see them; then each agent's capacity and cost, scaled as its own.

        Raises
        ------
        gymnasium.error.ResetNeeded
            Before the first `reset`.
        """
        if self._last is None:
            raise ResetNeeded("no episode has begun: call reset before state")
        return np.concatenate([self._last[:1], self._last[self._of_hour :], self._of_all])

    def render(self) -> Frame | None:
        """Return a picture of the last hour's market, or None where a window shows it."""
        return self._renderer.render()

    def close(self) -> None:
        """Close the window, and write what is left to record."""
        self._renderer.close()
        self._recorder.close()

    def _of_agents(self, rows: Singles) -> dict[str, Singles]:
        return dict(zip(self.possible_agents, rows, strict=True))

    def _checked(self, actions: Mapping[str, ArrayLike]) -> Singles:
        """Return the actions as the kernel takes them."""
        if not isinstance(actions, Mapping):
            kind = type(actions).__name__
            raise TypeError(f"actions has type {kind}: it must map agents to their actions")
        given = np.empty((1, len(self.possible_agents), 2), np.float32)
        for unknown in actions.keys() - set(self.possible_agents):
            raise ValueError(f"actions has an entry for {unknown!r}, who is no agent here")
        for row, agent in enumerate(self.possible_agents):
            if agent not in actions:
                raise ValueError(f"actions has no entry for {agent!r}: every agent must act")
            action = numbers(f"actions[{agent!r}]", actions[agent])
            if action.shape != (2,):
                raise ValueError(f"actions[{agent!r}] has shape {action.shape}: it must be (2,)")
            given[0, row] = action
        return given


def _name(agent: int) -> str:
    return f"generator_{agent}"


def _place(row: int, agent: int, part: int) -> str:  # noqa: ARG001  there is one
    return f"actions[{_name(agent)!r}][{part}]"
