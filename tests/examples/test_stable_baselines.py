"""Stable-Baselines3 with the adapter, and its models as opponents; `tox -e train` runs this."""

import math
from functools import partial
from importlib import import_module
from typing import Any

import gymnasium
import numpy as np
import pytest

from easy_marl.envs import BiddingEnv, BiddingVectorEnv, default, frozen

sb3: Any = pytest.importorskip("stable_baselines3")
MONITOR = "stable_baselines3.common.monitor"


def made(**options: Any) -> Any:
    adapter = import_module("easy_marl.examples.bidding.stable_baselines")
    return adapter.BiddingVecEnv(3, default(hours=2), **options)


def test_the_adapter_tells_how_episodes_went() -> None:
    environments = made(render_mode="rgb_array")
    environments.seed(5)
    first = environments.reset()
    environments.seed(5)
    assert environments.reset().tobytes() == first.tobytes()
    assert environments.reset().tobytes() != first.tobytes()
    for _ in range(2):
        _, first, over, infos = environments.step(np.zeros((3, 2), np.float32))
        assert (first.dtype, over.any()) == (np.float32, False)
        assert [{*info} for info in infos] == [{"price", "dispatch", "profit"}] * 3
        earned = [info["profit"] for info in infos]
        seen, second, over, infos = environments.step(np.zeros((3, 2), np.float32))
        assert over.all()
        for row, info in enumerate(infos):
            assert info["TimeLimit.truncated"]
            assert info["episode"]["l"] == 2
            assert info["episode"]["profit"] == earned[row] + info["profit"]
            assert info["episode"]["r"] == pytest.approx(float(first[row] + second[row]))
            assert info["terminal_observation"][3] == 1.0
            assert seen[row, 3] == 0.0
    assert len(environments.get_images()) == 3
    assert environments.get_attr("num_envs") == [3, 3, 3]
    assert environments.env_is_wrapped(object) == [False] * 3
    assert environments.env_is_wrapped(import_module(MONITOR).Monitor) == [True] * 3
    for refused in (
        partial(environments.set_attr, "x", 1),
        partial(environments.env_method, "x"),
    ):
        with pytest.raises(NotImplementedError):
            refused()
    environments.close()


def test_the_adapter_tells_details_where_they_are_wanted() -> None:
    environments = made(details=True)
    environments.reset()
    *_, infos = environments.step(np.zeros((3, 2), np.float32))
    for info in infos:
        assert len(info["bids"]) == len(info["offers"]) == 5
        assert info["demand"] > info["shortage"] == 0.0


def test_the_adapter_refuses_what_stable_baselines_cannot_use() -> None:
    for option in "agents", "autoreset_mode", "copy":
        with pytest.raises(TypeError, match=f"{option} is not for Stable-Baselines3 to choose"):
            made(**{option: None})


def test_rewards_are_told_as_they_are_under_vecnormalize() -> None:
    """`evaluate_policy` used to add up the normalised ones."""
    evaluate = import_module("stable_baselines3.common.evaluation").evaluate_policy
    normalize = import_module("stable_baselines3.common.vec_env").VecNormalize
    environments = made()
    model = sb3.PPO("MlpPolicy", environments, n_steps=4, batch_size=6, seed=0, device="cpu")
    returns = []
    for wrapped in environments, normalize(environments, norm_obs=False):
        environments.seed(5)
        returns.append(evaluate(model, wrapped, 12)[0])
    assert returns[0] == returns[1]


def test_ppo_trains_on_rescaled_actions() -> None:
    """Scaled to [0, 1] and back, actions at a bound end beyond it."""
    environment = gymnasium.wrappers.RescaleAction(
        BiddingEnv(default(hours=4)), np.float32(-0.3), np.float32(0.7)
    )
    model = sb3.PPO(
        "MlpPolicy", environment, n_steps=256, seed=0, device="cpu",
        policy_kwargs={"log_std_init": 2.0},
    )  # fmt: skip
    model.learn(1024)


@pytest.mark.parametrize("normalized", [False, True])
def test_a_frozen_model_acts_as_it_did(normalized: bool) -> None:
    normalize = import_module("stable_baselines3.common.vec_env").VecNormalize
    environments = normalize(made()) if normalized else made()
    model = sb3.PPO("MlpPolicy", environments, n_steps=8, batch_size=6, seed=0, device="cpu")
    model.learn(48)
    opponent = frozen(model)
    seen, _ = BiddingVectorEnv(6, default(hours=2)).reset(seed=1)
    first = np.asarray(opponent(seen))
    given = environments.normalize_obs(seen) if normalized else seen
    assert first.tobytes() == model.predict(given, deterministic=True)[0].tobytes()
    model.learn(480)
    assert np.asarray(opponent(seen)).tobytes() == first.tobytes()
    given = environments.normalize_obs(seen) if normalized else seen
    assert model.predict(given, deterministic=True)[0].tobytes() != first.tobytes()
    markets = BiddingVectorEnv(6, default(hours=2), learner=2, policies={0: opponent, 1: opponent})
    markets.reset(seed=1)
    assert np.isfinite(markets.step(np.zeros((6, 2)))[1]).all()
    single = BiddingEnv(default(hours=2), policies=[opponent] * 5)
    single.reset(seed=1)
    assert math.isfinite(single.step([0.0, 0.0])[1])


def test_a_frozen_module_acts_as_it_did() -> None:
    torch: Any = import_module("torch")
    module = torch.nn.Sequential(torch.nn.Linear(8, 2), torch.nn.Dropout())
    opponent = frozen(module)
    seen, _ = BiddingVectorEnv(6, agents="all").reset(seed=1)
    first = np.asarray(opponent(seen))
    assert first.shape == (6, 5, 2)
    assert first.dtype == np.float32
    with torch.no_grad():
        module[0].weight.fill_(9.0)
    assert np.asarray(opponent(seen)).tobytes() == first.tobytes()
    assert np.abs(np.asarray(frozen(module)(seen))).max() == 1.0  # clipped


def test_a_module_of_another_precision_is_frozen_in_float32() -> None:
    torch: Any = import_module("torch")
    module = torch.nn.Linear(8, 2).double()
    seen, _ = BiddingVectorEnv(6, agents="all").reset(seed=1)
    first = np.asarray(frozen(module)(seen))
    assert first.dtype == np.float32
    with torch.no_grad():
        expected = module(torch.from_numpy(seen).double()).clamp(-1.0, 1.0).numpy()
    assert first == pytest.approx(expected, abs=1e-5)


def test_what_is_no_model_is_refused() -> None:
    torch: Any = import_module("torch")
    model = sb3.PPO("MlpPolicy", made(), n_steps=8, batch_size=6, device="cpu")
    with pytest.raises(
        TypeError, match=r"^model has type ActorCriticPolicy, .* the algorithm itself"
    ):
        frozen(model.policy)
    recurrent = frozen(torch.nn.LSTM(8, 2))
    seen, _ = BiddingVectorEnv(6, agents="all").reset(seed=1)
    with pytest.raises(
        TypeError, match=r"^the module returned a value of type tuple: .*\(30, 2\)"
    ):
        recurrent(seen)


def test_a_tensor_with_a_gradient_is_refused() -> None:
    torch: Any = import_module("torch")
    environments = BiddingVectorEnv(2)
    environments.reset(seed=0)
    with pytest.raises(TypeError, match=r"^actions cannot be read as an array"):
        environments.step(torch.zeros((2, 2), requires_grad=True))
    environments.step(torch.zeros((2, 2)))
