"""How a project is installed, as plain data."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_duel.support.errors import DuelError

NONE, PIP = "none", "pip"


class InstallError(DuelError):
    """An arm cannot be installed; the message says why, with what the tool said."""


class BuildError(InstallError):
    """The tool that builds has failed."""


@dataclass(frozen=True)
class Recipe:
    """How a project is installed."""

    packages: tuple[str, ...] = (".",)
    """Folders to install, relative to the project's."""
    install: str = PIP
    """``pip``, ``none``, or a command with ``{target}`` in it."""
    version: str = "0.0"
    """Told to builds that would ask git for one."""
    python: str = sys.executable
    """The interpreter to install for."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the environment, for builds only."""
