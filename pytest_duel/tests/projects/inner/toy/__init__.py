"""A package that ships its tests."""


def busy():
    """Add up."""
    return sum(range(1000))
