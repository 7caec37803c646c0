"""Clear the five-unit market on every installed backend.

Run it with `python -m easy_marl.examples.bidding.demo`. It shows the dispatch, that
the backends agree to the last bit, how to swap them by an import, and a rough look at their
speed.
"""

import statistics
import sys
import timeit
from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from numpy.typing import NDArray

from easy_marl.market import Backend, BackendStatus, backends, get_backend

BIDS = np.array([25.0, 30.0, 35.0, 40.0, 45.0])
QUANTITIES = np.full(5, 20.0)
DEMAND = 70.0

SIZES = (5, 200)
POOL = 256
"""Distinct markets in the quick look at speed."""

DROP_IN = """\
try:
    from rust_market import market_clearing_rust as market_clearing
except ImportError:
    from easy_marl.examples.bidding.market import market_clearing
"""

Market = tuple[NDArray[np.float64], NDArray[np.float64], float]
Result = tuple[float, NDArray[np.float64]]


def main() -> None:
    """Print the demonstration; exit with an error where the backends disagree."""
    statuses = backends()
    found = [get_backend(status.name) for status in statuses if status.available]
    write = sys.stdout.write
    for line in (*text(statuses, found), *timings(found)):
        write(line + "\n")


def text(statuses: Sequence[BackendStatus], found: Sequence[Backend]) -> Iterator[str]:
    """Yield the lines that are the same on every run."""
    results = {backend.name: backend.clear(BIDS, QUANTITIES, DEMAND) for backend in found}
    yield f"A market of {len(BIDS)} units, demand {DEMAND:g} MW"
    yield ""
    yield from dispatch_table(results["numpy"])
    yield ""
    yield "Backends"
    for status in statuses:
        yield from status_lines(status)
    yield ""
    yield agreement(results)
    yield ""
    yield "One import swaps the backend and nothing else"
    yield ""
    yield from (f"    {line}" for line in DROP_IN.splitlines())
    yield ""
    price, cleared = drop_in()(BIDS, QUANTITIES, DEMAND)
    yield f"market_clearing(bids, quantities, demand): price {price:g}, {cleared.sum():g} MW."


def dispatch_table(result: Result) -> Iterator[str]:
    """Yield a line for each unit."""
    price, cleared = result
    yield f"{'unit':>6} {'bid':>12} {'offered':>10} {'dispatched':>12} {'price':>12}"
    yield f"{'':>6} {'per MWh':>12} {'MW':>10} {'MW':>12} {'per MWh':>12}"
    for unit, (bid, offered, dispatched) in enumerate(zip(BIDS, QUANTITIES, cleared, strict=True)):
        yield f"{unit:>6} {bid:>12.2f} {offered:>10.1f} {dispatched:>12.1f} {price:>12.2f}"


def status_lines(status: BackendStatus) -> Iterator[str]:
    """Yield what there is to say about a backend: its version, or how to get it."""
    label = f"  {status.name:<6} "
    if status.reason is None:
        yield label + (status.version or "")
    else:
        indent = " " * len(label)
        said = fill(status.reason, 79, initial_indent=label, subsequent_indent=indent)
        yield from said.splitlines()


def agreement(results: dict[str, Result]) -> str:
    """Compare all results with the first, bit for bit, and say so; exit where they differ."""
    names = list(results)
    if len(names) == 1:
        return f"Only {names[0]} is installed: there is nothing to compare."
    bits = {
        (np.float64(price).tobytes(), cleared.tobytes()) for price, cleared in results.values()
    }
    if len(bits) > 1:
        sys.exit(f"The backends disagree: {results}")
    return f"{', '.join(names[:-1])} and {names[-1]} agree bit for bit."


def drop_in() -> Any:
    """Return `market_clearing`, imported as in `DROP_IN`."""
    namespace: dict[str, Any] = {}
    exec(DROP_IN, namespace)  # noqa: S102, so that what is shown is what is run
    return namespace["market_clearing"]


def timings(found: Sequence[Backend]) -> Iterator[str]:
    """Yield a rough look at the time per market, each market being a new one."""
    yield ""
    yield "A rough look at speed: microseconds per market, on markets drawn afresh."
    yield "For numbers with evidence, run `make bench`."
    yield ""
    yield f"{'units':>6} " + " ".join(f"{backend.name:>10}" for backend in found)
    for n in SIZES:
        pool = draw(n)
        cells = (f"{microseconds(backend, pool):>10.2f}" for backend in found)
        yield f"{n:>6} " + " ".join(cells)


def draw(n: int) -> list[Market]:
    """Return a pool of markets of `n` units with bids that differ."""
    rng = np.random.default_rng(n)
    pool = []
    for _ in range(POOL):
        quantities = rng.uniform(10.0, 50.0, n)
        demand = float(quantities.sum() * rng.uniform(0.3, 0.9))
        pool.append((rng.uniform(20.0, 80.0, n), quantities, demand))
    return pool


def microseconds(backend: Backend, pool: Sequence[Market]) -> float:
    """Return the median time per market over a few passes through the pool."""

    def one_pass() -> None:
        for bids, quantities, demand in pool:
            backend.clear(bids, quantities, demand)

    one_pass()  # compiled and warm
    return statistics.median(timeit.repeat(one_pass, number=1, repeat=9)) / len(pool) * 1e6


if __name__ == "__main__":
    main()
