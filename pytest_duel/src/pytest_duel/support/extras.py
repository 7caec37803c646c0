"""Missing packages, and the extras that install them."""

from pytest_duel.support.errors import DuelError


class LackingError(DuelError):
    """Something is not installed; the message says how to get it."""


def lacking(error: ImportError, what: str, extra: str) -> Exception:
    """Return an error that names the extra, where it is a distribution that is missing."""
    missing = (error.name or "pytest_duel").partition(".")[0]
    if missing == "pytest_duel":
        return error
    return LackingError(
        f"{what} need {missing}, of the extra `{extra}`: install pytest-duel[{extra}]"
    )
