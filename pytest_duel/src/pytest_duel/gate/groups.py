"""Thresholds of whole groups, as the marker of pytest-benchmark names them."""

from collections.abc import Iterable
from dataclasses import replace

from pytest_duel.catalogue.project import FILE, TABLE
from pytest_duel.gate.collect import Benchmark, Collected
from pytest_duel.gate.settings import Settings, SettingsError
from pytest_duel.support.patterns import matches
from pytest_duel.support.thresholds import decisive


def limited(found: Collected, settings: Settings) -> Collected:
    """Return the same benchmarks, each with the threshold that the settings give its group.

    Its own marker comes first, and a pattern of its name.
    """
    benchmarks = {name: _limited(one, settings) for name, one in found.benchmarks.items()}
    return replace(found, benchmarks=benchmarks)


def _limited(one: Benchmark, settings: Settings) -> Benchmark:
    own = one.marker.get("threshold"), decisive(settings.thresholds, one.name)
    limit = None if one.group is None else decisive(settings.group_thresholds, one.group)
    if own != (None, None) or limit is None:
        return one
    return replace(one, marker={**one.marker, "threshold": limit})


def check(settings: Settings, sides: Iterable[Collected | None]) -> None:
    """Refuse a pattern of groups that matches none of either side.

    Raises
    ------
    SettingsError
        Which names it.
    """
    benchmarks = [one for side in sides if side for one in side.benchmarks.values()]
    groups = {one.group for one in benchmarks if one.group is not None}
    for pattern in settings.group_thresholds:
        if not matches(pattern, groups):
            raise SettingsError(
                f"{FILE}: [{TABLE}]: group_thresholds: no benchmark is in a group {pattern!r}; a "
                "group is what @pytest.mark.benchmark(group=...) says"
            )
