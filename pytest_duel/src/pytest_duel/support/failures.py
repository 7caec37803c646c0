"""The end of a command that came to no conclusion."""

import traceback

from pytest_duel.support import harmless, streams
from pytest_duel.support.errors import DuelError


def tell(program: str, error: BaseException) -> str:
    """Say on standard error what ended a command, and return it.

    What the harness raises itself its user can mend, and so with what the system refuses; all else
    is a fault, of the harness or of the code that it loads, and is shown with its traceback.
    """
    if isinstance(error, KeyboardInterrupt):
        reason = "interrupted"
    elif isinstance(error, (OSError, DuelError)):
        reason = str(error)
    else:
        reason = f"{type(error).__name__}: {error}"
        streams.err(harmless.lines("".join(traceback.format_exception(error))))
    streams.err(f"{program}: {harmless.lines(reason)}\n")
    return reason
