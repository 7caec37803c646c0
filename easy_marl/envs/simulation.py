"""Many environments at once: their demand, their hours, and the kernel that steps them.

This is what all environments here have in common; it knows neither Gymnasium nor PettingZoo.
Environment i draws its demand from a random stream of its own, so its trajectory depends on
nothing but its seed and its actions: not on how many environments there are, on threads, or on
the backend.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from easy_marl.envs.observations import features
from easy_marl.envs.parameters import Floats, Parameters, preset
from easy_marl.market import clear, errors, get_backend
from easy_marl.market.arguments import as_array, check_threads, is_int
from easy_marl.market.reference_step import offers
from easy_marl.market.stepping import ALL, GOOD, Model, Outcome, Singles, State, room

Mask = NDArray[np.bool_]
Policy = Callable[[Singles], Any]
"""From the observations of all agents (B, N, F) to their actions (B, N, 2)."""

LEAST = 10.0
"""Demand does not fall below what it is undisturbed, divided by this."""

RETURNED = "policy(observations)"
"""What a policy gives, in errors."""

_RULE = "actions must be between -1 and 1"

_ROUNDING = 4 * np.finfo(np.float32).eps
"""So far a bound may be overshot: what is scaled in float32, as by `RescaleAction`, ends there."""

_DRAWN_AHEAD = 512
"""Normal numbers that a stream draws at once: a call for each episode would take longer."""


class Market(NamedTuple):
    """One environment's hour: prices in currency/MWh, amounts in MW."""

    hour: int
    bids: Floats
    quantities: Floats
    dispatch: Floats
    demand: float
    price: float
    learner: int
    """The agent that acts; `ALL` where all do."""


def model_of(parameters: Parameters, observation: str, learner: int) -> Model:
    """Return the constants as the kernel takes them."""
    agent_features, hour_features = features(observation, parameters)
    return Model(
        # Writeable, because numba would compile once more for read-only arrays.
        parameters.capacities.copy(),
        parameters.costs.copy(),
        agent_features,
        hour_features,
        parameters.bid_change,
        parameters.bid_penalty,
        parameters.shortage_penalty,
        parameters.reward_scale,
        1.0 / float(parameters.capacities.sum()),
        learner,
        parameters.ties,
        parameters.scarcity_price,
        parameters.tolerance,
    )


