"""Actions as they are given: read as float32, clipped where they overshoot by rounding only."""

from typing import Any

import numpy as np

from easy_marl.market import errors
from easy_marl.market.arguments import as_array
from easy_marl.market.stepping import Singles

ROUNDING = 4 * np.finfo(np.float32).eps
"""So far a bound may be overshot: what is scaled in float32, as by `RescaleAction`, ends there."""


def numbers(name: str, given: Any) -> Singles:
    """Return actions as float32, aligned and C-contiguous; the same array, if it is that already.

    Raises
    ------
    TypeError
        If they are no numbers, or a tensor that gradients are recorded for.
    """
    if type(given) is np.ndarray and given.dtype == np.float32 and given.flags.carray:
        return given
    try:
        array = as_array(given)
    except (TypeError, ValueError, RuntimeError) as error:  # the last one is PyTorch's
        raise TypeError(f"{name} cannot be read as an array of numbers: {error}") from None
    if array is None:
        raise errors.masked(name)
    if array.dtype.kind not in "iuf":
        raise TypeError(f"{name} has dtype {array.dtype}: {name} must be numbers")
    with np.errstate(over="ignore"):  # infinity is refused later, by its place
        return np.array(array, np.float32, order="C")


def without_rounding(actions: Singles) -> Singles:
    """Return actions with those clipped that overshoot a bound by float32 rounding only."""
    rounded = np.abs(actions) <= 1.0 + ROUNDING
    return np.where(rounded, np.clip(actions, -1.0, 1.0), actions)
