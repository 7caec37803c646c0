"""What a user of the fleets relies on: the right numbers, in the right units, for good."""

import dataclasses

import numpy as np
import pytest

from easy_marl.fleets import Fleet, load, names


@pytest.fixture(scope="module")
def texas() -> Fleet:
    return load()


def test_activsg2000_has_the_units_of_its_source(texas: Fleet) -> None:
    assert texas.name == "ACTIVSg2000"
    assert texas.costs.shape == texas.capacities.shape == (432,)
    assert len(np.unique(texas.costs)) == 131
    assert np.count_nonzero(texas.costs == 0) == 118
    # First and last unit in service, and an unusual one, read off the source by eye.
    assert (texas.costs[0], texas.capacities[0]) == (0.0, 158.25)
    assert (texas.costs[103], texas.capacities[103]) == (29.085, 176.33)


def test_activsg2000_has_every_hour_of_a_leap_year(texas: Fleet) -> None:
    assert texas.demand.shape == (366 * 24,)
    first_hour = (946.9, 806.8, 940.1, 3318.7, 10047.2, 5441.9, 8258.4, 1467.9)
    assert texas.demand[0] == round(sum(first_hour), 1)
    assert (texas.demand.min(), texas.demand.max()) == (23072.3, 66275.7)


@pytest.mark.parametrize("name", names())
def test_a_fleet_makes_valid_markets(name: str) -> None:
    fleet = load(name)
    for array in (fleet.costs, fleet.capacities, fleet.demand):
        assert array.dtype == np.float64
        assert array.ndim == 1
        assert array.size
        assert np.isfinite(array).all()
        assert array.flags.c_contiguous
    assert (fleet.capacities >= 0).all()
    assert (fleet.demand > 0).all()
    # In currency/MWh and MW, not in the per-unit or kW of other formats.
    assert 5 < np.median(fleet.costs[fleet.costs > 0]) < 100
    assert 0.2 < fleet.demand.mean() / fleet.capacities.sum() < 1


@pytest.mark.parametrize("field", ["costs", "capacities", "demand"])
def test_a_fleet_cannot_be_changed(field: str) -> None:
    fleet = load()
    with pytest.raises(ValueError, match="read-only"):
        getattr(fleet, field)[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(fleet, field, np.zeros(1))


@pytest.mark.parametrize("name", ["Texas", "", "../fleets", "activsg2000"])
def test_an_unknown_fleet_names_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match="the known fleets are ACTIVSg2000") as raised:
        load(name)
    assert repr(name) in str(raised.value)
