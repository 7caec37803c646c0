"""Plain text for a terminal: 80 columns, no colour."""

import textwrap

WIDTH = 80


def wrapped(text: str) -> list[str]:
    """Return text in lines; those after the first are indented by two more columns.

    A word that is longer than a line, a path say, stays whole.
    """
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(
        text, WIDTH, subsequent_indent=indent + "  ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
