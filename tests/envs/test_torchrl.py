"""TorchRL wraps the environments as it does Gymnasium's own; `tox -e train` runs this."""

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from easy_marl.envs import BiddingEnv, BiddingParallelEnv, BiddingVectorEnv, default

pytest.importorskip("torchrl")

HOURS = 4


def wrapped(mode: AutoresetMode, **options: Any) -> Any:
    from torchrl.envs import GymWrapper

    return GymWrapper(BiddingVectorEnv(3, default(hours=HOURS), autoreset_mode=mode, **options))


@pytest.mark.parametrize("mode", [AutoresetMode.DISABLED, AutoresetMode.SAME_STEP])
def test_rollouts_go_on_over_episodes(mode: AutoresetMode) -> None:
    environment = wrapped(mode)
    environment.set_seed(0)
    rollout = environment.rollout(2 * HOURS, break_when_any_done=False)
    assert tuple(rollout.batch_size) == (3, 2 * HOURS)
    truncated = rollout["next", "truncated"].numpy().reshape(3, 2, HOURS)
    assert truncated.tolist() == [[[False] * (HOURS - 1) + [True]] * 2] * 3
    shares = rollout["observation"][..., 3].numpy().reshape(3, 2, HOURS)
    assert shares.tolist() == [[(np.arange(HOURS) / HOURS).tolist()] * 2] * 3
    last = rollout["next", "observation"][..., 3].numpy().reshape(3, 2, HOURS)[..., -1]
    assert (last == 1.0).all()


def test_single_and_parallel_environments() -> None:
    from torchrl.envs import GymWrapper, PettingZooWrapper, check_env_specs

    check_env_specs(GymWrapper(BiddingEnv()))
    with pytest.warns(UserWarning, match="PettingZoo in TorchRL is tested using version"):
        environment = PettingZooWrapper(BiddingParallelEnv(), return_state=True)
    check_env_specs(environment)


def test_markets_of_all_agents() -> None:
    from torchrl.envs import check_env_specs

    from easy_marl.envs.torchrl import BiddingTorchEnv

    environment = BiddingTorchEnv(3, default(hours=HOURS))
    check_env_specs(environment)
    assert environment.group_map == {"agents": [f"generator_{agent}" for agent in range(5)]}
    markets = BiddingVectorEnv(3, default(hours=HOURS), agents="all")
    environment.set_seed(7)
    rollout = environment.rollout(2 * HOURS, break_when_any_done=False)
    assert tuple(rollout.batch_size) == (3, 2 * HOURS)
    markets.reset(seed=7)
    for episode in range(2):
        seen, _ = markets.reset()  # as `rollout` does, which leaves out the episode of the seed
        for hour in range(HOURS):
            now = rollout[:, episode * HOURS + hour]
            assert now["agents", "observation"].numpy().tobytes() == seen.tobytes()
            seen, rewards, _, over, _ = markets.step(now["agents", "action"].numpy())
            told = now["next", "agents", "reward"].numpy()[..., 0]
            assert told.tobytes() == rewards.astype(np.float32).tobytes()
            assert now["next", "agents", "observation"].numpy().tobytes() == seen.tobytes()
            assert now["next", "truncated"].numpy().ravel().tolist() == over.tolist()


def test_markets_of_all_agents_refuse_what_does_not_fit() -> None:
    from easy_marl.envs.torchrl import BiddingTorchEnv

    with pytest.raises(ValueError, match=r"^parameters is 'x': the presets are"):
        BiddingTorchEnv(2, "x")
    environment = BiddingTorchEnv(2, default(hours=HOURS))
    with pytest.raises(ValueError, match="seed is -1"):
        environment.set_seed(-1)
    now = environment.reset()
    now["agents", "action"] = np.full((2, 5, 2), 2.0, np.float32)
    with pytest.raises(ValueError, match=r"^actions\[0, 0, 0\] is 2.0: actions must be"):
        environment.step(now)
