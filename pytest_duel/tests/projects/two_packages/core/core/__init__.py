"""The core, installed from a folder of its own."""


def busy():
    """Add up."""
    return sum(range(1000))
