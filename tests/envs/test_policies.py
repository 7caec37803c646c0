"""Policies of single agents, and what is refused as one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from easy_marl.envs import BiddingEnv, BiddingVectorEnv, default, frozen

PARAMETERS = default(agents=3, hours=4)


def dearer(by: float, shapes: list[Any] | None = None) -> Callable[[Any], Any]:
    def policy(observations: Any) -> Any:
        if shapes is not None:
            shapes.append(observations.shape)
        return np.tile([0.0, by], (*observations.shape[:-1], 1))

    return policy


def test_one_policy_for_each_agent_is_one_of_all() -> None:
    shapes: list[Any] = []
    ways: list[dict[str, Any]] = [
        {"policy": lambda seen: np.tile([[0.0, 0.5], [9.0, 9.0], [0.0, 0.0]], (len(seen), 1, 1))},
        {"policies": [dearer(0.5, shapes), dearer(9.0), None]},
        {"policies": {0: dearer(0.5)}},
    ]
    runs = []
    for way in ways:
        environments = BiddingVectorEnv(2, PARAMETERS, learner=1, **way)
        environments.reset(seed=0)
        taken = [environments.step(np.full((2, 2), 0.25)) for _ in range(6)]
        runs.append([step[1].tobytes() + step[4]["price"].tobytes() for step in taken])
    assert runs[0] == runs[1] == runs[2]
    assert set(shapes) == {(2, 3, 8)}


def test_who_has_no_policy_bids_its_cost() -> None:
    rewards = []
    for policies in None, [None] * 3, {}, {1: dearer(9.0)}:
        environment = BiddingEnv(PARAMETERS, learner=1, policies=policies)
        environment.reset(seed=0)
        rewards.append(environment.step([0.0, 0.25])[1])
    assert len(set(rewards)) == 1


def test_the_single_environment_asks_without_a_batch() -> None:
    shapes: list[Any] = []
    environment = BiddingEnv(PARAMETERS, policies={2: dearer(0.5, shapes)})
    environment.reset(seed=0)
    environment.step([0.0, 0.0])
    assert shapes == [(3, 8)]
    environment = BiddingEnv(PARAMETERS, policies=[None, None, lambda seen: np.zeros(3)])
    environment.reset(seed=0)
    message = r"^policies\[2\] returned shape \(3,\): it must return \(3, 2\)$"
    with pytest.raises(ValueError, match=message):
        environment.step([0.0, 0.0])


def test_a_policy_of_several_agents_is_asked_once() -> None:
    shapes: list[Any] = []
    environments = BiddingVectorEnv(2, PARAMETERS, policies=[dearer(0.5, shapes)] * 3)
    environments.reset(seed=0)
    environments.step(np.zeros((2, 2)))
    assert shapes == [(2, 3, 8)]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"policies": len}, TypeError, "policies has type builtin_function_or_method: it must be"),
        ({"policies": "abc"}, TypeError, "policies has type str: it must be"),
        ({"policies": [None]}, ValueError, "policies has 1 entries: it must have 3, one for"),
        ({"policies": {3: len}}, ValueError, "policies has an entry for 3: agents go from 0 to 2"),
        ({"policies": {"0": len}}, ValueError, "policies has an entry for '0': agents go"),
        ({"policies": {2: 5}}, TypeError, "policies[2] has type int: a policy must be callable"),
        ({"policies": {}, "policy": len}, ValueError, "policies was given, and policy too"),
        ({"policies": {}, "agents": "all"}, ValueError, "policies was given where all agents act"),
    ],
)
def test_refusals(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        BiddingVectorEnv(2, PARAMETERS, **options)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (np.zeros((2, 2)), ValueError, r" returned shape \(2, 2\): it must return \(2, 3, 2\)$"),
        (None, TypeError, r"\(observations\) has dtype object: .* must be numbers"),
    ],
)
def test_what_a_policy_must_not_return(
    returned: Any, error: type[Exception], message: str
) -> None:
    environments = BiddingVectorEnv(2, PARAMETERS, policies={1: lambda seen: returned})
    environments.reset(seed=0)
    with pytest.raises(error, match=r"^policies\[1\]" + message):
        environments.step(np.zeros((2, 2)))


def test_a_number_out_of_bounds_names_the_agent() -> None:
    environments = BiddingVectorEnv(2, PARAMETERS, policies={1: dearer(2.0)})
    environments.reset(seed=0)
    said = "returned 2.0 for environment 0, agent 1: actions must be between -1 and 1$"
    with pytest.raises(ValueError, match=rf"^policies\[1\] {said}"):
        environments.step(np.zeros((2, 2)))
    environments = BiddingVectorEnv(2, PARAMETERS, policy=lambda seen: np.full((2, 3, 2), 2.0))
    environments.reset(seed=0)
    with pytest.raises(ValueError, match=f"^policy {said}"):
        environments.step(np.zeros((2, 2)))


def farsighted(seen: Any) -> Any:
    """Need what no observation has."""
    return seen[..., 50]


@pytest.mark.parametrize(
    ("given", "name"),
    [({"policies": {1: farsighted}}, "policies[1]"), ({"policy": farsighted}, "policy")],
)
def test_one_that_needs_what_the_observation_lacks_is_named(given: Any, name: str) -> None:
    markets: Any
    for markets, shape in (
        (BiddingVectorEnv(2, PARAMETERS, **given), "(2, 3, 8)"),
        (BiddingEnv(PARAMETERS, **given), "(3, 8)"),
    ):
        markets.reset(seed=0)
        with pytest.raises(IndexError) as caught:
            markets.step(np.zeros(markets.action_space.shape))
        assert caught.value.__notes__ == [f"{name} was given observations of shape {shape}"]


def test_what_cannot_be_frozen() -> None:
    with pytest.raises(TypeError, match=r"^model has type int: it must be"):
        frozen(3)
