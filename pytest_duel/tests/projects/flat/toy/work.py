"""Loops."""

ROUNDS = 1000


def busy():
    """Work for some tens of microseconds."""
    number = 0
    for _ in range(ROUNDS):
        number += 1
    return ROUNDS


def total(values):
    """Add values up."""
    number = 0
    for value in values:
        number += value
    return number
