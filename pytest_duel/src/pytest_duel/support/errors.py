"""Errors that the user of a command can fix."""


class DuelError(Exception):
    """The message says what is wrong and, if known, what to do. No traceback is shown."""
