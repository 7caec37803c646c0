"""Loops."""

ROUNDS = 1000


def busy():
    """Work for some tens of microseconds."""
    text = ""
    for _ in range(ROUNDS):
        text = "a"
    return len(text) * ROUNDS


def total(values):
    """Add values up."""
    number = 0
    for value in values:
        number += value
    return number
