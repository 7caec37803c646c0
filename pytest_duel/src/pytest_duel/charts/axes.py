"""Axes: of times, whose unit goes by their size, and of logarithms."""

import math
from typing import Any

import altair as alt

from pytest_duel.support.units import AUTO, scale_of

FIRST_DIGIT = "substring(format(datum.value, '.0e'), 0, 1)"
DECADE = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6"
"""Vega's expressions for a value of a log axis: its first digit; whether it is a power of ten."""


def rounded(axis: str, digits: str = "125") -> str:
    """Return the expression for which values of a log axis have labels.

    Where the axis spans hardly more than a power of ten, all that there is room for.
    """
    narrow = f"domain('{axis}')[1] / domain('{axis}')[0] < 12"
    return f"({narrow} || indexof('{digits}', {FIRST_DIGIT}) >= 0)"


_UNITS = (("1", "s"), ("1e-3", "ms"), ("1e-6", "µs"))


def digits(axis: str) -> str:
    """Return Vega's expression for a number format that tells an axis's labels apart."""
    low, high = f"domain('{axis}')[0]", f"domain('{axis}')[1]"
    digits = f"clamp(2 + ceil(log({high} / ({high} - {low})) / LN10), 3, 9)"
    return f"',.' + {digits} + '~r'"


def with_unit(numbers: str = "',.3~r'", word: str = AUTO) -> str:
    """Return Vega's expression for a number of seconds with its unit.

    Parameters
    ----------
    numbers
        The format of the number, as an expression.
    word
        The unit: a word of `units.UNITS`.
    """
    if word != AUTO:
        unit, called = scale_of(1.0, word)
        said = f"format(datum.value / {unit:g}, {numbers}) + ' {called}'"
        return f"datum.value == 0 ? '0' : {said}"
    said = f"format(datum.value / 1e-9, {numbers}) + ' ns'"
    for size, name in reversed(_UNITS):
        number = f"format(datum.value / {size}, {numbers}) + ' {name}'"
        said = f"datum.value >= {size} * 0.9995 ? {number} : ({said})"
    return f"datum.value == 0 ? '0' : ({said})"


def sizes(counted: str) -> alt.X:
    """Return the axis of n, which counts this."""
    shown = f"({DECADE} || (datum.value < 1000 && {rounded('x')}))"
    return alt.X(
        "n:Q",
        scale=alt.Scale(type="log", nice=False, padding=18),
        title=counted,
        axis=log("format(datum.value, ',')", shown, grid=False),
    )


def numbers(counted: str) -> alt.X:
    """Return the axis of numbers that lie close together, or may be zero or negative."""
    return alt.X(
        "n:Q",
        scale=alt.Scale(zero=False, nice=False, padding=18),
        title=counted,
        axis=alt.Axis(labelExpr="format(datum.value, ',~r')", grid=False, tickCount=8),
    )


def log(label: str, shown: str, **more: Any) -> alt.Axis:
    """Return an axis of a log scale with labels where `shown`, and lines at powers of ten."""
    grid, ticks = (
        {"condition": {"test": test, "value": 1}, "value": 0} for test in (DECADE, shown)
    )
    given: dict[str, Any] = {"gridOpacity": grid, "tickOpacity": ticks} | more
    return alt.Axis(
        labelExpr=f"{shown} ? {label} : ''", labelOverlap="greedy", labelSeparation=4, **given
    )


def between(n: float, other: float) -> float:
    """Return where a log axis shows the middle of two numbers."""
    return math.sqrt(n * other)
