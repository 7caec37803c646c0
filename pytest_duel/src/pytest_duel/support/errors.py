"""What a command ends with that its user can mend."""


class DuelError(Exception):
    """The message says what is wrong, and where it can, what to do; no traceback is shown."""
