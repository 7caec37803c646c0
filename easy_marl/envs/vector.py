"""Many environments as one Gymnasium vector environment."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from easy_marl.envs.actions import numbers
from easy_marl.envs.parameters import Floats, Parameters
from easy_marl.envs.policies import Policies, Policy
from easy_marl.envs.recording import Folder, Recorder
from easy_marl.envs.rendering import Frame, Renderer
from easy_marl.envs.simulation import (
    Mask,
    Simulation,
    check_options,
    random_stream,
)
from easy_marl.envs.spaces import action_space, observation_space
from easy_marl.market.arguments import is_int
from easy_marl.market.stepping import Outcome, Singles

Infos = dict[str, Any]
AGENTS = ("learner", "all")


class BiddingVectorEnv(VectorEnv[Singles, ArrayLike, NDArray[Any]]):
    """Electricity markets in which generators bid, many at once; see `docs/environment.md`.

    Parameters
    ----------
    num_envs : int
        How many environments, at least 1.
    parameters : Parameters or str
        Generators, demand and rewards, or the name of a preset.
    agents : {"learner", "all"}
        Who acts. With "learner", actions are (num_envs, 2) and rewards (num_envs,); with "all",
        actions are (num_envs, N, 2), rewards (num_envs, N) and observations (num_envs, N, F).
    learner : int
        Which agent acts, where one does.
    policy : callable, optional
        What the others do: from the observations of all agents, float32 of shape (num_envs, N, F),
        to their actions, (num_envs, N, 2); the learner's are ignored. Without it, they bid their
        cost and withhold nothing.
    policies : sequence or dict, optional
        The same agent by agent: one for each, or some by agent. Of what each gives, only its own
        agent's actions count. Who has none, or None, bids its cost; the learner's is ignored.
        `frozen` makes policies of trained models.
    observation : {"cyclic", "simple", "full"}
        What agents see.
    autoreset_mode : gymnasium.vector.AutoresetMode
        What happens at the end of an episode.
    copy : bool
        Whether a step returns arrays of its own. Without it, the next one overwrites them.
    render_mode : {"rgb_array", "human"}, optional
        How markets are shown: all by `render`, or the first one in a window after every step.
    details : bool
        Whether infos also tell demand, shortage, and the bids and offers of all agents.
    record : str or Path, optional
        A folder to write every hour to, as Parquet files; it must not be there. `close` writes
        what is left.
    backend : {"rust", "numba", "numpy"}, optional
        Who does the work. Trajectories are the same to the last bit.
    threads : int, optional
        The most threads that it may use.

    Raises
    ------
    TypeError, ValueError
        If a parameter does not fit.

    Examples
    --------
    >>> environments = BiddingVectorEnv(3)
    >>> observations, _ = environments.reset(seed=0)
    >>> observations.shape
    (3, 8)
    >>> observations, rewards, _, truncations, infos = environments.step(np.zeros((3, 2)))
    >>> rewards.shape, infos["price"].shape, truncations.tolist()
    ((3,), (3,), [False, False, False])
    """

    def __init__(
        self,
        num_envs: int = 1,
        parameters: Parameters | str = "default",
        *,
        agents: str = "learner",
        learner: int = 0,
        policy: Policy | None = None,
        policies: Policies | None = None,
        observation: str = "cyclic",
        autoreset_mode: AutoresetMode = AutoresetMode.NEXT_STEP,
        copy: bool = True,
        render_mode: str | None = None,
        details: bool = False,
        record: Folder | None = None,
        backend: str | None = None,
        threads: int | None = None,
    ) -> None:
        if not is_int(num_envs) or num_envs < 1:
            raise ValueError(f"num_envs is {num_envs!r}: num_envs must be a positive int")
        if not isinstance(agents, str) or agents not in AGENTS:
            raise ValueError(f"agents is {agents!r}: agents must be 'learner' or 'all'")
        self.num_envs = num_envs = int(num_envs)
        self._one = agents == "learner"
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        """What happens at the end of an episode; also in `metadata`."""
        self._simulation = Simulation(
            parameters,
            num_envs,
            self._place,
            observation=observation,
            learner=learner if self._one else None,
            policy=policy,
            policies=policies,
            backend=backend,
            threads=threads,
            copy=copy,
            remember=render_mode is not None,
            detailed=details or record is not None,
        )
        self._copy = copy
        self.render_mode = render_mode
        self._renderer = Renderer(self._simulation, render_mode)
        self._recorder = Recorder(self._simulation, record, details)
        self.metadata = Renderer.METADATA | {"autoreset_mode": self.autoreset_mode}
        who = () if self._one else (self.parameters.agents,)
        self.single_action_space = action_space(who)
        self.single_observation_space = observation_space(
            self.parameters, self._simulation.features, who
        )
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self._shape = num_envs, *who, 2
        self._ready = False
        self._everyone = np.ones(num_envs, np.bool_)
        self._ended = np.zeros(num_envs, np.bool_)
        self._idle: Mask | None = None
        """Environments that the next step does not step, because it began their episodes."""
        self._left = 0
        """Hours until some environment is at its end; 0 where one is."""
        self._returns, self._profits = np.zeros((2, num_envs, *who))

    @property
    def parameters(self) -> Parameters:
        """Generators, demand and rewards."""
        return self._simulation.parameters

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Singles, Infos]:
        """Begin an episode in all environments, or in some.

        Parameters
        ----------
        seed
            Environment i gets `seed` + i, or `seed[i]`. Without it, random streams go on.
        options
            `{"reset_mask": mask}`, bool of shape (num_envs,): begin only in these environments.

        Returns
        -------
        observations
            Of all environments.
        infos
            Empty.
        """
        rows = self._rows(options)
        self._seed(seed, rows)
        self._begin(rows)
        self._ready, self._idle = True, None
        observations = self._observations(self._simulation.observe())
        self._renderer.follow()
        return observations, {}

    def step(
        self, actions: ArrayLike
    ) -> tuple[Singles, Floats, NDArray[np.bool_], NDArray[np.bool_], Infos]:
        """Let an hour pass.

        Parameters
        ----------
        actions
            Between -1 and 1, of shape (num_envs, 2) or (num_envs, N, 2): the share of capacity to
            withhold (below zero: none), and the change of the bid. Read as float32.

        Returns
        -------
        observations
            float32 of shape (num_envs, F) or (num_envs, N, F).
        rewards
            float64 of shape (num_envs,) or (num_envs, N).
        terminations
            False.
        truncations
            bool of shape (num_envs,): whether the last hour has passed.
        infos
            `price` in currency/MWh, (num_envs,); `dispatch` in MW and `profit` in currency, shaped
            as the rewards; with `details`, `demand` and `shortage` in MW, (num_envs,), `bids` in
            currency/MWh and `offers` in MW, (num_envs, N); at the end of an episode,
            `episode_statistics`: its `return`, `profit` and `length`. `_name` tells which
            environments `name` is of.

        Raises
        ------
        ValueError
            If actions have a wrong shape, are NaN or out of bounds; no hour passes then.
        gymnasium.error.ResetNeeded
            Before the first `reset`, and at an episode's end where autoreset is disabled.
        """
        given = self._checked(actions)
        if self._left == 0:
            self._idle = self._ended
            self._begin(self._ended)
        active = self._everyone.copy() if self._idle is None else ~self._idle
        outcome = self._simulation.step(given, active)
        self._renderer.follow()
        observations, rewards = self._observations(outcome), self._of_agents(outcome.rewards)
        profits = self._of_agents(outcome.profits)
        self._returns += rewards
        self._profits += profits
        infos = {
            "price": outcome.prices,
            "_price": active,
            "dispatch": self._of_agents(outcome.dispatch),
            "_dispatch": active.copy(),
            "profit": profits,
            "_profit": active.copy(),
        }
        hour = self._recorder.follow()
        if hour is not None:
            of_all = {"demand": hour.demand, "shortage": hour.shortage}
            infos |= _infos(hour.active, **of_all, bids=hour.bids, offers=hour.offers)
        self._left = self._left - 1 if self._idle is None else self._hours_left()
        self._idle = None
        truncations = np.zeros(self.num_envs, np.bool_)
        if self._left == 0:
            truncations = self._simulation.ended()
            self._ended = truncations.copy()
            infos |= self._statistics()
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                observations, infos = self._begin_at_once(observations, infos)
        return observations, rewards, np.zeros(self.num_envs, np.bool_), truncations, infos

    def render(self) -> tuple[Frame, ...] | None:
        """Return pictures of the last hour's markets, or None where a window shows one."""
        return self._renderer.render_all()

    def close_extras(self, **kwargs: Any) -> None:  # noqa: ARG002  as in the base class
        """Close the window, and write what is left to record."""
        self._renderer.close()
        self._recorder.close()

    def _place(self, row: int, agent: int, part: int) -> str:
        return f"actions[{row}, {part}]" if self._one else f"actions[{row}, {agent}, {part}]"

    def _rows(self, options: dict[str, Any] | None) -> Mask:
        """Return the environments to reset."""
        check_options(options, ("reset_mask",))
        rows = (options or {}).get("reset_mask")
        if rows is None:
            return np.ones(self.num_envs, np.bool_)
        if not isinstance(rows, np.ndarray) or rows.dtype != np.bool_:
            raise TypeError("options['reset_mask'] must be a NumPy array of bool")
        if isinstance(rows, np.ma.MaskedArray):
            raise TypeError("options['reset_mask'] is a masked array: it must not be masked")
        if rows.shape != (self.num_envs,):
            raise ValueError(
                f"options['reset_mask'] has shape {rows.shape}: it must be ({self.num_envs},)"
            )
        if not self._ready and not rows.all():
            raise ResetNeeded("options['reset_mask'] leaves out environments that never began")
        return rows

    def _seed(self, seed: Any, rows: Mask) -> None:
        if seed is None:
            return
        chosen = np.flatnonzero(rows).tolist()
        if _holds_many(seed):
            if len(seed) != self.num_envs:
                raise ValueError(f"seed has {len(seed)} numbers: it must have {self.num_envs}")
            given = {row: seed[row] for row in chosen if seed[row] is not None}
            streams = {row: random_stream(one, f"seed[{row}]") for row, one in given.items()}
        else:
            random_stream(seed)  # refuses what is none
            super().reset(seed=int(seed))
            streams = {row: random_stream(int(seed) + row) for row in chosen}
        for row, stream in streams.items():
            self._simulation.seed(row, stream)

    def _checked(self, actions: ArrayLike) -> Singles:
        """Return the actions as the kernel takes them."""
        given = numbers("actions", actions)
        if given.shape != self._shape:
            raise ValueError(f"actions has shape {given.shape}: it must be {self._shape}")
        if not self._ready:
            raise ResetNeeded("step was called before reset")
        if self._left == 0 and self.autoreset_mode is AutoresetMode.DISABLED:
            first = int(self._ended.argmax())
            raise ResetNeeded(f"environment {first} is at the end of its episode: reset it")
        if not self._copy and given.base is not None and self._simulation.writes_to(given):
            given = given.copy()
        return given[:, np.newaxis] if self._one else given

    def _of_agents(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values (B, M) as the caller gets them: without M where one agent acts."""
        return values.reshape(self.num_envs) if self._one else values

    def _observations(self, outcome: Outcome) -> Singles:
        seen = outcome.observations
        return seen.reshape(self.num_envs, -1) if self._one else seen

    def _begin(self, rows: Mask) -> None:
        """Begin an episode in some environments."""
        self._simulation.begin(rows)
        self._returns[rows] = self._profits[rows] = 0.0
        self._ended = self._ended & ~rows
        self._left = self._hours_left()

    def _hours_left(self) -> int:
        """Return how many hours there are until the first environment is at its end."""
        return self.parameters.hours - int(self._simulation.state.hours.max())

    def _statistics(self) -> Infos:
        """Tell how the episodes went that are over."""
        totals = {"return": self._returns.copy(), "profit": self._profits.copy()}
        hours = np.full(self.num_envs, self.parameters.hours)
        ended = self._ended
        return _infos(ended, episode_statistics=_infos(ended, **totals, length=hours))

    def _begin_at_once(self, observations: Singles, infos: Infos) -> tuple[Singles, Infos]:
        """Begin the next episodes, and keep what was seen last of those that ended."""
        ended = self._ended
        last = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended).tolist():
            last[row] = observations[row].copy()
        final = {name: ended if name.startswith("_") else what for name, what in infos.items()}
        going_on = {
            name: ~ended if name.startswith("_") else what
            for name, what in infos.items()
            if not name.endswith("episode_statistics")
        }
        self._begin(ended)
        return (
            self._observations(self._simulation.observe()),
            going_on | _infos(ended, final_obs=last, final_info=final),
        )


def _holds_many(seed: object) -> bool:
    """Return whether there is a seed for each environment, or else one for all."""
    if isinstance(seed, np.ndarray):
        return seed.ndim > 0
    return isinstance(seed, Sequence) and not isinstance(seed, str | bytes)


def _infos(of: Mask, **values: Any) -> Infos:
    """Return values, and beside each which environments it is of."""
    infos: Infos = {}
    for name, value in values.items():
        infos[name], infos[f"_{name}"] = value, of.copy()
    return infos
