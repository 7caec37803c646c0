"""Keep what other tests have left behind out of the times."""

import gc

THAWED_AFTER = 16
"""Benchmarks after which all objects are looked through again."""
GROWTH = 1.25
"""The same where there are so many times as many objects."""


class Heap:
    """The objects of this process that Python's garbage collector knows.

    To look through all of them can take longer than to time a benchmark, so what is frozen stays
    frozen. Garbage with references in a circle may be among it, so now and then all is thawed:
    after as many benchmarks on both sides, as their processes are to be alike.
    """

    def __init__(self) -> None:
        self._benchmarks = 0
        """Since all was looked through."""
        self._objects = 0
        """That there were then."""

    def freeze(self) -> None:
        """Exempt live objects from garbage collection: its cost would depend on other tests."""
        self._benchmarks += 1
        if self._benchmarks > THAWED_AFTER:
            self._thaw()
        gc.collect()
        gc.freeze()
        if gc.get_freeze_count() > GROWTH * self._objects:
            self._thaw()
            gc.collect()
            gc.freeze()
            self._objects = gc.get_freeze_count()

    def _thaw(self) -> None:
        gc.unfreeze()
        self._benchmarks = self._objects = 0
