"""What a look at the machine, or at what is installed on it, may find."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pytest_duel.support.system import System


class Status(StrEnum):
    """What a probe found."""

    WRONG = "wrong"
    """What would be timed is not what users run: no time is worth having."""
    HURTS = "hurts"
    UNKNOWN = "not told"
    FINE = "fine"


@dataclass(frozen=True)
class Finding:
    """The result of a probe."""

    status: Status
    found: str
    advice: tuple[str, ...] = ()
    """What to do; what begins with ``$`` is a command."""


@dataclass(frozen=True)
class Probe:
    """Something to look at."""

    name: str
    look: Callable[[System], Finding]
    why: str
    """Why it hurts."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """How to look by hand, by `sys.platform`, where this project cannot."""
