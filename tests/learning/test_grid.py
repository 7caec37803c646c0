"""The actions that are tried."""

from typing import Any

import numpy as np
import pytest

from easy_marl.learning import action_grid, exploitability


def test_the_grid_holds_equally_spaced_actions_the_smallest_first() -> None:
    grid = action_grid(3, 5)
    assert grid.dtype == np.float32
    assert grid.shape == (15, 2)
    assert grid[:5].tolist() == [[0.0, 0.0], [0.0, -0.5], [0.0, 0.5], [0.0, -1.0], [0.0, 1.0]]
    assert sorted(set(grid[:, 0].tolist())) == [0.0, 0.5, 1.0]
    assert action_grid().shape == (21 * 41, 2)
    assert action_grid(1, 2).tolist() == [[0.0, -1.0], [0.0, 1.0]]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ((0, 5), "withheld is 0: withheld must be an int of at least 1"),
        ((3, 1), "changes is 1: changes must be an int of at least 2"),
        ((3, 2.5), "changes is 2.5: changes must be an int of at least 2"),
        ((True, 5), "withheld is True"),
    ],
)
def test_bad_numbers(numbers: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        action_grid(*numbers)


@pytest.mark.parametrize(
    ("grid", "error", "message"),
    [
        ([[0.0, 0.0], [0.0, np.nan]], ValueError, r"grid\[1, 1\] is nan: actions must be between"),
        ([[1.5, 0.0]], ValueError, r"grid\[0, 0\] is 1.5: actions must be between -1 and 1"),
        ([0.0, 0.0], ValueError, r"grid has shape \(2,\): it must be \(G, 2\)"),
        (np.zeros((0, 2)), ValueError, r"grid has shape \(0, 2\)"),
        (np.zeros((4, 3)), ValueError, r"grid has shape \(4, 3\)"),
        ("fine", TypeError, "grid has dtype <U4: grid must be numbers"),
    ],
)
def test_bad_grids(grid: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}"):
        exploitability("duopoly", None, grid=grid)
