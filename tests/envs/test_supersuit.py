"""SuperSuit turns the environment of all agents into one for Stable-Baselines3."""

import numpy as np
import pytest

from easy_marl.envs import BiddingParallelEnv, default

pytest.importorskip("supersuit")


def test_all_agents_as_a_vector() -> None:
    import supersuit

    environment = supersuit.frame_stack_v1(BiddingParallelEnv(default(hours=4)), 2)
    vector = supersuit.pettingzoo_env_to_vec_env_v1(environment)
    both = supersuit.concat_vec_envs_v1(vector, 2, num_cpus=0, base_class="gymnasium")
    observations, _ = both.reset(seed=0)
    assert observations.shape == (10, 16)
    for hour in range(8):
        observations, rewards, _, truncations, _ = both.step(np.zeros((10, 2), np.float32))
        assert rewards.shape == (10,)
        assert truncations.tolist() == [hour % 4 == 3] * 10
