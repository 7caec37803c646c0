"""The actions that are tried where a best one is looked for."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from easy_marl.envs.simulation import numbers
from easy_marl.market.arguments import is_int
from easy_marl.market.stepping import Singles


def action_grid(withheld: int = 21, changes: int = 41) -> Singles:
    """Return actions that are equally spaced, the smallest ones first.

    Where several actions pay the same, the first of them is taken: one that withholds least, and
    of these one that changes the bid least.

    Parameters
    ----------
    withheld
        How many shares of capacity to withhold, from 0 to 1; at least 1, which is 0 only.
    changes
        How many changes of the bid, from -1 to 1; at least 2. An odd number has 0 among them.

    Returns
    -------
    ndarray of float32, shape (withheld · changes, 2)

    Raises
    ------
    ValueError
        If a number is too small, or no int.

    Examples
    --------
    >>> action_grid(1, 3).tolist()
    [[0.0, 0.0], [0.0, -1.0], [0.0, 1.0]]
    """
    for name, value, least in ("withheld", withheld, 1), ("changes", changes, 2):
        if not is_int(value) or value < least:
            raise ValueError(f"{name} is {value!r}: {name} must be an int of at least {least}")
    steps = np.linspace(-1.0, 1.0, changes)
    steps = steps[np.argsort(np.abs(steps), kind="stable")]
    shares = np.linspace(0.0, 1.0, withheld)
    return (
        np.stack(np.meshgrid(shares, steps, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)
    )


def checked_grid(grid: ArrayLike | None) -> Singles:
    """Return the actions to try, (G, 2).

    Raises
    ------
    TypeError, ValueError
        If they are no actions; the message names the place and the value.
    """
    if grid is None:
        return action_grid()
    points = numbers("grid", grid)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"grid has shape {points.shape}: it must be (G, 2), with G at least 1")
    bad = first_bad(points)
    if bad is not None:
        row, part = bad
        value = points[row, part].item()
        raise ValueError(f"grid[{row}, {part}] is {value!r}: actions must be between -1 and 1")
    return points


def first_bad(actions: Singles) -> tuple[Any, ...] | None:
    """Return where the first number is that is NaN or outside [-1, 1], if there is one."""
    bad = ~((actions >= -1.0) & (actions <= 1.0))
    if not bad.any():
        return None
    return tuple(int(axis) for axis in np.unravel_index(int(bad.argmax()), bad.shape))
