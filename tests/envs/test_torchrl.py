"""TorchRL wraps the environments as it does Gymnasium's own; `tox -e torchrl` runs this."""

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
