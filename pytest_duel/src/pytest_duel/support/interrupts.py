"""Ending what runs when the system asks for it, after it has cleaned up."""

import signal

SIGNALS = tuple(one for one in signal.Signals if one.name in ("SIGINT", "SIGTERM", "SIGHUP"))
"""Signals that ask for an end. Windows has no SIGHUP."""


def listen() -> None:
    """Have the signals that ask for an end interrupt what runs."""
    for one in SIGNALS:
        # With nohup this process is meant to outlive the terminal.
        if one.name != "SIGHUP" or signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, _interrupt)


def _interrupt(*_: object) -> None:
    """End what runs, once: a second signal must not disturb the cleaning up."""
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise KeyboardInterrupt
