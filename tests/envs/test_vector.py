"""The vector environment: spaces, autoreset, statistics, and what it refuses."""

import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from easy_marl.envs import BiddingEnv, BiddingVectorEnv, default
from tests.envs.copies import AGAIN

HOURS = 4
EPS = np.finfo(np.float32).eps
"""From 1 to the next float32."""


def made(num_envs: Any = 3, **options: Any) -> BiddingVectorEnv:
    return BiddingVectorEnv(num_envs, default(hours=HOURS), **options)


def nothing(environments: BiddingVectorEnv) -> Any:
    return np.zeros(environments.action_space.shape, np.float32)


@pytest.mark.parametrize(("agents", "who"), [("learner", ()), ("all", (5,))])
def test_spaces(agents: str, who: tuple[int, ...]) -> None:
    environments = made(agents=agents)
    assert environments.single_action_space.shape == (*who, 2)
    assert environments.action_space.shape == (3, *who, 2)
    assert environments.single_observation_space.shape == (*who, 8)
    environments.action_space.seed(0)
    observations, _ = environments.reset(seed=0)
    for _ in range(2 * HOURS):
        assert observations in environments.observation_space
        actions = environments.action_space.sample()
        observations, rewards, terminations, truncations, _ = environments.step(actions)
        assert rewards.dtype == np.float64
        assert rewards.shape == (3, *who)
        assert terminations.dtype == truncations.dtype == np.bool_
        assert not terminations.any()


def test_registered() -> None:
    environments = gymnasium.make_vec(
        "easy_marl/Bidding-v0", 2, vectorization_mode="vector_entry_point", observation="simple"
    )
    assert environments.reset(seed=0)[0].shape == (2, 4)
    assert isinstance(environments.unwrapped, BiddingVectorEnv)


def test_gymnasium_imports_it_by_the_name_of_its_module() -> None:
    """There are no plugins since Gymnasium 1.0."""
    code = "import gymnasium; print(gymnasium.make('easy_marl.envs:easy_marl/Bidding-v0').spec.id)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
    assert done.stdout == "easy_marl/Bidding-v0\n"


@pytest.mark.parametrize("mode", AutoresetMode)
def test_the_autoreset_mode_is_where_gymnasiums_own_have_it(mode: AutoresetMode) -> None:
    for environments in made(autoreset_mode=mode), made(autoreset_mode=mode.value):
        assert environments.autoreset_mode is environments.metadata["autoreset_mode"] is mode


def test_next_step_resets_in_a_step_of_its_own() -> None:
    environments = made()
    environments.reset(seed=0)
    assert environments.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    for _ in range(2):
        for hour in range(HOURS):
            *_, truncations, infos = environments.step(nothing(environments))
            assert truncations.tolist() == [hour == HOURS - 1] * 3
            assert infos["_price"].all()
        observations, rewards, _, truncations, infos = environments.step(
            np.full((3, 2), np.nan, np.float32)  # not looked at
        )
        assert rewards.tolist() == [0.0] * 3
        assert not truncations.any()
        assert not infos["_price"].any()
        assert observations[:, 3].tolist() == [0.0] * 3


def test_same_step_keeps_what_was_seen_last() -> None:
    environments = made(autoreset_mode=AutoresetMode.SAME_STEP)
    environments.reset(seed=0)
    for hour in range(2 * HOURS):
        observations, _, _, truncations, infos = environments.step(nothing(environments))
        if hour % HOURS < HOURS - 1:
            assert "final_obs" not in infos
            continue
        assert truncations.all()
        assert infos["_final_obs"].all()
        assert [seen[3] for seen in infos["final_obs"]] == [1.0] * 3
        assert observations[:, 3].tolist() == [0.0] * 3
        assert infos["final_info"]["_price"].all()
        assert infos["final_info"]["episode_statistics"]["length"].tolist() == [HOURS] * 3
        assert not infos["_price"].any()


