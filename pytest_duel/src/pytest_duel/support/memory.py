"""The peak of the memory that a call takes, as a tracer sees it.

A tracer makes a call many times slower, so no call is traced that is timed.
"""

import gc
import importlib
import tempfile
import tracemalloc
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from pytest_duel.support.errors import DuelError

Call = Callable[[], object]


class UntracedError(DuelError):
    """The peak is not known; the message says why."""


def by_tracemalloc(call: Call) -> int:
    """Return the bytes that Python, and libraries that tell it, have allocated at the peak."""
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        call()
        if not tracemalloc.is_tracing():
            raise UntracedError("it has stopped tracemalloc itself")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if not was_tracing:
            tracemalloc.stop()
    return peak - before


def by_memray(call: Call) -> int:
    """Return the bytes that were allocated at the peak, those of native code among them."""
    import memray  # of an extra

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "allocations")
        with ExitStack() as stack:
            try:
                # Else small objects are seen only where they make Python ask the system for more.
                stack.enter_context(memray.Tracker(file, trace_python_allocators=True))
            except RuntimeError as error:
                raise UntracedError(f"memray: {error}") from None
            call()
        with memray.FileReader(file) as reader:
            return int(reader.metadata.peak_memory)


TRACERS: Mapping[str, Callable[[Call], int]] = {
    "tracemalloc": by_tracemalloc,
    "memray": by_memray,
}
"""By the name of the module that traces, which is what users give."""


def load(tracer: str) -> None:
    """Import what a tracer needs.

    Raises
    ------
    ImportError
        Where that is not installed.
    """
    importlib.import_module(tracer)


def peak(tracer: str, call: Call) -> int:
    """Return the bytes that a call has allocated at its peak, its result among them.

    Raises
    ------
    UntracedError
        Where the call disturbs the tracer. What the call itself raises is raised, too.
    """
    gc.collect()  # else it may happen to run during the call, and free what was there before
    return TRACERS[tracer](call)
