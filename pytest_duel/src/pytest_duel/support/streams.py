"""The standard streams, which may be closed, full, gone, or of any encoding.

None of that may read as a regression: what the caller has closed he does not want, and what else
cannot be written is an error that the command tells with its exit code.
"""

import contextlib
import os
import sys
from typing import TextIO

from pytest_duel.support import harmless


def settle() -> None:
    """Open what the caller has closed, as a place where nothing is read and all is lost.

    Else the next file to be opened would be taken for it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            _lose(number)
            stream = open(  # noqa: PTH123, SIM115  it stays open as long as the process
                os.devnull, "w" if number else "r", encoding="utf-8"
            )
            setattr(sys, name, stream)


def out(text: str) -> None:
    """Write text on standard output.

    Raises
    ------
    OSError
        Where it cannot be written: the disk is full, the terminal or the reader is gone.
    """
    try:
        _write(sys.stdout, text)
    except OSError as error:
        _lose(1)
        reason = error.strerror or str(error)
        raise OSError(f"standard output cannot be written: {reason}") from None


def err(text: str) -> None:
    """Write text on standard error, if that can be: no message is worth a result."""
    try:
        _write(sys.stderr, text)
    except OSError:
        _lose(2)


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None or stream.closed:
        return
    encoding = stream.encoding or "utf-8"  # a stream that is no file may name none
    known = harmless.whole(text).encode(encoding, errors="replace").decode(encoding)
    stream.write(known)
    stream.flush()


def _lose(number: int) -> None:
    """Let a stream lead nowhere, so that what is left in it ends without an error."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
