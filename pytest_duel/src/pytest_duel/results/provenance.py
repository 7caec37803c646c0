"""Where two sets of runs come from, and what makes them hard to compare. Plain data."""

import reprlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_duel.results import commit_info
from pytest_duel.results.commit_info import CommitInfo
from pytest_duel.results.contradictions import is_before
from pytest_duel.results.runs import Run
from pytest_duel.support.units import count

MACHINE = (
    "node_hash", "system", "release", "machine", "cores", "usable_cores", "governor", "smt",
    "virtualisation", "python_implementation",
)  # fmt: skip
PYTHON = "python"
FACTS = ("cpu", *MACHINE, PYTHON)
"""What tells machines apart, and which Python ran there: its version without the last part."""
HOST = ("node_hash", "release")
"""Those in which hosts of one kind differ, as those that a CI service starts for each job."""
BUILD = ("profile", "target", "rustc", "version")
SECTION = ("tier", "variables", "details")
NAMED = 3
"""Benchmarks that cannot be read and are named; the others are counted."""


@dataclass(frozen=True)
class Difference:
    """Something other than the code that differs between the runs."""

    what: str
    """machine, versions, build, settings, revision or pools."""
    name: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    def __str__(self) -> str:
        old, new = (", ".join(side) for side in (self.old, self.new))
        return f"different {self.what}: {self.name} {old} → {new}"


def differences(old: Sequence[Run], new: Sequence[Run]) -> list[Difference]:
    """Return all that differs between the sides, or within one, apart from what is compared."""
    found: list[Difference] = []
    facts = [[facts_of(run) for run in side] for side in (old, new)]
    for key in dict.fromkeys(key for side in facts for run in side for key in run):
        before, after = (_values(run.get(key) for run in side) for side in facts)
        if before != after or len(before) > 1:
            found.append(Difference(*key, before, after))
    return [*found, *_mixed(old, new), *_pools(old, new)]


def same_code(old: Sequence[Run], new: Sequence[Run]) -> bool:
    """Tell whether all runs are known to be of one clean revision."""
    commits = [run.commit for run in (*old, *new)]
    return len({one.id for one in commits}) == 1 and all(one.clean for one in commits)


def revision(runs: Sequence[Run]) -> str:
    """Return a short name of the revisions that were measured."""
    return ", ".join(_values(run.commit for run in runs))


def facts_of(run: Run) -> dict[tuple[str, str], Any]:
    """Return what a run was measured on and with: by what and name, such as machine, cpu."""
    machine, build = run.machine, _part(run.section, "build_info")
    facts: dict[tuple[str, str], Any] = {
        ("machine", "cpu"): _part(machine, "cpu").get("brand_raw")
    }
    facts |= {("machine", name): machine.get(name) for name in MACHINE}
    facts |= {("versions", name): value for name, value in _part(machine, "versions").items()}
    facts |= {("build", name): build.get(name) for name in BUILD}
    facts |= {("settings", name): run.section.get(name) for name in SECTION}
    facts["settings", "without"] = ", ".join(run.section.get("without") or ()) or "nothing"
    return facts


def machine_of(
    facts: Mapping[tuple[str, str], Any], ignore: Collection[str] = ()
) -> tuple[tuple[str, Any], ...]:
    """Return what tells a machine from others, of the facts of a run.

    Parameters
    ----------
    facts
        As `facts_of` returns them.
    ignore
        Names that do not tell.
    """
    version = facts.get(("versions", PYTHON))
    found = {name: value for (what, name), value in facts.items() if what == "machine"}
    found[PYTHON] = ".".join(str(version).split(".")[:2]) if version else None
    return tuple(one for one in found.items() if one[0] not in ignore)


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = of.get(name)
    return part if isinstance(part, dict) else {}


def _values(values: Any) -> tuple[str, ...]:
    return tuple(sorted({_said(value) for value in values}))


