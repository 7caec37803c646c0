# Stubs of the compiled module; its functions carry their documentation.

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "__version__",
    "_clear_portable",
    "_floor",
    "_floor_batch",
    "_study_clear",
    "_study_clear_copying",
    "build_info",
    "clear",
    "clear_batch",
    "market_clearing_rust",
    "step_batch",
]

__version__: Final[str]

def clear(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-09,
) -> tuple[float, NDArray[Any]]: ...
def clear_batch(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-09,
    out: tuple[NDArray[np.float64], NDArray[Any]] | None = None,
    threads: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[Any]]: ...
def market_clearing_rust(
    bids: ArrayLike, quantities: ArrayLike, demand: ArrayLike
) -> tuple[float, NDArray[Any]]: ...
def step_batch(
    model: tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float32],
        NDArray[np.float32],
        float,
        float,
        float,
        float,
        float,
        int,
        str,
        float | None,
        float,
    ],
    state: tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]],
    actions: NDArray[np.float32],
    outcome: tuple[
        NDArray[np.float64],
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
    ],
    *,
    threads: int | None = None,
) -> int: ...
def build_info() -> dict[str, str]: ...

# Baselines of the benchmarks.

def _clear_portable(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-09,
) -> tuple[float, NDArray[Any]]: ...
def _floor(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-09,
) -> tuple[float, NDArray[Any]]: ...
def _floor_batch(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-09,
    out: tuple[NDArray[np.float64], NDArray[Any]] | None = None,
    threads: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[Any]]: ...
def _study_clear(
    bids: ArrayLike, quantities: ArrayLike, demand: ArrayLike
) -> tuple[float, NDArray[Any]]: ...
def _study_clear_copying(
    bids: ArrayLike, quantities: ArrayLike, demand: ArrayLike
) -> tuple[float, NDArray[np.float64]]: ...
