"""Settlement: against plain Python, by hand, in blocks, and on bad input."""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easy_marl import fleets
from easy_marl.market import Backend, Settlement, clear, settle, settlement, totals

BIDS, QUANTITIES, DEMAND = [30.0, 25.0, 40.0], [20.0, 20.0, 20.0], [10.0, 35.0, 70.0, 0.0]
COSTS = [20.0, 24.0, 50.0]


class Given(NamedTuple):
    bids: Any
    quantities: Any
    demand: Any
    options: dict[str, Any]

    def row(self, row: int) -> tuple[list[float], list[float], float, list[float]]:
        """Return bids, quantities, demand and costs of one market."""
        each = (self.bids, self.quantities, self.options["costs"])
        bids, quantities, costs = (
            (part if part.ndim == 1 else part[row]).astype(float).tolist() for part in each
        )
        return bids, quantities, float(self.demand[row]) + 0.0, costs


@st.composite
def studies(draw: st.DrawFn) -> Given:
    """Few values, so that bids tie, sums round, and offers may be nothing."""
    markets, units = draw(st.integers(0, 5)), draw(st.integers(1, 5))
    prices = st.sampled_from([-5.0, -0.0, 0.0, 1.0, 2.5, 7.0])
    amounts = st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0, 5e-324])

    def each(values: st.SearchStrategy[float], *lengths: int) -> Any:
        shape = draw(st.sampled_from([lengths, lengths[-1:]]))
        count = math.prod(shape)
        return np.array(draw(st.lists(values, min_size=count, max_size=count))).reshape(shape)

    quantities = each(amounts, markets, units)
    if draw(st.booleans()):
        quantities = quantities.astype(np.float32)
    demands = st.sampled_from([0.0, -0.0, 0.1, 0.3, 0.6, 1.0, 1.7, 9.0, 5e-324])
    floor, cap = sorted(draw(st.lists(prices, min_size=2, max_size=2)))
    options = {
        "costs": each(prices, markets, units),
        "pricing": draw(st.sampled_from(["uniform", "pay_as_bid"])),
        "price_floor": draw(st.sampled_from([None, floor])),
        "price_cap": draw(st.sampled_from([None, cap])),
        "ties": draw(st.sampled_from(["first", "pro_rata"])),
        "scarcity_price": draw(st.sampled_from([None, 2.5, 100.0])),
        "tolerance": draw(st.sampled_from([0.0, 1e-9, 0.5, 0.9])),
    }
    demand = np.array(draw(st.lists(demands, min_size=markets, max_size=markets)))
    return Given(each(prices, markets, units), quantities, demand, options)


def plain(study: Given, row: int) -> dict[str, Any]:
    """Settle one market in plain Python, by the text of docs/settlement.md."""
    bids, quantities, demand, costs = study.row(row)
    options = study.options
    how = {name: options[name] for name in ("ties", "scarcity_price", "tolerance")}
    price, cleared = clear(bids, quantities, demand, **how, backend="numpy")
    order = sorted(range(len(bids)), key=lambda unit: (bids[unit], unit))
    can_set = [unit for unit in order if quantities[unit] > 0.0] or order
    supply, marginal = 0.0, -1
    for unit in order:
        supply += quantities[unit]
        enough = demand - options["tolerance"] * demand
        if unit in can_set and supply >= enough and marginal == -1:
            marginal = unit

    def bounded(value: float) -> float:
        floor, cap = options["price_floor"], options["price_cap"]
        value = value if floor is None or value >= floor else floor
        return value if cap is None or value <= cap else cap

    uniform = options["pricing"] == "uniform"
    paid = [bounded(price if uniform else bid) for bid in bids]
    return {
        "prices": bounded(price),
        "cleared": cleared.tolist(),
        "marginal": marginal,
        "unserved": demand - supply if marginal == -1 else 0.0,
        "revenue": [each * mw for each, mw in zip(paid, cleared.tolist(), strict=True)],
        "cost": [each * mw for each, mw in zip(costs, cleared.tolist(), strict=True)],
        "profit": [
            (each - cost) * mw
            for each, cost, mw in zip(paid, costs, cleared.tolist(), strict=True)
        ],
    }


