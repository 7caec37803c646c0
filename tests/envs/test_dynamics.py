"""One hour by hand: offers, clearing, rewards; and the demand of an episode."""

import numpy as np
import pytest

from easy_marl.envs.parameters import Parameters
from easy_marl.envs.vector import BiddingVectorEnv

CAPACITIES, COSTS = [100.0, 100.0, 50.0], [20.0, 30.0, 40.0]


def one(backend: str | None = None, **options: object) -> BiddingVectorEnv:
    given: dict[str, object] = {
        "capacities": CAPACITIES,
        "costs": COSTS,
        "demand": [120.0, 300.0],
        "deviation": 0.0,
        "bid_change": 20.0,
        "bid_penalty": 0.5,
        "shortage_penalty": 3.0,
        "reward_scale": 0.25,
    }
    parameters = Parameters(**(given | options))  # type: ignore[arg-type]
    environments = BiddingVectorEnv(1, parameters, agents="all", backend=backend)
    environments.reset(seed=0)
    return environments


def test_an_hour(backend: str) -> None:
    _, rewards, _, _, infos = one(backend).step([[[0.5, 0.0], [-1.0, 0.5], [0.0, -0.75]]])
    # Offers 50 at 20, 100 at 40, 50 at 25; demand 120: the dearest delivers 20 and sets 40.
    assert infos["price"].tolist() == [40.0]
    assert infos["dispatch"].tolist() == [[50.0, 20.0, 50.0]]
    assert infos["profit"].tolist() == [[1000.0, 200.0, 0.0]]
    charges = [0.0, 0.5 * 10.0**2, 0.5 * 15.0**2]
    assert rewards.tolist() == [
        [0.25 * (p - c) for p, c in zip([1000.0, 200.0, 0.0], charges, strict=True)]
    ]


def test_scarcity_charges_everyone() -> None:
    environments = one(scarcity_price=1000.0)
    environments.step(np.zeros((1, 3, 2)))
    _, rewards, _, _, infos = environments.step(np.zeros((1, 3, 2)))
    assert infos["price"].tolist() == [1000.0]
    assert infos["dispatch"].tolist() == [CAPACITIES]
    profits = [(1000.0 - c) * q for c, q in zip(COSTS, CAPACITIES, strict=True)]
    assert rewards.tolist() == [[0.25 * (profit - 3.0 * 50.0) for profit in profits]]


def test_all_withheld() -> None:
    environments = one()
    withheld = np.zeros((1, 3, 2))
    withheld[..., 0] = 1.0
    _, rewards, _, _, infos = environments.step(withheld)
    assert infos["dispatch"].tolist() == [[0.0, 0.0, 0.0]]
    assert rewards.tolist() == [[0.25 * -3.0 * 120.0] * 3]


def test_demand_is_normal_about_the_profile_and_clipped() -> None:
    environments = BiddingVectorEnv(
        20_000,
        Parameters(capacities=[100.0], costs=[1.0], demand=[50.0, 80.0], deviation=0.5),
        observation="simple",
    )
    first, _ = environments.reset(seed=0)
    second, *_ = environments.step(np.zeros((20_000, 2)))
    for demand, base in (first[:, 0], 0.5), (second[:, 0], 0.8):
        least = np.float32(100.0 * base / 10.0 * (1.0 / 100.0))
        assert demand.min() == least
        assert (demand == least).mean() == pytest.approx(0.0359, abs=0.005)
        assert np.median(demand) == pytest.approx(base, rel=0.02)
        within = np.abs(demand - base) < 0.5 * base
        assert within.mean() == pytest.approx(0.683, abs=0.01)
    assert abs(np.corrcoef(first[:, 0], second[:, 0])[0, 1]) < 0.03


def test_demand_is_drawn_anew_each_episode_as_one_stream() -> None:
    """Demand follows from `default_rng(seed)`, hour by hour and episode by episode."""
    profile = np.linspace(60.0, 90.0, 6)
    parameters = Parameters(
        capacities=[100.0], costs=[1.0], demand=profile, hours=5, deviation=0.1
    )
    environments = BiddingVectorEnv(2, parameters, observation="simple")
    observations, _ = environments.reset(seed=7)
    seen = [observations[1, 0]]
    for _ in range(3 * 6 - 1):  # every sixth step resets
        observations, *_ = environments.step(np.zeros((2, 2)))
        seen.append(observations[1, 0])
    drawn = np.random.default_rng(8).standard_normal((3, 6))
    expected = np.maximum((1.0 + 0.1 * drawn) * profile, profile / 10.0) * (1.0 / 100.0)
    assert np.array(seen).tobytes() == expected.astype(np.float32).tobytes()


def test_the_least_demand_is_a_tenth_to_the_last_bit() -> None:
    """A tenth of 3 is not 0.1 times 3."""
    parameters = Parameters(capacities=[1.0], costs=[1.0], demand=[3.0], deviation=9.0)
    environments = BiddingVectorEnv(500, parameters)
    environments.reset(seed=0)
    *_, infos = environments.step(np.zeros((500, 2)))
    assert infos["dispatch"].min() == 3.0 / 10.0


def test_a_fleet_is_not_disturbed() -> None:
    environments = BiddingVectorEnv(2, "ACTIVSg2000", observation="simple")
    observations, _ = environments.reset(seed=0)
    assert observations[0].tobytes() == observations[1].tobytes()
