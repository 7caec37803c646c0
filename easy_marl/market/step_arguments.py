"""Checks of what `step_batch` is given, for backends that are written in Python.

In this order: tuples, options, numbers, then array by array, whether outputs overlap anything, and
at last hours. `rust_market/src/step.rs` does the same, and says it in the same words.
"""

import math
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from easy_marl.market import arguments
from easy_marl.market.stepping import ALL, Model, Outcome, Singles, State

Record = TypeVar("Record", Model, State, Outcome)
Array = NDArray[Any]
Axes = tuple[int | None, ...]

FLOAT64, FLOAT32 = np.dtype(np.float64), np.dtype(np.float32)
INT64, BOOL = np.dtype(np.int64), np.dtype(np.bool_)
ARRAYS: dict[str, np.dtype[Any]] = {
    "model.capacities": FLOAT64,
    "model.costs": FLOAT64,
    "model.agent_features": FLOAT32,
    "model.hour_features": FLOAT32,
    "state.hours": INT64,
    "state.demand": FLOAT64,
    "state.active": BOOL,
    "actions": FLOAT32,
    "outcome.rewards": FLOAT64,
    "outcome.observations": FLOAT32,
    "outcome.prices": FLOAT64,
    "outcome.dispatch": FLOAT64,
    "outcome.profits": FLOAT64,
}
"""All arrays in their order, with their dtypes."""
_CONSTANTS = 4
"""So many of them are a model's."""
_PLAIN = [np.ndarray] * len(ARRAYS)
_DTYPES = [*ARRAYS.values()]
_NUMBERS = ("bid_change", "bid_penalty", "shortage_penalty", "reward_scale", "demand_scale")


class Given(NamedTuple):
    """What a step is given, checked: all arrays plain, all numbers floats."""

    model: Model
    state: State
    actions: Singles
    outcome: Outcome


def check(model: Any, state: Any, actions: Any, outcome: Any, threads: Any) -> Given:
    """Return what was given, or raise for the first thing that does not fit; hours come later."""
    given = Given(model, state, actions, outcome)
    if is_plain(given, threads):
        return given
    model = _record(Model, "model", model)
    state = _record(State, "state", state)
    outcome = _record(Outcome, "outcome", outcome)
    arguments.check_ties(model.ties)
    tolerance = arguments.check_tolerance(model.tolerance)
    arguments.check_threads(threads)
    numbers: dict[str, Any] = {name: _number(name, getattr(model, name)) for name in _NUMBERS}
    learner = _learner(model.learner)
    price = model.scarcity_price
    if price is not None:
        price = _number("scarcity_price", price, "a number or None")
    model = model._replace(**numbers, learner=learner, scarcity_price=price, tolerance=tolerance)
    arrays: list[Any] = _checked_arrays(Given(model, state, actions, outcome))
    return Given(
        Model(*arrays[:_CONSTANTS], *model[_CONSTANTS:]),
        State(*arrays[4:7]),
        arrays[7],
        Outcome(*arrays[8:]),
    )


def is_plain(given: Given, threads: object) -> bool:
    """Return whether all fits, hours left aside, as can be seen at a glance.

    Where it is False, all may fit as well: such as read-only inputs, or views of anything.
    """
    model, state, _, outcome = given
    if not (type(model) is Model and type(state) is State and type(outcome) is Outcome):
        return False
    arrays = _arrays(given)
    # List by list, because that takes half the time of array by array. The flag is also about
    # what is read: numba would compile a kernel of its own for an array that is read-only.
    if not (
        type(model.learner) is int
        and [*map(type, arrays)] == _PLAIN
        and [array.dtype for array in arrays] == _DTYPES
        and all([array.flags.carray for array in arrays])  # noqa: C419
        and _are_apart(arrays)
        and [array.shape for array in arrays] == _shapes(given)
    ):
        return False
    return _is_plain_model(model) and (threads is None or (type(threads) is int and threads > 0))


def _are_apart(arrays: tuple[Array, ...]) -> bool:
    """Return whether each array, or the one that it is a view of, owns memory of its own."""
    owners = {id(array) for array in arrays if array.base is None}
    for view in [array for array in arrays if array.base is not None]:
        if type(view.base) is not np.ndarray or view.base.base is not None:
            return False
        owners.add(id(view.base))
    return len(owners) == len(arrays)


def check_hours(given: Given) -> None:
    """Raise for the first hour from which no step can be taken, or that cannot be observed."""
    hours, active = given.state.hours, given.state.active
    last = len(given.model.hour_features) - 1
    bad = (hours < 0) | (hours > last) | (active & (hours == last))
    if bad.any():
        raise bad_hour(given, int(bad.argmax()))


def bad_hour(given: Given, row: int) -> ValueError:
    """Return the error for an hour that is none of the episode's."""
    last = len(given.model.hour_features) - 1
    active = given.state.active[row]
    rule = f"less than {last} where active" if active else f"at most {last} where idle"
    hour = given.state.hours[row]
    return ValueError(f"state.hours[{row}] is {hour}: it must be at least 0 and {rule}")


def _is_plain_model(model: Model) -> bool:
    """Return whether options and numbers of a model are as they are mostly given."""
    price = model.scarcity_price
    return (
        len(model.costs) > 0
        and len(model.hour_features) > 0
        and all(type(number) is float and math.isfinite(number) for number in model[4:9])
        and ALL <= model.learner < len(model.costs)
        and type(model.ties) is str
        and model.ties in arguments.TIES
        and (price is None or (type(price) is float and math.isfinite(price)))
        and type(model.tolerance) is float
        and 0.0 <= model.tolerance < 1.0
    )


