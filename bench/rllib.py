"""``python -m bench.rllib SAMPLES``: how fast RLlib learns, as JSON, for ``bench learning``.

RLlib wants another Gymnasium than the suites do, so it has an environment, and this process, of
its own. It needs no more of this project than `easy_marl`.
"""

import json
import sys
from importlib.metadata import version
from time import process_time

import ray
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
from ray.tune import register_env

from easy_marl.envs import BiddingParallelEnv
from easy_marl.learning import PPO

STEPS = 960
"""Of an update, which is slow: 40 episodes."""


def main(count: int) -> None:
    """Have five agents learn, each with a policy of its own and the settings of `train`.

    But for the deviation of exploration: RLlib's is 1 at first, and observations may change it.
    """
    torch.set_num_threads(1)
    same = PPO()
    agents = BiddingParallelEnv("default").possible_agents
    register_env("bidding", lambda _: ParallelPettingZooEnv(BiddingParallelEnv("default")))
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    model = DefaultModelConfig(
        fcnet_hiddens=list(same.hidden), fcnet_activation="tanh", vf_share_layers=False
    )
    algorithm = (
        PPOConfig()
        .environment("bidding", clip_actions=True)
        .env_runners(num_env_runners=0)
        .learners(num_learners=0)
        .multi_agent(policies=set(agents), policy_mapping_fn=lambda agent, *_, **__: agent)
        .rl_module(model_config=model)
        .training(
            train_batch_size_per_learner=STEPS,
            minibatch_size=STEPS // same.minibatches,
            num_epochs=same.epochs,
            lr=same.learning_rate,
            clip_param=same.clip,
            entropy_coeff=same.entropy,
            gamma=0.0,
        )
        .debugging(seed=0)
        .build_algo()
    )
    algorithm.train()  # in the first one things are still being set up
    samples = []
    for _ in range(count):
        started = process_time()
        found = algorithm.train()
        samples.append(process_time() - started)
    steps = int(found["env_runners"]["num_env_steps_sampled"])
    told = {"version": version("ray"), "agents": 5, "steps": steps, "samples": samples}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
