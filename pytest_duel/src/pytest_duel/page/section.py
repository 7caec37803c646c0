"""The parts of a page: sections with text, figures and tables. Plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_duel.charts.palette import Series

LONG = 50
"""Characters; a longer text does not stand on one line in a table."""


@dataclass(frozen=True)
class Cell:
    """A cell of a row."""

    text: str
    rank: float | str | None = None
    """Its sort key; None for its text."""
    href: str = ""
    """Where it leads, such as ``#parity``."""

    @property
    def key(self) -> str | None:
        """Return the sort key of the cell, if that is not its text."""
        key = f"{self.rank:.5g}" if isinstance(self.rank, (int, float)) else self.rank
        return None if key == self.text.replace(",", "") else key

    @property
    def is_long(self) -> bool:
        """Tell whether its text may take several lines."""
        return len(self.text) > LONG


MISSING = Cell("–")
"""Where there is no value. The page's script sorts it behind all others."""


@dataclass(frozen=True)
class TableRow:
    """A line of a table."""

    cells: Sequence[Cell]
    anchor: str = ""
    """Its id, to link to."""
    word: str = ""
    """A verdict that marks it: ``met``, ``missed``, ``regression``, …"""


@dataclass(frozen=True)
class Table:
    """Rows that a reader can sort."""

    id: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[TableRow]
    words: frozenset[int] = frozenset({0})
    """The columns that hold words; the others hold numbers and stand to the right."""


@dataclass(frozen=True)
class Choice:
    """A list to choose from: which of several things a figure shows."""

    label: str
    parameter: str
    """The figure's parameter that takes the value."""
    options: Sequence[tuple[str, str, str]]
    """(group, value, text); options of one group stand together."""


@dataclass(frozen=True)
class Figure:
    """A chart with its legend, and its numbers as a table for those who cannot see it."""

    id: str
    title: str
    caption: str
    specification: Mapping[str, Any]
    """Vega-Lite. Its parameter ``hidden`` holds the names of the series that are not drawn."""
    series: Sequence[Series] = ()
    choice: Choice | None = None
    table: Table | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """The data of each choice, from which the script fills the data source ``chosen``."""


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading."""

    id: str
    title: str
    intro: str
    """A sentence or two: what is seen here, and what follows from it."""
    code: str = ""
    """The name in code of the heading's subject."""
    facts: Sequence[tuple[str, str]] = ()
    """Terms and their descriptions."""
    figures: Sequence[Figure] = ()
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    """How to read it, and its limits."""
    answers: Sequence["Answer"] = ()
    is_folded: bool = False
    """Only its heading and its sentences are seen until a reader opens it."""


@dataclass(frozen=True)
class Answer:
    """What to conclude in one matter, such as which backend to use, and why to believe it."""

    title: str
    use: str
    """The word at a glance: a name, a verdict, or what else there is to say."""
    sentence: str
    evidence: str
    href: str
    code: str = ""
    """The name in code of what it is about."""
