"""The order of commits: by ancestry where the repository is at hand, else by time.

A commit that no branch has any more may have been rebased, amended or squashed. Then another
commit has taken its place, and it stands right before that one, not on a branch of its own.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from pytest_duel.support import git

_HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_TOLD = "--format=%H %ct %s"
_WHOLE = "--format=%H %T %at %ae %s"
MOST = 50_000
"""Commits among which one is looked for that has taken the place of another."""

Parents = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Log:
    """Facts about commits, from the repository."""

    order: tuple[str, ...] = ()
    """Hashes, parents before children."""
    times: Mapping[str, int] = field(default_factory=dict)
    """Times of the commits, in seconds since 1970."""
    subjects: Mapping[str, str] = field(default_factory=dict)
    parents: Parents = field(default_factory=dict)
    """The parents of all known commits, and of their ancestors."""
    rewritten: Mapping[str, str] = field(default_factory=dict)
    """By commit that no branch has any more, the one that has taken its place."""
    ends: frozenset[str] = frozenset()
    """Commits of a shallow clone whose parents it lacks."""
    lacking: frozenset[str] = frozenset()
    """Commits that were asked for and are not in the repository."""

    def parted(self, before: str, after: str) -> bool:
        """Tell whether a commit, or what has taken its place, is known to be no ancestor."""
        before, after = (self.rewritten.get(one, one) for one in (before, after))
        if before not in self.parents or after not in self.parents:
            return False
        seen = _ancestors([after], self.parents, before)
        return before not in seen and not seen & self.ends


def _ancestors(commits: Iterable[str], parents: Parents, sought: str = "") -> set[str]:
    """Return commits with all their ancestors, or those met until one is found."""
    seen = set(commits)
    waiting = list(seen)
    while waiting and sought not in seen:
        further = set(parents.get(waiting.pop(), ())) - seen
        seen |= further
        waiting += further
    return seen


def read(ids: Iterable[str], repository: Path) -> Log:
    """Return facts about commits; those that the repository lacks are left out.

    A folder that is no repository, or a system without git, knows of none.
    """
    wanted = sorted({one for one in ids if _HASH.fullmatch(one)})
    if not wanted:
        return Log()
    try:
        known = git.run(repository, "rev-list", "--no-walk", "--ignore-missing", *wanted).split()
        if not known:
            return Log()
        listed = git.run(repository, "rev-list", "--topo-order", "--reverse", "--parents", *known)
        told = git.run(repository, "rev-list", "--no-walk", _TOLD, *known)
        parents = _parents(listed)
        rewritten = _rewritten(repository, known)
        ends = _ends(repository)
    except git.GitError:
        return Log()
    # A subject may hold what `splitlines` takes for the end of a line.
    found = [line.split(" ", 2) for line in told.split("\n") if line and line[:7] != "commit "]
    return Log(
        order=tuple(one for one in parents if one in {*known}),
        times={commit: int(when) for commit, when, _ in found},
        subjects={commit: subject for commit, _, subject in found},
        parents=parents,
        rewritten=rewritten,
        ends=ends,
        lacking=frozenset(wanted) - {*known},
    )


def _ends(repository: Path) -> frozenset[str]:
    """Return the commits at the end of a shallow clone."""
    path = git.folder(repository, "rev-parse", "--path-format=absolute", "--git-path", "shallow")
    try:
        return frozenset(path.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return frozenset()


class _Commit(NamedTuple):
    """What tells whether a commit is another one anew."""

    tree: str
    author: tuple[str, str, str]
    """The time at which it was written first, by whom, and its subject."""


def _rewritten(repository: Path, known: Iterable[str]) -> dict[str, str]:
    """Return what has taken the place of commits that no branch has any more."""
    kept = _parents(git.run(repository, "rev-list", "--parents", "--all"))
    lost = [one for one in known if one not in kept]
    if not lost or not kept:
        return {}
    further = _parents(git.run(repository, "rev-list", "--parents", *lost, "--not", "--all"))
    own = _whole(git.run(repository, "rev-list", _WHOLE, *lost, "--not", "--all"))
    there = _whole(git.run(repository, "rev-list", f"--max-count={MOST}", _WHOLE, "--all"))
    parents = {**kept, **further}
    trees = {name: one.tree for name, one in {**there, **own}.items()}

    def changes(name: str) -> bool:
        """Tell whether a commit has another content than its first parent."""
        first = next(iter(parents.get(name, ())), "")
        return trees.get(first) != trees[name]

    by_author = {one.author: name for name, one in there.items()}
    by_tree = {one.tree: name for name, one in there.items() if changes(name)}
    found = {
        name: by_author.get(own[name].author) or (changes(name) and by_tree.get(own[name].tree))
        for name in lost
        if name in own
    }
    return {name: other for name, other in found.items() if other}


def _parents(listed: str) -> dict[str, tuple[str, ...]]:
    return {own: tuple(others) for own, *others in map(str.split, listed.splitlines())}


def _whole(listed: str) -> dict[str, _Commit]:
    lines = [line for line in listed.split("\n") if line and line[:7] != "commit "]
    parts = (line.split(" ", 4) for line in lines)
    return {name: _Commit(tree, (when, who, subject)) for name, tree, when, who, subject in parts}


def sort(times: Mapping[str, float], log: Log) -> list[str]:
    """Return commits, older ones first.

    Parameters
    ----------
    times
        When each was made, by hash, in seconds since 1970, as the runs have it.
    log
        What the repository knows. What it lacks stands where its time puts it; what was rewritten
        right before what has taken its place, where that was measured.
    """
    known = _in_place([commit for commit in log.order if commit in times], log)
    # A commit is no older than its ancestors, even if its clock was wrong.
    reached = list(accumulate((log.times[commit] for commit in known), max))
    strange = sorted(times.keys() - set(known), key=lambda commit: (times[commit], commit))
    placed = [((place, 1, 0.0), commit) for place, commit in enumerate(known)]
    placed += [
        ((bisect_right(reached, times[commit]), 0, times[commit]), commit) for commit in strange
    ]
    return [commit for _, commit in sorted(placed)]


def _in_place(order: list[str], log: Log) -> list[str]:
    """Return commits in their order, what was rewritten before what has taken its place."""
    places = {commit: place for place, commit in enumerate(order)}

    def place(commit: str) -> tuple[int, bool]:
        other = places.get(log.rewritten.get(commit, ""))
        return (places[commit], True) if other is None else (other, False)

    return sorted(order, key=place)
