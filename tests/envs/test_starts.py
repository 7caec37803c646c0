"""Where in the series of demand episodes begin."""

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from easy_marl.envs import (
    OBSERVATIONS,
    BiddingEnv,
    BiddingParallelEnv,
    BiddingVectorEnv,
    Parameters,
    fleet,
)
from tests.envs.copies import AGAIN

HOURS, SERIES = 5, np.linspace(50.0, 90.0, 30)


def parameters(start: int | str, deviation: float = 0.0) -> Parameters:
    return Parameters(
        capacities=[60.0, 40.0], costs=[20.0, 30.0], demand=SERIES, hours=HOURS, start=start,
        deviation=deviation,
    )  # fmt: skip


def episodes(environments: BiddingVectorEnv, count: int) -> Any:
    """Return what is seen in each hour of so many episodes, (rows, episodes, hours, F)."""
    actions = np.zeros((environments.num_envs, 2))
    seen = []
    for episode in range(count):
        first, _ = environments.reset(seed=None if episode else 3)
        later = [environments.step(actions)[0] for _ in range(HOURS)]
        seen.append(np.stack([first, *later], axis=1))
    return np.stack(seen, axis=1)


def made(start: int | str, **options: Any) -> BiddingVectorEnv:
    deviation = options.pop("deviation", 0.0)
    return BiddingVectorEnv(
        8, parameters(start, deviation), autoreset_mode=AutoresetMode.DISABLED, **options
    )


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_each_episode_begins_somewhere(observation: str, backend: str) -> None:
    """Each is, number by number, one that always begins there."""
    found = episodes(made("random", observation=observation, backend=backend), 3)
    fixed = {
        start: episodes(made(start, observation=observation, backend=backend), 1)[0, 0]
        for start in range(len(SERIES))
    }
    starts = set()
    for one in found.reshape(24, HOURS + 1, -1):
        (start,) = [start for start, other in fixed.items() if other.tobytes() == one.tobytes()]
        starts.add(start)
    assert len(starts) > 8


def test_a_start_late_in_the_series_goes_on_with_its_beginning() -> None:
    seen = episodes(made(28, observation="simple"), 1)[0, 0, :, 0]
    expected = SERIES[[28, 29, 0, 1, 2, 3]] * (1.0 / 100.0)
    assert seen.tobytes() == expected.astype(np.float32).tobytes()


def test_the_disturbance_does_not_depend_on_where_episodes_begin() -> None:
    ratios = []
    for start in "random", 7:
        calm = episodes(made(start, observation="simple"), 2)[..., 0]
        ratios.append(episodes(made(start, observation="simple", deviation=0.1), 2)[..., 0] / calm)
    np.testing.assert_allclose(ratios[0], ratios[1], rtol=1e-5)


def test_all_interfaces_begin_alike() -> None:
    many = BiddingVectorEnv(1, parameters("random"), learner=0)
    single, parallel = BiddingEnv(parameters("random")), BiddingParallelEnv(parameters("random"))
    for seed in range(5):
        seen = many.reset(seed=seed)[0][0].tobytes()
        assert single.reset(seed=seed)[0].tobytes() == seen
        assert parallel.reset(seed=seed)[0]["generator_0"].tobytes() == seen
    for _ in range(3):
        seen = many.reset()[0][0].tobytes()
        assert single.reset()[0].tobytes() == seen
        assert parallel.reset()[0]["generator_0"].tobytes() == seen


def test_a_policy_sees_the_hours_of_its_episode() -> None:
    seen: list[Any] = []

    def policy(observations: Any) -> Any:
        seen.append(observations.copy())
        return np.zeros((8, 2, 2))

    environments = made("random", policy=policy)
    observations, _ = environments.reset(seed=0)
    environments.step(np.zeros((8, 2)))
    assert seen[0][:, 0].tobytes() == observations.tobytes()


@pytest.mark.parametrize("again", AGAIN)
def test_copies_go_on_alike(again: Any) -> None:
    environments = made("random")
    environments.reset(seed=0)
    other = again(environments)
    assert environments.reset()[0].tobytes() == other.reset()[0].tobytes()


def test_days_of_the_fleet() -> None:
    days = BiddingVectorEnv(40, fleet(hours=24, start="random"))
    observations, _ = days.reset(seed=0)
    assert len(np.unique(observations[:, 0])) > 30