def as_rows(settled: Settlement) -> list[dict[str, Any]]:
    fields = {name: np.asarray(getattr(settled, name)).tolist() for name in FIELDS}
    return [dict(zip(FIELDS, row, strict=True)) for row in zip(*fields.values(), strict=True)]


FIELDS = "prices", "cleared", "marginal", "unserved", "revenue", "cost", "profit"


@settings(max_examples=60)
@given(study=studies())
def test_settled_as_in_plain_python(backend: Backend, study: Given) -> None:
    settled = settle(*study[:3], **study.options, backend=backend.name)
    assert as_rows(settled) == [plain(study, row) for row in range(len(study.demand))]
    assert settled.cleared.dtype == np.float64


@settings(max_examples=60)
@given(study=studies(), numbers=st.integers(1, 12))
def test_totals_are_sums_of_what_is_settled(study: Given, numbers: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settlement, "_AT_ONCE", numbers)  # several blocks
        patch.setattr(settlement, "_FEWEST", 1)
        added = totals(*study[:3], **study.options, backend="numpy")
    settled = settle(*study[:3], **study.options, backend="numpy")
    for name in "prices", "marginal", "unserved":
        assert getattr(added, name).tolist() == getattr(settled, name).tolist()
    for axis, sums in (1, added.hours), (0, added.units):
        for name, matrix in ("energy", "cleared"), ("revenue", "revenue"), ("cost", "cost"):
            expected = getattr(settled, matrix).sum(axis=axis)
            assert getattr(sums, name) == pytest.approx(expected, rel=1e-12, abs=1e-12)
        assert sums.cost is not None
        assert sums.profit == pytest.approx(sums.revenue - sums.cost)


def test_a_market_by_hand() -> None:
    settled = settle(BIDS, QUANTITIES, DEMAND, backend="numpy", costs=COSTS)
    assert settled.prices.tolist() == [25.0, 30.0, 40.0, 25.0]
    assert settled.marginal.tolist() == [1, 0, -1, 1]
    assert settled.unserved.tolist() == [0.0, 0.0, 10.0, 0.0]
    assert settled.revenue[1].tolist() == [450.0, 600.0, 0.0]
    assert settled.cost is not None
    assert settled.profit is not None
    assert settled.cost[1].tolist() == [300.0, 480.0, 0.0]
    assert settled.profit[2].tolist() == [400.0, 320.0, -200.0]


def test_each_is_paid_its_bid() -> None:
    settled = settle(BIDS, QUANTITIES, DEMAND, backend="numpy", pricing="pay_as_bid")
    assert settled.prices.tolist() == [25.0, 30.0, 40.0, 25.0]
    assert settled.revenue[2].tolist() == [600.0, 500.0, 800.0]


@pytest.mark.parametrize(
    ("pricing", "revenue"),
    [("uniform", [560.0, 560.0, 560.0]), ("pay_as_bid", [560.0, 520.0, 560.0])],
)
def test_floor_and_cap_bound_what_is_paid_not_who_delivers(
    pricing: str, revenue: list[float]
) -> None:
    bounded = settle(
        BIDS, QUANTITIES, DEMAND, pricing=pricing, price_floor=26.0, price_cap=28.0,
        scarcity_price=3000.0, backend="numpy",
    )  # fmt: skip
    assert bounded.prices.tolist() == [26.0, 28.0, 28.0, 26.0]
    assert bounded.revenue[2].tolist() == revenue
    assert (
        bounded.cleared.tolist()
        == settle(BIDS, QUANTITIES, DEMAND, backend="numpy").cleared.tolist()
    )


@pytest.mark.parametrize("run", [settle, totals])
def test_a_supply_beyond_all_floats_is_enough(run: Any) -> None:
    settled = run(BIDS, [1e308] * 3, [10.0], backend="numpy")
    assert settled.unserved.tolist() == [0.0]
    assert settled.marginal.tolist() == [1]


def test_unknown_costs_are_not_zero() -> None:
    settled, added = (
        settle(BIDS, QUANTITIES, DEMAND, backend="numpy"),
        totals(BIDS, QUANTITIES, DEMAND, backend="numpy"),
    )
    assert settled.cost is settled.profit is None
    assert added.hours.cost is added.hours.profit is None
    assert added.units.cost is added.units.profit is None


