"""Train one bidder by policy gradient, and measure the clearing call's share of the training.

One unit learns its mark-up with REINFORCE and a baseline, against units that bid their marginal
cost; demand changes from step to step, and every step clears one market. Run as

    python -m easy_marl.examples.bidding.train --backend numpy --units 50 --steps 20000

The learner is plain NumPy, and for a seed it is the same to the last bit on every backend.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easy_marl.market import BackendUnavailable, get_backend

Array = NDArray[np.float64]
Clear = Callable[[Array, Array, float], tuple[float, NDArray[np.floating[Any]]]]

HIDDEN = 64
BATCH = 32  # steps between two updates
LEARNING_RATE = 1e-3
EXPLORATION = 0.2  # standard deviation of the action around the policy's mean
COST = 20.0  # the learner's marginal cost, currency/MWh
MAX_MARKUP = 40.0  # what the action -1 … 1 spans from 0, currency/MWh: the price cap is 60
COSTS = (10.0, 30.0)  # lowest and highest marginal cost of the others, currency/MWh
SHARE = 0.25  # the learner's share of all capacity: at high demand the others do not suffice
DEMAND = (0.4, 0.95)  # lowest and highest demand, as shares of all capacity
EVALUATION = 1000  # steps of an evaluation


class Network:
    """A perceptron with two hidden tanh layers, trained by Adam."""

    def __init__(self, inputs: int, outputs: int, rng: np.random.Generator) -> None:
        widths = (inputs, HIDDEN, HIDDEN, outputs)
        self.weights: list[Array] = []  # weight, bias, weight, bias, …
        for rows, columns in pairwise(widths):
            self.weights.append(rng.standard_normal((rows, columns)) / np.sqrt(rows))
            self.weights.append(np.zeros(columns))
        self.weights[-2] *= 0.01  # start with a mean near zero, in the middle of the actions
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in self.weights]
        self.updates = 0

    def forward(self, x: Array) -> tuple[Array, Array, Array]:
        """Return both hidden layers and the outputs for inputs of shape (batch, inputs)."""
        w1, b1, w2, b2, w3, b3 = self.weights
        h1 = np.tanh(x @ w1 + b1)
        h2 = np.tanh(h1 @ w2 + b2)
        return h1, h2, h2 @ w3 + b3

    def descend(self, x: Array, layers: tuple[Array, Array, Array], slope: Array) -> None:
        """Take one Adam step down the loss whose derivative by the outputs is `slope`."""
        _, _, w2, _, w3, _ = self.weights
        h1, h2, _ = layers
        slope2 = (slope @ w3.T) * (1 - h2**2)
        slope1 = (slope2 @ w2.T) * (1 - h1**2)
        gradients: list[Array] = []
        for inputs, outer in ((x, slope1), (h1, slope2), (h2, slope)):
            gradients += [inputs.T @ outer, outer.sum(axis=0)]
        self.updates += 1
        rate = LEARNING_RATE * np.sqrt(1 - 0.999**self.updates) / (1 - 0.9**self.updates)
        for weight, gradient, (mean, square) in zip(
            self.weights, gradients, self.moments, strict=True
        ):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            weight -= rate * mean / (np.sqrt(square) + 1e-8)


class Learner:
    """Unit 0 of a market with `n_units` units; it learns its mark-up for the demand it sees.

    Parameters
    ----------
    n_units : int
        Units in the market, the learner included; at least two.
    clear : callable
        `clear(bids, quantities, demand) -> (price, cleared)`, in currency/MWh and MW.
    seed : int
        Determines the market, the weights, the demands and the exploration.
    """

    def __init__(self, n_units: int, clear: Clear, seed: int) -> None:
        if n_units < 2:
            raise ValueError(f"n_units is {n_units}: the learner needs at least one competitor")
        self.rng = np.random.default_rng(seed)
        self.clear = clear
        costs = self.rng.uniform(*COSTS, n_units)
        costs[0] = COST
        self.capacities = self.rng.uniform(50.0, 150.0, n_units)
        self.capacities[0] = self.capacities[1:].sum() * SHARE / (1 - SHARE)
        self.total = float(self.capacities.sum())
        self.bids = costs
        self.network = Network(1, 2, self.rng)  # the outputs: mean action, expected reward

    def train(self, steps: int) -> Array:
        """Clear one market per step and learn after every 32; return the profit of each step.

        Profits are in currency per step, shape (steps,), exploration included.
        """
        profits = np.empty(steps)
        for start in range(0, steps, BATCH):
            batch = profits[start : start + BATCH]
            batch[:] = self._train_batch(self.rng.uniform(*DEMAND, len(batch)))
        return profits

    def mean_profit(self, loads: Array, *, learned: bool = True) -> float:
        """Return the profit per step at given loads, without exploration, or of bidding at cost.

        `loads` are demands as shares of all capacity, shape (steps,).
        """
        _, _, outputs = self.network.forward(_observe(loads))
        actions = outputs[:, 0] if learned else np.full(len(loads), -1.0)
        return float(np.mean([self._profit(a, d) for a, d in zip(actions, loads, strict=True)]))

    def _train_batch(self, loads: Array) -> Array:
        x = _observe(loads)
        actions, profits = np.empty(len(loads)), np.empty(len(loads))
        for step, load in enumerate(loads):
            _, _, outputs = self.network.forward(x[step : step + 1])
            actions[step] = self.rng.normal(outputs[0, 0], EXPLORATION)
            profits[step] = self._profit(actions[step], load)
        layers = self.network.forward(x)
        mean, baseline = layers[2].T
        error = baseline - profits / (COST * self.capacities[0])
        # Score function: -(reward - baseline) d log pi / d mean; the baseline is least squares.
        slope = np.stack([error * (actions - mean) / EXPLORATION**2, error], axis=1)
        self.network.descend(x, layers, slope / len(loads))
        return profits

    def _profit(self, action: float, load: float) -> float:
        self.bids[0] = COST + MAX_MARKUP * (min(max(action, -1.0), 1.0) + 1) / 2
        price, cleared = self.clear(self.bids, self.capacities, load * self.total)
        return (price - COST) * float(cleared[0])


def _observe(loads: Array) -> Array:
    """Return the learner's observations, shape (steps, 1): demand, scaled to [-1, 1]."""
    low, high = DEMAND
    return ((2 * loads - low - high) / (high - low))[:, np.newaxis]


