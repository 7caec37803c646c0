"""``pytest --benchmark-only --duel-memory``: the peak of a benchmark's memory, beside its time.

A benchmark is timed first, as ever, and then called once more under a tracer. Where a test says
how often its function may be called, that call is one of those.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from pytest_duel.support import harmless, memory
from pytest_duel.support.extras import lacking
from pytest_duel.support.units import size
from pytest_duel.verdicts.noted import PEAK, TRACER

ONE_ROUND = "pedantic(rounds=1) allows one call, and that was timed"
OTHER_PROCESSES = "the import is made in other processes"
SWEEP = "a case of a sweep goes through many inputs, and a call more would count as one of them"
BLIND = "tracemalloc does not see what native code allocates without telling Python; memray does"

Plain = Callable[..., Any]
"""A method of the fixture as it was."""


@dataclass(frozen=True)
class Peak:
    """What is known of a benchmark's memory."""

    bytes: int | None = None
    reason: str = ""
    """Why it is unknown."""

    def __str__(self) -> str:
        return f"unknown: {self.reason}" if self.bytes is None else size(self.bytes)


class PeakMemory:
    """Traces each benchmark after it was timed, and tells its peak.

    Parameters
    ----------
    tracer
        The name of what traces.
    """

    def __init__(self, tracer: str) -> None:
        self.tracer = tracer
        self._peaks: dict[str, Peak] = {}
        """By node id."""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """Have a `benchmark` fixture traced, whatever class it is of."""
        made = yield
        if isinstance(made, BenchmarkFixture) and "_raw" not in vars(made):
            reason = _refusal(request.node)
            if reason:
                self._peaks[made.fullname] = Peak(reason=reason)
            else:
                vars(made)["_raw"] = partial(self._raw, made, made._raw)
                vars(made)["_raw_pedantic"] = partial(self._pedantic, made, made._raw_pedantic)
        return made

    def _raw(self, fixture: Any, plain: Plain, target: Plain, /, *args: Any, **kwargs: Any) -> Any:
        result = plain(target, *args, **kwargs)
        if fixture.enabled:
            try:
                self._trace(fixture, lambda: target(*args, **kwargs))
            except Exception as error:  # it has done what the test asks for before that
                reason = f"called once more it fails: {type(error).__name__}: {error}"
                self._peaks[fixture.fullname] = Peak(reason=reason)
        return result

    def _pedantic(
        self,
        fixture: Any,
        plain: Plain,
        /,
        target: Plain,
        args: Any = (),
        kwargs: Any = None,
        setup: Callable[[], Any] | None = None,
        teardown: Plain | None = None,
        rounds: int = 1,
        **numbers: int,
    ) -> Any:
        """Time one round less than the test allows, and trace the last."""
        timed = partial(plain, target, args, kwargs, setup, teardown, **numbers)
        if fixture.disabled or not isinstance(rounds, int) or rounds < 2:
            result = timed(rounds=rounds)
            if fixture.enabled:
                self._peaks[fixture.fullname] = Peak(reason=ONE_ROUND)
            return result
        result = timed(rounds=rounds - 1)
        args, kwargs = (setup() if setup else None) or (args, kwargs or {})
        is_called = False

        def call() -> None:
            nonlocal result, is_called
            is_called = True
            result = target(*args, **kwargs)

        self._trace(fixture, call)
        if not is_called:  # the tracer did not start, and the test counts on its rounds
            call()
        if teardown is not None:
            teardown(*args, **kwargs)
        return result

    def _trace(self, fixture: Any, call: Callable[[], object]) -> None:
        """Make the call, and note its peak, or why that is unknown."""
        try:
            peak = Peak(memory.peak(self.tracer, call))
        except memory.UntracedError as error:
            peak = Peak(reason=str(error))
        self._peaks[fixture.fullname] = peak
        if peak.bytes is not None:
            fixture.extra_info[PEAK] = peak.bytes
            fixture.extra_info[TRACER] = self.tracer

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was found."""
        config = terminalreporter.config
        own: Any = getattr(config, "_benchmarksession", None)
        if own is None or config.getoption("benchmark_quiet"):
            return
        for line in self._left_out(own) if own.disabled or own.skip else self._table(own):
            terminalreporter.write_line(harmless.line(line))

    def _left_out(self, own: Any) -> Iterator[str]:
        how = "disabled" if own.disabled else "skipped"
        yield f"--duel-memory: nothing was traced, as benchmarks are {how} here"

    def _table(self, own: Any) -> Iterator[str]:
        timed = {one.fullname for one in own.benchmarks}  # no others, which have failed
        peaks = {name: one for name, one in self._peaks.items() if name in timed}
        if not peaks:
            return
        yield ""
        yield f"memory of a call at its peak, by {self.tracer}"
        yield from _aligned(peaks)
        if self.tracer == "tracemalloc":
            yield f"  {BLIND}"


def _aligned(peaks: Mapping[str, Peak]) -> Iterator[str]:
    names = max(map(len, peaks))
    room = max((len(str(one)) for one in peaks.values() if one.bytes is not None), default=0)
    for name, one in peaks.items():
        yield f"{name:<{names}}  {one!s:>{room}}"


def _refusal(item: pytest.Item) -> str:
    """Return why a benchmark is not traced; nothing where it is."""
    if "benchmark_import" in getattr(item, "fixturenames", ()):
        return OTHER_PROCESSES
    is_case = any("case" in marker.kwargs for marker in item.iter_markers("duel"))
    return SWEEP if is_case else ""


def check(tracer: str) -> None:
    """Refuse a tracer that is not there.

    Raises
    ------
    pytest.UsageError
        Which names the extra that has it.
    """
    try:
        memory.load(tracer)
    except ImportError as error:
        raise pytest.UsageError(str(lacking(error, f"peaks by {tracer}", "memory"))) from None