def test_disabled_resets_by_mask_only() -> None:
    environments = made(autoreset_mode=AutoresetMode.DISABLED)
    environments.reset(seed=0)
    for _ in range(2):
        environments.step(nothing(environments))
    before, _ = environments.reset(options={"reset_mask": np.array([False, True, False])})
    assert before[:, 3].tolist() == [0.5, 0.0, 0.5]
    for _ in range(2):
        *_, truncations, _ = environments.step(nothing(environments))
    assert truncations.tolist() == [True, False, True]
    with pytest.raises(ResetNeeded, match="environment 0 is at the end of its episode"):
        environments.step(nothing(environments))
    environments.reset(options={"reset_mask": truncations})
    *_, truncations, _ = environments.step(nothing(environments))
    assert not truncations.any()


def test_environments_out_of_step_end_one_by_one() -> None:
    environments = made()
    environments.reset(seed=0)
    environments.step(nothing(environments))
    environments.reset(options={"reset_mask": np.array([False, True, False])})
    ends, lengths = [], []
    for _ in range(2 * HOURS):
        *_, truncations, infos = environments.step(nothing(environments))
        ends.append(truncations.tolist())
        if truncations.any():
            lengths.append(infos["episode_statistics"]["length"][truncations].tolist())
    assert [sum(row) for row in zip(*ends, strict=True)] == [2, 1, 2]
    assert ends[2] == [True, False, True]
    assert ends[3] == [False, True, False]
    assert all(length == HOURS for row in lengths for length in row)


@pytest.mark.parametrize("agents", ["learner", "all"])
def test_episode_statistics(agents: str) -> None:
    environments = made(agents=agents)
    environments.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(2):
        total: Any = 0.0
        profit: Any = 0.0
        for _ in range(HOURS):
            action = rng.uniform(-1, 1, environments.action_space.shape)
            _, rewards, _, _, infos = environments.step(action)
            total, profit = total + rewards, profit + infos["profit"]
        assert infos["_episode_statistics"].all()
        statistics = infos["episode_statistics"]
        np.testing.assert_array_equal(statistics["return"], total)
        np.testing.assert_array_equal(statistics["profit"], profit)
        environments.step(nothing(environments))  # resets


