"""Where a chart stands, and so its colours, its size and its letters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_duel.charts.palette import COLOURS, GREY, GREYS, Style
from pytest_duel.support.units import AUTO

VERSION = "6.4"
"""Of Vega-Lite; what Altair writes, and the converter can read and bundle."""
HEIGHT = 340
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""The first comes with the converter, so that text is as wide on every machine."""


@dataclass(frozen=True)
class Ink:
    """The colours of everything."""

    series: Sequence[str]
    text: str
    faint: str
    grid: str
    ground: str | None
    """None: transparent."""

    def of(self, style: Style) -> str:
        """Return the colour of a style."""
        return self.series[style.colour]


PAGE = Ink(
    [f"var(--series-{number})" for number in range(GREY + 1)],
    "var(--ink)",
    "var(--faint)",
    "var(--grid)",
    None,
)
"""Colours that the page's style sheet gives, light or dark."""
PAPER = Ink([light for light, _ in (*COLOURS, GREYS)], "#1a1a1a", "#595959", "#dddddd", "white")
"""Colours for a picture that stands in a document."""


@dataclass(frozen=True)
class Look:
    """Where a chart stands."""

    ink: Ink
    width: int | Literal["container"]
    """In pixels, or ``container``."""
    legend: bool
    """Whether it brings its own."""
    unit: str = AUTO
    """What times are in: a word of `units.UNITS`."""


ON_PAGE = Look(PAGE, "container", legend=False)
IN_DOCS = Look(PAPER, 560, legend=True)
