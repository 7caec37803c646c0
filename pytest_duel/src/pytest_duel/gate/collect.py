"""Which benchmarks an arm's tests have: their names, files, parameters and markers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pytest_duel.paired.client import SideError
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import COLLECTING, PytestSide, Suite
from pytest_duel.paired.pytest_worker import POSITIONAL, SHOWN_AS
from pytest_duel.support.errors import DuelError
from pytest_duel.support.thresholds import SHARE, share_of

IGNORED = "files that git ignores are not in the trees that are measured"


class CollectError(DuelError):
    """The benchmarks cannot be listed; the message says why."""


@dataclass(frozen=True)
class Benchmark:
    """A test that uses the `benchmark` fixture."""

    name: str
    """Its node id, without addresses of objects."""
    file: str
    path: str
    """The full path of that file."""
    parameters: Mapping[str, str]
    marker: Mapping[str, Any]
    """The arguments of ``@pytest.mark.duel``."""

    @property
    def skipped(self) -> str | None:
        """Return why it is not measured; None if it is."""
        reason = self.marker.get("skip")
        if not reason:
            return None
        return reason if isinstance(reason, str) else "its marker says so"

    @property
    def cpus(self) -> int:
        """Return how many CPUs both arms share: one for each of its threads."""
        return int(self.marker.get("cpus", 1))

    @property
    def group(self) -> str | None:
        """Return the group that pytest-benchmark's marker puts it in; None where that has none."""
        return self.marker.get("group")

    @property
    def case(self) -> str | None:
        """Return the id of the case that it times, where it is one of a sweep."""
        return self.marker.get("case")

    def is_in(self, place: Path, inner: str) -> bool:
        """Tell whether a file or folder holds it, and what a node id says behind that."""
        _, _, own = self.name.partition("::")
        is_there = Path(self.path).resolve().is_relative_to(place.resolve())
        return is_there and (inner in ("", own) or own.startswith((f"{inner}::", f"{inner}[")))

    @property
    def is_checked(self) -> bool:
        """Tell whether its answers are checked before it is timed."""
        return bool(self.marker.get("check"))


@dataclass(frozen=True)
class Collected:
    """The benchmarks of one arm."""

    benchmarks: Mapping[str, Benchmark]
    """By name, in pytest's order."""
    rootdir: str
    inifile: str
    settings: Mapping[str, str] = field(default_factory=dict)
    """The settings of pytest, from any file."""
    drivers: tuple[str, ...] = ()
    """Files of the project that were loaded, but for the code that is measured."""
    tests: tuple[str, ...] = ()
    """Those that hold tests."""
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    """The files of modules that are loaded from neither a tree nor an environment."""

    @property
    def files(self) -> list[str]:
        """Return the paths of the files that hold them."""
        return list(dict.fromkeys(one.path for one in self.benchmarks.values()))

    def within(self, places: Sequence[tuple[Path, str]]) -> "Collected":
        """Return the same with the benchmarks in some files or folders; none is everywhere.

        With each stands what a node id has behind the file, or nothing.
        """
        kept = {
            name: one
            for name, one in self.benchmarks.items()
            if not places or any(one.is_in(*place) for place in places)
        }
        return replace(self, benchmarks=kept)


def collect(arm: Arm, tests: Suite, who: str) -> Collected:
    """List the benchmarks that pytest collects.

    Parameters
    ----------
    arm
        The code that the tests import.
    tests
        Where they are.
    who
        What messages call it: ``the head``.

    Raises
    ------
    CollectError
        Where pytest fails, a file cannot be imported, or two benchmarks have one name.
    """
    try:
        # One seed for hashing: where a set is a parameter, its text is the same on both sides.
        side = PytestSide(replace(arm, name=who), tests, seed="0")
        try:
            found = side.ask(side.hello, COLLECTING)
        finally:
            side.close()
    except SideError as error:
        raise CollectError(str(error)) from None
    if found["errors"]:
        name, text = next(iter(found["errors"].items()))
        raise CollectError(
            f"{who}: {name or 'the tests'} cannot be collected: {explained(cause(text))}"
        )
    _check_names([one["name"] for one in found["benchmarks"]], who)
    benchmarks = {one["name"]: _benchmark(one, who) for one in found["benchmarks"]}
    return Collected(
        benchmarks,
        found["rootdir"],
        found["inifile"],
        found["settings"],
        tuple(found["drivers"]),
        tuple(found["tests"]),
        found["elsewhere"],
    )


def explained(reason: str) -> str:
    """Return why a test has failed, with what to know where a file is not there."""
    return reason + (f"; {IGNORED}" if "FileNotFoundError" in reason else "")


def cause(text: str) -> str:
    """Return the line of a failure that says what was wrong."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    errors = [line[1:].strip() for line in lines if line.startswith("E ")]
    return (errors[0] if errors else lines[-1].strip()) if lines else "pytest does not say why"


def _check_names(names: Sequence[str], who: str) -> None:
    twice = [name for name, number in Counter(names).items() if number > 1]
    if twice:
        more = f", and {len(twice) - 1} more such names" if len(twice) > 1 else ""
        raise CollectError(f"{who}: two benchmarks have one name: {twice[0]}{more}")


def cpus_of(marker: Mapping[str, Any], place: str) -> int:
    """Return how many CPUs the marker `duel` gives a benchmark.

    Parameters
    ----------
    marker
        What it says, by name.
    place
        Where it stands, for the error.

    Raises
    ------
    CollectError
        Where that is no number of CPUs.
    """
    cpus = marker.get("cpus", 1)
    if not isinstance(cpus, int) or isinstance(cpus, bool) or cpus < 1:
        raise CollectError(
            f"{place}: the marker duel has cpus={cpus!r}: it must be a whole number, at least 1"
        )
    return cpus


def _benchmark(told: Mapping[str, Any], who: str) -> Benchmark:
    marker = dict(told["marker"])
    if POSITIONAL in marker:
        raise CollectError(
            f"{who}: {told['name']}: the marker duel takes all arguments by name, such as "
            "duel(threshold=0.05)"
        )
    for key, value in marker.items():
        if isinstance(value, Mapping):
            raise CollectError(
                f"{who}: {told['name']}: the marker duel has {key}={value[SHOWN_AS]}: it must be "
                "a plain number, a text, True or False"
            )
    if (threshold := marker.get("threshold")) is not None:
        try:
            marker["threshold"] = share_of(threshold)
        except ValueError:
            raise CollectError(
                f"{who}: {told['name']}: the marker duel has threshold={threshold!r}: it must be "
                f"{SHARE}"
            ) from None
    cpus_of(marker, f"{who}: {told['name']}")
    unknown = set(marker) - {"threshold", "skip", "check", "cpus", "case", "group"}
    if unknown:
        raise CollectError(
            f"{who}: {told['name']}: the marker duel has {sorted(unknown)[0]!r}: "
            "choose from threshold, skip, check, cpus"
        )
    return Benchmark(**{**told, "marker": marker})
