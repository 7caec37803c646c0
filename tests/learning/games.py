"""Markets and policies that tests play with."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from easy_marl.envs import BiddingVectorEnv, Parameters
from easy_marl.learning import Policies
from easy_marl.market.stepping import Singles

SEED = 5
SCARCE = Parameters(
    capacities=[30.0, 0.0, 50.0], costs=[-5.0, 10.0, 10.0], demand=[60.0, 90.0, 0.0, 40.0, 79.0],
    deviation=0.4, scarcity_price=900.0, ties="pro_rata",
)  # fmt: skip
CYCLING = Parameters(
    capacities=[80.0, 60.0], costs=[0.0, 15.0], demand=[80.0], deviation=0.0, bid_change=20.0,
    bid_penalty=0.1, shortage_penalty=0.0, reward_scale=1.0,
)  # fmt: skip
"""With little choice, the first withholds, the second bids high, the first sells all; again."""


class Wild:
    """A policy whose actions follow from what is seen, in no sensible way."""

    def __init__(self, seed: int) -> None:
        self._weights = np.random.default_rng(seed).normal(0.0, 3.0, (8, 2)).astype(np.float32)

    def __call__(self, observations: Singles) -> Singles:
        # Number by number, because a product of matrices may depend on how many rows there are.
        seen = (observations[..., np.newaxis] * self._weights).sum(axis=-2)
        actions: Singles = np.sin(7.0 * seen).astype(np.float32)
        return actions


class Otherwise:
    """A policy of which one agent does otherwise in one hour."""

    def __init__(self, policy: Wild, agent: int, hour: int, action: Any) -> None:
        self._policy, self._agent, self._hour, self._action = policy, agent, hour, action
        self._asked = 0

    def __call__(self, observations: Singles) -> Singles:
        actions = self._policy(observations)
        if self._asked == self._hour:
            actions[:, self._agent] = self._action
        self._asked += 1
        return actions


class Replayed:
    """A policy that does what was done, hour by hour."""

    def __init__(self, actions: Singles) -> None:
        self._turns = iter(np.moveaxis(actions, 1, 0))

    def __call__(self, observations: Singles) -> Singles:
        return next(self._turns)


def stepped(
    parameters: Parameters, policy: Policies, episodes: int, backend: str | None = None
) -> dict[str, NDArray[Any]]:
    """Return what the environment of all agents gives, its axes as those of `Episodes`."""
    assert callable(policy)
    environments = BiddingVectorEnv(episodes, parameters, agents="all", backend=backend)
    seen, _ = environments.reset(seed=SEED)
    hours = []
    for _ in range(parameters.hours):
        actions = policy(seen)
        observed = seen
        seen, rewards, *_, infos = environments.step(actions)
        hours.append(
            (observed, actions, rewards, infos["price"], infos["dispatch"], infos["profit"])
        )
    names = "observations", "actions", "rewards", "prices", "dispatch", "profits"
    parts = (np.stack(part, axis=1) for part in zip(*hours, strict=True))
    return dict(zip(names, parts, strict=True))
