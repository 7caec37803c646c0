"""How series are told apart, by the colour-blind too: colours, dashes and shapes."""

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_duel.catalogue.model import Backend, Role

COLOURS = (
    ("#007a55", "#2fc99a"),  # green
    ("#0067a8", "#5cb6f2"),  # blue
    ("#c24e00", "#ff8f4d"),  # vermilion
    ("#950d5a", "#ed5ebe"),  # purple
    ("#bd8400", "#edd15e"),  # amber
    ("#3b1eca", "#8672ff"),  # indigo
)
"""On a light ground and on a dark one: Okabe and Ito's hues, darker or lighter."""
GREY = len(COLOURS)
"""The number of the colour of what is no competitor to anything."""
GREYS = ("#8a8a8a", "#858585")
SHAPES = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
DASHES: tuple[tuple[int, ...], ...] = ((6, 3), (2, 2), (9, 3, 2, 3), (1, 4))


@dataclass(frozen=True)
class Style:
    """How a series looks."""

    colour: int
    """A number of `COLOURS`, or `GREY`."""
    dash: tuple[int, ...] = ()
    """Lengths of dash and gap in pixels; empty: solid."""
    shape: str = SHAPES[0]
    """A shape as Vega calls it."""


@dataclass(frozen=True)
class Series:
    """A series of a figure, with its style and its name in the legend."""

    name: str
    style: Style
    hidden: bool = False
    """Not drawn until it is asked for."""


def of_backends(backends: Mapping[str, Backend]) -> dict[str, Style]:
    """Return a style for each backend, the same in every figure.

    What competes is drawn solid, floors grey, all else dashed.
    """
    styles: dict[str, Style] = {}
    competing = [name for name, one in backends.items() if one.role is Role.BACKEND]
    floors = [name for name, one in backends.items() if one.role is Role.FLOOR]
    others = [name for name in backends if name not in (*competing, *floors)]
    for number, name in enumerate(competing):
        styles[name] = numbered(number)
    for number, name in enumerate(floors):
        styles[name] = Style(GREY, DASHES[(number + 1) % len(DASHES)], SHAPES[-1 - number % 2])
    spare = range(min(len(competing), len(COLOURS) - 1), len(COLOURS))
    for number, name in enumerate(others):
        cycle, place = divmod(number, len(spare))
        dash = DASHES[cycle % len(DASHES)]
        styles[name] = Style(spare[place], dash, SHAPES[(number + 1) % len(SHAPES)])
    return styles


def numbered(number: int) -> Style:
    """Return the style of a series by its place, from 0."""
    cycle, colour = divmod(number, len(COLOURS))
    dash = DASHES[(cycle - 1) % len(DASHES)] if cycle else ()
    return Style(colour, dash, SHAPES[number % len(SHAPES)])
