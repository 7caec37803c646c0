"""Pictures: that they are made, and show the market that was cleared."""

import sys
from typing import Any

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled, ResetNeeded
from gymnasium.vector import AutoresetMode

from easy_marl.envs import (
    BiddingEnv,
    BiddingParallelEnv,
    BiddingVectorEnv,
    Parameters,
    default,
    rendering,
)
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


def test_rows_that_go_on_keep_their_market(markets: list[Market]) -> None:
    environments = BiddingVectorEnv(
        2, render_mode="rgb_array", autoreset_mode=AutoresetMode.DISABLED
    )
    environments.reset(seed=0)
    environments.step(np.full((2, 2), 0.5, np.float32))
    environments.reset(options={"reset_mask": np.array([False, True])})
    environments.render()
    assert [market.bids[0] for market in markets] == [30.0, 20.0]


@pytest.mark.parametrize("bad", [np.nan, 1.5])
def test_a_refused_action_is_not_shown(bad: float, markets: list[Market]) -> None:
    environment = BiddingEnv(render_mode="rgb_array")
    environment.reset(seed=0)
    environment.step([0.5, 0.5])
    with pytest.raises(ValueError, match="must be between"):
        environment.step([bad, 0.0])
    environment.render()
    assert markets[0].bids[0] == 30.0


@pytest.mark.parametrize("kind", [BiddingEnv, BiddingParallelEnv, BiddingVectorEnv])
def test_render_before_reset(kind: Any) -> None:
    for mode in "rgb_array", "human":
        with pytest.raises(ResetNeeded, match="render was called before reset"):
            kind(render_mode=mode).render()


def test_the_picture_shows_the_merit_order_and_demand() -> None:
    figure = matplotlib.figure.Figure(layout="constrained")
    market = Market(
        3, np.array([40.0, 10.0]), np.array([5.0, 20.0]), np.array([2.0, 20.0]), 22.0, 40.0, 0
    )
    rendering.draw(figure, market)
    (axes,) = figure.axes
    offered = axes.containers[0]
    assert [(bar.get_x(), bar.get_width()) for bar in offered] == [(0.0, 20.0), (20.0, 5.0)]
    assert [bar.get_y() + bar.get_height() for bar in offered] == pytest.approx([10.0, 40.0])
    vertical, horizontal = axes.lines
    assert set(vertical.get_xdata()) == {22.0}
    assert set(horizontal.get_ydata()) == {40.0}
    assert "MW" in axes.get_xlabel()
    assert "currency/MWh" in axes.get_ylabel()


def test_nothing_offered_and_nothing_wanted() -> None:
    environment = BiddingEnv(
        Parameters(capacities=[1.0], costs=[5.0], demand=[0.0]), render_mode="rgb_array"
    )
    environment.reset(seed=0)
    environment.step([1.0, 0.0])
    assert environment.render() is not None


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
    environments.step(np.zeros((2, 2)))  # opens no window again
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("kind", [BiddingEnv, BiddingParallelEnv])
def test_a_window_follows_single_and_parallel(
    kind: Any, monkeypatch: pytest.MonkeyPatch, markets: list[Market]
) -> None:
    matplotlib.use("agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    monkeypatch.setattr(pyplot, "pause", lambda seconds: None)
    environment = kind(default(agents=1), render_mode="human")
    environment.reset(seed=0)
    action = [0.0, 0.5] if kind is BiddingEnv else {"generator_0": [0.0, 0.5]}
    environment.step(action)
    assert [market.bids.tolist() for market in markets] == [[20.0], [30.0]]
    pyplot.close("all")  # by a person
    environment.step(action)
    assert pyplot.get_fignums() == []
    environment.close()


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    environment = BiddingEnv(render_mode="rgb_array")
    environment.reset(seed=0)
    with pytest.raises(DependencyNotInstalled, match="pip install matplotlib"):
        environment.render()
