"""Best responses and exploitability, against whole episodes in the environments."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easy_marl.envs import BiddingVectorEnv, Parameters, default, duopoly
from easy_marl.learning import action_grid, best_response, equilibrium, exploitability
from easy_marl.learning.episodes import Episodes
from tests.learning.games import SCARCE, SEED, Otherwise, Replayed, Wild, stepped

FEW = action_grid(2, 3)
RESULTS = "actions", "rewards", "prices", "dispatch", "profits"
MARKETS = {"default": default(hours=7), "scarce": SCARCE}

share = st.floats(-1.0, 1.0, width=32)


@st.composite
def markets(draw: st.DrawFn) -> Parameters:
    """Draw a market of few round numbers, in which bids tie and demand is not always reached."""
    agents = draw(st.integers(1, 4))
    some = st.sampled_from([0.0, 10.0, 20.0, 50.0])
    return Parameters(
        capacities=[20.0, *draw(st.lists(some, min_size=agents - 1, max_size=agents - 1))],
        costs=draw(st.lists(some, min_size=agents, max_size=agents)),
        demand=draw(st.lists(some, min_size=2, max_size=4)),
        deviation=draw(st.sampled_from([0.0, 0.3])),
        bid_penalty=draw(st.sampled_from([0.0, 0.1])),
        ties=draw(st.sampled_from(["first", "pro_rata"])),
        scarcity_price=draw(st.sampled_from([None, 100.0])),
    )


@settings(max_examples=100)
@given(markets(), st.integers(0, 99), st.data())
def test_an_action_changes_its_hour_and_no_other(
    parameters: Parameters, seed: int, data: st.DataObject
) -> None:
    """What a deviation gains in its hour is what it gains in the whole simulation."""
    agent = data.draw(st.integers(0, parameters.agents - 1))
    hour = data.draw(st.integers(0, parameters.hours - 1))
    action = data.draw(st.tuples(share, share))
    policy = Wild(seed)
    before = stepped(parameters, policy, 2)
    after = stepped(parameters, Otherwise(policy, agent, hour, action), 2)
    found = best_response(parameters, policy, agent, grid=[action], episodes=2, seed=SEED)

    others = np.arange(parameters.hours) != hour
    assert after["observations"].tobytes() == before["observations"].tobytes()
    for name in RESULTS:
        assert after[name][:, others].tobytes() == before[name][:, others].tobytes()
    gained = (after["rewards"] - before["rewards"])[:, :, agent]
    assert found.gains[:, hour].tolist() == np.maximum(gained[:, hour], 0.0).tolist()
    moved = gained[:, hour] > 0.0
    for name in RESULTS:
        there = getattr(found.episodes, name)[moved, hour]
        assert there.tobytes() == after[name][moved, hour].tobytes()


@settings(max_examples=10)
@given(markets(), st.integers(0, 99), st.data())
def test_no_plan_of_a_whole_episode_has_more_reward(
    parameters: Parameters, seed: int, data: st.DataObject
) -> None:
    agent = data.draw(st.integers(0, parameters.agents - 1))
    points = [data.draw(st.tuples(share, share)) for _ in range(2)]
    policy = Wild(seed)
    found = best_response(parameters, policy, agent, grid=points, episodes=1, seed=SEED)
    own = stepped(parameters, policy, 1)["actions"]
    best = -np.inf
    for plan in product([None, *points], repeat=parameters.hours):
        actions = own.copy()
        for hour, action in enumerate(plan):
            if action is not None:
                actions[:, hour, agent] = action
        rewards = stepped(parameters, Replayed(actions), 1)["rewards"]
        best = max(best, float(rewards[0, :, agent].sum()))
    assert found.episodes.rewards[0, :, agent].sum() == best


def assert_alike(found: Episodes, expected: Episodes) -> None:
    for name in "demand", *RESULTS:
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes()


@pytest.mark.parametrize("name", MARKETS)
def test_backends_agree_with_the_environment_to_the_bit(backend: str, name: str) -> None:
    parameters, policy = MARKETS[name], Wild(1)
    found = best_response(
        parameters, policy, 2, grid=FEW, episodes=3, seed=SEED, backend=backend, threads=2
    )
    other = best_response(parameters, policy, 2, grid=FEW, episodes=3, seed=SEED, backend="numpy")
    assert_alike(found.episodes, other.episodes)
    assert found.gains.tobytes() == other.gains.tobytes()

    learner = BiddingVectorEnv(3, parameters, learner=2, policy=policy, backend=backend)
    learner.reset(seed=SEED)
    for hour in range(parameters.hours):
        action = found.episodes.actions[:, hour, 2]
        _, rewards, *_, infos = learner.step(action)
        assert rewards.tobytes() == found.episodes.rewards[:, hour, 2].tobytes()
        assert infos["profit"].tobytes() == found.episodes.profits[:, hour, 2].tobytes()
        assert infos["dispatch"].tobytes() == found.episodes.dispatch[:, hour, 2].tobytes()
        assert infos["price"].tobytes() == found.episodes.prices[:, hour].tobytes()


@pytest.mark.parametrize("name", MARKETS)
def test_where_all_stay_it_is_the_environment(backend: str, name: str) -> None:
    parameters, policy = MARKETS[name], Wild(2)
    found = exploitability(
        parameters, policy, grid=FEW, episodes=3, seed=SEED, backend=backend
    ).episodes
    expected = stepped(parameters, policy, 3, backend)
    for result in RESULTS:
        assert getattr(found, result).tobytes() == expected[result].tobytes()
    seen = found.demand * (1.0 / parameters.capacities.sum())
    assert seen.astype(np.float32).tobytes() == expected["observations"][..., 0, 0].tobytes()


def test_exploitability_adds_up_best_responses() -> None:
    policy = Wild(3)
    found = exploitability("default", policy, grid=FEW, episodes=4, seed=SEED)
    for agent in range(5):
        one = best_response("default", policy, agent, grid=FEW, episodes=4, seed=SEED)
        assert found.gains[:, :, agent].tobytes() == one.gains.tobytes()
        assert found.by_agent[agent] == pytest.approx(one.gain)
        own = found.episodes.rewards[:, :, agent]
        assert one.gains.tolist() == (one.episodes.rewards[:, :, agent] - own).tolist()
    assert found.total == pytest.approx(found.by_agent.sum())
    assert found.total > 0.0
    assert (found.gains >= 0.0).all()


def test_what_the_duopoly_could_gain() -> None:
    """Where both bid cost and both are needed, one that bids 40 sells what is left at 40."""
    found = exploitability("duopoly", None)
    gains = found.gains / found.episodes.parameters.reward_scale
    assert found.episodes.prices.tolist() == [[20.0] * 4]
    assert gains.tolist() == [[[gain, gain] for gain in (0.0, 400.0, 1000.0, 1800.0)]]


def test_one_who_cannot_do_better_stays() -> None:
    found = best_response("default", Wild(4), 0, grid=[[1.0, 1.0]], episodes=3)
    assert (found.gains == 0.0).any()
    own = exploitability("default", Wild(4), grid=FEW, episodes=3).episodes.actions
    stays = found.gains == 0.0
    assert found.episodes.actions[stays, 0].tobytes() == own[stays, 0].tobytes()


def test_of_actions_that_pay_the_same_the_smallest_is_taken() -> None:
    """At 40 a firm sells what is left; withholding some of the rest pays the same."""
    found = best_response("duopoly", None, 0)
    assert found.episodes.actions[0, 1, 0].tolist() == [0.0, 1.0]
    assert found.episodes.actions[0, 0, 0].tolist() == [0.0, 0.0]


def test_each_agent_can_have_a_policy_of_its_own() -> None:
    one, other = Wild(1), Wild(2)
    found = exploitability("default", [one, None, other, one, None], grid=FEW, episodes=3)
    alone = [
        exploitability("default", policy, grid=FEW, episodes=3).episodes.actions
        for policy in (one, other)
    ]
    actions = found.episodes.actions
    assert actions[:, :, [0, 3]].tobytes() == alone[0][:, :, [0, 3]].tobytes()
    assert actions[:, :, 2].tobytes() == alone[1][:, :, 2].tobytes()
    assert not actions[:, :, [1, 4]].any()


def test_it_says_what_it_took() -> None:
    parameters = default(hours=3)
    one = best_response(parameters, None, 0, grid=FEW, episodes=2)
    every = exploitability(parameters, None, grid=FEW, episodes=2)
    played, tried = 2 * 3, 2 * 3 * (len(FEW) + 1)
    assert one.steps == played + tried + played  # and once more where it responds
    assert every.steps == played + 5 * tried
    assert min(one.seconds, every.seconds) > 0.0


def test_threads_may_be_a_number_of_numpy() -> None:
    two: Any = np.int64(2)
    found = exploitability("duopoly", None, threads=two)
    assert found.gains.tobytes() == exploitability("duopoly", None).gains.tobytes()


def test_episodes_of_the_same_demand_are_played_once() -> None:
    anywhere = duopoly(start="random", hours=2)
    assert exploitability(anywhere, None, grid=FEW).episodes.demand.shape == (16, 2)
    assert exploitability("duopoly", None).episodes.demand.shape == (1, 4)
    assert exploitability(default(hours=2), None, grid=FEW).episodes.demand.shape == (16, 2)
    assert exploitability("duopoly", None, episodes=3).gains.shape == (3, 4, 2)


def test_a_seed_gives_the_same_again() -> None:
    runs = [exploitability("default", Wild(1), grid=FEW, episodes=2, seed=s) for s in (7, 7, 8)]
    assert_alike(runs[0].episodes, runs[1].episodes)
    assert runs[0].episodes.demand.tobytes() != runs[2].episodes.demand.tobytes()
    assert runs[0].episodes.demand[1].tobytes() == runs[2].episodes.demand[0].tobytes()


def test_policies_cannot_change_what_others_see() -> None:
    def vandal(observations: np.ndarray) -> np.ndarray:
        observations[...] = np.nan
        return np.zeros((*observations.shape[:2], 2))

    one = exploitability("default", [vandal, *[Wild(1)] * 4], grid=FEW, episodes=2)
    other = exploitability("default", [None, *[Wild(1)] * 4], grid=FEW, episodes=2)
    assert_alike(one.episodes, other.episodes)


def test_an_equilibrium_cannot_be_exploited_on_its_grid() -> None:
    parameters = default(hours=6)
    found = equilibrium(parameters, grid=action_grid(3, 9), episodes=2)
    assert found.settled.all()
    again = exploitability(
        parameters, Replayed(found.episodes.actions), grid=action_grid(3, 9), episodes=2
    )
    assert again.gains.max() <= 1e-9


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"parameters": "x"}, ValueError, "parameters is 'x': the presets are default,"),
        ({"parameters": 5}, TypeError, "parameters has type int: parameters must be Parameters"),
        ({"agent": 5}, ValueError, "agent is 5: agent must be an agent from 0 to 4"),
        ({"agent": -1}, ValueError, "agent is -1: agent must be an agent from 0 to 4"),
        ({"agent": "0"}, ValueError, "agent is '0': agent must be an agent from 0 to 4"),
        ({"episodes": 0}, ValueError, "episodes is 0: episodes must be a positive int"),
        ({"seed": -1}, ValueError, "seed is -1: a seed must be an int, and not negative"),
        ({"observation": "all"}, ValueError, "observation is 'all': observation must be one of"),
        ({"backend": "fortran"}, ValueError, "backend is 'fortran'"),
        ({"threads": 0}, ValueError, "threads is 0"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    given: dict[str, object] = {"parameters": "default", "policies": None, "agent": 0}
    with pytest.raises(error, match="^" + message):
        best_response(**(given | arguments))  # type: ignore[arg-type]
