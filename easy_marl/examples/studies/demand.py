"""What the units of a real fleet earn in many years of demand that might have been.

    pip install ".[studies]"    # in a clone
    python -m easy_marl.examples.studies.demand years --scenarios 1000

A scenario is a year of the fleet's demand, hour by hour, with other growth and other weather.
Units bid their cost. Each scenario gives a row for each unit: its energy, revenue and profit.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easy_marl.fleets import Fleet, load
from easy_marl.market import totals
from easy_marl.studies import Study
from easy_marl.studies.command import add_options, execute

Array = NDArray[Any]

GROWTH = (0.9, 0.95, 1.0, 1.05, 1.1)
"""Demand as shares of the demand of the fleet's own year; scenarios take them in turns."""
WEATHER = 0.03
"""By so much the demand of a day differs, as a share: its standard deviation."""
HOURS = 24

_fleet = cache(load)  # read once in each process


def year(parameters: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Return what each unit delivers (MWh) and earns (currency) in one year.

    Parameters
    ----------
    parameters
        ``fleet``, by name, and ``growth``, a factor on its demand.
    seed
        Determines the weather.
    """
    fleet = _fleet(parameters["fleet"])
    demand = parameters["growth"] * weather(fleet, seed) * fleet.demand
    units = totals(fleet.costs, fleet.capacities, demand, costs=fleet.costs).units
    return {
        "unit": np.arange(len(fleet.costs)),
        "growth": np.full(len(fleet.costs), parameters["growth"]),
        "energy": units.energy,
        "revenue": units.revenue,
        "profit": units.profit,
    }


def weather(fleet: Fleet, seed: int) -> Array:
    """Return a factor on the demand of each hour, the same for all hours of a day."""
    hours = len(fleet.demand)
    days = np.random.default_rng(seed).normal(1.0, WEATHER, -(-hours // HOURS))
    return np.repeat(days.clip(min=0.0), HOURS)[:hours]


def study(scenarios: int, seed: int = 0) -> Study:
    """Return a study of so many years."""
    growth = [GROWTH[one % len(GROWTH)] for one in range(scenarios)]
    parameters = [{"fleet": "ACTIVSg2000", "growth": one} for one in growth]
    return Study(function=year, parameters=parameters, seed=seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; bad arguments exit with 2."""
    parser = argparse.ArgumentParser(
        prog="python -m easy_marl.examples.studies.demand",
        description="What the units of a real fleet earn in many years of demand.",
    )
    add_options(parser)
    parser.add_argument("--scenarios", type=int, default=1000, metavar="N", help="years (1000)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        chosen = study(options.scenarios, options.seed)
    except ValueError as fault:
        parser.error(str(fault))
    return execute(chosen, options)


if __name__ == "__main__":
    # Other processes find the function by the module's own name.
    from easy_marl.examples.studies import demand

    sys.exit(demand.main())
