"""The environment of all agents in PettingZoo."""

import sys
import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from pettingzoo.test import parallel_api_test, parallel_seed_test
from pettingzoo.test.state_test import state_test
from pettingzoo.utils import parallel_to_aec

from easy_marl import envs
from easy_marl.envs import OBSERVATIONS, BiddingParallelEnv, default


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_pettingzoos_checkers(observation: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parallel_api_test(BiddingParallelEnv(observation=observation))
        parallel_seed_test(lambda: BiddingParallelEnv(observation=observation))


@pytest.mark.parametrize("observation", OBSERVATIONS)
def test_pettingzoos_checker_of_states(observation: str) -> None:
    environment = BiddingParallelEnv(observation=observation)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state_test(parallel_to_aec(BiddingParallelEnv(observation=observation)), environment)


def test_a_state_is_what_all_agents_see_but_once() -> None:
    environment = BiddingParallelEnv(default(agents=3, hours=2), observation="full")
    with pytest.raises(ResetNeeded, match="call reset before state"):
        environment.state()
    observations, _ = environment.reset(seed=0)
    while True:
        state = environment.state()
        assert state in environment.state_space
        rows = np.array(list(observations.values()))
        hour = [rows[0, 0], *rows[0, -5:]]
        assert state.tolist() == [*hour, *rows[:, 1:3].reshape(-1)]
        if not environment.agents:
            break
        state.fill(0.0)  # the caller's
        actions = {agent: [0.0, 0.0] for agent in environment.agents}
        observations, *_ = environment.step(actions)


def test_without_pettingzoo_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    monkeypatch.delitem(sys.modules, "easy_marl.envs.parallel")
    with pytest.raises(ModuleNotFoundError, match="needs pettingzoo: `pip install pettingzoo`"):
        envs.BiddingParallelEnv  # noqa: B018


def test_all_truncate_together_and_then_want_a_reset() -> None:
    environment = BiddingParallelEnv(default(agents=2, hours=2))
    with pytest.raises(ResetNeeded, match="call reset before step"):
        environment.step({})
    environment.reset(seed=0)
    actions = {agent: np.zeros(2, np.float32) for agent in environment.agents}
    assert environment.step(actions)[3] == {"generator_0": False, "generator_1": False}
    assert environment.step(actions)[3] == {"generator_0": True, "generator_1": True}
    assert environment.agents == []
    with pytest.raises(ResetNeeded, match="call reset before step"):
        environment.step(actions)


def test_spaces_are_each_agents_own() -> None:
    environment = BiddingParallelEnv()
    spaces = [environment.action_space(agent) for agent in environment.possible_agents]
    assert len({id(space) for space in spaces}) == 5
    observations, _ = environment.reset(seed=0)
    for agent, observation in observations.items():
        assert observation in environment.observation_space(agent)


def test_actions_of_another_kind() -> None:
    environment = BiddingParallelEnv(default(agents=2))
    environment.reset(seed=0)
    with pytest.raises(TypeError, match="actions has type ndarray: it must map agents to their"):
        environment.step(np.zeros((2, 2)))  # type: ignore[arg-type]
    environment.agents.pop()  # the caller's list, not the environment's
    actions = {agent: [0.0, 0.0] for agent in environment.possible_agents}
    assert set(environment.step(actions)[1]) == set(actions)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"generator_1": [0.0, np.nan]},
            r"^actions\['generator_1'\]\[1\] is nan: actions must be",
        ),
        ({"generator_1": [0.0]}, r"^actions\['generator_1'\] has shape \(1,\): it must be \(2,\)"),
        ({"x": [0.0, 0.0]}, "^actions has an entry for 'x', who is no agent here"),
        ({"generator_1": None}, "^actions has no entry for 'generator_1': every agent must act"),
    ],
)
def test_bad_actions(change: dict[str, Any], message: str) -> None:
    environment = BiddingParallelEnv(default(agents=2))
    environment.reset(seed=0)
    actions = {agent: [0.0, 0.0] for agent in environment.agents} | change
    actions = {agent: action for agent, action in actions.items() if action is not None}
    with pytest.raises(ValueError, match=message):
        environment.step(actions)
