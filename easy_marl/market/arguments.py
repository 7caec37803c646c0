"""Checks and conversions of arguments, for backends that are written in Python.

Everything that can be said about arguments without reading the numbers in the large arrays, in
the order of the table in `docs/semantics.md`: options, dtypes, dimensions, empty markets,
lengths; and, once the numbers are known to be good, `out`.
"""

import math
import os
import weakref
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from easy_marl.market import errors

Floats = NDArray[np.float64]
Cleared = NDArray[np.floating[Any]]
Out = tuple[Floats, Cleared]

TIES = ("first", "pro_rata")
FLOAT64 = np.dtype(np.float64)

_MUCH = 2**30
"""So many bytes are not asked for in vain, but only if they are there."""

_FLOATS = (np.float64, np.float32)

_NUMBERS = frozenset({float, int, np.float64})
"""The types of most numbers in sequences."""

_NO_SEQUENCES = (str, bytes, dict)
"""What has items, but is none to `np.asarray`."""

_DEEPEST = 64
"""So deep `np.asarray` looks into sequences."""


class Inputs(NamedTuple):
    """The numbers of one market or of a batch, as native C-contiguous float64 arrays."""

    bids: Floats
    quantities: Floats
    demand: Floats
    scarcity_price: Floats | None
    dtype: type[np.floating[Any]]
    """What `cleared` is to be."""


def check_ties(ties: object) -> None:
    """Raise unless `ties` is one of `TIES`."""
    if not (isinstance(ties, str) and ties in TIES):
        raise errors.bad_option("ties", ties, "'first' or 'pro_rata'")


def is_int(value: object) -> TypeGuard[int]:
    """Return whether a value is an int, of Python or of NumPy, to which a span of time is one."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.timedelta64))


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a float or an int, of Python or of NumPy."""
    return isinstance(value, (float, np.floating)) or is_int(value)


def check_number(name: str, value: object) -> float:
    """Return a number as a float, or raise unless it is one, and finite."""
    if not is_number(value):
        raise TypeError(f"{name} has type {type(value).__name__}: {name} must be a number")
    try:
        number = float(value)
    except OverflowError:  # an int beyond all floats
        number = math.inf if value > 0 else -math.inf
    if not math.isfinite(number):
        raise errors.bad_option(name, number, "finite")
    return number


def check_tolerance(tolerance: object) -> float:
    """Return the tolerance, or raise unless it is a number in [0, 1)."""
    # As given and as a float: a longdouble may be less than all floats that are not negative.
    if not (is_number(tolerance) and 0 <= tolerance < 1 and float(tolerance) < 1.0):
        rule = "a number that is at least 0 and less than 1"
        raise errors.bad_option("tolerance", tolerance, rule)
    return float(tolerance)


def check_threads(threads: object) -> None:
    """Raise unless `threads` is a positive int or None."""
    if threads is None:
        return
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise errors.bad_option("threads", threads, "a positive int or None")


def as_array(argument: Any) -> NDArray[Any] | None:
    """Return what `np.asarray` makes of an argument; None if something in it is masked.

    That may be a masked array, one that the argument's `__array__` returns, or one in a sequence.
    """
    if not hasattr(argument, "__array__") and _holds_masked(argument, _DEEPEST):
        return None
    array = np.asanyarray(argument)  # which keeps a masked array one
    return None if _is_masked(array) else np.asarray(array)


def one_market(
    bids: ArrayLike, quantities: ArrayLike, demand: ArrayLike, scarcity_price: ArrayLike | None
) -> Inputs:
    """Check and convert the inputs of one market.

    Returns
    -------
    Inputs
        `bids` and `quantities` of shape (n,); `demand` and `scarcity_price` of shape ().
    """
    arrays = _arrays(bids, quantities, demand, scarcity_price)
    rules = ((1,), "one-dimensional"), ((1,), "one-dimensional"), ((0,), "a scalar")
    _check_shapes(arrays, rules)
    return _converted(arrays, results=arrays[0].size)


