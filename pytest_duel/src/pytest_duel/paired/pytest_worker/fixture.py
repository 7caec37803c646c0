"""The `benchmark` fixture of a worker: the engine decides how often a function is called.

It is pytest-benchmark's own fixture but for the two methods in which that chooses rounds. What a
test reads afterwards (`stats`, `extra_info`, `group`) is there, and the test's own asserts run.
"""

import gc
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pytest_benchmark.fixture import BenchmarkFixture, PauseInstrumentation

from pytest_duel.paired.pytest_worker.clocks import perf_counter
from pytest_duel.paired.pytest_worker.heap import Heap
from pytest_duel.paired.pytest_worker.requests import Requests
from pytest_duel.paired.pytest_worker.slower import Slower

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


class ServedFixture(BenchmarkFixture):
    """Times as many calls as it is asked to."""

    requests: ClassVar[Requests]
    """With the engine; set by the plugin."""
    timer: ClassVar[object] = None
    """The timer of the last benchmark."""
    heap: ClassVar[Heap] = Heap()
    """Of this process."""
    _has_run: bool = False
    """The engine has asked for a round: where answers are checked, it does not."""

    def _raw(self, function_to_benchmark: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        runner = self._make_runner(function_to_benchmark, args, kwargs)  # type: ignore[no-untyped-call]
        self._serve(lambda calls: float(runner(range(calls))), calls=1, limit=None)
        begun = self._timer()
        result = function_to_benchmark(*args, **kwargs)
        self._have_stats(self._timer() - begun)
        return result

    def _raw_pedantic(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        setup: Callable[[], Arguments | None] | None = None,
        teardown: Callable[..., Any] | None = None,
        rounds: int = 1,
        warmup_rounds: int = 0,
        iterations: int = 1,
    ) -> Any:
        _check_numbers(rounds, warmup_rounds, iterations, setup)
        given: Arguments = args, kwargs or {}
        loops = range(iterations) if iterations > 1 else None
        result = None

        def one_round(*, timed: bool = True) -> float:
            nonlocal result
            args, kwargs = _arguments(setup, given)
            seconds = 0.0
            if not timed:  # what has been looped has no result
                result = target(*args, **kwargs)
            else:
                runner = self._make_runner(target, args, kwargs)  # type: ignore[no-untyped-call]
                with PauseInstrumentation():
                    if loops:
                        seconds = float(runner(loops))
                    else:
                        taken, result = runner(loops)
                        seconds = float(taken)
            if teardown is not None:
                teardown(*args, **kwargs)
            return seconds

        for _ in range(warmup_rounds):
            one_round()
        self._serve(
            lambda number: sum(one_round() for _ in range(number)), calls=iterations, limit=rounds
        )
        if not self._has_run:
            self._have_stats(one_round())
        if loops:
            one_round(timed=False)
        return result

    def _have_stats(self, seconds: float) -> None:
        """Take a round into the statistics, where the engine has asked for none."""
        if not self._has_run and self.stats is not None:
            self.stats.update(seconds)

    def serve(
        self,
        time: Callable[[int, Callable[[], float]], float],
        answers: Callable[[int | None], str | None] | None = None,
        seconds: float | None = None,
    ) -> None:
        """Have the engine time a function, for plugins that have a loop of their own.

        Parameters
        ----------
        time
            (calls, timer) → the seconds that these calls took.
        answers
            Returns a digest of what the first calls return, so many or all, by which the engine
            tells whether two benchmarks do the same.
        seconds
            To spend on it, where that is not what pytest-benchmark's options say.
        """
        self._mode = "benchmark.serve(...)"
        if seconds is not None:
            self._max_time = seconds

        def timed(calls: int) -> float:
            is_collecting = gc.isenabled()
            if self._disable_gc:
                gc.disable()
            try:
                return time(calls, self._timer)
            finally:
                if is_collecting:
                    gc.enable()

        self._serve(timed, calls=1, limit=None, answers=answers)

    def _serve(
        self,
        time: Callable[[int], float],
        calls: int,
        limit: int | None,
        answers: Callable[[int | None], str | None] | None = None,
    ) -> None:
        """Answer the engine until it closes the benchmark.

        Parameters
        ----------
        time
            Runs this many rounds and returns their seconds.
        calls
            In a round.
        limit
            Rounds that the test allows; None for any number.
        answers
            Returns a digest of what the first calls return, so many or all.
        """
        asked = self.requests
        told = answers(asked.most_answers) if answers and asked.wants_answers else None
        stats = self._make_stats(calls)  # type: ignore[no-untyped-call]
        ServedFixture.timer = self._timer
        slower = Slower(self._timer, may_call_more=limit is None)
        self.heap.freeze()
        self.requests.answer(
            {
                "calls": calls,
                "limit": limit,
                "answers": told,
                "seconds": self._max_time,
                "rounds": self._min_rounds,
            }
        )
        while (request := self.requests.next())["do"] in ("time", "count"):
            self._has_run = True
            rounds = int(request["calls"])
            if request["do"] == "count":
                _count(time, rounds)
                self.requests.answer({})
                continue
            begun = perf_counter()
            with PauseInstrumentation():
                seconds = slower(time, rounds, float(request.get("extra", 0.0)))
            lasted = perf_counter() - begun
            stats.update(seconds / rounds)
            self.requests.answer({"seconds": seconds, "lasted": lasted})
        slower.check()


def _count(time: Callable[[int], float], rounds: int) -> None:
    """Run two loops, one twice as long, with a mark before, between and behind them.

    A mark is a call that callgrind is told to look for, and that nothing else makes.
    """
    os.getpgid(0)
    for number in (rounds, 2 * rounds):
        time(number)
        os.getpgid(0)


def _check_numbers(rounds: int, warmup_rounds: int, iterations: int, setup: object) -> None:
    """Refuse what pytest-benchmark refuses."""
    least = {
        "iterations": (iterations, 1),
        "rounds": (rounds, 1),
        "warmup_rounds": (warmup_rounds, 0),
    }
    for name, (value, smallest) in least.items():
        if not isinstance(value, int) or value < smallest:
            raise ValueError(f"Must have positive int for `{name}`.")
    if iterations > 1 and setup:
        raise ValueError("Can't use more than 1 `iterations` with a `setup` function.")


def _arguments(setup: Callable[[], Arguments | None] | None, given: Arguments) -> Arguments:
    made = setup() if setup else None
    if made and any(given):
        raise TypeError("Can't use `args` or `kwargs` if `setup` returns the arguments.")
    return made or given
