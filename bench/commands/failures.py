"""How a command ends that came to no conclusion."""

import contextlib
import sys
import traceback


def tell(command: str, error: BaseException) -> str:
    """Say on standard error what ended a command, and return it.

    What the harness raises itself its user can mend, and so with what the system refuses; all else
    is a fault, of the harness or of the code that it loads, and is shown with its traceback.
    """
    if isinstance(error, KeyboardInterrupt):
        reason = "interrupted"
    elif isinstance(error, OSError) or type(error).__module__.startswith("bench."):
        reason = str(error)
    else:
        reason = f"{type(error).__name__}: {error}"
        _write("".join(traceback.format_exception(error)))
    _write(f"python -m bench {command}: {reason}\n")
    return reason


def _write(text: str) -> None:
    with contextlib.suppress(OSError):  # a terminal that has hung up must not cost the reports
        sys.stderr.write(text)
        sys.stderr.flush()
