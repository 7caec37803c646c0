"""The same seed and actions give the same trajectory, in every interface and on every backend."""

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

from easy_marl.envs import BiddingEnv, BiddingParallelEnv, BiddingVectorEnv, Parameters
from easy_marl.envs.parameters import competitive, default

STEPS = 20
SCARCE = Parameters(
    capacities=[30.0, 0.0, 50.0], costs=[-5.0, 10.0, 10.0], demand=[60.0, 90.0, 0.0, 40.0, 79.0],
    deviation=0.4, scarcity_price=900.0, ties="pro_rata",
)  # fmt: skip
PARAMETERS = {
    "default": default(hours=7),
    "competitive": competitive(hours=7, bid_change=0.0),
    "many": default(agents=70, hours=7),
    "scarce": SCARCE,
}


@pytest.fixture(scope="module", params=PARAMETERS)
def parameters(request: pytest.FixtureRequest) -> Parameters:
    return PARAMETERS[request.param]


def acts(parameters: Parameters, environments: int) -> NDArray[np.float32]:
    """Return actions of all agents, (steps, environments, agents, 2), extremes among them."""
    rng = np.random.default_rng(5)
    shape = STEPS, environments, parameters.agents, 2
    actions = rng.uniform(-1.0, 1.0, shape)
    extreme = rng.random(shape) < 0.2
    actions[extreme] = rng.choice([-1.0, -0.0, 0.0, 1.0], extreme.sum())
    return actions.astype(np.float32)


def run(
    environments: BiddingVectorEnv, actions: NDArray[Any], seed: Any = 3
) -> list[NDArray[Any]]:
    """Return observations, rewards, truncations, prices and dispatch, stacked over steps."""
    first, _ = environments.reset(seed=seed)
    steps = []
    for action in actions:
        observations, rewards, _, truncations, infos = environments.step(action)
        steps.append((observations, rewards, truncations, infos["price"], infos["dispatch"]))
    return [first, *(np.stack(part) for part in zip(*steps, strict=True))]


