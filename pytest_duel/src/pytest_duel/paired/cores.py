"""The CPUs to measure on, and keeping this process off them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pytest_duel.support import system

MOST_LANES = 4
"""Blocks side by side: each on a core of its own, but the cores share memory and outer caches."""


def usable_cpus() -> list[int]:
    """Return the CPUs that this process may use; one with number 0 if that is unknown."""
    return sorted(system.usable_cpus() or {0})


def lanes() -> list[int]:
    """Return the CPUs to measure on: one of each core, as the threads of a core share it."""
    return list(system.cores(system.HERE, usable_cpus()).values())[:MOST_LANES]


@contextmanager
def pinned(cpus: Sequence[int]) -> Iterator[None]:
    """Keep this process off the CPUs that are measured on, where there are others."""
    if not cpus or not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
