"""Parameters: what is accepted, what is refused and how, and the presets."""

from dataclasses import FrozenInstanceError
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from easy_marl import fleets
from easy_marl.envs.parameters import PRESETS, Parameters, competitive, default, fleet, preset
from tests.envs.copies import AGAIN

SPECK = -np.finfo(np.longdouble).smallest_subnormal
"""Less than zero; as a float it is -0.0."""
MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
GOOD: dict[str, Any] = {"capacities": [50, 80], "costs": [20.0, -5.0], "demand": [60.0, 90.0, 0.0]}


def test_values_are_kept_as_float64() -> None:
    parameters = Parameters(**GOOD, hours=2)
    assert (parameters.agents, parameters.hours) == (2, 2)
    for array in parameters.capacities, parameters.costs, parameters.demand:
        assert array.dtype == np.float64
    assert Parameters(**GOOD).hours == 3


def test_it_is_frozen_and_apart_from_what_was_given() -> None:
    costs = np.array([20.0, 30.0])
    parameters = Parameters(**(GOOD | {"costs": costs}))
    costs[0] = 99.0
    assert parameters.costs.tolist() == [20.0, 30.0]
    with pytest.raises(ValueError, match="read-only"):
        parameters.costs[0] = 99.0
    with pytest.raises(FrozenInstanceError):
        parameters.hours = 3  # type: ignore[misc]


@pytest.mark.parametrize("again", AGAIN)
def test_copies_are_read_only_and_the_same(again: Any) -> None:
    made = again(Parameters(**GOOD, hours=2, scarcity_price=9.0, tolerance=0.5))
    assert made.tolerance == 0.5
    assert (made.hours, made.scarcity_price, made.reward_scale) == (2, 9.0, 1.0 / 1600.0)
    for array in made.capacities, made.costs, made.demand:
        assert not array.flags.writeable