def _said(value: Any) -> str:
    if value is None or value == {}:
        return "unknown" if value is None else "none"
    if isinstance(value, dict) and all(isinstance(one, str) for one in value.values()):
        return ", ".join(f"{name}={one}" for name, one in sorted(value.items()))
    return str(value) if isinstance(value, (str, int, float, CommitInfo)) else reprlib.repr(value)


def _mixed(old: Sequence[Run], new: Sequence[Run]) -> Iterator[Difference]:
    """Tell where one side mixes several revisions."""
    sides = [_values(run.commit for run in side) for side in (old, new)]
    if any(len(side) > 1 for side in sides):
        yield Difference("revisions on one side", "commit", *sides)


def _pools(old: Sequence[Run], new: Sequence[Run]) -> Iterator[Difference]:
    pools: list[dict[str, set[str]]] = [{}, {}]
    for side, runs in zip(pools, (old, new), strict=True):
        for run in runs:
            for one in run.results:
                text = f"{one.distinct} of seed {one.seed}"
                side.setdefault(one.case.id, set()).add(text)
    for name, before in pools[0].items():
        after = pools[1].get(name, before)
        if before != after or len(before) > 1:
            yield Difference("pools", name, tuple(sorted(before)), tuple(sorted(after)))


def weaknesses(runs: Sequence[Run], side: str) -> Iterator[str]:
    """Yield what speaks against the runs of one side by themselves."""
    if any(_part(run.section, "build_info").get("profile") == "debug" for run in runs):
        yield f"{side} timed a debug build"
    for run in runs:
        if is_before(run.when, run.commit.time):
            yield (
                f"{side} was measured at {run.when}, before its commit was made at "
                f"{run.commit.time}: a clock was wrong, or one of the two times is"
            )
        for name, reason in _part(run.section, "missing").items():
            yield f"{side} could not time {name}: {str(reason).partition(chr(10))[0]}"
        for failure in _part(run.section, "parity").get("disagreements", ()):
            yield f"{side} left out a backend that was wrong: {failure}"


def unknown_commits(runs: Sequence[Run], side: str) -> Iterator[str]:
    """Tell where the runs of one side do not say which commit they are of."""
    number = sum(run.commit.id is None for run in runs)
    if number:
        among = f", in {number} of {len(runs)} runs" if len(runs) > 1 else ""
        yield f"{side} does not tell which commit was measured{among}"


def uncommitted(runs: Sequence[Run], side: str) -> Iterator[str]:
    """Tell where several runs of a side may be of different changes that nobody has committed."""
    number = sum(run.commit.dirty is True for run in runs)
    if number > 1:
        yield (
            f"{number} of {len(runs)} runs of {side} had uncommitted changes, and it is not "
            "known whether these were the same"
        )


def unreadable(runs: Sequence[Run], side: str) -> Iterator[str]:
    """Name the first benchmarks of a side that cannot be read, and count the others."""
    found = list(dict.fromkeys(str(one) for run in runs for one in run.unread))
    if found:
        more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield (
            f"{side}: {count(len(found), 'benchmark')} cannot be read: "
            f"{'; '.join(found[:NAMED])}{more}"
        )


def where(data: Mapping[str, Any]) -> str:
    """Say where, with what and when a saved measurement was begun: machine, versions, commit."""
    machine, commit = data["machine"], commit_info.read(data["commit"])
    known = machine.get("versions", {}).items()
    versions = ", ".join(f"{name} {one}" for name, one in known if one)
    virtual = machine.get("virtualisation")
    return (
        f"{machine.get('cpu') or 'CPU unknown'}, {machine.get('usable_cores')} cores"
        f"{f', {virtual}' if virtual else ''}; {versions}; commit {_short(commit)}; "
        f"begun {data['when'][:10]}"
    )


def _short(commit: CommitInfo) -> str:
    return f"{(commit.id or 'unknown')[:10]}{' and changes' if commit.dirty else ''}"
