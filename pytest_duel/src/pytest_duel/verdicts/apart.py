"""Saying where a time depends on the process that has taken it."""

from pytest_duel.statistics.typical import Typical
from pytest_duel.support.units import duration


def apart(found: Typical) -> str:
    """Say how far processes differ; nothing where that is little."""
    if found.groups:
        fast, slow = map(duration, found.groups)
        return f"two groups of processes: {fast} or {slow}"
    if found.is_apart:
        return f"from {duration(found.fastest)} to {duration(found.slowest)}, by process"
    return ""
