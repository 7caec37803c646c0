"""The exit codes of all commands."""

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """How a command ended."""

    PASS = 0
    REGRESSION = 1
    ERROR = 2
    INCONCLUSIVE = 3


MEANING = {
    Exit.PASS: "pass",
    Exit.REGRESSION: "regression, or a check failed",
    Exit.ERROR: "usage or harness error, a case that is missing",
    Exit.INCONCLUSIVE: "inconclusive or void",
}

_ORDER = (Exit.PASS, Exit.INCONCLUSIVE, Exit.ERROR, Exit.REGRESSION)


def worst(exits: Iterable[Exit]) -> Exit:
    """Return the code for all of them: what was found to be slower counts most."""
    return max(exits, key=_ORDER.index, default=Exit.PASS)


def table() -> str:
    """Return the table for ``--help``."""
    rows = (f"  {code.value}  {meaning}" for code, meaning in MEANING.items())
    return "\n".join(["exit codes:", *rows])
