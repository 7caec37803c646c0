"""What a user asks of a gate, as plain data."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_duel.gate.changes import Placement
from pytest_duel.gate.plan import Plan

Announce = Callable[[str], None]
BASE, HEAD = "base", "head"
"""Names of the folders, as long as each other: the length of a path moves what lies behind it."""


@dataclass(frozen=True)
class Question:
    """The question that a user asks."""

    folder: Path
    """Of the project."""
    base: str | None
    """The revision to start from; None is the working tree."""
    head: str | None = None
    """The revision to judge; None is the working tree."""
    paths: tuple[str, ...] = ()
    """Tests to collect, as pytest takes them; none is all, or the files that the settings name."""
    selection: tuple[str, ...] = ()
    """More of pytest's arguments: ``-k``, ``-m``, options of the project."""
    only: tuple[str, ...] = ()
    """Patterns of names."""
    threshold: float | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    """Settings given by hand."""
    accepted: tuple[str, ...] = ()
    """Benchmarks that may have no verdict: gone, skipped, or failing on the base."""
    isolated: bool = False
    """Each arm has a virtual environment of its own, with the dependencies that it declares."""
    requirements: tuple[str, ...] = ()
    """Further requirements of these environments, for the tests."""
    placement: Callable[[Path, str], Placement] | None = None
    """Reads the placement bounds of a saved self-test, from a folder and a file in it."""
    counts: bool = False
    """Count instructions as well."""
    own: Mapping[str, "Own"] = field(default_factory=dict)
    """The environment of one arm only, by `BASE` or `HEAD`."""
    names: Mapping[str, str] = field(default_factory=lambda: {BASE: "the base", HEAD: "the head"})
    """The names of the arms in messages."""
    seed: int = 0
    arrange: Callable[[Plan], Plan] = field(default=lambda plan: plan)
    """Chooses and pairs benchmarks from those that both arms have."""

    @property
    def is_narrowed(self) -> bool:
        """Tell whether pytest was asked for some tests only, which settings may not name."""
        return bool(self.paths or self.selection)


@dataclass(frozen=True)
class Own:
    """The interpreter and the requirements of one arm's environment."""

    python: str = sys.executable
    requirements: tuple[str, ...] = ()


def choosing(keyword: str | None, marks: str | None) -> tuple[str, ...]:
    """Return pytest's arguments for what was asked for. An empty text takes away the project's."""
    given = {"-k": keyword, "-m": marks}
    return tuple(
        one for option, text in given.items() if text is not None for one in (option, text)
    )