def assert_same(one: list[NDArray[Any]], other: list[NDArray[Any]]) -> None:
    for a, b in zip(one, other, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert a.tobytes() == b.tobytes()


@pytest.mark.parametrize("agents", ["learner", "all"])
def test_backends(backend: str, parameters: Parameters, agents: str) -> None:
    actions = acts(parameters, 9)
    actions = actions if agents == "all" else actions[:, :, 0]
    made = [
        BiddingVectorEnv(9, parameters, agents=agents, learner=1, observation="full", backend=name)
        for name in (backend, "numpy")
    ]
    assert_same(run(made[0], actions), run(made[1], actions))


def test_threads_change_nothing(backend: str) -> None:
    actions = np.random.default_rng(1).uniform(-1, 1, (3, 4000, 5, 2))
    runs = [
        run(BiddingVectorEnv(4000, agents="all", backend=backend, threads=threads), actions)
        for threads in (1, 2)
    ]
    assert_same(*runs)


def test_the_number_of_environments_changes_nothing(backend: str, parameters: Parameters) -> None:
    actions = acts(parameters, 9)[:, :, 0]
    many = run(BiddingVectorEnv(9, parameters, backend=backend), actions)
    for row in 0, 8:
        one = run(BiddingVectorEnv(1, parameters, backend=backend), actions[:, [row]], 3 + row)
        assert one[0].tobytes() == many[0][row].tobytes()
        for a, b in zip(one[1:], many[1:], strict=True):
            assert a.tobytes() == b[:, row].tobytes()


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_single_and_vector(parameters: Parameters, mode: AutoresetMode) -> None:
    """Gymnasium's vector of single environments gives what the vector environment gives."""
    own = BiddingVectorEnv(3, parameters, learner=2, autoreset_mode=mode)
    others = SyncVectorEnv(
        [lambda: BiddingEnv(parameters, learner=2) for _ in range(3)], autoreset_mode=mode
    )
    first, second = own.reset(seed=3)[0], others.reset(seed=3)[0]
    assert first.tobytes() == second.tobytes()
    for action in acts(parameters, 3)[:, :, 0]:
        one, other = own.step(action), others.step(action)
        for a, b in zip(one[:4], other[:4], strict=True):
            assert a.tobytes() == b.tobytes()
        assert_same_infos(one[4], other[4])
        if mode is AutoresetMode.DISABLED and one[3].any():
            mask = one[3].copy()
            again = [each.reset(options={"reset_mask": mask.copy()})[0] for each in (own, others)]
            assert again[0].tobytes() == again[1].tobytes()


def assert_same_infos(own: dict[str, Any], other: dict[str, Any]) -> None:
    """Hold what Gymnasium collects from single environments against ours, which may have more."""
    for name in other:
        if name.startswith("_"):
            assert (own[name] == other[name]).all()
        elif isinstance(other[name], dict):
            assert_same_infos(own[name], other[name])
        else:
            mask = other[f"_{name}"]
            for a, b in zip(own[name][mask], other[name][mask], strict=True):
                assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    for name in own:
        if not name.startswith("_") and name != "episode_statistics":
            assert name in other or not own[f"_{name}"].any()


def test_parallel_and_vector(parameters: Parameters) -> None:
    own = BiddingVectorEnv(1, parameters, agents="all", autoreset_mode=AutoresetMode.SAME_STEP)
    parallel = BiddingParallelEnv(parameters)
    seen, _ = own.reset(seed=3)
    each, _ = parallel.reset(seed=3)
    names = parallel.possible_agents
    for action in acts(parameters, 1):
        assert np.stack([each[name] for name in names]).tobytes() == seen[0].tobytes()
        seen, rewards, _, truncations, infos = own.step(action)
        told = infos["final_info"] if truncations[0] else infos
        each, rewarded, ended, over, info = parallel.step(dict(zip(names, action[0], strict=True)))
        assert [rewarded[name] for name in names] == rewards[0].tolist()
        assert [over[name] for name in names] == [truncations[0]] * len(names)
        assert not any(ended.values())
        for key in "dispatch", "profit":
            assert [info[name][key] for name in names] == told[key][0].tolist()
        assert [info[name]["price"] for name in names] == [told["price"][0]] * len(names)
        if truncations[0]:
            assert np.stack([each[name] for name in names]).tobytes() == (
                infos["final_obs"][0].tobytes()
            )
            each, _ = parallel.reset()


def test_a_policy_for_the_others(backend: str) -> None:
    """A policy's actions are as if all acted, and it sees what they see."""
    parameters = PARAMETERS["default"]
    asked = []

    def policy(observations: Any) -> Any:
        asked.append(observations.copy())
        return np.stack([observations[..., 0] - 0.5, 1.0 - observations[..., 0]], axis=-1)

    one = BiddingVectorEnv(4, parameters, learner=3, policy=policy, backend=backend)
    everyone = BiddingVectorEnv(4, parameters, agents="all", backend=backend)
    seen, _ = everyone.reset(seed=0)
    mine, _ = one.reset(seed=0)
    assert mine.tobytes() == seen[:, 3].tobytes()
    for action in acts(parameters, 4)[:7, :, 0]:
        actions = np.asarray(policy(seen), np.float32)
        actions[:, 3] = action
        seen, rewards, *_ = everyone.step(actions)
        mine, rewarded, *_ = one.step(action)
        assert mine.tobytes() == seen[:, 3].tobytes()
        assert rewarded.tobytes() == rewards[:, 3].tobytes()
    assert all(a.tobytes() == b.tobytes() for a, b in zip(asked[::2], asked[1::2], strict=True))


def test_marginal_cost_is_the_policy_that_does_nothing() -> None:
    parameters = PARAMETERS["default"]
    actions = acts(parameters, 4)[:, :, 0]
    nothing = BiddingVectorEnv(4, parameters, policy=lambda seen: np.zeros((*seen.shape[:2], 2)))
    assert_same(run(BiddingVectorEnv(4, parameters), actions), run(nothing, actions))


def test_results_are_overwritten_only_without_copy() -> None:
    for copy in True, False:
        environments = BiddingVectorEnv(2, copy=copy)
        environments.reset(seed=0)
        results = [environments.step(np.full((2, 2), change)) for change in (0.5, -0.5)]
        assert np.shares_memory(results[0][0], results[1][0]) != copy
        assert np.shares_memory(results[0][1], results[1][1]) != copy


def test_without_a_seed_streams_go_on_and_differ() -> None:
    environments = BiddingVectorEnv(2)
    first, _ = environments.reset()
    second, _ = environments.reset()
    assert len({*first[:, 0], *second[:, 0]}) == 4
    environments.reset(seed=1)
    going_on, _ = environments.reset()
    environments.reset(seed=[1, 2])
    assert environments.reset(seed=[None, None])[0].tobytes() == going_on.tobytes()
