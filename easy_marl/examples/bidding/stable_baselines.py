"""A bidding vector environment as Stable-Baselines3 wants it: its `VecEnv`, thinly.

Stable-Baselines3 resets in the step that ends an episode, and takes infos as a list of dicts.
Those here hold each hour's price, dispatch and profit, and at the end of an episode what `Monitor`
tells of it: its return is of rewards as they are, also under `VecNormalize`.
"""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from easy_marl.envs import BiddingVectorEnv, Parameters

Array = NDArray[Any]
HOUR = ("price", "dispatch", "profit")
"""What infos hold of each hour."""
DETAILS = ("demand", "shortage", "bids", "offers")
"""What they also hold, with `details`."""


class BiddingVecEnv(VecEnv):  # type: ignore[misc]  # where it is not installed it has no types
    """Many environments with one learner each.

    Parameters
    ----------
    num_envs : int
        How many.
    parameters : Parameters or str
        Generators, demand and rewards, or the name of a preset.
    **options
        Others of `BiddingVectorEnv`: `learner`, `policy`, `policies`, `observation`, `details`,
        `record`, `backend`, `threads`, `render_mode`.
    """

    def __init__(
        self, num_envs: int, parameters: Parameters | str = "default", **options: Any
    ) -> None:
        refused = options.keys() & {"agents", "autoreset_mode", "copy"}
        if refused:
            raise TypeError(f"{min(refused)} is not for Stable-Baselines3 to choose")
        self.environments = BiddingVectorEnv(
            num_envs, parameters, autoreset_mode=AutoresetMode.SAME_STEP, **options
        )
        self._told = HOUR + (DETAILS if options.get("details") else ())
        self._start = perf_counter()
        self._actions: Array = np.zeros((num_envs, 2), np.float32)
        super().__init__(
            num_envs,
            self.environments.single_observation_space,
            self.environments.single_action_space,
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
        hours = (infos[name].tolist() for name in self._told)
        told: list[dict[str, Any]] = [
            dict(zip(self._told, hour, strict=True)) for hour in zip(*hours, strict=True)
        ]
        for row in np.flatnonzero(over).tolist():
            statistics = infos["final_info"]["episode_statistics"]
            told[row] |= {
                "terminal_observation": infos["final_obs"][row],
                "TimeLimit.truncated": True,
                "episode": {
                    "r": float(statistics["return"][row]),
                    "l": int(statistics["length"][row]),
                    "t": perf_counter() - self._start,
                    "profit": float(statistics["profit"][row]),
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

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Return True for `Monitor`, whose work is done here; else False: none is wrapped."""
        return [wrapper_class is Monitor for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[Array | None]:
        """Return pictures of the markets."""
        return self.environments.render() or []
