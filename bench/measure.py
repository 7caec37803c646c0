"""Time a case: rounds over a pool of distinct inputs, reported per item."""

import time
from collections.abc import Sequence
from typing import Any

from bench.registry import Arguments, Call, Kernel

MIN_ROUNDS, MAX_ROUNDS = 5, 300
"""So many raw rounds are kept for a case."""


def time_case(
    benchmark: Any,
    kernel: Kernel,
    call: Call,
    pool: Sequence[Arguments],
    batch: int,
    seconds: float,
) -> None:
    """Time `call` on `pool` with pytest-benchmark, in seconds per item, `batch` items a call.

    A round passes over the whole pool. The first pass is not timed: it compiles, imports and
    fills caches; the second tells how many rounds fit into `seconds`. Where benchmarks are
    disabled, one call is made.
    """
    if benchmark.disabled:
        benchmark.pedantic(call, args=pool[0])
        return
    if kernel.self_timed:
        _time_itself(benchmark, kernel, call, pool, batch, seconds)
        return

    def one_round() -> None:
        for arguments in pool:
            call(*arguments)

    one_round()
    started = time.perf_counter()
    one_round()
    took = time.perf_counter() - started
    benchmark.pedantic(one_round, rounds=_rounds(seconds, took))
    _divide(benchmark, len(pool) * batch)


def _time_itself(
    benchmark: Any,
    kernel: Kernel,
    call: Call,
    pool: Sequence[Arguments],
    batch: int,
    seconds: float,
) -> None:
    """Time a call that returns its own duration in place of the clock's."""
    durations: list[float] = []

    def one_round() -> None:
        durations.append(sum(call(*arguments) for arguments in pool))

    benchmark.pedantic(one_round, rounds=_rounds(seconds, seconds / MIN_ROUNDS))
    benchmark.stats.stats.data[:] = durations
    _divide(benchmark, len(pool) * batch)


def _rounds(seconds: float, took: float) -> int:
    return min(MAX_ROUNDS, max(MIN_ROUNDS, round(seconds / max(took, 1e-9))))


def _divide(benchmark: Any, items: int) -> None:
    """Turn recorded rounds into times per item, before any statistic of them is taken."""
    data = benchmark.stats.stats.data
    data[:] = [duration / items for duration in data]