def test_no_markets() -> None:
    added = totals(BIDS, QUANTITIES, [], backend="numpy", costs=COSTS)
    assert added.prices.shape == added.hours.energy.shape == (0,)
    assert added.units.energy.tolist() == [0.0, 0.0, 0.0]
    with pytest.raises(ValueError, match=r"^bids\[0\] is nan: bids must be finite$"):
        totals([math.nan, 1.0, 1.0], QUANTITIES, [], backend="numpy")


@pytest.mark.parametrize("pricing", ["uniform", "pay_as_bid"])
def test_a_year_of_a_fleet_is_the_same_on_every_backend(backend: Backend, pricing: str) -> None:
    fleet = fleets.load()
    demand = fleet.demand[:700]
    given = fleet.costs, fleet.capacities, demand
    options: dict[str, Any] = {"costs": fleet.costs, "pricing": pricing, "ties": "pro_rata"}
    added = totals(*given, **options, backend=backend.name)
    expected = totals(*given, **options, backend="numpy")
    assert added.hours.revenue.tobytes() == expected.hours.revenue.tobytes()
    assert added.units.revenue.tobytes() == expected.units.revenue.tobytes()
    assert added.hours.energy == pytest.approx(demand)


WRONG = (
    (
        {"pricing": "median"},
        "pricing is 'median': pricing must be 'uniform' or 'pay_as_bid'",
    ),
    (
        {"price_cap": math.inf},
        "price_cap is inf: price_cap must be finite",
    ),
    (
        {"price_floor": "1"},
        "price_floor has type str: price_floor must be a number",
    ),
    (
        {"price_floor": 50, "price_cap": 40},
        "price_floor is 50.0: price_floor must be at most price_cap, which is 40.0",
    ),
    (
        {"ties": "last"},
        "ties is 'last': ties must be 'first' or 'pro_rata'",
    ),
    (
        {"tolerance": 1},
        "tolerance is 1: tolerance must be a number that is at least 0 and less than 1",
    ),
    (
        {"backend": "abacus"},
        "backend is 'abacus': backend must be one of 'rust', 'numba', 'numpy'",
    ),
    (
        {"costs": [1.0, math.nan, 3.0]},
        "costs[1] is nan: costs must be finite",
    ),
    (
        {"costs": np.full((4, 3), [1, 2, math.inf])},
        "costs[0, 2] is inf: costs must be finite",
    ),
    (
        {"costs": [1.0, 2.0]},
        "costs has shape (2,): bids has shape (3,), and both must have as many units",
    ),
    (
        {"costs": np.ones((3, 3))},
        "costs has shape (3, 3): demand has shape (4,), and both must have as many markets",
    ),
    (
        {"costs": 1.0},
        "costs has shape (): costs must be one- or two-dimensional",
    ),
    (
        {"costs": [True] * 3},
        "costs has dtype bool: costs must be float64, float32 or integer",
    ),
    (
        {"demand": [1.0, 2.0, -3.0, 4.0]},
        "demand[2] is -3.0: demand must not be negative",
    ),
    (
        {"demand": [1, 2, -3, 4]},
        "demand[2] is -3: demand must not be negative",
    ),
    (
        {"scarcity_price": math.nan},
        "scarcity_price is nan: scarcity_price must be finite",
    ),
    (
        {"bids": np.array([[1.0] * 3] * 3 + [[math.nan] * 3])},
        "bids[3, 0] is nan: bids must be finite",
    ),
)


@pytest.mark.parametrize("run", [settle, totals])
@pytest.mark.parametrize(("wrong", "said"), WRONG)
def test_bad_input_names_place_and_value(
    run: Any, wrong: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settlement, "_AT_ONCE", 3)  # a market at a time
    monkeypatch.setattr(settlement, "_FEWEST", 1)
    given: dict[str, Any] = {"bids": BIDS, "quantities": QUANTITIES, "demand": DEMAND}
    with pytest.raises((TypeError, ValueError)) as caught:
        run(**(given | {"backend": "numpy"} | wrong))
    assert str(caught.value) == said
    assert isinstance(caught.value, TypeError) == (" has type " in said or " has dtype " in said)
