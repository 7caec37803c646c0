"""Environments in which every generator acts, for TorchRL: its `EnvBase`, thinly.

Agents are a group, as BenchMARL and TorchRL's own wrappers have them: what is theirs stands under
`"agents"`, with an axis of agents behind that of environments.
"""

from typing import Any

import torch
from gymnasium.vector import AutoresetMode
from tensordict import TensorDict, TensorDictBase
from torchrl.data import Bounded, Categorical, Composite, Unbounded
from torchrl.envs import EnvBase

from easy_marl.envs.parameters import Parameters
from easy_marl.envs.simulation import random_stream
from easy_marl.envs.vector import BiddingVectorEnv

GROUP = "agents"


class BiddingTorchEnv(EnvBase):  # type: ignore[misc]  # where it is not installed it has no types
    """Electricity markets in which all N generators bid, B at once; see `docs/environment.md`.

    Entries are `("agents", "observation")` of shape (B, N, F), `("agents", "action")` (B, N, 2),
    `("agents", "reward")` (B, N, 1), and `done`, `terminated` and `truncated` (B, 1). Numbers are
    float32.

    Parameters
    ----------
    num_envs : int
        How many environments: B.
    parameters : Parameters or str
        Generators, demand and rewards, or the name of a preset.
    observation : {"cyclic", "simple", "full"}
        What agents see.
    backend : {"rust", "numba", "numpy"}, optional
        Who does the work. Trajectories are the same to the last bit.
    threads : int, optional
        The most threads that it may use.

    Raises
    ------
    TypeError, ValueError
        If an argument does not fit.

    Examples
    --------
    >>> environment = BiddingTorchEnv(3)
    >>> environment.rollout(24)["next", "agents", "reward"].shape
    torch.Size([3, 24, 5, 1])
    """

    def __init__(
        self,
        num_envs: int = 1,
        parameters: Parameters | str = "default",
        *,
        observation: str = "cyclic",
        backend: str | None = None,
        threads: int | None = None,
    ) -> None:
        environments = BiddingVectorEnv(
            num_envs,
            parameters,
            agents="all",
            observation=observation,
            autoreset_mode=AutoresetMode.DISABLED,  # TorchRL resets those that are done
            backend=backend,
            threads=threads,
        )
        super().__init__(device="cpu", batch_size=[environments.num_envs])
        self.environments = environments
        """The environments as Gymnasium has them."""
        agents = environments.parameters.agents
        self.group_map = {GROUP: [f"generator_{agent}" for agent in range(agents)]}
        self.observation_spec = self._of_agents("observation", environments.observation_space)
        self.action_spec = self._of_agents("action", environments.action_space)
        self.reward_spec = self._group(agents, "reward", Unbounded((num_envs, agents, 1)))
        over = Categorical(2, (num_envs, 1), dtype=torch.bool)
        self.done_spec = Composite(
            {name: over.clone() for name in ("done", "terminated", "truncated")},
            shape=self.batch_size,
        )

    @property
    def parameters(self) -> Parameters:
        """Generators, demand and rewards."""
        return self.environments.parameters

    def _of_agents(self, name: str, space: Any) -> Composite:
        spec = Bounded(torch.from_numpy(space.low), torch.from_numpy(space.high), space.shape)
        return self._group(space.shape[1], name, spec)

    def _group(self, agents: int, name: str, spec: Any) -> Composite:
        group = Composite({name: spec}, shape=(*self.batch_size, agents))
        return Composite({GROUP: group}, shape=self.batch_size)

    def _reset(self, tensordict: TensorDictBase | None = None, **_: Any) -> TensorDict:
        mask = None if tensordict is None else tensordict.get("_reset", None)
        rows = None if mask is None else {"reset_mask": mask.reshape(-1).numpy()}
        observations, _ = self.environments.reset(options=rows)
        return self._told(observations, over=False)

    def _step(self, tensordict: TensorDictBase) -> TensorDict:
        actions = tensordict[GROUP, "action"].detach().numpy()
        observations, rewards, _, over, _ = self.environments.step(actions)
        told = self._told(observations, torch.from_numpy(over).unsqueeze(-1))
        told[GROUP, "reward"] = torch.from_numpy(rewards).float().unsqueeze(-1)
        return told

    def _told(self, observations: Any, over: torch.Tensor | bool) -> TensorDict:
        no = torch.zeros((*self.batch_size, 1), dtype=torch.bool)
        done = no | over
        told = {"done": done, "truncated": done.clone(), "terminated": no}
        agents = TensorDict(
            {"observation": torch.from_numpy(observations)}, observations.shape[:2]
        )
        return TensorDict({GROUP: agents, **told}, self.batch_size)

    def _set_seed(self, seed: int | None) -> None:
        random_stream(seed)  # refuses what is none
        self.environments.reset(seed=seed)
