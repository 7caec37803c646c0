"""A package that ships its tests."""

from toy.clock import tick


def busy():
    """Add up."""
    tick(1000)
    return sum(range(1000))
