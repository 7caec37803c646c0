"""Numbers for people: significant figures, shares, times with their unit."""

from collections.abc import Iterable

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
AUTO = "auto"
"""The word for a unit that fits each time."""
UNITS = ("ns", "us", "ms", "s", AUTO)
"""The words of ``--benchmark-time-unit``."""


def decimals(value: float, digits: int = 3) -> int:
    """Return the decimal places that show `value` with `digits` significant figures."""
    if value == 0:
        return 0
    exponent = int(f"{abs(value):.{digits - 1}e}".partition("e")[2])
    return max(0, digits - 1 - exponent)


def figures(value: float, digits: int = 3) -> str:
    """Return `value` with `digits` significant figures and no exponent."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    return f"{rounded:.{decimals(value, digits)}f}"


def count(number: float | None, thing: str) -> str:
    """Return a number with its noun, in the plural where it is not one."""
    return f"{'?' if number is None else f'{number:g}'} {thing}{'s' if number != 1 else ''}"


def share(value: float) -> str:
    """Return a share in percent, with one decimal place unless that is zero: ``2%``, ``0.5%``."""
    return f"{value:.1%}".replace(".0%", "%")


def scale_of(seconds: float, word: str = AUTO) -> tuple[float, str]:
    """Return the unit of a time, and its name: what fits it, or what a word of `UNITS` says."""
    if word == AUTO:
        return next((one for one in _UNITS if seconds >= one[0] * 0.9995), _UNITS[-1])
    return next(one for one in _UNITS if one[1] == word.replace("u", "µ"))


def duration(seconds: float, word: str = AUTO) -> str:
    """Return a time with its unit: ``4.22 µs``."""
    unit, name = scale_of(seconds, word)
    return f"{figures(seconds / unit)} {name}"


def size(number: int) -> str:
    """Return bytes with their unit: ``512 B``, ``4.22 MiB``."""
    value = float(number)
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1000:
            return f"{figures(value) if unit != 'B' else number} {unit}"
        value /= 1024
    return f"{figures(value)} GiB"


def waiting(seconds: float) -> str:
    """Return a time that somebody waits: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def ratio(value: float, low: float, high: float, digits: int = 3) -> str:
    """Return a ratio with its interval: ``1.03 [1.01, 1.05]``."""
    return f"{figures(value, digits)} [{figures(low, digits)}, {figures(high, digits)}]"


def common_unit(seconds: Iterable[float]) -> tuple[float, str]:
    """Return the largest unit in which the shortest time is at least 0.1, and its name."""
    least = min(seconds)
    for unit, name in _UNITS:
        if least >= unit * 0.1:
            return unit, name
    return _UNITS[-1]
