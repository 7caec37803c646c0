"""A bidding vector environment as Stable-Baselines3 wants it: its `VecEnv`, thinly.

Stable-Baselines3 resets in the step that ends an episode, and takes infos as a list of dicts.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from easy_marl.envs import BiddingVectorEnv

Array = NDArray[Any]


class BiddingVecEnv(VecEnv):  # type: ignore[misc]  # has no type here
    """Many environments with one learner each.

    Parameters
    ----------
    environments : BiddingVectorEnv
        With ``agents="learner"`` and ``autoreset_mode=AutoresetMode.SAME_STEP``.
    """

    def __init__(self, environments: BiddingVectorEnv) -> None:
        if environments.metadata["autoreset_mode"] is not AutoresetMode.SAME_STEP:
            raise ValueError("autoreset_mode must be SAME_STEP for Stable-Baselines3")
        if environments.single_action_space.shape != (2,):
            raise ValueError("agents must be 'learner': Stable-Baselines3 trains one agent")
        self.environments = environments
        self._actions: Array = np.zeros(environments.action_space.shape or (), np.float32)
        super().__init__(
            environments.num_envs,
            environments.single_observation_space,
            environments.single_action_space,
        )

    def reset(self) -> Array:
        """Begin an episode in all environments; seeds are those given to `seed`."""
        seeds = None if all(seed is None for seed in self._seeds) else self._seeds
        observations, _ = self.environments.reset(seed=seeds)
        self._reset_seeds()
        return observations

    def step_async(self, actions: Array) -> None:
        """Keep the actions for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Array, Array, Array, list[dict[str, Any]]]:
        """Let an hour pass."""
        observations, rewards, _, over, infos = self.environments.step(self._actions)
        told: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(over).tolist():
            statistics = infos["final_info"]["episode_statistics"]
            told[row] = {
                "terminal_observation": infos["final_obs"][row],
                "TimeLimit.truncated": True,
                "profit": float(statistics["profit"][row]),
                "episode": {
                    "r": float(statistics["return"][row]),
                    "l": int(statistics["length"][row]),
                },
            }
        return observations, rewards.astype(np.float32), over, told

    def close(self) -> None:
        """Close the environments."""
        self.environments.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return an attribute of the vector environment, once for each environment."""
        return [getattr(self.environments, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refuse: environments have no attributes of their own."""
        raise NotImplementedError(f"cannot set {attr_name}: environments share their parameters")

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: Any = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Refuse: environments have no methods of their own."""
        raise NotImplementedError(f"cannot call {method_name} on one environment of a batch")

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:  # noqa: ARG002
        """Return False for each: none is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[Array | None]:
        """Return pictures of the markets."""
        return self.environments.render() or []