class Timed:
    """A clearing call that adds up its time, in seconds."""

    def __init__(self, clear: Clear) -> None:
        self.clear = clear
        self.seconds = 0.0

    def __call__(
        self, bids: Array, quantities: Array, demand: float
    ) -> tuple[float, NDArray[np.floating[Any]]]:
        """Clear a market and count the time it took."""
        start = perf_counter()
        result = self.clear(bids, quantities, demand)
        self.seconds += perf_counter() - start
        return result


def report(backend: str, clear: Clear, units: int, steps: int, seed: int) -> Iterator[str]:
    """Train a learner and yield the lines that say what it learned and where the time went."""
    timed = Timed(clear)
    learner = Learner(units, timed, seed)
    loads = np.random.default_rng(seed).uniform(*DEMAND, EVALUATION)
    at_cost = learner.mean_profit(loads, learned=False)
    before = learner.mean_profit(loads)
    timed.seconds = 0.0  # the evaluations so far also compiled what compiles on its first call
    start = perf_counter()
    learner.train(steps)
    total = perf_counter() - start
    share = timed.seconds / total
    yield f"backend {backend}, {units} units, {steps} steps, seed {seed}"
    yield f"profit per step over {EVALUATION} demands, in currency:"
    yield f"  bidding at marginal cost  {at_cost:12,.0f}"
    yield f"  before training           {before:12,.0f}"
    yield f"  after training            {learner.mean_profit(loads):12,.0f}"
    yield f"training: {total:.2f} s, {total / steps * 1e6:.1f} µs per step"
    yield f"clearing: {timed.seconds / steps * 1e6:.1f} µs per step, {share:.1%} of training"
    yield "(the clearing time includes the cost of reading the clock around each call)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; bad arguments exit with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m easy_marl.examples.bidding.train",
        description="Train one bidder, and measure the share of the clearing call.",
    )
    parser.add_argument("--backend", metavar="NAME", help="default: the fastest installed")
    parser.add_argument("--units", type=int, default=50, metavar="N", help="at least 2")
    parser.add_argument("--steps", type=int, default=20_000, metavar="K", help="at least 1")
    parser.add_argument("--seed", type=int, default=0, help="at least 0")
    options = parser.parse_args(arguments)
    for name, least in (("units", 2), ("steps", 1), ("seed", 0)):
        if (value := getattr(options, name)) < least:
            parser.error(f"argument --{name}: {value} is less than {least}")
    try:
        backend = get_backend(options.backend)
    except (ValueError, BackendUnavailable) as fault:
        parser.error(str(fault))
    for line in report(backend.name, backend.clear, options.units, options.steps, options.seed):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
