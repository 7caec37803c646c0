"""Strings."""


def joined(words):
    """Join words."""
    return " ".join(words)


def upper(words):
    """Write words in capitals."""
    return [word.upper() for word in words]
