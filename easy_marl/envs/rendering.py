"""A market as a picture: the merit order, the demand line, the price, and who delivers.

Matplotlib draws it; it is imported when first needed, because it is an extra.
"""

from importlib import import_module
from typing import Any, ClassVar

import numpy as np
from gymnasium import logger
from gymnasium.error import DependencyNotInstalled, ResetNeeded
from numpy.typing import NDArray

from easy_marl.envs.simulation import Market, Simulation
from easy_marl.market.stepping import ALL

Frame = NDArray[np.uint8]

SIZE = (6.4, 4.0)
"""Inches; with `DOTS` an inch, pixels."""
DOTS = 100
DELIVERED, OFFERED, LEARNER, DEMAND = "#4477aa", "#bbccdd", "#ee6677", "#222222"
"""Colours that colour-blind people can tell apart."""


class Renderer:
    """Shows the last hour of a simulation's environments.

    Parameters
    ----------
    simulation
        Whose markets to show.
    mode
        "rgb_array", "human", or None for none.
    """

    MODES = ("rgb_array", "human")
    METADATA: ClassVar[dict[str, Any]] = {"render_modes": list(MODES), "render_fps": 4}

    def __init__(self, simulation: Simulation, mode: str | None) -> None:
        if mode is not None and mode not in self.MODES:
            raise ValueError(f"render_mode is {mode!r}: it must be 'rgb_array', 'human' or None")
        self._simulation, self._mode = simulation, mode
        self._window: Any = None
        self._closed = False

    def follow(self) -> None:
        """Show the first environment's market, where a person looks on."""
        if self._mode == "human" and not self._closed:
            self._show(self._simulation.market(0))

    def render_all(self) -> tuple[Frame, ...] | None:
        """Return a picture of each environment."""
        if self._mode != "rgb_array" or not self._simulation.begun:
            self.render(0)  # warns, or refuses
            return None
        markets = (self._simulation.market(row) for row in range(self._simulation.environments))
        return tuple(picture(market) for market in markets)

    def render(self, row: int = 0) -> Frame | None:
        """Return a picture of one environment, shape (height, width, 3)."""
        if self._mode is None:
            logger.warn("render was called without a render_mode: choose one when making it")
            return None
        if not self._simulation.begun:
            raise ResetNeeded("render was called before reset")
        if self._mode == "human":
            return None  # it follows every step
        return picture(self._simulation.market(row))

    def close(self) -> None:
        """Close the window."""
        self._closed = True
        if self._window is not None:
            _matplotlib("pyplot").close(self._window)
            self._window = None

    def _show(self, market: Market) -> None:
        pyplot = _matplotlib("pyplot")
        if self._window is None:
            self._window = pyplot.figure(figsize=SIZE, dpi=DOTS, layout="constrained")
        elif not pyplot.fignum_exists(self._window.number):
            self._closed = True  # by whoever looked on
            return
        self._window.clear()
        draw(self._window, market)
        pyplot.pause(1.0 / self.METADATA["render_fps"])


def picture(market: Market) -> Frame:
    """Return a market as pixels, shape (height, width, 3)."""
    figure = _matplotlib("figure").Figure(SIZE, DOTS, layout="constrained")
    canvas = _matplotlib("backends.backend_agg").FigureCanvasAgg(figure)
    draw(figure, market)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def draw(figure: Any, market: Market) -> None:
    """Draw a market into a Matplotlib figure."""
    axes = figure.subplots()
    order = np.argsort(market.bids, kind="stable")
    ends = np.cumsum(market.quantities[order])
    starts = ends - market.quantities[order]
    bids = market.bids[order]
    highest = max(bids.max(), market.price, 1.0)
    lowest = min(0.0, bids.min(), market.price)
    floor = lowest - 0.03 * (highest - lowest)  # so that units which bid zero are seen
    for lefts, widths, colour, label in (
        (starts, ends - starts, OFFERED, "offered"),
        (starts, market.dispatch[order], DELIVERED, "delivered"),
    ):
        axes.bar(
            lefts, bids - floor, widths, floor, align="edge", color=colour, label=label,
            edgecolor="white", linewidth=0.3 if len(bids) <= 100 else 0.0,
        )  # fmt: skip
    if market.learner != ALL:
        own = int(np.flatnonzero(order == market.learner)[0])
        axes.bar(
            starts[own], bids[own] - floor, ends[own] - starts[own], floor, align="edge",
            fill=False, edgecolor=LEARNER, linewidth=2.0, label="learner's offer",
        )  # fmt: skip
    axes.axvline(market.demand, color=DEMAND, label=f"demand {market.demand:,.0f} MW")
    axes.axhline(
        market.price, color=DEMAND, linestyle="--", label=f"price {market.price:,.2f} currency/MWh"
    )
    axes.set_xlim(0.0, 1.05 * max(ends[-1], market.demand) or 1.0)
    axes.set_ylim(floor, highest + 0.05 * (highest - floor))
    axes.set_xlabel("cumulative supply, MW")
    axes.set_ylabel("bid, currency/MWh")
    axes.set_title(f"hour {market.hour}", loc="left")
    figure.legend(loc="outside lower center", ncols=3, fontsize="small", frameon=False)


def _matplotlib(module: str) -> Any:
    try:
        return import_module(f"matplotlib.{module}")
    except ImportError as error:
        raise DependencyNotInstalled(
            f"rendering needs matplotlib, which does not import ({error}): "
            "`pip install matplotlib`"
        ) from error