def test_no_cost_is_minus_zero() -> None:
    assert not np.signbit(Parameters(**(GOOD | {"costs": [-0.0, 1.0]})).costs).any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"costs": [1.0, np.nan]}, ValueError, "costs[1] is nan: costs must be finite"),
        ({"costs": [1.0]}, ValueError, "costs has shape (1,): capacities has shape (2,)"),
        ({"costs": [[1.0, 2.0]]}, ValueError, "costs has shape (1, 2): costs must be"),
        ({"costs": ["a", "b"]}, TypeError, "costs has dtype"),
        ({"capacities": [1.0, -2.0]}, ValueError, "capacities[1] is -2.0: capacities must be not"),
        ({"capacities": [0.0, 0.0]}, ValueError, "capacities are all zero"),
        ({"capacities": []}, ValueError, "capacities has shape (0,)"),
        ({"demand": [1.0, -1.0]}, ValueError, "demand[1] is -1.0"),
        ({"demand": [np.inf]}, ValueError, "demand[0] is inf"),
        ({"hours": 4}, ValueError, "demand has 3 hours: hours is 4"),
        ({"hours": 0}, ValueError, "hours is 0: hours must be a positive int"),
        ({"hours": 1.5}, ValueError, "hours is 1.5"),
        ({"deviation": -0.1}, ValueError, "deviation is -0.1: deviation must not be negative"),
        ({"deviation": "x"}, TypeError, "deviation has type str"),
        ({"bid_change": np.nan}, ValueError, "bid_change is nan: bid_change must be finite"),
        ({"bid_penalty": True}, TypeError, "bid_penalty has type bool"),
        ({"scarcity_price": np.inf}, ValueError, "scarcity_price is inf"),
        ({"ties": "last"}, ValueError, "ties is 'last'"),
        ({"tolerance": 1.0}, ValueError, "tolerance is 1.0: tolerance must be a number that is"),
        ({"tolerance": True}, ValueError, "tolerance is True: tolerance must be a number that is"),
        ({"bid_change": np.timedelta64(5, "s")}, TypeError, "bid_change has type timedelta64"),
        ({"bid_change": np.datetime64(5, "s")}, TypeError, "bid_change has type datetime64"),
        ({"deviation": np.True_}, TypeError, "deviation has type bool"),
        ({"bid_penalty": 1j}, TypeError, "bid_penalty has type complex"),
        ({"shortage_penalty": Decimal(1)}, TypeError, "shortage_penalty has type Decimal"),
        ({"reward_scale": Fraction(1, 2)}, TypeError, "reward_scale has type Fraction"),
        (
            {"scarcity_price": np.timedelta64(5, "s")},
            TypeError,
            "scarcity_price has type timedelta64",
        ),
        ({"scarcity_price": -(10**400)}, ValueError, "scarcity_price is -inf: scarcity_price"),
        ({"scarcity_price": np.ma.masked}, TypeError, "scarcity_price has type MaskedConstant"),
        ({"bid_change": SPECK}, ValueError, "must not be negative"),
        ({"capacities": [50.0, SPECK]}, ValueError, "capacities[1] is "),
        (
            {"hours": np.timedelta64(2, "s")},
            ValueError,
            "hours is np.timedelta64(2,'s'): hours must be",
        ),
        ({"hours": True}, ValueError, "hours is True"),
        ({"tolerance": np.timedelta64(0, "s")}, ValueError, "tolerance is np.timedelta64(0,'s')"),
        ({"tolerance": SPECK}, ValueError, "tolerance is "),
        ({"costs": np.ones(2, "m8[s]")}, TypeError, "costs has dtype timedelta64[s]"),
        ({"costs": np.ones(2, "M8[s]")}, TypeError, "costs has dtype datetime64[s]"),
        ({"costs": [Decimal(1), Fraction(1)]}, TypeError, "costs has dtype object"),
        ({"costs": [True, False]}, TypeError, "costs has dtype bool"),
        ({"costs": [10**400, 1]}, TypeError, "costs has dtype object"),
        ({"costs": [np.ma.masked, 1.0]}, TypeError, "costs has masked entries: costs must not"),
        ({"demand": (1.0, 2.0, MASKED[1])}, TypeError, "demand has masked entries"),
        ({"costs": MASKED}, TypeError, "costs has masked entries: costs must not be masked"),
        ({"demand": MASKED}, TypeError, "demand has masked entries"),
        ({"costs": [1e200, 1.0], "bid_penalty": 1.0}, ValueError, "so large that a return"),
        ({"reward_scale": 1e306}, ValueError, "so large that a return"),
        ({"hours": 3, "shortage_penalty": 1e306}, ValueError, "so large that a return"),
        (
            {"capacities": [1e-310, 0.0], "reward_scale": 1.0},
            ValueError,
            "so small that observed demand",
        ),
        (
            {"capacities": [1e-40, 0.0], "reward_scale": 1.0},
            ValueError,
            "so small that observed demand",
        ),
        ({"bid_change": 10**400}, ValueError, "bid_change is inf: bid_change must be finite"),
        ({"costs": [[1.0], [2.0, 3.0]]}, ValueError, "costs is no array"),
    ],
)
def test_refusals(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        Parameters(**(GOOD | change))
    assert str(caught.value).startswith(message) or message in str(caught.value)


def test_the_hour_after_the_last_is_the_next_or_the_first() -> None:
    assert Parameters(**GOOD, hours=2).profile().tolist() == [60.0, 90.0, 0.0]
    assert Parameters(**GOOD).profile().tolist() == [60.0, 90.0, 0.0, 60.0]


def test_rewards_are_of_order_one() -> None:
    assert Parameters(**GOOD, bid_change=10.0).reward_scale == 1.0 / 800.0
    assert Parameters(**GOOD, bid_change=0.0).reward_scale == 1.0 / 80.0


def test_default() -> None:
    parameters = default(agents=3, hours=12)
    assert parameters.costs.tolist() == [20.0, 30.0, 40.0]
    assert parameters.hours == 12
    np.testing.assert_allclose(parameters.demand[[3, 15]], [105.0, 255.0])


@pytest.mark.parametrize("agents", [1, 2, 5, 6])
def test_competitive_costs_come_in_pairs(agents: int) -> None:
    costs = competitive(agents).costs
    assert len(costs) == agents
    assert (costs[: agents - 1 : 2] == costs[1::2]).all()


def test_fleet() -> None:
    parameters, real = fleet(), fleets.load()
    assert parameters.hours == 8784
    assert parameters.costs.tobytes() == real.costs.tobytes()
    assert fleet(hours=24).hours == 24


def test_presets_by_name() -> None:
    assert list(PRESETS) == ["default", "competitive", "duopoly", "ACTIVSg2000"]
    assert preset("default", agents=7).agents == 7
    assert preset("ACTIVSg2000", hours=5).hours == 5
    with pytest.raises(ValueError, match="parameters is 'x': the presets are default,"):
        preset("x")
    with pytest.raises(ValueError, match="parameters is \\['default'\\]"):
        preset(["default"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="agents is 0: agents must be a positive int"):
        preset("competitive", agents=0)
