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

from easy_marl.envs.actions import without_rounding
from easy_marl.envs.observations import clock, features
from easy_marl.envs.parameters import RANDOM, Floats, Parameters, preset
from easy_marl.envs.policies import OneEach, Policies, Policy, asked, of_agents
from easy_marl.envs.rewards import step_of
from easy_marl.market import clear
from easy_marl.market.arguments import check_threads, is_int
from easy_marl.market.markets import unserved
from easy_marl.market.reference_step import offers
from easy_marl.market.stepping import ALL, GOOD, Model, Outcome, Singles, State, room

Mask = NDArray[np.bool_]

LEAST = 10.0
"""Demand does not fall below what it is undisturbed, divided by this."""

_RULE = "actions must be between -1 and 1"

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


class Hour(NamedTuple):
    """An hour that has passed in B environments of N agents; zero where none has."""

    active: Mask
    """(B,): where an hour has passed."""
    number: NDArray[np.int64]
    """(B,): which hour of the episode it was, from 0 on."""
    demand: Floats
    """(B,), MW."""
    shortage: Floats
    """(B,), MW: demand that all offers together do not reach."""
    bids: Floats
    """(B, N), currency/MWh."""
    offers: Floats
    """(B, N), MW."""
    prices: Floats
    """(B,), currency/MWh."""
    dispatch: Floats
    """(B, N), MW."""
    profits: Floats
    """(B, N), currency, without charges."""
    rewards: Floats
    """(B, N)."""


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
    policies
        The same agent by agent; see `easy_marl.envs.policies`.
    backend
        Who does the work; see `easy_marl.market.get_backend`.
    threads
        The most threads that it may use.
    copy
        Whether results are arrays of their own; else the next step overwrites them.
    remember
        Whether the last actions are kept for `market`.
    detailed
        Whether the last hour of all agents is kept for `hour`.
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
        policies: Policies | None = None,
        backend: str | None = None,
        threads: int | None = None,
        copy: bool = True,
        remember: bool = False,
        detailed: bool = False,
    ) -> None:
        self.parameters = parameters_of(parameters)
        self.learner = _learner(learner, self.parameters.agents)
        policy = _policy(policy, policies, self.learner, self.parameters.agents)
        if detailed and policy is None and self.learner != ALL:
            # The kernel tells of those that act, so that all must: the others bid their cost.
            policy = OneEach({})
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
        self._step_batch = step_of(self.parameters, backend)
        self._threads, self._place, self._policy, self._copy = threads, place, policy, copy
        self._stepped, self._observed = (room(self.model, environments) for _ in range(2))
        self._seen = self._observed.observations
        drawn = self.parameters.start == RANDOM
        self._profile = None if drawn else self.parameters.profile()
        """Undisturbed demand, where it is the same in all episodes."""
        self._clock = clock(observation, self.parameters) if drawn else None
        self.starts = np.zeros(environments, np.int64)
        """The hour of `demand` in which each episode began, where it is drawn."""
        kept = remember or detailed
        self._acts = np.zeros((*self._stepped.rewards.shape, 2), np.float32) if kept else None
        self._whole: Outcome | None = None
        """What the last step gave, of all agents."""
        self._streams: list[np.random.Generator | None] = [None] * environments
        self._start_streams: list[np.random.Generator | None] = [None] * environments
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
        self._streams[row], self._start_streams[row] = stream, None
        self._used[row] = self._drawn.shape[1]

    def begin(self, rows: Mask) -> None:
        """Begin an episode in some environments: draw their demand."""
        chosen = np.flatnonzero(rows)
        for row in chosen[self._used[chosen] == self._drawn.shape[1]].tolist():
            self._stream(row).standard_normal(out=self._drawn[row])
            self._used[row] = 0
        demand = self._drawn[chosen, self._used[chosen]]
        self._used[chosen] += 1
        demand *= self.parameters.deviation
        demand += 1.0
        profile = self._profile
        if profile is None:
            profile = self._profiles(chosen)
        demand *= profile
        self.state.demand[chosen] = np.maximum(demand, profile / LEAST, out=demand)
        self.state.hours[chosen] = 0
        self.begun = True

    def _profiles(self, chosen: NDArray[np.intp]) -> Floats:
        """Draw where episodes begin; return their undisturbed demand, a row for each."""
        hours, length = self.parameters.hours, len(self.parameters.demand)
        for row in chosen.tolist():
            stream = self._start_streams[row]
            if stream is None:
                # A stream of its own, so that demand is disturbed alike wherever episodes begin.
                (stream,) = self._stream(row).spawn(1)
                self._start_streams[row] = stream
            self.starts[row] = stream.integers(length)
        places = self.starts[chosen, np.newaxis] + np.arange(hours + 1)
        profiles: Floats = self.parameters.demand[places % length]
        return profiles

    def _stream(self, row: int) -> np.random.Generator:
        """Return the random stream of an environment; made now, if nobody gave one."""
        stream = self._streams[row]
        if stream is None:
            stream = self._streams[row] = np.random.default_rng()
        return stream

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
        price = self.parameters.payment().bounded(np.array(price)).item()
        return Market(
            hour, bids, quantities, np.asarray(dispatch, np.float64), demand, price, self.learner
        )

    def hour(self) -> Hour:
        """Return the hour that the last step let pass, of all agents in all environments."""
        if self._acts is None or self._whole is None:
            raise ValueError("the last hour was not kept")
        active = self.state.active.copy()
        number = self.state.hours - active
        demand = self.state.demand[np.arange(self.environments), number]
        bids, quantities = offers(self.model, self._acts)
        shortage = unserved(bids, quantities, demand, self.model.tolerance)
        whole = self._whole
        return Hour(
            active,
            number,
            np.where(active, demand, 0.0),
            np.where(active, shortage, 0.0),
            np.where(active[:, np.newaxis], bids, 0.0),
            np.where(active[:, np.newaxis], quantities, 0.0),
            whole.prices.copy(),
            whole.dispatch.copy(),
            whole.profits.copy(),
            whole.rewards.copy(),
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
            actions = without_rounding(actions)
            bad = self._step_batch(self.model, self.state, actions, outcome, threads=self._threads)
        if bad != GOOD:
            self._refuse(actions, bad)
        if self._clock is not None and self._clock.shape[1]:
            now = self._clock[self.starts + self.state.hours]
            outcome.observations[..., -now.shape[1] :] = now[:, np.newaxis]
        if self._acts is not None:
            np.copyto(self._acts, actions, where=self.state.active[:, np.newaxis, np.newaxis])
        self._whole = outcome
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
            given = asked("policy", policy, self._seen)
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
        name = f"policies[{agent}]" if isinstance(self._policy, OneEach) else "policy"
        raise ValueError(
            f"{name} returned {value!r} for environment {row}, agent {agent}: {_RULE}"
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


def parameters_of(given: Parameters | str) -> Parameters:
    """Return parameters, given as such or as the name of a preset.

    Raises
    ------
    TypeError, ValueError
        If they are neither, or there is no such name.
    """
    if isinstance(given, str):
        return preset(given)
    if not isinstance(given, Parameters):
        kind = type(given).__name__
        raise TypeError(f"parameters has type {kind}: parameters must be Parameters or a name")
    return given


def check_options(options: object, known: tuple[str, ...] | None = ()) -> None:
    """Raise unless the options of a reset are None, or a dict of known ones; None knows all."""
    if options is None:
        return
    if not isinstance(options, Mapping):
        raise TypeError(f"options has type {type(options).__name__}: it must be a dict")
    for name in options:
        if known is not None and name not in known:
            rule = (
                f"the known ones are {', '.join(map(repr, known))}" if known else "none is known"
            )
            raise ValueError(f"options has an entry for {name!r}: {rule}")


def _learner(learner: int | None, agents: int) -> int:
    if learner is None:
        return ALL
    if not is_int(learner) or not 0 <= learner < agents:
        raise ValueError(
            f"learner is {learner!r}: learner must be an agent from 0 to {agents - 1}"
        )
    return int(learner)


def _policy(
    policy: Policy | None, policies: Policies | None, learner: int, agents: int
) -> Policy | None:
    """Return what the agents other than the learner do, or None if they bid their cost."""
    if policies is not None and policy is not None:
        raise ValueError("policies was given, and policy too: give one of them")
    for name, given in ("policy", policy), ("policies", policies):
        if given is not None and learner == ALL:
            raise ValueError(f"{name} was given where all agents act: nobody is left to follow it")
    if policies is not None:
        return of_agents(policies, agents, learner)
    if policy is not None and not callable(policy):
        raise TypeError(f"policy has type {type(policy).__name__}: policy must be callable")
    return policy
