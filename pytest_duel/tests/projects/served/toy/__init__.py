"""Counts its calls, in a file where one is named."""

CALLS = {"number": 0}
GROWING = []


def step(*_args, **_options):
    """Count a call."""
    CALLS["number"] += 1
    return CALLS["number"]


def grow():
    """Take longer from call to call."""
    GROWING.extend(range(20))
    return sum(GROWING)
