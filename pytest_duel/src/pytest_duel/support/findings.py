"""Findings about the machine, and about what is installed on it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pytest_duel.support.system import System


class Status(StrEnum):
    """How serious a finding is."""

    WRONG = "wrong"
    """The timed code would not be what users run, so its times mean nothing."""
    HURTS = "hurts"
    UNKNOWN = "not told"
    FINE = "fine"


@dataclass(frozen=True)
class Finding:
    """The result of a probe."""

    status: Status
    found: str
    advice: tuple[str, ...] = ()
    """What to do. A line that begins with ``$`` is a command."""


@dataclass(frozen=True)
class Probe:
    """Something to look at."""

    name: str
    look: Callable[[System], Finding]
    why: str
    """Why it hurts."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """How to look by hand, by `sys.platform`, where this project cannot."""
