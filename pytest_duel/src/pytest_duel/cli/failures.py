"""How a command ends that came to no conclusion."""

import contextlib
import sys
import traceback

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
        _write("".join(traceback.format_exception(error)))
    _write(f"{program}: {reason}\n")
    return reason


def _write(text: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that has hung up must not cost the reports
        sys.stderr.write(text)
        sys.stderr.flush()
