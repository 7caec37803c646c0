"""Bidding environments as benchmarks: their inputs, and what steps them.

An item is one environment's step: (generators, environments, hour, demand of the episode, action
of the learner). The kernel `step_batch` takes them as they are; a vector environment takes the
actions only, because its hours and demand are its own.

`easy_marl.envs` is imported where it is used: a paired measurement runs this file on revisions
that are older.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.utils.performance import benchmark_vector_step
from gymnasium.vector import SyncVectorEnv, VectorEnv
from numpy.typing import NDArray

from pytest_duel.catalogue.model import Arguments, Call

if TYPE_CHECKING:
    from easy_marl.envs import BiddingVectorEnv
    from easy_marl.market.stepping import Model, State

Item = tuple[int, int, int, NDArray[np.float64], NDArray[np.float32]]

OBSERVATION = "cyclic"
SECONDS = 0.3
"""For one measurement by Gymnasium's own function."""
HOURS = 8784
"""In the real fleet's year."""
CARTPOLE_ACTIONS = 50
"""The batches of actions that are drawn beforehand, as for the others."""


def steps(environments: int, n: int, items: int, seed: int) -> list[Item]:
    """Environments of `n` default generators somewhere in a day, and the learner's actions."""
    from easy_marl.envs import default

    parameters = default(n)
    profile = parameters.profile()
    rng = np.random.default_rng(seed)
    hours = rng.integers(parameters.hours, size=items).tolist()
    demand = profile * rng.normal(1.0, parameters.deviation, (items, len(profile)))
    actions = rng.uniform(-1.0, 1.0, (items, 2)).astype(np.float32)
    rows = zip(hours, demand, actions, strict=True)
    return [(n, environments, *row) for row in rows]


def as_batches(pool: Sequence[Item], batch: int) -> list[Arguments]:
    """Arrange steps as calls of `step_batch`: (model, state, actions)."""
    from easy_marl.envs import default
    from easy_marl.envs.simulation import model_of
    from easy_marl.market.stepping import State

    model = model_of(default(pool[0][0]), OBSERVATION, learner=0)
    calls: list[Arguments] = []
    for start in range(0, len(pool), batch):
        _, _, hours, demand, actions = zip(*pool[start : start + batch], strict=True)
        state = State(np.array(hours), np.stack(demand), np.ones(batch, np.bool_))
        calls.append((model, state, np.stack(actions)[:, np.newaxis]))
    return calls


def as_actions(pool: Sequence[Item], batch: int) -> list[Arguments]:
    """Arrange steps as those of a vector environment: (generators, actions)."""
    actions = np.stack([item[4] for item in pool]).reshape(-1, batch, 2)
    return [(pool[0][0], batch_of) for batch_of in actions]


def as_one(pool: Sequence[Item], _: int) -> list[Arguments]:
    """Arrange steps as one call that takes its own: (generators, environments)."""
    return [pool[0][:2]]


def a_year(n: int, _: int, seed: int) -> list[Arguments]:
    """Return one call: the fleet's actions, constant over the year, (n, 2)."""
    from easy_marl.envs import fleet

    if n != fleet().agents:
        raise ValueError(f"the fleet has {fleet().agents} units, not {n}")
    rng = np.random.default_rng(seed)
    return [(rng.uniform(-1.0, 1.0, (1, n, 2)).astype(np.float32),)]


def stepping(step_batch: Call, threads: int) -> Call:
    """Return the kernel as a function of its inputs alone, which makes room for the outputs."""
    from easy_marl.market.stepping import GOOD, room

    def step(model: "Model", state: "State", actions: NDArray[np.float32]) -> tuple[Any, ...]:
        hours, outcome = state.hours.copy(), room(model, len(state.hours))
        own = state._replace(hours=hours)
        bad = step_batch(model, own, actions, outcome, threads=threads)
        if bad != GOOD:  # then nothing may be written: do it again, to see
            for part in outcome:
                part.fill(0.0)
            step_batch(model, own, actions, outcome, threads=threads)
        return bad, hours, *outcome

    return step


def of_backend(name: str, threads: int) -> dict[str, Call]:
    """Return what one of `easy_marl.market`'s backends does for environments."""
    from easy_marl.envs import BiddingVectorEnv, default, fleet

    def make(generators: int, environments: int) -> "BiddingVectorEnv":
        return BiddingVectorEnv(
            environments,
            default(generators),
            observation=OBSERVATION,
            backend=name,
            threads=threads,
        )

    def year(actions: NDArray[np.float32]) -> NDArray[np.float64]:
        environments = whole_year()
        environments.reset(seed=0)
        rewards = np.zeros(actions.shape[:2])
        for _ in range(HOURS):
            rewards += environments.step(actions)[1]
        return rewards

    @cache
    def whole_year() -> "BiddingVectorEnv":
        # Without copies, of which a user who keeps nothing has no need.
        return BiddingVectorEnv(
            1, fleet(), agents="all", copy=False, backend=name, threads=threads
        )

    return {**of_vector(make), "year": year}


def of_vector(make: Callable[[int, int], VectorEnv[Any, Any, Any]]) -> dict[str, Call]:
    """Return the kernels of a vector environment, given (generators, environments)."""

    @cache
    def made(generators: int, environments: int) -> VectorEnv[Any, Any, Any]:
        environment = make(generators, environments)
        environment.reset(seed=0)
        return environment

    def step(generators: int, actions: NDArray[np.float32]) -> tuple[()]:
        made(generators, len(actions)).step(actions)
        return ()

    def measured(generators: int, environments: int) -> float:
        speed = benchmark_vector_step(make(generators, environments), SECONDS, seed=0)  # type: ignore[arg-type]
        return 1.0 / speed

    return {"vector_step": step, "gymnasium_step": measured}


def sync() -> dict[str, Call]:
    """Return Gymnasium's vector of single environments, one after the other."""
    from easy_marl.envs import BiddingEnv, default

    def make(generators: int, environments: int) -> VectorEnv[Any, Any, Any]:
        parameters = default(generators)
        return SyncVectorEnv([lambda: BiddingEnv(parameters) for _ in range(environments)])

    return of_vector(make)


def cartpole() -> dict[str, Call]:
    """Return Gymnasium's own vectorised environment in NumPy, with actions of its own."""

    class Drawn(gymnasium.vector.VectorWrapper[Any, Any, Any, Any, Any]):
        """Takes actions that were drawn before, whatever it is given."""

        def __init__(self, environments: int) -> None:
            super().__init__(CartPoleVectorEnv(environments))
            self.action_space.seed(0)
            self._actions = [self.action_space.sample() for _ in range(CARTPOLE_ACTIONS)]
            self._turn = 0

        def step(self, actions: Any) -> Any:  # noqa: ARG002
            self._turn = (self._turn + 1) % CARTPOLE_ACTIONS
            return self.env.step(self._actions[self._turn])

    return of_vector(lambda _, environments: Drawn(environments))
