"""Merit-order clearing of electricity markets, compiled from Rust.

`docs/semantics.md` of easy_marl is the specification.
"""

from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "__version__",
    "_floor",
    "_floor_batch",
    "_study_clear",
    "build_info",
    "clear",
    "clear_batch",
    "market_clearing_rust",
]

__version__: Final[str]

def clear(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: Literal["first", "pro_rata"] = "first",
    scarcity_price: ArrayLike | None = None,
) -> tuple[float, NDArray[Any]]:
    """Clear one market in merit order.

    Parameters
    ----------
    bids : array_like, shape (n,)
        What each unit asks for, in currency/MWh; finite, may be negative.
    quantities : array_like, shape (n,)
        What each unit offers, in MW; finite, not negative.
    demand : array_like, scalar
        Demand in MW; finite, not negative.
    ties : {"first", "pro_rata"}
        Who delivers where bids equal the price: the units with the lowest indices, or all of
        them in proportion to their quantities.
    scarcity_price : array_like, scalar, optional
        Price in currency/MWh where supply does not reach demand; finite, any sign. Without it,
        the highest bid is the price then.

    Returns
    -------
    price : float
        Bid of the marginal unit, in currency/MWh.
    cleared : ndarray, shape (n,)
        What each unit delivers, in MW; float32 where `quantities` is float32, else float64.

    Raises
    ------
    TypeError
        If an input is, after `numpy.asarray`, neither float64, float32 nor integer.
    ValueError
        If an option is unknown, a shape does not fit, the market is empty, or a number is not
        finite or is negative where it must not be. The message names the argument, the index
        and the value.
    """

def clear_batch(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: Literal["first", "pro_rata"] = "first",
    scarcity_price: ArrayLike | None = None,
    out: tuple[NDArray[np.float64], NDArray[Any]] | None = None,
    threads: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Clear many markets in merit order; row by row what `clear` returns.

    Parameters
    ----------
    bids : array_like, shape (N,) or (B, N)
        As in `clear`; one-dimensional bids are sorted once for all markets.
    quantities : array_like, shape (N,) or (B, N)
        As in `clear`.
    demand : array_like, shape (B,)
        As in `clear`. Axes of length one do not broadcast.
    ties, scarcity_price
        As in `clear`, the same for all markets.
    out : (prices, cleared), optional
        Arrays that receive the results: of exactly their shapes and dtypes, C-contiguous,
        aligned and writeable, overlapping neither the inputs nor each other.
    threads : int, optional
        The most threads to use, at least 1. A hint: one thread is used.

    Returns
    -------
    prices : ndarray of float64, shape (B,)
        Price of each market, in currency/MWh.
    cleared : ndarray, shape (B, N)
        What each unit delivers, in MW; float32 where `quantities` is float32, else float64.

    Raises
    ------
    TypeError, ValueError
        As `clear`, and for an `out` or `threads` that does not fit. Nothing is written then.
    """

def market_clearing_rust(
    bids: ArrayLike, quantities: ArrayLike, demand: ArrayLike
) -> tuple[float, NDArray[Any]]:
    """Clear one market in merit order: `clear` with its default options."""

def build_info() -> dict[str, str]:
    """Return how this module was built.

    Returns
    -------
    dict
        `version`, `profile` ("release" or "debug"), `target` (triple), `rustc` (version) and
        `source_hash` (SHA-256 of the Rust sources and manifests).
    """

# Baselines of the benchmarks.

def _floor(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: Literal["first", "pro_rata"] = "first",
    scarcity_price: ArrayLike | None = None,
) -> tuple[float, NDArray[Any]]:
    """Do what `clear` does around clearing: price 0.0, nothing dispatched, values unchecked."""

def _floor_batch(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: Literal["first", "pro_rata"] = "first",
    scarcity_price: ArrayLike | None = None,
    out: tuple[NDArray[np.float64], NDArray[Any]] | None = None,
    threads: int | None = None,
) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Do what `clear_batch` does around clearing: zeros, values unchecked."""

def _study_clear(
    bids: ArrayLike, quantities: ArrayLike, demand: ArrayLike
) -> tuple[float, NDArray[Any]]:
    """Clear as the earlier study did: right only on valid, untied markets without scarcity."""
