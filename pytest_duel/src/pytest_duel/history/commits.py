"""The order of commits: by ancestry where the repository is at hand, else by time."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from pytest_duel.support import git

_HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_TOLD = "--format=%H %ct %s"


@dataclass(frozen=True)
class Log:
    """Facts about commits, from the repository."""

    order: tuple[str, ...] = ()
    """Hashes, parents before children."""
    times: Mapping[str, int] = field(default_factory=dict)
    """Times of the commits, in seconds since 1970."""
    subjects: Mapping[str, str] = field(default_factory=dict)
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The parents of all known commits, and of their ancestors."""

    def parted(self, before: str, after: str) -> bool:
        """Tell whether a commit is known to be no ancestor of another."""
        if before not in self.parents or after not in self.parents:
            return False
        seen, waiting = {after}, [after]
        while waiting and before not in seen:
            further = set(self.parents.get(waiting.pop(), ())) - seen
            seen |= further
            waiting += further
        return before not in seen


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
    except git.GitError:
        return Log()
    there = set(known)
    parents = {own: tuple(others) for own, *others in map(str.split, listed.splitlines())}
    # A subject may hold what `splitlines` takes for the end of a line.
    found = [line.split(" ", 2) for line in told.split("\n") if line and line[:7] != "commit "]
    return Log(
        order=tuple(one for one in parents if one in there),
        times={commit: int(when) for commit, when, _ in found},
        subjects={commit: subject for commit, _, subject in found},
        parents=parents,
    )


def sort(times: Mapping[str, float], log: Log) -> list[str]:
    """Return commits, older ones first.

    Parameters
    ----------
    times
        When each was made, by hash, in seconds since 1970, as the runs have it.
    log
        What the repository knows. What it lacks stands where its time puts it.
    """
    known = [commit for commit in log.order if commit in times]
    # A commit is no older than its ancestors, even if its clock was wrong.
    reached = list(accumulate((log.times[commit] for commit in known), max))
    strange = sorted(times.keys() - set(known), key=lambda commit: (times[commit], commit))
    placed = [((place, 1, 0.0), commit) for place, commit in enumerate(known)]
    placed += [
        ((bisect_right(reached, times[commit]), 0, times[commit]), commit) for commit in strange
    ]
    return [commit for _, commit in sorted(placed)]
