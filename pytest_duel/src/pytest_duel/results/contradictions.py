"""What a saved run says against itself.

Where two of its parts cannot both be true nobody knows which one is, so the run is refused. What
is not read, such as quartiles, is not looked at.
"""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

CLOSE = 1e-4
"""Relative: raw rounds are saved to six figures."""


def of_stats(stats: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the statistics of a benchmark say against its raw rounds, or each other."""
    data = stats.get("data")
    yield from _against_data(stats, data) if data else _of_themselves(stats)


def _against_data(stats: Mapping[str, Any], data: Sequence[float]) -> Iterator[str]:
    if stats["rounds"] != len(data):
        yield f"stats.rounds is {stats['rounds']}, stats.data has {len(data)}"
    mean = statistics.fmean(data)
    given = {
        "median": statistics.median(data),
        "mean": mean,
        "min": min(data),
        "max": max(data),
        "stddev": statistics.stdev(data) if len(data) > 1 else 0.0,
    }
    for name, value in given.items():
        own = stats.get(name)
        scale = mean if name == "stddev" else 0.0  # rounding changes times, not their differences
        if own is not None and not math.isclose(own, value, rel_tol=CLOSE, abs_tol=CLOSE * scale):
            yield f"stats.{name} is {own:.6g}, of stats.data it is {value:.6g}"


def _of_themselves(stats: Mapping[str, Any]) -> Iterator[str]:
    """Hold statistics against each other, where there are no raw rounds."""
    low, high = stats["min"], stats.get("max") or math.inf
    for name in "median", "mean":
        if stats[name] < low * (1 - CLOSE):
            yield f"stats.{name} is {stats[name]:.6g}, which is below stats.min, {low:.6g}"
        if stats[name] > high * (1 + CLOSE):
            yield f"stats.{name} is {stats[name]:.6g}, which is above stats.max, {high:.6g}"
    if high == math.inf:
        return
    differ = high > low * (1 + CLOSE)
    if differ and (stats["rounds"] == 1 or stats["stddev"] == 0):
        name = "rounds" if stats["rounds"] == 1 else "stddev"
        yield f"stats.{name} is {stats[name]}, but stats.min is not stats.max"
    if stats["stddev"] > high - low + CLOSE * high:
        yield f"stats.stddev is {stats['stddev']:.6g}, more than stats.max is above stats.min"


def of_case(info: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the parameters of a test are not those of the case that it timed."""
    for name in "backend", "scenario", "n":
        if name in params and params[name] != info[name]:
            yield f"params.{name} is {params[name]!r}, extra_info.{name} is {info[name]!r}"


def is_close(one: float, other: float) -> bool:
    """Tell whether two times may be the same, saved with more and with fewer figures."""
    return math.isclose(one, other, rel_tol=CLOSE)


def is_before(measured: str, committed: str) -> bool:
    """Tell whether code was measured before it was committed; not where a time is unknown."""
    try:
        return datetime.fromisoformat(measured) < datetime.fromisoformat(committed)
    except (ValueError, TypeError):  # no time, or one of an unknown zone
        return False