class Simulation:
    """Several environments with the same parameters.

    Parameters
    ----------
    parameters
        Constants, or the name of a preset.
    environments
        How many: B.
    place
        How the caller names an action in an error, given the environment, the agent among those
        that act, and which of its two numbers it is.
    observation
        What agents see; see `easy_marl.envs.observations`.
    learner
        The agent that acts; None: all.
    policy
        What the agents other than the learner do; without it, they bid their cost.
    backend
        Who does the work; see `easy_marl.market.get_backend`.
    threads
        The most threads that it may use.
    copy
        Whether results are arrays of their own; else the next step overwrites them.
    remember
        Whether the last actions are kept for `market`.
    """

    def __init__(
        self,
        parameters: Parameters | str,
        environments: int,
        place: Callable[[int, int, int], str],
        *,
        observation: str,
        learner: int | None = None,
        policy: Policy | None = None,
        backend: str | None = None,
        threads: int | None = None,
        copy: bool = True,
        remember: bool = False,
    ) -> None:
        self.parameters = _parameters(parameters)
        self.learner = _learner(learner, self.parameters.agents)
        _check_policy(policy, self.learner)
        threads = int(threads) if is_int(threads) else threads
        check_threads(threads)
        self.model = model_of(
            self.parameters, observation, self.learner if policy is None else ALL
        )
        hours = self.parameters.hours
        self.state = State(
            np.full(environments, hours, np.int64),
            np.zeros((environments, hours + 1)),
            np.zeros(environments, np.bool_),
        )
        self.begun = False
        """Whether any episode has begun."""
        self._step_batch = get_backend(backend).step_batch
        self._threads, self._place, self._policy, self._copy = threads, place, policy, copy
        self._stepped, self._observed = (room(self.model, environments) for _ in range(2))
        self._seen = self._observed.observations
        self._profile = self.parameters.profile()
        self._least = self._profile / LEAST
        self._acts = np.zeros((*self._stepped.rewards.shape, 2), np.float32) if remember else None
        self._streams: list[np.random.Generator | None] = [None] * environments
        episodes = max(1, _DRAWN_AHEAD // (hours + 1))
        self._drawn = np.empty((environments, episodes, hours + 1))
        self._used = np.full(environments, episodes)

    @property
    def environments(self) -> int:
        """How many environments there are: B."""
        return len(self.state.hours)

    @property
    def features(self) -> int:
        """How many numbers an agent observes: F."""
        return int(self._seen.shape[2])

    def ended(self) -> Mask:
        """Return which environments are at the end of their episode."""
        ended: Mask = self.state.hours == self.parameters.hours
        return ended

    def seed(self, row: int, stream: np.random.Generator) -> None:
        """Give an environment the random stream that its demand is drawn from."""
        self._streams[row] = stream
        self._used[row] = self._drawn.shape[1]

    def begin(self, rows: Mask) -> None:
        """Begin an episode in some environments: draw their demand."""
        chosen = np.flatnonzero(rows)
        for row in chosen[self._used[chosen] == self._drawn.shape[1]].tolist():
            stream = self._streams[row]
            if stream is None:
                stream = self._streams[row] = np.random.default_rng()
            stream.standard_normal(out=self._drawn[row])
            self._used[row] = 0
        demand = self._drawn[chosen, self._used[chosen]]
        self._used[chosen] += 1
        demand *= self.parameters.deviation
        demand += 1.0
        demand *= self._profile
        self.state.demand[chosen] = np.maximum(demand, self._least, out=demand)
        self.state.hours[chosen] = 0
        self.begun = True

    def observe(self) -> Outcome:
        """Observe all environments; no hour passes."""
        outcome = self._room() if self._copy else self._observed
        acting = outcome.rewards.shape
        return self._run(np.zeros((*acting, 2), np.float32), False, outcome)

    def step(self, actions: Singles, active: Mask | bool = True) -> Outcome:
        """Let an hour pass in the active environments, and observe all.

        Parameters
        ----------
        actions
            (B, M, 2) for the M agents that act: all, or the learner. C-contiguous float32.
        active
            (B,), or the same for all.

        Returns
        -------
        Outcome
            For the agents that act.

        Raises
        ------
        ValueError
            If an action of an active environment is NaN or outside [-1, 1] by more than float32
            rounding, which is clipped; no hour passes then.
        """
        return self._run(actions, active, self._room() if self._copy else self._stepped)

    def writes_to(self, actions: Singles) -> bool:
        """Return whether a step may write where these actions are."""
        return any(np.may_share_memory(actions, part) for part in self._stepped)

    def market(self, row: int) -> Market:
        """Return an environment's last hour; at the beginning, the first one if all bid cost."""
        if self._acts is None:
            raise ValueError("actions were not remembered")
        hour = max(0, int(self.state.hours[row]) - 1)
        acting = self._acts[row] if self.state.hours[row] > 0 else np.zeros_like(self._acts[row])
        bids, quantities = offers(self.model, acting)
        demand = float(self.state.demand[row, hour])
        price, dispatch = clear(
            bids,
            quantities,
            demand,
            ties=self.model.ties,
            scarcity_price=self.model.scarcity_price,
            tolerance=self.model.tolerance,
            backend="numpy",
        )
        return Market(
            hour, bids, quantities, np.asarray(dispatch, np.float64), demand, price, self.learner
        )

    def _room(self) -> Outcome:
        rewards, observations, prices, dispatch, profits = map(np.empty_like, self._stepped)
        return Outcome(rewards, observations, prices, dispatch, profits)

    def _run(self, actions: Singles, active: Mask | bool, outcome: Outcome) -> Outcome:
        self.state.active[...] = active
        if self._policy is not None:
            actions = self._with_others(self._policy, actions)
        bad = self._step_batch(self.model, self.state, actions, outcome, threads=self._threads)
        if bad != GOOD:  # and nothing has been written
            actions = _without_rounding(actions)
            bad = self._step_batch(self.model, self.state, actions, outcome, threads=self._threads)
        if bad != GOOD:
            self._refuse(actions, bad)
        if self._acts is not None:
            np.copyto(self._acts, actions, where=self.state.active[:, np.newaxis, np.newaxis])
        if self._policy is None:
            return outcome
        self._seen = outcome.observations
        own = slice(self.learner, self.learner + 1)
        # Copies: what the policy sees is not the caller's to change, nor the other way round.
        return Outcome(
            outcome.rewards[:, own].copy(),
            outcome.observations[:, own].copy(),
            outcome.prices,
            outcome.dispatch[:, own].copy(),
            outcome.profits[:, own].copy(),
        )

    def _with_others(self, policy: Policy, actions: Singles) -> Singles:
        """Return the actions of all agents (B, N, 2), of which the learner's are given."""
        shape = (self.environments, self.parameters.agents, 2)
        everyone = np.zeros(shape, np.float32)
        if self.state.active.any():
            given = numbers(RETURNED, policy(self._seen))
            if given.shape != shape:
                raise ValueError(f"policy returned shape {given.shape}: it must return {shape}")
            everyone[...] = given
        everyone[:, self.learner] = actions[:, 0]
        return everyone

    def _refuse(self, actions: Singles, position: int) -> NoReturn:
        row, agent, part = (int(axis) for axis in np.unravel_index(position, actions.shape))
        value = actions[row, agent, part].item()
        if self._policy is None or agent == self.learner:
            raise ValueError(f"{self._place(row, agent, part)} is {value!r}: {_RULE}")
        raise ValueError(
            f"policy returned {value!r} for environment {row}, agent {agent}: {_RULE}"
        )


def random_stream(seed: Any, name: str = "seed") -> np.random.Generator:
    """Return the random stream of a seed; `name` says where it was given.

    Raises
    ------
    ValueError
        If it is not an int, or negative.
    """
    if not is_int(seed) or seed < 0:
        raise ValueError(f"{name} is {seed!r}: a seed must be an int, and not negative")
    return np.random.default_rng(int(seed))


def numbers(name: str, given: Any) -> Singles:
    """Return actions as float32, aligned and C-contiguous; the same array, if it is that already.

    Raises
    ------
    TypeError
        If they are no numbers, or a tensor that gradients are recorded for.
    """
    if type(given) is np.ndarray and given.dtype == np.float32 and given.flags.carray:
        return given
    try:
        array = as_array(given)
    except (TypeError, ValueError, RuntimeError) as error:  # the last one is PyTorch's
        raise TypeError(f"{name} cannot be read as an array of numbers: {error}") from None
    if array is None:
        raise errors.masked(name)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}: {name} must be numbers")
    with np.errstate(over="ignore"):  # infinity is refused later, by its place
        return np.array(array, np.float32, order="C")


