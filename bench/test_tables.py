"""A year of a fleet as tables, beside the kernel on the same numbers in arrays.

This holds both against each other, library by library, and saves what the documents show::

    pytest-duel duel bench/test_tables.py::test_arrays bench/test_tables.py::test_tables
        --output docs/runs/tables.json
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from bench.scenarios import fleet_markup
from easy_marl.market import clear_batch

if TYPE_CHECKING:
    from bench.scenarios import Floats

UNITS = 432
HOURS = 8784
LIBRARIES = ("polars", "pandas", "pyarrow")

Benchmark = Callable[..., Any]


class Year(NamedTuple):
    """A year of markets with bids and quantities of their own."""

    bids: "Floats"
    quantities: "Floats"
    demand: "Floats"


@pytest.fixture(scope="module")
def year() -> Year:
    """Return the numbers: ACTIVSg2000, each unit adding up to 20 % to its cost anew each hour."""
    bids, quantities, demand = zip(*fleet_markup(UNITS, HOURS, 6), strict=True)
    return Year(np.stack(bids), np.stack(quantities), np.array(demand))


@pytest.mark.parametrize("library", LIBRARIES)
def test_arrays(benchmark: Benchmark, year: Year, library: str, rust_wheel: object) -> None:  # noqa: ARG001
    """Time `clear_batch`; the library is that of the tables beside it."""
    pytest.importorskip(library)
    prices, cleared = benchmark(clear_batch, *year, threads=1)
    assert prices.shape == (HOURS,)
    assert cleared.shape == (HOURS, UNITS)


@pytest.mark.parametrize("library", LIBRARIES)
def test_tables(benchmark: Benchmark, year: Year, library: str, rust_wheel: object) -> None:  # noqa: ARG001
    """Time `frames.clear` on a table of 3.8 million offers."""
    own: Any = pytest.importorskip(library)
    frames: Any = pytest.importorskip("easy_marl.market.frames")
    table = own.table if library == "pyarrow" else own.DataFrame
    hours = np.arange(HOURS)
    offers = table(
        {
            "hour": np.repeat(hours, UNITS),
            "unit": np.tile(np.arange(UNITS), HOURS),
            "bid": year.bids.ravel(),
            "quantity": year.quantities.ravel(),
        }
    )
    demand = table({"hour": hours, "demand": year.demand})
    cleared = benchmark(frames.clear, offers, demand, threads=1)
    prices, dispatch = clear_batch(*year, threads=1)
    assert (np.asarray(cleared.prices["price"]) == prices).all()
    assert (np.asarray(cleared.dispatch["cleared"]) == dispatch.ravel()).all()
