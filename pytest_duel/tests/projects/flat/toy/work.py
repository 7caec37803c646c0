"""Loops."""

from toy.clock import tick

ROUNDS = 1000


def busy():
    """Work for some tens of microseconds."""
    for _ in range(ROUNDS):
        tick()
    return ROUNDS


def total(values):
    """Add values up."""
    number = 0
    for value in values:
        tick()
        number += value
    return number
