"""Strings."""

from toy.clock import tick


def joined(words):
    """Join words."""
    tick(len(words))
    return " ".join(words)


def upper(words):
    """Write words in capitals."""
    tick(len(words))
    return [word.upper() for word in words]
