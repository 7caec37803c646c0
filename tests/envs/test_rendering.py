"""Pictures: that they are made, and show the market that was cleared."""

import sys
from typing import Any

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled

from easy_marl.envs import BiddingEnv, BiddingParallelEnv, BiddingVectorEnv, rendering
from easy_marl.envs.simulation import Market

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture
def markets(monkeypatch: pytest.MonkeyPatch) -> list[Market]:
    """Return a list that collects what is drawn."""
    drawn: list[Market] = []
    draw = rendering.draw

    def keep(figure: Any, market: Market) -> None:
        drawn.append(market)
        draw(figure, market)

    monkeypatch.setattr(rendering, "draw", keep)
    return drawn


def test_a_picture(markets: list[Market]) -> None:
    environment = BiddingEnv(render_mode="rgb_array", learner=2)
    environment.reset(seed=0)
    *_, info = environment.step([0.5, 0.25])
    frame = environment.render()
    assert frame is not None
    assert frame.dtype == np.uint8
    assert frame.shape == (400, 640, 3)
    assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 5
    (market,) = markets
    assert market.price == info["price"]
    assert market.dispatch[2] == info["dispatch"]
    assert market.bids.tolist() == [20.0, 25.0, 35.0, 35.0, 40.0]
    assert market.quantities.tolist() == [100.0, 100.0, 50.0, 100.0, 100.0]


def test_before_the_first_hour_all_bid_cost(markets: list[Market]) -> None:
    environment = BiddingParallelEnv(render_mode="rgb_array")
    environment.reset(seed=0)
    environment.step({agent: [0.5, 0.5] for agent in environment.agents})
    environment.reset()
    environment.render()
    assert markets[0].hour == 0
    assert markets[0].bids.tolist() == [20.0, 25.0, 30.0, 35.0, 40.0]


def test_a_vector_gives_a_picture_of_each(markets: list[Market]) -> None:
    environments = BiddingVectorEnv(3, "ACTIVSg2000", render_mode="rgb_array")
    environments.reset(seed=0)
    actions = np.zeros((3, 2), np.float32)
    _, _, _, _, infos = environments.step(actions)
    actions[:] = 1.0  # a caller may reuse the array
    frames = environments.render()
    assert frames is not None
    assert len(frames) == 3
    assert [market.price for market in markets] == infos["price"].tolist()


def test_no_mode_warns() -> None:
    environment = BiddingEnv()
    environment.reset(seed=0)
    with pytest.warns(UserWarning, match="render was called without a render_mode"):
        assert environment.render() is None


def test_a_window(monkeypatch: pytest.MonkeyPatch, markets: list[Market]) -> None:
    matplotlib.use("agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "pause", lambda seconds: None)
    environments = BiddingVectorEnv(2, render_mode="human")
    environments.reset(seed=0)
    for _ in range(2):
        environments.step(np.zeros((2, 2)))
        assert environments.render() is None
    assert [market.hour for market in markets] == [0, 0, 1]
    assert len(pyplot.get_fignums()) == 1
    environments.close()
    assert pyplot.get_fignums() == []


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    environment = BiddingEnv(render_mode="rgb_array")
    environment.reset(seed=0)
    with pytest.raises(DependencyNotInstalled, match=r"pip install easy_marl\[plot\]"):
        environment.render()
