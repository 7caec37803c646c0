"""What a benchmark is called in a table: a heading, and its name under that."""

from pytest_duel.catalogue.model import Case
from pytest_duel.results.benchmarks import Key


def heading(key: Key) -> str:
    """Return a case's kernel and scenario; any other benchmark's group, or else its file."""
    if isinstance(key, Case):
        return f"{key.kernel}, {key.scenario}"
    return key.group or key.place or "benchmarks"


def label(key: Key) -> str:
    """Return the name of a benchmark under its heading."""
    return f"{key.backend} {key.n:,}" if isinstance(key, Case) else key.label