def test_gymnasiums_own_statistics_can_stand_beside() -> None:
    environments = RecordEpisodeStatistics(made())
    environments.reset(seed=0)
    for _ in range(HOURS):
        *_, infos = environments.step(np.zeros((3, 2), np.float32))
    np.testing.assert_allclose(infos["episode"]["r"], infos["episode_statistics"]["return"])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_envs": 0}, ValueError, "num_envs is 0: num_envs must be a positive int"),
        ({"num_envs": 1.0}, ValueError, "num_envs is 1.0"),
        ({"num_envs": np.timedelta64(2, "s")}, ValueError, "num_envs is np.timedelta64(2,'s')"),
        ({"learner": np.timedelta64(2, "s")}, ValueError, "learner is "),
        ({"parameters": "x"}, ValueError, "parameters is 'x'"),
        ({"parameters": 5}, TypeError, "parameters has type int"),
        ({"agents": "some"}, ValueError, "agents is 'some'"),
        ({"learner": 5}, ValueError, "learner is 5: learner must be an agent from 0 to 4"),
        ({"learner": -1}, ValueError, "learner is -1"),
        ({"policy": 3}, TypeError, "policy has type int: policy must be callable"),
        ({"agents": "all", "policy": len}, ValueError, "policy was given where all agents act"),
        ({"observation": "x"}, ValueError, "observation is 'x'"),
        ({"render_mode": "x"}, ValueError, "render_mode is 'x'"),
        ({"backend": "x"}, ValueError, "backend is 'x'"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"autoreset_mode": "x"}, ValueError, "'x' is not a valid AutoresetMode"),
    ],
)
def test_constructor_refusals(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        BiddingVectorEnv(**options)
    assert message in str(caught.value)


def test_bad_actions_change_nothing(backend: str) -> None:
    for agents, place, where in (
        ("learner", "actions[1, 0]", (1, 0)),
        ("all", "actions[1, 4, 0]", (1, 4, 0)),
    ):
        environments, other = (made(agents=agents, backend=backend) for _ in range(2))
        environments.reset(seed=0)
        other.reset(seed=0)
        for value in np.nan, 1.5, -1.0001, np.inf:
            actions = nothing(environments)
            actions[where] = value
            with pytest.raises(ValueError, match="must be between -1 and 1") as caught:
                environments.step(actions)
            assert str(caught.value).startswith(f"{place} is ")
        one, two = (each.step(nothing(each)) for each in (environments, other))
        assert one[0].tobytes() == two[0].tobytes()
        assert one[1].tobytes() == two[1].tobytes()


@pytest.mark.parametrize("agents", ["learner", "all"])
def test_actions_beyond_a_bound_by_rounding_are_clipped(agents: str, backend: str) -> None:
    """On every backend to the same bits; what was given is not written to."""
    runs = []
    for overshot in False, True:
        environments = made(agents=agents, backend=backend, render_mode="rgb_array")
        environments.reset(seed=0)
        actions = nothing(environments) + 0.25
        actions[1, ..., 0], actions[2, ..., 1] = 1.0, -1.0
        if overshot:
            actions[1, ..., 0] += np.float32(4 * EPS)
            actions[2, ..., 1] -= np.float32(EPS)
        given = actions.copy()
        observations, rewards, *_, infos = environments.step(actions)
        assert actions.tobytes() == given.tobytes()
        bids = environments._simulation.market(2).bids
        runs.append([observations, rewards, infos["price"], infos["dispatch"], bids])
    for one, two in zip(*runs, strict=True):
        assert one.tobytes() == two.tobytes()


def test_actions_beyond_a_bound_by_more_than_rounding_are_refused() -> None:
    environments = made()
    environments.reset(seed=0)
    actions = nothing(environments)
    actions[0, 1], actions[2, 0] = 1.0 + EPS, -1.0 - 5 * EPS
    with pytest.raises(ValueError, match=r"^actions\[2, 0\] is -1\.0000005\d+: actions must be"):
        environments.step(actions)


def test_a_policy_may_overshoot_by_rounding_too() -> None:
    runs = []
    for value in 1.0, 1.0 + EPS:
        environments = made(policy=lambda seen, value=value: np.full((3, 5, 2), value))
        environments.reset(seed=0)
        runs.append(environments.step(nothing(environments))[1].tobytes())
    assert runs[0] == runs[1]


def test_gymnasiums_rescaled_actions_reach_the_bounds() -> None:
    """Scaled back in float32, some bounds end beyond 1."""
    overshot = 0
    bounds = np.random.default_rng(0).uniform([-9.0, 0.1], [-0.1, 9.0], (50, 2))
    for low, high in bounds.astype(np.float32):
        wrapped: Any = gymnasium.wrappers.RescaleAction(BiddingEnv(), low, high)
        wrapped.reset(seed=0)
        for bound in wrapped.action_space.low, wrapped.action_space.high:
            overshot += np.abs(wrapped.action(bound)).max() > 1.0
            wrapped.step(bound)
    assert overshot


def test_a_refused_step_that_would_have_reset_changes_nothing() -> None:
    """Environment 1 is at its end; the action of another one is bad, then mended."""
    one, two = made(), made()
    for environments in one, two:
        environments.reset(seed=0)
        environments.step(nothing(environments))
        environments.reset(options={"reset_mask": np.array([True, False, True])})
        for _ in range(HOURS - 1):
            *_, truncations, _ = environments.step(nothing(environments))
        assert truncations.tolist() == [False, True, False]
    bad = nothing(one)
    bad[2, 1] = np.nan
    for _ in range(2):
        with pytest.raises(ValueError, match=r"actions\[2, 1\] is nan"):
            one.step(bad)
    for _ in range(2 * HOURS):
        results = [environments.step(nothing(environments)) for environments in (one, two)]
        for a, b in zip(*(result[:4] for result in results), strict=True):
            assert a.tobytes() == b.tobytes()


def test_a_masked_reset_mask_is_refused() -> None:
    environments = made()
    environments.reset(seed=0)
    mask = np.ma.array([True, False, True], mask=[True, False, False])
    with pytest.raises(TypeError, match=r"\['reset_mask'\] is a masked array: it must not be"):
        environments.reset(options={"reset_mask": mask})


def test_step_refusals() -> None:
    environments = made()
    with pytest.raises(ResetNeeded, match="step was called before reset"):
        environments.step(nothing(environments))
    environments.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions has shape \(2, 2\): it must be \(3, 2\)"):
        environments.step(np.zeros((2, 2)))


def test_policy_refusals() -> None:
    environments = made(policy=lambda seen: np.zeros(3))
    environments.reset(seed=0)
    with pytest.raises(
        ValueError, match=r"policy returned shape \(3,\): it must return \(3, 5, 2"
    ):
        environments.step(nothing(environments))
    environments = made(policy=lambda seen: np.full((3, 5, 2), "x"))
    environments.reset(seed=0)
    with pytest.raises(TypeError, match=r"^policy\(observations\) has dtype <U1: "):
        environments.step(nothing(environments))
    environments = made(policy=lambda seen: np.full((3, 5, 2), np.nan))
    environments.reset(seed=0)
    with pytest.raises(ValueError, match="policy returned nan for environment 0, agent 1"):
        environments.step(nothing(environments))


@pytest.mark.parametrize(
    ("actions", "error", "message"),
    [
        ([["0.5", "0.1"]] * 3, TypeError, "actions has dtype <U3: actions must be numbers"),
        (np.zeros((3, 2), complex), TypeError, "actions has dtype complex128"),
        ([[0.0], [0.0, 1.0]], TypeError, "actions cannot be read as an array of numbers"),
        ({"a": 1}, TypeError, "actions has dtype object"),
        (np.ma.array(np.zeros((3, 2)), mask=True), TypeError, "actions has masked entries: act"),
        ([[np.ma.masked, 0.0]] * 3, TypeError, "actions has masked entries: actions must not"),
        (np.full((3, 2), 1e300), ValueError, "actions[0, 0] is inf: actions must be between"),
    ],
)
def test_what_is_no_action(actions: Any, error: type[Exception], message: str) -> None:
    environments = made()
    environments.reset(seed=0)
    with pytest.raises(error) as caught:
        environments.step(actions)
    assert str(caught.value).startswith(message)


def test_odd_memory_is_read_as_any_other(backend: str) -> None:
    """Not aligned, read-only, in another order, or where results are written."""
    values = np.random.default_rng(0).uniform(-1, 1, (3, 2)).astype(np.float32)
    raw = np.zeros(values.nbytes + 1, np.uint8)[1:]
    unaligned = raw.view(np.float32).reshape(3, 2)
    unaligned[...] = values
    fixed = values.copy()
    fixed.flags.writeable = False
    expected = None
    for actions in values, unaligned, fixed, np.asfortranarray(values), values.tolist():
        environments = made(backend=backend)
        environments.reset(seed=0)
        rewards = environments.step(actions)[1].tobytes()
        assert rewards == (expected or rewards)
        expected = rewards
    environments = made(backend=backend, copy=False)
    environments.reset(seed=0)
    seen, *_ = environments.step(np.zeros((3, 2)))
    seen[:, :2] = values  # the array that the next step overwrites
    again = made(backend=backend)
    again.reset(seed=0)
    again.step(np.zeros((3, 2)))
    assert environments.step(seen[:, :2])[1].tobytes() == again.step(values)[1].tobytes()


def test_numpy_ints_are_ints() -> None:
    environments = made(np.int64(3), learner=np.int64(2), threads=np.int64(2))
    assert environments.num_envs == 3


def test_seeds_are_refused_before_anything_changes() -> None:
    environments, other = made(), made()
    for each in environments, other:
        each.reset(seed=0)
    for seed, message in (
        ([1, 2, -1], r"seed\[2\] is -1: a seed must be an int, and not negative"),
        ([1, 2, 0.5], r"seed\[2\] is 0.5"),
        (-1, "seed is -1"),
        (1.5, "seed is 1.5"),
        ("abc", "seed is 'abc'"),
        (b"abc", "seed is b'abc'"),
        (np.array(3), r"seed is array\(3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            environments.reset(seed=seed)  # type: ignore[arg-type]
    assert environments.reset()[0].tobytes() == other.reset()[0].tobytes()
    with pytest.raises(TypeError, match="options has type list: it must be a dict"):
        environments.reset(options=[1])  # type: ignore[arg-type]


def test_a_seed_with_a_mask_seeds_those_only() -> None:
    environments, other = made(), made()
    for each in environments, other:
        each.reset(seed=0)
    mask = np.array([False, True, False])
    seen, _ = environments.reset(seed=7, options={"reset_mask": mask})
    again, _ = made().reset(seed=7)
    assert seen[1].tobytes() == again[1].tobytes()
    assert environments.np_random_seed == 7
    for row in 0, 2:
        assert environments.reset()[0][row].tobytes() == other.reset()[0][row].tobytes()


def test_returned_arrays_are_apart() -> None:
    """Whoever changes one of them changes nothing else."""
    environments, other = made(), made()
    for each in environments, other:
        each.reset(seed=0)
    for _ in range(2 * HOURS):
        results: Any = environments.step(nothing(environments))
        arrays: list[Any] = [
            *results[:4],
            *(a for a in results[4].values() if isinstance(a, np.ndarray)),
        ]
        for number, one in enumerate(arrays):
            assert not any(np.shares_memory(one, two) for two in arrays[number + 1 :])
        for one in arrays:
            one.fill(True)
        other.step(nothing(other))
    one, two = (each.step(nothing(each)) for each in (environments, other))
    for a, b in zip(one[:4], two[:4], strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def test_same_step_without_copy() -> None:
    runs = []
    for apart in True, False:
        environments = made(autoreset_mode=AutoresetMode.SAME_STEP, copy=apart)
        environments.reset(seed=0)
        seen = []
        for _ in range(2 * HOURS):
            observations, rewards, _, _, infos = environments.step(nothing(environments) + 0.5)
            seen += [observations.tobytes(), rewards.tobytes()]
            if "final_obs" in infos:
                seen += [last.tobytes() for last in infos["final_obs"]]
        runs.append(seen)
    assert runs[0] == runs[1]


@pytest.mark.parametrize("again", AGAIN)
def test_copies_go_on_alike(again: Any, backend: str) -> None:
    environments = made(backend=backend)
    environments.reset(seed=0)
    environments.step(nothing(environments))
    other = again(environments)
    for _ in range(2 * HOURS):
        one, two = (each.step(nothing(each) + 0.25) for each in (environments, other))
        assert one[0].tobytes() == two[0].tobytes()
        assert one[1].tobytes() == two[1].tobytes()


def test_threads_reach_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    environments = made(threads=2)
    simulation = environments._simulation
    kernel = simulation._step_batch

    def step_batch(*arguments: Any, threads: int | None) -> int:
        asked.append(threads)
        return int(kernel(*arguments, threads=threads))

    monkeypatch.setattr(simulation, "_step_batch", step_batch)
    environments.reset(seed=0)
    assert asked == [2]


def test_gymnasiums_wrappers_fit() -> None:
    environments = gymnasium.wrappers.vector.NormalizeObservation(
        gymnasium.wrappers.vector.ClipAction(made())
    )
    observations, _ = environments.reset(seed=0)
    assert np.isfinite(observations).all()
    observations, *_ = environments.step(np.full((3, 2), 7.0, np.float32))  # clipped
    assert np.isfinite(observations).all()
    environments.close()
    environments.close()


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        ([True, False, True], TypeError, "must be a NumPy array of bool"),
        (np.ones(3), TypeError, "must be a NumPy array of bool"),
        (np.ones(2, np.bool_), ValueError, r"has shape \(2,\): it must be \(3,\)"),
        (np.array([True, False, True]), ResetNeeded, "leaves out environments that never began"),
    ],
)
def test_mask_refusals(mask: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        made().reset(options={"reset_mask": mask})


class Recorded:
    """As a tensor of PyTorch that a gradient is recorded for."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def test_a_tensor_with_a_gradient_is_no_array() -> None:
    environments = made()
    environments.reset(seed=0)
    for actions in Recorded(), [Recorded()] * 3:
        message = "^actions cannot be read as an array of numbers: Can't call numpy"
        with pytest.raises(TypeError, match=message):
            environments.step(actions)


def test_seed_refusals() -> None:
    with pytest.raises(ValueError, match="seed has 2 numbers: it must have 3"):
        made().reset(seed=[1, 2])


def test_one_environment_one_agent_one_hour(backend: str) -> None:
    environments = BiddingVectorEnv(1, default(agents=1, hours=1), backend=backend)
    environments.reset(seed=0)
    _, _, _, truncations, infos = environments.step(np.zeros((1, 2)))
    assert truncations.tolist() == [True]
    assert infos["price"].tolist() == [20.0]