def _shapes(given: Given) -> list[tuple[int, ...]] | None:
    """Return the shapes of all arrays, as they follow from some; None if those have other axes."""
    model, state = given.model, given.state
    lines, tables = (model.costs, state.hours), (model.agent_features, model.hour_features)
    if any(one.ndim != 1 for one in lines) or any(one.ndim != 2 for one in tables):
        return None
    agents, rows = len(model.costs), len(state.hours)
    (_, of_agent), (hours, of_hour) = model.agent_features.shape, model.hour_features.shape
    acting = agents if model.learner == ALL else 1
    results = (rows, acting)
    return [
        *((agents,), (agents,), (agents, of_agent), (hours, of_hour)),
        *((rows,), (rows, hours), (rows,), (rows, acting, 2)),
        *(results, (rows, acting, 1 + of_agent + of_hour), (rows,), results, results),
    ]


def _record(kind: type[Record], name: str, given: Any) -> Record:
    count = len(kind._fields)
    if not (isinstance(given, tuple) and len(given) == count):
        raise _bad_type(name, given, f"a tuple of {count}")
    return kind(*given)


def _bad_type(name: str, given: object, rule: str) -> TypeError:
    return TypeError(f"{name} has type {type(given).__name__}: it must be {rule}")


def _number(field: str, given: Any, rule: str = "a number") -> float:
    name = f"model.{field}"
    if not arguments.is_number(given):
        raise _bad_type(name, given, rule)
    try:
        number = float(given)
    except OverflowError:  # an int beyond all floats
        number = math.inf if given > 0 else -math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} is {number}: it must be finite")
    return number


def _learner(given: Any) -> int:
    if not arguments.is_int(given):
        raise _bad_type("model.learner", given, "an int")
    return int(given)


def _arrays(given: Given) -> tuple[Any, ...]:
    model: tuple[Any, ...] = given.model
    return (*model[:_CONSTANTS], *given.state, given.actions, *given.outcome)


def _checked_arrays(given: Given) -> list[Array]:
    """Return all arrays, of no subclass, or raise unless they can be used where they lie."""
    arrays = dict(zip(ARRAYS, _arrays(given), strict=True))
    for name, array in arrays.items():
        if isinstance(array, np.ma.MaskedArray):
            raise TypeError(f"{name} is a masked array: it must not be masked")
    _check_constants(given.model, arrays)
    _check_array("state.hours", arrays, (None,))
    shapes = _shapes(given)
    assert shapes is not None  # noqa: S101  the axes that it follows from were checked
    for name, shape in list(zip(ARRAYS, shapes, strict=True))[_CONSTANTS + 1 :]:
        _check_array(name, arrays, shape)
    _check_overlaps(arrays)
    return [np.asarray(array) for array in arrays.values()]


def _check_constants(model: Model, arrays: dict[str, Array]) -> None:
    """Check the arrays of a model, and its learner."""
    _check_array("model.costs", arrays, (None,))
    agents = len(model.costs)
    if agents == 0:
        raise ValueError("model.costs has shape (0,): a market needs at least one unit")
    _check_array("model.capacities", arrays, (agents,))
    _check_array("model.agent_features", arrays, (agents, None))
    _check_array("model.hour_features", arrays, (None, None))
    if len(model.hour_features) == 0:
        raise ValueError(
            "model.hour_features has no row: it must have one more than there are hours"
        )
    if not ALL <= model.learner < agents:
        raise ValueError(
            f"model.learner is {model.learner}: it must be at least -1 and less than {agents}"
        )


def _check_array(name: str, arrays: dict[str, Array], axes: Axes) -> None:
    """Raise unless an array can be used where it lies; an axis of None may have any length."""
    array, dtype = arrays[name], ARRAYS[name]
    if not isinstance(array, np.ndarray):
        raise _bad_type(name, array, "a NumPy array")
    # By type, because longdouble is a type of its own even where it has 64 bits; of integers
    # there are two such types, and either will do.
    same = array.dtype.type is dtype.type or (dtype == INT64 == array.dtype)
    if not (same and array.dtype.isnative):
        raise TypeError(f"{name} has dtype {array.dtype}: it must be {dtype}")
    if not array.flags.c_contiguous:
        raise ValueError(f"{name} is not C-contiguous: it must be")
    if not array.flags.aligned:
        raise ValueError(f"{name} is not aligned: it must be")
    if _is_written(name) and not array.flags.writeable:
        raise ValueError(f"{name} is read-only: it must be writeable")
    lengths = [length if axis is None else axis for axis, length in zip(axes, array.shape)]  # noqa: B905
    if array.ndim != len(axes) or array.shape != tuple(lengths):
        listed = ", ".join("*" if axis is None else str(axis) for axis in axes)
        expected = f"({listed},)" if len(axes) == 1 else f"({listed})"
        raise ValueError(f"{name} has shape {array.shape}: it must have shape {expected}")


def _is_written(name: str) -> bool:
    return name == "state.hours" or name.startswith("outcome.")


def _check_overlaps(arrays: dict[str, Array]) -> None:
    """Raise if something that is written overlaps anything else."""
    others = [name for name in arrays if not _is_written(name)]
    for output in filter(_is_written, arrays):
        for other in others:
            # Of contiguous arrays the bounds tell exactly.
            if np.may_share_memory(arrays[output], arrays[other]):
                raise ValueError(f"{output} overlaps {other}: outputs must not")
        others.append(output)
