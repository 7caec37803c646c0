"""The learner learns, is the same on every backend, and reports what it measured."""

import re

import numpy as np
import pytest
from numpy.typing import NDArray

from easy_marl.examples.bidding import train
from easy_marl.examples.bidding.train import Learner
from easy_marl.market import backends, get_backend

Array = NDArray[np.float64]
INSTALLED = [status.name for status in backends() if status.available]


def stub(bids: Array, quantities: Array, demand: float) -> tuple[float, Array]:
    """Clear untied markets as plainly as can be; enough for continuous random costs."""
    cleared, left, price = np.zeros(len(bids)), demand, float(bids.min())
    for unit in sorted(range(len(bids)), key=lambda i: float(bids[i])):
        if left > 0:
            price = float(bids[unit])
            cleared[unit] = min(left, float(quantities[unit]))
            left -= cleared[unit]
    return price, cleared


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_learning_pays_where_there_is_market_power(seed: int) -> None:
    learner = Learner(20, stub, seed)
    loads = np.linspace(*train.DEMAND, 100)
    before = learner.mean_profit(loads)
    at_cost = learner.mean_profit(loads, learned=False)
    learner.train(8000)
    # Twice and 1.5 times as much on each of a dozen seeds; the bound leaves room for rounding.
    assert learner.mean_profit(loads) > 1.3 * max(before, at_cost)


def test_the_learner_withholds_only_where_it_is_needed() -> None:
    """Beyond 75 % load the others do not suffice, so any price up to the cap is paid."""
    bids = []

    def watching(bid: Array, quantities: Array, demand: float) -> tuple[float, Array]:
        bids.append(float(bid[0]))
        return stub(bid, quantities, demand)

    learner = Learner(5, watching, 0)
    learner.train(8000)
    bids.clear()
    learner.mean_profit(np.array([train.DEMAND[1]]))
    assert bids[-1] > 1.5 * train.COSTS[1]
    learner.mean_profit(np.array([train.DEMAND[0]]), learned=False)
    assert bids[-1] == train.COST


@pytest.mark.parametrize("backend", INSTALLED)
def test_a_seed_gives_the_same_training_on_every_backend(backend: str) -> None:
    reference = Learner(20, get_backend("numpy").clear, 7)
    other = Learner(20, get_backend(backend).clear, 7)
    assert reference.train(500).tobytes() == other.train(500).tobytes()
    for mine, yours in zip(reference.network.weights, other.network.weights, strict=True):
        assert mine.tobytes() == yours.tobytes()


def test_another_clearing_that_computes_the_same_gives_the_same_training() -> None:
    def logging(bids: Array, quantities: Array, demand: float) -> tuple[float, Array]:
        demands.append(demand)
        price, cleared = clear(bids, quantities, demand)
        return price, cleared

    demands: list[float] = []
    clear = get_backend("numpy").clear
    assert Learner(3, clear, 1).train(70).tobytes() == Learner(3, logging, 1).train(70).tobytes()
    assert len(set(demands)) == 70  # one market per step, every one with its own demand


def test_seeds_differ_and_repeat() -> None:
    first, again, other = (Learner(3, stub, seed).train(64).tobytes() for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.parametrize("steps", [0, 1, 31, 32, 33, 100])
def test_any_number_of_steps_can_be_trained(steps: int) -> None:
    learner = Learner(3, stub, 1)
    profits = learner.train(steps)
    assert profits.shape == (steps,)
    assert np.isfinite(profits).all()
    assert learner.network.updates == -(-steps // train.BATCH)


def test_the_update_follows_the_gradient_of_its_loss() -> None:
    """Adam's first step moves each weight by the learning rate, against the gradient's sign."""
    rng = np.random.default_rng(0)
    network = train.Network(1, 2, rng)
    x, slope = rng.standard_normal((8, 1)), rng.standard_normal((8, 2))
    old = [weight.copy() for weight in network.weights]

    def loss() -> float:
        return float((network.forward(x)[2] * slope).sum())

    numeric = []
    for weight in network.weights:
        weight.flat[0] += 1e-6
        up = loss()
        weight.flat[0] -= 2e-6
        numeric.append((up - loss()) / 2e-6)
        weight.flat[0] += 1e-6
    network.descend(x, network.forward(x), slope)
    for weight, before, gradient in zip(network.weights, old, numeric, strict=True):
        change = weight.flat[0] - before.flat[0]
        assert change == pytest.approx(-train.LEARNING_RATE * np.sign(gradient), rel=1e-3)


def test_a_learner_needs_a_competitor() -> None:
    with pytest.raises(ValueError, match="n_units is 1"):
        Learner(1, stub, 0)


@pytest.mark.parametrize("backend", INSTALLED)
def test_the_command_reports_profit_and_share(
    backend: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--backend", backend, "--units", "4", "--steps", "100", "--seed", "3"]
    assert train.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"backend {backend}, 4 units, 100 steps, seed 3"
    assert [line.rsplit(maxsplit=1)[0].strip() for line in lines[2:5]] == [
        "bidding at marginal cost",
        "before training",
        "after training",
    ]
    clearing = re.fullmatch(r"clearing: [\d.]+ µs per step, ([\d.]+)% of training", lines[6])
    assert clearing
    assert 0 < float(clearing[1]) < 100
    assert "cost of reading the clock" in lines[7]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--units", "1"], "argument --units: 1 is less than 2"),
        (["--units", "many"], "argument --units: invalid int value: 'many'"),
        (["--steps", "0"], "argument --steps: 0 is less than 1"),
        (["--seed", "-1"], "argument --seed: -1 is less than 0"),
        (["--backend", "fortran"], "fortran.*numpy"),
        (["--speed"], "unrecognized arguments: --speed"),
    ],
)
def test_bad_arguments_say_what_is_wrong(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        train.main(arguments)
    assert stopped.value.code == 2
    assert re.search(message, capsys.readouterr().err)
