"""RLlib trains all agents, as it is; `tox -e rllib` runs this."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from easy_marl.envs import BiddingEnv, BiddingParallelEnv, default

pytest.importorskip("ray.rllib")

HOURS = 8


@pytest.fixture(scope="module", autouse=True)
def ray() -> Iterator[None]:
    import ray as core

    core.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    yield
    core.shutdown()


def short(config: Any) -> Any:
    """Return a configuration of PPO that takes seconds, not hours."""
    return (
        config.env_runners(num_env_runners=0, num_envs_per_env_runner=1)
        .learners(num_learners=0)
        .training(train_batch_size_per_learner=4 * HOURS, minibatch_size=2 * HOURS, num_epochs=1)
        .debugging(seed=0)
    )


def weights(algorithm: Any, module: str) -> list[np.ndarray]:
    state = algorithm.get_module(module).get_state()
    return [np.array(values) for values in state.values()]


def test_all_agents_learn() -> None:
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
    from ray.tune import register_env

    agents = BiddingParallelEnv(default(hours=HOURS)).possible_agents
    register_env("all", lambda _: ParallelPettingZooEnv(BiddingParallelEnv(default(hours=HOURS))))
    algorithm = short(
        PPOConfig()
        .environment("all", clip_actions=True)
        .multi_agent(policies=set(agents), policy_mapping_fn=lambda agent, *_, **__: agent)
    ).build_algo()
    before = {agent: weights(algorithm, agent) for agent in agents}
    result = algorithm.train()
    assert result["env_runners"]["num_env_steps_sampled"] >= 4 * HOURS
    assert np.isfinite(result["env_runners"]["episode_return_mean"])
    for agent in agents:
        changed = zip(before[agent], weights(algorithm, agent), strict=True)
        assert any((one != other).any() for one, other in changed)
    algorithm.stop()


def test_one_learner() -> None:
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.tune import register_env

    register_env("one", lambda _: BiddingEnv(default(hours=HOURS)))
    algorithm = short(PPOConfig().environment("one", clip_actions=True)).build_algo()
    result = algorithm.train()
    assert np.isfinite(result["env_runners"]["episode_return_mean"])
    algorithm.stop()