def many_markets(
    bids: ArrayLike,
    quantities: ArrayLike,
    demand: ArrayLike,
    scarcity_price: ArrayLike | None,
    out: object = None,
) -> Inputs:
    """Check and convert the inputs of a batch; `out` is what the caller gave.

    Returns
    -------
    Inputs
        `bids` and `quantities` of shape (N,) or (B, N), `demand` of shape (B,),
        `scarcity_price` of shape ().
    """
    arrays = _arrays(bids, quantities, demand, scarcity_price)
    either = (1, 2), "one- or two-dimensional"
    _check_shapes(arrays, (either, either, ((1,), "one-dimensional")))
    markets = arrays[2].shape
    for name, array in zip(errors.ARGUMENTS[:2], arrays[:2], strict=True):
        if array.ndim == 2 and array.shape[:1] != markets:
            raise errors.different_lengths(name, array.shape, "demand", markets, "markets")
    results = 0 if out is not None else markets[0] * (1 + arrays[0].shape[-1])
    return _converted(arrays, results)


def of_units(name: str, argument: ArrayLike, bids: errors.Shape, demand: errors.Shape) -> Floats:
    """Check and convert another argument that has a number for each unit of a batch.

    Parameters
    ----------
    name, argument
        What the caller gave.
    bids, demand
        The shapes of these arguments, which are good.

    Returns
    -------
    ndarray
        Of shape (N,) or (B, N), finite.
    """
    array = _array(name, argument)
    if array.ndim not in (1, 2):
        raise errors.bad_dimension(name, array.shape, "one- or two-dimensional")
    if array.shape[-1] != bids[-1]:
        raise errors.different_lengths(name, array.shape, "bids", bids, "units")
    if array.ndim == 2 and array.shape[:1] != demand:
        raise errors.different_lengths(name, array.shape, "demand", demand, "markets")
    numbers = _floats(array)
    good = np.isfinite(numbers)
    if not good.all():
        raise errors.bad_number(errors.Fault.NOT_FINITE, name, array, int(good.argmin()))
    return numbers


def outputs(out: object, inputs: tuple[ArrayLike, ...], shape: errors.Shape, dtype: Any) -> Out:
    """Check `out`, or make it.

    Parameters
    ----------
    out
        What the caller gave: None or a tuple `(prices, cleared)`.
    inputs
        `bids`, `quantities` and `demand` as the caller gave them.
    shape
        Shape (B, N) of `cleared`.
    dtype
        dtype of `cleared`.
    """
    if out is None:
        return np.empty(shape[:1]), np.empty(shape, dtype)
    if not (
        isinstance(out, tuple)
        and len(out) == 2
        and all(isinstance(array, np.ndarray) for array in out)
    ):
        raise errors.bad_out(out)
    prices, cleared = out
    _check_output(0, prices, shape[:1], np.float64)
    _check_output(1, cleared, shape, dtype)
    if np.shares_memory(prices, cleared):
        raise errors.overlapping_outputs()
    for position, array in enumerate(out):
        for name, given in zip(errors.ARGUMENTS, inputs, strict=False):
            if np.shares_memory(array, np.asarray(given)):
                raise errors.overlapping_input(position, name)
    return prices, cleared


def pinned(*arrays: NDArray[Any]) -> list[weakref.ref[NDArray[Any]]]:
    """Return what keeps the memory of arrays, and of those of which they are views, where it is.

    As long as it lives, NumPy's `resize` refuses them, also where it is told to count no
    references. Kernels need it that let go of the GIL.
    """
    pins = []
    for array in arrays:
        owner: Any = array
        while isinstance(owner, np.ndarray):
            pins.append(weakref.ref(owner))
            owner = owner.base
    return pins


def store(values: Floats, cleared: Cleared) -> None:
    """Round `values` to the dtype of `cleared`, once."""
    with np.errstate(under="ignore"):
        cleared[...] = values


def _arrays(*given: ArrayLike | None) -> tuple[NDArray[Any], ...]:
    """Return the arguments as arrays of accepted dtypes, without a scarcity price of None."""
    arrays = []
    for name, argument in zip(errors.ARGUMENTS, given, strict=True):
        if argument is None and name == "scarcity_price":
            continue
        arrays.append(_array(name, argument))
    return tuple(arrays)


def _array(name: str, argument: ArrayLike | None) -> NDArray[Any]:
    """Return an argument as an array of an accepted dtype."""
    array = as_array(argument)
    if array is None:
        raise errors.masked(name)
    # By type, because longdouble is a type of its own even where it has 64 bits.
    if array.dtype.type not in _FLOATS and array.dtype.kind not in "iu":
        raise errors.bad_dtype(name, array.dtype)
    return array


