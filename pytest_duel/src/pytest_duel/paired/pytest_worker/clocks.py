"""The clocks as they are before any code under test is imported, which could replace them."""

import time
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType

NAMES = (
    "perf_counter", "perf_counter_ns", "monotonic", "monotonic_ns", "process_time",
    "process_time_ns", "thread_time", "thread_time_ns", "time", "time_ns",
)  # fmt: skip
GENUINE: Mapping[str, Callable[[], float]] = {
    name: vars(time)[name] for name in NAMES if name in vars(time)
}
perf_counter = GENUINE["perf_counter"]


def replaced(timer: object = None) -> str | None:
    """Return what is wrong where a clock is not what it was; None where all are.

    Parameters
    ----------
    timer
        The timer of the benchmark. If it has the name of a clock, it must be that clock.
    """
    found = [
        name
        for name, genuine in GENUINE.items()
        # A sitecustomize.py runs before anything else, but has no function written in C to offer.
        if vars(time).get(name) is not genuine or not isinstance(genuine, BuiltinFunctionType)
    ]
    if found:
        return f"time.{found[0]} was replaced by code that runs here: no time can be trusted"
    name = getattr(timer, "__name__", "")
    if timer is not GENUINE.get(name, timer):
        return f"the benchmark's timer is called {name}, but is not time.{name}"
    return None
