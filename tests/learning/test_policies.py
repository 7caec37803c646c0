"""Policies that do not fit are refused by name, place and value."""

from typing import Any

import numpy as np
import pytest

from easy_marl.envs import default
from easy_marl.learning import exploitability
from tests.learning.games import Replayed, Wild

PARAMETERS = default(agents=3, hours=4)


def refusal(error: type[Exception], policies: Any) -> str:
    with pytest.raises(error) as caught:
        exploitability(PARAMETERS, policies, episodes=2)
    return str(caught.value)


class Bad:
    """A policy that fails in the third hour."""

    def __init__(self, returned: Any) -> None:
        self._returned, self._asked = returned, 0

    def __call__(self, observations: np.ndarray) -> Any:
        self._asked += 1
        return self._returned if self._asked == 3 else np.zeros((2, 3, 2))


def spoilt(value: float) -> np.ndarray:
    actions = np.zeros((2, 3, 2))
    actions[1, 2, 0] = value
    return actions


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5, -1.001])
def test_what_is_no_action(value: float) -> None:
    said = f"returned {np.float32(value).item()!r} for episode 1, agent 2 in hour 2: actions must"
    assert refusal(ValueError, Bad(spoilt(value))).startswith(f"policies {said}")
    each = [Bad(spoilt(value)) for _ in range(3)]
    assert refusal(ValueError, each).startswith(f"policies[2] {said}")


def test_what_overshoots_by_rounding_is_clipped() -> None:
    found = exploitability(PARAMETERS, Bad(spoilt(1.0000001)), episodes=2)
    assert found.episodes.actions[1, 2, 2, 0] == 1.0


def test_another_shape() -> None:
    said = "returned shape (2, 2) in hour 2: it must return (2, 3, 2)"
    assert refusal(ValueError, Bad(np.zeros((2, 2)))) == f"policies {said}"
    assert refusal(ValueError, [None, Bad(np.zeros((2, 2))), None]) == f"policies[1] {said}"


def test_no_numbers() -> None:
    assert refusal(TypeError, Bad(["left"])).startswith("policies(observations) has dtype <U4")
    assert "masked" in refusal(TypeError, Bad(np.ma.array(np.zeros((2, 3, 2)), mask=True)))


def test_one_that_needs_what_the_observation_lacks() -> None:
    def farsighted(observations: np.ndarray) -> Any:
        return observations[..., 8:10] + observations[..., 20]

    with pytest.raises(IndexError) as caught:
        exploitability(PARAMETERS, [None, farsighted, None], episodes=2, observation="simple")
    assert caught.value.__notes__ == [
        "policies[1] was given observations of shape (2, 3, 4), in hour 0"
    ]


def test_one_that_several_agents_have_is_asked_once_an_hour() -> None:
    rested = exploitability(PARAMETERS, Wild(1), episodes=2)
    replayed, other = Replayed(rested.episodes.actions), Wild(2)
    found = exploitability(PARAMETERS, [replayed, other, replayed], episodes=2)
    done = found.episodes.actions
    assert done[:, :, [0, 2]].tobytes() == rested.episodes.actions[:, :, [0, 2]].tobytes()
    bad = Bad(spoilt(2.0))
    assert refusal(ValueError, [None, bad, bad]).startswith(
        "policies[1] returned 2.0 for episode 1, agent 2 in hour 2: actions must"
    )


def test_what_is_no_policy() -> None:
    assert refusal(TypeError, 5) == (
        "policies has type int: policies must be callable, or one for each agent"
    )
    assert refusal(TypeError, "best").startswith("policies has type str")
    assert refusal(ValueError, [Wild(1)]) == "policies has 1 policies: there are 3 agents"
    assert refusal(TypeError, [None, 5, None]) == (
        "policies[1] has type int: a policy must be callable, or None"
    )