def _without_rounding(actions: Singles) -> Singles:
    """Return actions with those clipped that overshoot a bound by float32 rounding only."""
    rounded = np.abs(actions) <= 1.0 + _ROUNDING
    return np.where(rounded, np.clip(actions, -1.0, 1.0), actions)


def check_options(options: object, *known: str) -> None:
    """Raise unless the options of a reset are None, or a dict of those that are known."""
    if options is None:
        return
    if not isinstance(options, Mapping):
        raise TypeError(f"options has type {type(options).__name__}: it must be a dict")
    for name in options:
        if name not in known:
            rule = (
                f"the known ones are {', '.join(map(repr, known))}" if known else "none is known"
            )
            raise ValueError(f"options has an entry for {name!r}: {rule}")


def _parameters(given: Parameters | str) -> Parameters:
    if isinstance(given, str):
        return preset(given)
    if not isinstance(given, Parameters):
        kind = type(given).__name__
        raise TypeError(f"parameters has type {kind}: parameters must be Parameters or a name")
    return given


def _learner(learner: int | None, agents: int) -> int:
    if learner is None:
        return ALL
    if not is_int(learner) or not 0 <= learner < agents:
        raise ValueError(
            f"learner is {learner!r}: learner must be an agent from 0 to {agents - 1}"
        )
    return int(learner)


def _check_policy(policy: Policy | None, learner: int) -> None:
    if policy is None:
        return
    if not callable(policy):
        raise TypeError(f"policy has type {type(policy).__name__}: policy must be callable")
    if learner == ALL:
        raise ValueError("policy was given where all agents act: nobody is left to follow it")
