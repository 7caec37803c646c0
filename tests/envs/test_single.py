"""The single environment in Gymnasium."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env

from easy_marl.envs import (
    OBSERVATIONS,
    BiddingEnv,
    BiddingParallelEnv,
    BiddingVectorEnv,
    default,
)
from tests.envs.copies import AGAIN

ID = "easy_marl/Bidding-v0"


@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("preset", ["default", "competitive"])
def test_gymnasiums_checker_has_no_complaint(observation: str, preset: str) -> None:
    environment = gymnasium.make(
        ID, parameters=preset, observation=observation, render_mode="rgb_array"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(environment.unwrapped)


def test_gymnasiums_checker_on_the_fleet() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(ID, parameters="ACTIVSg2000").unwrapped, skip_render_check=True)


def test_it_truncates_at_the_horizon_and_then_wants_a_reset() -> None:
    environment = BiddingEnv(default(hours=3))
    for _ in range(2):
        environment.reset(seed=0)
        ends = [environment.step(np.zeros(2, np.float32))[2:4] for _ in range(3)]
        assert ends == [(False, False), (False, False), (False, True)]
        with pytest.raises(ResetNeeded, match="call reset before step"):
            environment.step(np.zeros(2, np.float32))


def test_types() -> None:
    environment = BiddingEnv()
    observation, info = environment.reset(seed=0)
    assert observation.dtype == np.float32
    assert observation.shape == (8,)
    assert info == {}
    observation, reward, terminated, truncated, info = environment.step([0.0, 0.0])
    assert observation in environment.observation_space
    assert type(reward) is float
    assert type(terminated) is type(truncated) is bool
    assert {type(value) for value in info.values()} == {float}


def test_step_before_reset() -> None:
    with pytest.raises(ResetNeeded, match="call reset before step"):
        BiddingEnv().step([0.0, 0.0])


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([0.0, np.nan], r"^action\[1\] is nan: actions must be between -1 and 1$"),
        ([1.5, 0.0], r"^action\[0\] is 1.5: "),
        ([0.0], r"^action has shape \(1,\): it must be \(2,\)$"),
        (0.0, r"^action has shape \(\): it must be \(2,\)$"),
    ],
)
def test_bad_actions(action: Any, message: str) -> None:
    environment = BiddingEnv()
    environment.reset(seed=0)
    with pytest.raises(ValueError, match=message):
        environment.step(action)


def test_a_policy_sees_all_agents() -> None:
    shapes = []

    def policy(observations: Any) -> Any:
        shapes.append(observations.shape)
        return np.ones((5, 2))  # withhold everything

    environment = BiddingEnv(policy=policy)
    environment.reset(seed=0)
    *_, info = environment.step([0.0, 0.0])
    assert shapes == [(5, 8)]
    assert info["dispatch"] == 100.0


def test_a_policy_of_a_wrong_shape() -> None:
    environment = BiddingEnv(policy=lambda seen: np.zeros(3))
    environment.reset(seed=0)
    with pytest.raises(
        ValueError, match=r"^policy returned shape \(3,\): it must return \(5, 2\)$"
    ):
        environment.step([0.0, 0.0])


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, r"^policy\(observations\) has dtype object: policy\(observations\) must be num"),
        ([["a", "b"]] * 5, r"^policy\(observations\) has dtype <U1: "),
        (np.zeros((5, 2), complex), r"^policy\(observations\) has dtype complex128: "),
        ([[0.0], [0.0, 1.0]], r"^policy\(observations\) cannot be read as an array of numbers: "),
    ],
)
def test_a_policy_that_returns_no_numbers(returned: Any, message: str) -> None:
    """It says that the policy is at fault; no hour passes."""
    answers = iter([returned, np.zeros((5, 2))])
    environment, other = BiddingEnv(policy=lambda seen: next(answers)), BiddingEnv()
    for each in environment, other:
        each.reset(seed=0)
    with pytest.raises(TypeError, match=message):
        environment.step([0.0, 0.0])
    assert str(environment.step([0.0, 0.0])) == str(other.step([0.0, 0.0]))


def test_options_are_a_dict() -> None:
    for environment in BiddingEnv(), BiddingParallelEnv():
        environment.reset(options={})
        with pytest.raises(TypeError, match=r"^options has type list: it must be a dict$"):
            environment.reset(options=[1])  # type: ignore[arg-type]


def test_unknown_options_are_refused() -> None:
    BiddingParallelEnv().reset(options={"hour": 3})  # as PettingZoo's checker asks for
    for environment in BiddingEnv(), BiddingVectorEnv():
        known = "the known ones are 'reset_mask'"
        rule = known if isinstance(environment, BiddingVectorEnv) else "none is known"
        with pytest.raises(ValueError, match=f"^options has an entry for 'hour': {rule}$"):
            environment.reset(options={"hour": 3})


@pytest.mark.parametrize("again", AGAIN)
def test_copies_go_on_alike(again: Any) -> None:
    for kind in BiddingEnv, BiddingParallelEnv:
        environment: Any = kind(default(agents=1))
        environment.reset(seed=3)
        other = again(environment)
        action = [0.0, 0.25] if kind is BiddingEnv else {"generator_0": [0.0, 0.25]}
        assert str(environment.step(action)) == str(other.step(action))


@pytest.mark.slow
def test_gymnasium_runs_it_in_processes() -> None:
    environments = gymnasium.vector.AsyncVectorEnv([BiddingEnv, BiddingEnv], context="spawn")
    try:
        seen, _ = environments.reset(seed=4)
        assert seen.tobytes() == BiddingVectorEnv(2).reset(seed=4)[0].tobytes()
    finally:
        environments.close()


@pytest.mark.parametrize("seed", [-1, 0.5, "x"])
def test_bad_seeds(seed: Any) -> None:
    for environment in BiddingEnv(), BiddingParallelEnv():
        with pytest.raises(ValueError, match=f"^seed is {seed!r}: a seed must be an int"):
            environment.reset(seed=seed)


def test_seeds() -> None:
    environment = BiddingEnv()
    first = [environment.reset(seed=seed)[0][0] for seed in (0, 1, 0)]
    assert first[0] == first[2] != first[1]
    assert environment.reset()[0][0] != first[0]
