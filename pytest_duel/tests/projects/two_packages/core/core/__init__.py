"""The core, installed from a folder of its own."""

from core.clock import tick


def busy():
    """Add up."""
    tick(1000)
    return sum(range(1000))
