"""An application on top of the core."""

from core import busy


def twice():
    """Do it twice."""
    return busy() + busy()
