"""A year of a fleet settled: unit by unit in each hour, and in totals.

This holds one against the other, and saves what the documents show::

    pytest-duel duel bench/test_settlement.py::test_settle bench/test_settlement.py::test_totals
        --output docs/runs/totals.json
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from bench.scenarios import fleet, fleet_markup, stack
from easy_marl.market import settle, totals

UNITS = 432
HOURS = 8784
BIDS = {"shared": fleet, "hourly": fleet_markup}
"""How units of ACTIVSg2000 bid: at their cost, or up to 20 % above it, anew each hour."""

Benchmark = Callable[..., Any]


class Year(NamedTuple):
    """What `settle` takes."""

    bids: Any
    quantities: Any
    demand: Any


@pytest.fixture(scope="module", params=BIDS)
def year(request: pytest.FixtureRequest) -> Year:
    """Return a year of markets."""
    (given,) = stack(BIDS[request.param](UNITS, HOURS, 6), HOURS)
    return Year(*given)


@pytest.fixture(scope="module")
def costs() -> Any:
    """Return what a MWh costs each unit."""
    return fleet(UNITS, HOURS, 6)[0][0]


def test_settle(benchmark: Benchmark, year: Year, costs: Any, rust_wheel: object) -> None:  # noqa: ARG001
    """Time what tells of each unit in each hour."""
    settled = benchmark(settle, *year, costs=costs, threads=1)
    assert settled.profit.shape == (HOURS, UNITS)


def test_totals(benchmark: Benchmark, year: Year, costs: Any, rust_wheel: object) -> None:  # noqa: ARG001
    """Time what tells the sums."""
    added = benchmark(totals, *year, costs=costs, threads=1)
    assert added.hours.energy == pytest.approx(year.demand)
    assert added.units.profit.shape == (UNITS,)
    assert np.isfinite(added.units.profit).all()
