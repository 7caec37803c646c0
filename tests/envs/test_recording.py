"""What is told and written of an hour: demand, shortage, and what all agents bid and offered."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled
from gymnasium.vector import AutoresetMode

from easy_marl.envs import (
    BiddingEnv,
    BiddingParallelEnv,
    BiddingVectorEnv,
    default,
    recording,
)
from easy_marl.market import clear
from tests.envs.copies import AGAIN

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

SCARCE = default(hours=3, demand=np.full(24, 480.0), deviation=0.2)


def table(folder: Path) -> dict[str, np.ndarray]:
    read = parquet.read_table(folder)
    return {name: read[name].to_numpy() for name in read.column_names}


def drawn(shape: tuple[int, ...], seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def test_details_explain_price_dispatch_and_shortage(backend: str) -> None:
    """Whoever clears what the infos name finds what they tell."""
    environments = BiddingVectorEnv(64, SCARCE, agents="all", details=True, backend=backend)
    environments.reset(seed=0)
    short = 0
    for seed in range(3):
        *_, infos = environments.step(drawn((64, 5, 2), seed))
        assert infos["_bids"].all()
        for row in range(64):
            bids, offers, demand = (infos[name][row] for name in ("bids", "offers", "demand"))
            price, dispatch = clear(bids, offers, demand, backend="numpy")
            assert price == infos["price"][row]
            assert dispatch.tolist() == infos["dispatch"][row].tolist()
            missing = infos["shortage"][row]
            assert missing == pytest.approx(demand - dispatch.sum(), abs=1e-9 * demand)
            short += missing > 0
    assert 0 < short < 3 * 64


def test_penalties_follow_from_details() -> None:
    parameters = default(hours=3, demand=np.full(24, 480.0), deviation=0.2, reward_scale=1.0)
    environments = BiddingVectorEnv(64, parameters, agents="all", details=True)
    environments.reset(seed=0)
    _, rewards, _, _, infos = environments.step(drawn((64, 5, 2)))
    markup = infos["bids"] - parameters.costs
    charge = parameters.bid_penalty * (markup * markup)
    penalty = parameters.shortage_penalty * infos["shortage"]
    assert rewards.tolist() == ((infos["profit"] - charge) - penalty[:, np.newaxis]).tolist()


@pytest.mark.parametrize("policy", [None, lambda seen: np.full((*seen.shape[:2], 2), 0.5)])
def test_details_change_nothing_for_one_learner(policy: Any) -> None:
    plain = BiddingVectorEnv(8, learner=2, policy=policy)
    told = BiddingVectorEnv(8, learner=2, policy=policy, details=True)
    assert plain.reset(seed=0)[0].tolist() == told.reset(seed=0)[0].tolist()
    for seed in range(30):
        one, other = plain.step(drawn((8, 2), seed)), told.step(drawn((8, 2), seed))
        for left, right in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(left, right)
        for name in one[4].keys() - {"episode_statistics", "_episode_statistics"}:
            np.testing.assert_array_equal(one[4][name], other[4][name])
        more = {"demand", "shortage", "bids", "offers"}
        assert other[4].keys() - one[4].keys() == more | {f"_{name}" for name in more}


def test_a_single_environment_tells_the_same_as_a_vector() -> None:
    many, one = BiddingVectorEnv(1, details=True), BiddingEnv(details=True)
    many.reset(seed=3)
    one.reset(seed=3)
    *_, infos = many.step(np.array([[0.25, 0.5]], np.float32))
    *_, info = one.step([0.25, 0.5])
    assert info["bids"].tolist() == infos["bids"][0].tolist() == [30.0, 25.0, 30.0, 35.0, 40.0]
    assert info["offers"].tolist() == infos["offers"][0].tolist() == [75.0, 100, 100, 100, 100]
    assert (info["demand"], info["shortage"]) == (infos["demand"][0], infos["shortage"][0])


def test_each_agent_is_told_its_own_bid_and_offer() -> None:
    environment = BiddingParallelEnv(details=True)
    environment.reset(seed=0)
    *_, infos = environment.step({agent: [0.5, 0.25] for agent in environment.agents})
    assert [info["bid"] for info in infos.values()] == [25.0, 30.0, 35.0, 40.0, 45.0]
    assert {info["offer"] for info in infos.values()} == {50.0}
    assert len({(info["demand"], info["shortage"]) for info in infos.values()}) == 1


def test_environments_that_reset_are_told_of_as_zero() -> None:
    environments = BiddingVectorEnv(2, default(hours=2), details=True)
    environments.reset(seed=0)
    for _ in range(2):
        environments.step(np.zeros((2, 2), np.float32))
    *_, infos = environments.step(np.ones((2, 2), np.float32))
    assert not infos["_demand"].any()
    assert not infos["demand"].any()
    assert not infos["bids"].any()


def test_a_step_that_is_refused_is_not_recorded(tmp_path: Path) -> None:
    environment = BiddingEnv(record=tmp_path / "hours")
    environment.reset(seed=0)
    with pytest.raises(ValueError, match=r"action\[0\] is nan"):
        environment.step([np.nan, 0.0])
    environment.step([0.0, 0.0])
    environment.close()
    assert len(table(tmp_path / "hours")["hour"]) == 5


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_each_hour_of_each_episode_is_recorded_once(
    tmp_path: Path, mode: AutoresetMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "ROWS", 50)
    environments = BiddingVectorEnv(
        3,
        default(hours=4, start="random"),
        agents="all",
        autoreset_mode=mode,
        record=tmp_path / "hours",
    )
    environments.reset(seed=0)
    told: dict[tuple[int, int, int], tuple[float, list[float], list[float]]] = {}
    episodes = np.zeros(3, int)
    hours = np.zeros(3, int)
    for seed in range(14):
        _, rewards, _, truncated, infos = environments.step(drawn((3, 5, 2), seed))
        last = infos.get("final_info", infos)
        for row in range(3):
            source = last if truncated[row] else infos
            if not source["_price"][row]:
                continue
            key = int(row), int(episodes[row]), int(hours[row])
            told[key] = source["price"][row], source["profit"][row].tolist(), rewards[row].tolist()
            hours[row] += 1
        episodes += truncated
        hours[truncated] = 0
    environments.close()
    environments.close()  # and nothing is written twice
    assert len(list((tmp_path / "hours").glob("part-*.parquet"))) > 1
    rows = table(tmp_path / "hours")
    names = ("environment", "episode", "hour", "agent")
    keys: list[tuple[int, ...]] = list(zip(*(rows[name].tolist() for name in names), strict=True))
    assert sorted(keys) == sorted((*key, agent) for key in told for agent in range(5))
    for place, (environment, episode, hour, agent) in enumerate(keys):
        price, profits, earned = told[environment, episode, hour]
        assert rows["price"][place] == price
        assert rows["profit"][place] == profits[agent]
        assert rows["reward"][place] == earned[agent]
    assert len(np.unique(rows["start"])) > 1


def test_a_recording_holds_all_agents_though_one_learns(tmp_path: Path) -> None:
    environments = BiddingVectorEnv(2, SCARCE, learner=1, record=tmp_path / "hours")
    environments.reset(seed=0)
    *_, infos = environments.step(np.array([[0.5, 0.5], [0.0, 0.25]], np.float32))
    environments.close()
    rows = table(tmp_path / "hours")
    assert rows["bid"].tolist() == [20.0, 35.0, 30.0, 35.0, 40.0, 20.0, 30.0, 30.0, 35.0, 40.0]
    assert rows["dispatch"][rows["agent"] == 1].tolist() == infos["dispatch"].tolist()
    assert (rows["dispatch"] > 0).all()
    read = parquet.read_schema(next((tmp_path / "hours").iterdir()))
    assert read.field("bid").metadata == {b"unit": b"currency/MWh"}


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "hours").mkdir()
    with pytest.raises(FileExistsError, match=r"record is .*hours.*: name a folder that is not"):
        BiddingEnv(record=tmp_path / "hours")
    assert list((tmp_path / "hours").iterdir()) == []


@pytest.mark.parametrize("make", [BiddingEnv, BiddingParallelEnv, BiddingVectorEnv])
def test_bad_arguments_leave_no_folder(make: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="render_mode is 'nope'"):
        make(record=tmp_path / "hours", render_mode="nope")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TypeError, match="record has type int"):
        make(record=3)


def test_only_one_may_write_a_recording(tmp_path: Path) -> None:
    environment = BiddingEnv(record=tmp_path / "hours")
    for again in AGAIN:
        with pytest.raises(TypeError, match="an environment that records cannot be copied"):
            again(environment)
    for again in AGAIN:
        again(BiddingEnv(details=True))


def test_without_pyarrow_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DependencyNotInstalled, match="recording needs pyarrow"):
        BiddingEnv(record=tmp_path / "hours")
    assert list(tmp_path.iterdir()) == []