def _is_masked(array: NDArray[Any]) -> bool:
    """Return whether an array is a masked one in which something is masked."""
    return (
        isinstance(array, np.ma.MaskedArray)
        and array.dtype.names is None  # of which NumPy does not tell, and whose dtype is bad
        and bool(np.ma.is_masked(array))
    )


def _holds_masked(values: Any, deep: int) -> bool:
    """Return whether a sequence holds something masked, in what `np.asarray` takes for one."""
    if isinstance(values, _NO_SEQUENCES) or not hasattr(type(values), "__getitem__") or deep == 0:
        return False
    try:
        items = list(values)
    except Exception:  # NumPy says what is wrong with it, if anything
        return False
    if _NUMBERS.issuperset(map(type, items)):
        return False
    for item in items:
        if isinstance(item, np.generic):
            continue
        if hasattr(item, "__array__"):
            found = _is_masked(np.asanyarray(item))
        else:
            found = _holds_masked(item, deep - 1)
        if found:
            return True
    return False


def _check_shapes(
    arrays: tuple[NDArray[Any], ...], rules: tuple[tuple[tuple[int, ...], str], ...]
) -> None:
    """Check dimensions, that there are units, and that bids and quantities have as many."""
    rules = (*rules, ((0,), "a scalar"))
    for name, array, (dimensions, rule) in zip(errors.ARGUMENTS, arrays, rules, strict=False):
        if array.ndim not in dimensions:
            raise errors.bad_dimension(name, array.shape, rule)
    bids, quantities = arrays[:2]
    for name, array in ("bids", bids), ("quantities", quantities):
        if array.shape[-1] == 0:
            raise errors.empty_market(name, array.shape)
    if bids.shape[-1] != quantities.shape[-1]:
        raise errors.different_lengths("quantities", quantities.shape, "bids", bids.shape, "units")


def _converted(arrays: tuple[NDArray[Any], ...], results: int) -> Inputs:
    """Return the inputs of a call that gives so many numbers."""
    _check_room(results + sum(array.size for array in arrays if not _fits(array)))
    floats = [_floats(array) for array in arrays]
    dtype = np.float32 if arrays[1].dtype.type is np.float32 else np.float64
    scarcity_price = floats[3] if len(floats) > 3 else None
    return Inputs(floats[0], floats[1], floats[2], scarcity_price, dtype)


def _check_room(numbers: int) -> None:
    """Raise unless there is memory for so many numbers, before any of them is read or written.

    Inputs of few bytes can be of any size: `np.broadcast_to` makes them.
    """
    needed = FLOAT64.itemsize * numbers
    if needed < _MUCH:
        return
    if needed > _memory():
        raise MemoryError(f"{numbers} numbers need {needed} bytes, more than this machine has")
    np.empty(needed, np.uint8)  # which may raise, too


def _memory() -> float:
    """Return how many bytes the machine has: some systems let a process ask for more."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE")) * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # such as Windows, which gives what there is
        return math.inf


def _fits(array: NDArray[Any]) -> bool:
    """Return whether an array can be used as it is."""
    # carray is C-contiguous, aligned and writeable: for read-only arrays numba would compile a
    # kernel of their own.
    return array.dtype == FLOAT64 and array.flags.carray


def _floats(array: NDArray[Any]) -> Floats:
    if _fits(array):
        return array
    with np.errstate(invalid="ignore"):  # a signalling NaN is found later, as any other
        return np.array(array, np.float64, order="C")


def _check_output(position: int, array: NDArray[Any], shape: errors.Shape, dtype: Any) -> None:
    if isinstance(array, np.ma.MaskedArray):  # its mask would hide results, or keep them out
        raise errors.bad_output(position, "is a masked array", "not be masked")
    if array.dtype.type is not dtype or not array.dtype.isnative:
        raise errors.bad_output(position, f"has dtype {array.dtype}", f"be {np.dtype(dtype)}")
    if array.shape != shape:
        raise errors.bad_output(position, f"has shape {array.shape}", f"have shape {shape}")
    if not array.flags.c_contiguous:
        raise errors.bad_output(position, "is not C-contiguous", "be C-contiguous")
    if not array.flags.aligned:
        raise errors.bad_output(position, "is not aligned", "be aligned")
    if not array.flags.writeable:
        raise errors.bad_output(position, "is read-only", "be writeable")
