"""Time a case: rounds over a pool of distinct inputs, reported per item."""

import hashlib
import itertools
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pytest_duel.catalogue.exact import Exact
from pytest_duel.catalogue.model import Arguments, Call, Kernel

MIN_ROUNDS, MAX_ROUNDS = 5, 300
"""The most raw rounds that are kept for a case."""
FIRST_CALLS = 100
"""That are not timed, in a process that serves an engine. All of a pool would take longer than the
engine times it."""


def time_case(
    benchmark: Any,
    kernel: Kernel,
    call: Call,
    pool: Sequence[Arguments],
    batch: int,
    seconds: float,
) -> None:
    """Time `call` on `pool` with pytest-benchmark, in seconds per item, `batch` items a call.

    A round passes over the whole pool. Two rounds come first that are not recorded: one compiles,
    imports and fills caches, the other tells how many rounds fit into `seconds`. Where benchmarks
    are disabled, one call is made. In a gate its engine says how many calls to time.
    """
    take = getattr(benchmark, "take", None)
    if take:  # other processes have timed it
        take(batch)
        return
    serve = getattr(benchmark, "serve", None)
    if serve:  # a gate times both sides in turns, and says how many calls to make at a time
        for arguments in () if kernel.self_timed else pool[:FIRST_CALLS]:
            call(*arguments)  # compiles, imports and fills caches
        has_answers = is_answered(kernel)
        answers = partial(answered, call, pool) if has_answers else None
        serve(_served(kernel, call, pool), answers, seconds)
        return
    if benchmark.disabled:
        benchmark.pedantic(call, args=pool[0])
        return
    recorded = _record(benchmark, kernel, call, pool, seconds)
    items = len(pool) * batch
    # Before pytest-benchmark takes any statistic of them.
    benchmark.stats.stats.data[:] = [duration / items for duration in recorded]


def is_answered(kernel: Kernel) -> bool:
    """Tell whether the calls of a kernel return what can be compared."""
    return bool(kernel.outputs) and not kernel.self_timed


def answered(call: Call, pool: Sequence[Arguments], most: int | None = None) -> str | None:
    """Return a digest of the answers to the first calls, so many or all, to the last bit.

    None where an answer has more to it than is known, so that another process may say it
    otherwise.
    """
    digest = hashlib.sha256()
    for arguments in pool[:most]:
        answer = Exact(call(*arguments))
        if not answer.is_whole:
            return None
        for part in answer.parts:
            digest.update(part)
    return digest.hexdigest()


def _record(
    benchmark: Any, kernel: Kernel, call: Call, pool: Sequence[Arguments], seconds: float
) -> list[float]:
    """Let pytest-benchmark run the rounds and return their durations, in seconds."""
    own: list[float] = []

    def one_round() -> None:
        for arguments in pool:
            call(*arguments)

    def self_timed_round() -> None:
        own.append(sum(call(*arguments) for arguments in pool))

    if kernel.self_timed:
        rounds = _rounds(self_timed_round, seconds)
        benchmark.pedantic(self_timed_round, rounds=rounds)
        return own[-rounds:]
    one_round()
    benchmark.pedantic(one_round, rounds=_rounds(one_round, seconds))
    return list(benchmark.stats.stats.data)


def _served(
    kernel: Kernel, call: Call, pool: Sequence[Arguments]
) -> Callable[[int, Callable[[], float]], float]:
    """Return a function that times calls. Each time it goes on in the pool where it stopped."""
    places = itertools.cycle(range(len(pool)))

    def time_calls(number: int, timer: Callable[[], float]) -> float:
        calls = [pool[place] for place in itertools.islice(places, number)]
        if kernel.self_timed:
            return float(sum(call(*arguments) for arguments in calls))
        started = timer()
        for arguments in calls:
            call(*arguments)
        return timer() - started

    return time_calls


def _rounds(one_round: Callable[[], None], seconds: float) -> int:
    """Time one round and return how many fit into `seconds`."""
    started = time.perf_counter()
    one_round()
    took = time.perf_counter() - started
    return min(MAX_ROUNDS, max(MIN_ROUNDS, round(seconds / max(took, 1e-9))))
