"""Where two sets of runs come from, and what makes them hard to compare. Plain data."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_duel.results.runs import Run

MACHINE = (
    "node_hash", "system", "release", "machine", "cores", "usable_cores", "governor", "smt",
    "virtualisation",
)  # fmt: skip
BUILD = ("profile", "target", "rustc", "version")
SECTION = ("tier", "variables")


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
    """Tell whether all runs are of one clean revision."""
    commits = [run.commit for run in (*old, *new)]
    ids = _values(commit.get("id") for commit in commits)
    return len(ids) == 1 and not any(c.get("dirty") or not c.get("id") for c in commits)


def revision(runs: Sequence[Run]) -> str:
    """Return a short name of the revisions that were measured."""
    return ", ".join(_values(_revision(run) for run in runs))


def _revision(run: Run) -> str:
    name = str(run.commit.get("id") or "unversioned")[:10]
    return f"{name} with uncommitted changes" if run.commit.get("dirty") else name


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


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = of.get(name)
    return part if isinstance(part, dict) else {}


def _values(values: Any) -> tuple[str, ...]:
    return tuple(sorted({_said(value) for value in values}))


def _said(value: Any) -> str:
    return "unknown" if value is None else "none" if value == {} else str(value)


def _mixed(old: Sequence[Run], new: Sequence[Run]) -> Iterator[Difference]:
    """Tell where one side mixes several revisions."""
    sides = [_values(_revision(run) for run in side) for side in (old, new)]
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
        for name, reason in _part(run.section, "missing").items():
            yield f"{side} could not time {name}: {str(reason).partition(chr(10))[0]}"
        for failure in _part(run.section, "parity").get("disagreements", ()):
            yield f"{side} left out a backend that was wrong: {failure}"


def where(data: Mapping[str, Any]) -> str:
    """Say where, with what and when a saved measurement was begun: machine, versions, commit."""
    machine, commit = data["machine"], data["commit"]
    known = machine.get("versions", {}).items()
    versions = ", ".join(f"{name} {one}" for name, one in known if one)
    virtual = machine.get("virtualisation")
    changed = " and changes" if commit.get("dirty") else ""
    return (
        f"{machine.get('cpu') or 'CPU unknown'}, {machine.get('usable_cores')} cores"
        f"{f', {virtual}' if virtual else ''}; {versions}; commit {str(commit.get('id'))[:10]}"
        f"{changed}; begun {data['when'][:10]}"
    )
