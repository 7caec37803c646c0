"""The public functions: they pick a backend and call it."""

from inspect import Signature, signature
from typing import TypedDict, Unpack

from numpy.typing import ArrayLike

from easy_marl.market.arguments import Cleared, Out
from easy_marl.market.registry import get_backend, loaded


class Options(TypedDict, total=False):
    """The options of `clear`."""

    ties: str
    scarcity_price: ArrayLike | None
    tolerance: float
    backend: str | None


def clear(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    **options: Unpack[Options],  # four keywords with defaults would take longer than few units
) -> tuple[float, Cleared]:
    """Clear one market in merit order.

    Parameters
    ----------
    bids : array_like, shape (n,)
        What each unit asks for, in currency/MWh; finite, may be negative.
    quantities : array_like, shape (n,)
        What each unit offers, in MW; finite, not negative.
    demand : array_like, scalar
        Demand in MW; finite, not negative.
    ties : {"first", "pro_rata"}, default "first"
        Who delivers where bids equal the price: the units with the lowest indices, or all of
        them in proportion to their quantities.
    scarcity_price : array_like, scalar, optional
        Price in currency/MWh where supply does not reach demand; finite, any sign. Without it,
        the highest bid of those who offer something is the price then.
    tolerance : float, default 1e-9
        Supply reaches demand where at most this share of it is left; at least 0 and less than 1.
        The default keeps the rounding of sums from setting prices; 0 is the strict rule.
    backend : {"rust", "numba", "numpy"}, optional
        Who does the work; see `get_backend` for the default. All agree to the last bit.

    Returns
    -------
    price : float
        Bid of the marginal unit, in currency/MWh.
    cleared : ndarray, shape (n,)
        What each unit delivers, in MW; float32 where `quantities` is float32, else float64.

    Raises
    ------
    TypeError
        If an input is, after `np.asarray`, neither float64, float32 nor integer, or if some of
        it is masked.
    ValueError
        If an option is unknown, a shape does not fit, the market is empty, or a number is not
        finite or is negative where it must not be. The message names the argument, the index
        and the value.
    BackendUnavailable
        If the backend is not installed.

    Notes
    -----
    All arithmetic is float64, in an order that `docs/semantics.md` fixes.

    Examples
    --------
    >>> price, cleared = clear([30.0, 25.0, 40.0], [20.0, 20.0, 20.0], 35.0)
    >>> price
    30.0
    >>> cleared.tolist()
    [15.0, 20.0, 0.0]
    """
    backend = options.pop("backend", None) if options else None
    try:
        run = loaded[backend].clear
    except (KeyError, TypeError):  # not used before, or not even hashable
        run = get_backend(backend).clear
    if options:
        return run(bids, quantities, demand, **options)  # type: ignore[no-any-return]
    return run(bids, quantities, demand)  # type: ignore[no-any-return]


def clear_batch(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    *,
    ties: str = "first",
    scarcity_price: ArrayLike | None = None,
    tolerance: float = 1e-9,
    out: Out | None = None,
    threads: int | None = None,
    backend: str | None = None,
) -> Out:
    """Clear many markets with as many units each; row by row what `clear` returns.

    Parameters
    ----------
    bids : array_like, shape (N,) or (B, N)
        What each unit asks for, in currency/MWh; finite, may be negative. One-dimensional bids
        are the same for all markets, and are sorted once.
    quantities : array_like, shape (N,) or (B, N)
        What each unit offers, in MW; finite, not negative.
    demand : array_like, shape (B,)
        Demand of each market in MW; finite, not negative. B may be 0.
    ties, scarcity_price, tolerance, backend
        As in `clear`.
    out : tuple of ndarray, optional
        Arrays `(prices, cleared)` that receive the results: of exactly the shapes and dtypes
        of the results, C-contiguous, aligned and writeable, overlapping neither the inputs nor
        each other. Nothing is written if an error is raised.
    threads : int, optional
        The most threads that a backend may use; it may use fewer. Without it, rust uses one for
        each processor, or fewer if the environment variable ``RAYON_NUM_THREADS`` says so, the
        others one. The results do not depend on it.

    Returns
    -------
    prices : ndarray of float64, shape (B,)
        Prices in currency/MWh.
    cleared : ndarray, shape (B, N)
        What each unit delivers in each market, in MW; float32 where `quantities` is float32,
        else float64.

    Raises
    ------
    TypeError, ValueError, BackendUnavailable
        As `clear`; a `ValueError` also if `out` or `threads` does not fit.

    Examples
    --------
    >>> prices, cleared = clear_batch([30.0, 25.0], [20.0, 20.0], [10.0, 35.0])
    >>> prices.tolist()
    [25.0, 30.0]
    >>> cleared.tolist()
    [[0.0, 10.0], [15.0, 20.0]]
    """
    try:
        run = loaded[backend].clear_batch
    except (KeyError, TypeError):  # not used before, or not even hashable
        run = get_backend(backend).clear_batch
    result: Out = run(
        bids,
        quantities,
        demand,
        ties=ties,
        scarcity_price=scarcity_price,
        tolerance=tolerance,
        out=out,
        threads=threads,
    )
    return result


def _signature_of_clear() -> Signature:
    """Return the arguments of `clear` one by one, for `help`: those of a batch, but for two."""
    batch = signature(clear_batch).parameters
    parameters = [batch[name] for name in batch if name not in ("out", "threads")]
    return Signature(parameters, return_annotation=signature(clear).return_annotation)


clear.__signature__ = _signature_of_clear()  # type: ignore[attr-defined]
