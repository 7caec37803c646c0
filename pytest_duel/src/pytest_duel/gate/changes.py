"""Differences between two trees that matter to a gate: settings, lock files, compiled code."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_duel.gate.bodies import rewritten
from pytest_duel.gate.imported import imported
from pytest_duel.gate.requirements import requirements
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.arms.compiled import differing, is_alike
from pytest_duel.paired.contests import Arm
from pytest_duel.support.files import content

LOCKS = (
    "uv.lock", "poetry.lock", "pdm.lock", "pixi.lock",
    "Pipfile.lock", "pylock.toml",
)  # fmt: skip
"""Files that pin what is installed beside the code."""
REQUIREMENTS = ("*requirements*.txt", "requirements/*.txt", "*constraints*.txt")
"""Others that do, as patterns."""
SHOWN = 3
DRIVER = "conftest.py"
LARGE = 0.05
"""A benchmark with a larger placement bound is named in a warning."""


@dataclass(frozen=True)
class Placement:
    """The effect of the place of compiled code, as a self-test has measured it."""

    bounds: Mapping[str, float] = field(default_factory=dict)
    """The largest slowdown of each benchmark, as a share; by name, or by its last part."""
    elsewhere: bool = False
    """It was measured on another machine."""

    def bound(self, name: str) -> float:
        """Return the bound of a benchmark, 0 if it is not known."""
        short = name.rpartition("::")[2].removeprefix("test_")
        return self.bounds.get(name, self.bounds.get(short, 0.0))


def about_settings(
    before: Settings | None,
    after: Settings,
    compared: Collection[str] = (),
    given: Collection[str] = (),
) -> Iterator[str]:
    """Yield which of the gate's settings a change alters.

    Parameters
    ----------
    before, after
        The settings of both sides.
    compared
        Those of which the stricter of both sides counts.
    given
        Those of which neither side's counts.
    """
    if before is None:
        return
    for key, value in vars(after).items():
        if key not in given and getattr(before, key) != value:
            held = "the stricter of both sides counts"
            if key not in compared:
                held = "what the head says holds for both sides"
            yield f"this change alters the gate's own setting {key!r}; {held}"


def about_install(before: str, after: str) -> Iterator[str]:
    """Yield that a change installs the project in another way than the base: both sides are."""
    if before != after:
        yield (
            f"this change alters how both sides are installed, from {before!r} to {after!r}, and "
            "so what is measured; --install says it by hand"
        )


def about_drivers(
    base: Path,
    head: Path,
    loaded: Sequence[str] = (),
    tests: Collection[str] = (),
    measured: Collection[str] = (),
) -> Iterator[str]:
    """Yield which files differ that run by themselves in the processes of both sides.

    Parameters
    ----------
    base, head
        The trees.
    loaded
        Files of the head's that tests import, or that are plugins of pytest.
    tests
        Those that hold tests. What no other file imports of them disturbs nothing: it is a
        benchmark's own file, of which `altered` tells, or is not measured.
    measured
        Those that hold a benchmark that is measured.
    """
    names = {
        path.relative_to(tree).as_posix() for tree in (base, head) for path in tree.rglob(DRIVER)
    }
    home = head.resolve()
    files, own, timed = (
        {path for one in some if (path := Path(one).resolve()).is_relative_to(home)}
        for some in (loaded, tests, measured)
    )
    names |= {one.relative_to(home).as_posix() for one in files}
    changed = [name for name in sorted(names) if content(base / name) != content(head / name)]
    if any(home / name in own for name in changed):
        idle = own - imported(own, timed | (files - own))
        changed = [name for name in changed if home / name not in idle]
    if changed:
        yield (
            "this change alters code that runs in the processes of both sides, and could disturb "
            f"what is measured: {', '.join(changed)}"
        )


def about_pytest(before: Mapping[str, str] | None, after: Mapping[str, str]) -> Iterator[str]:
    """Yield which of pytest's settings a change alters: plugins among them, and what is a test."""
    if before is None:
        return
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    if names:
        yield (
            "this change alters settings of pytest, which hold in the processes of both sides: "
            f"{', '.join(names)}"
        )


def altered(paths: Mapping[str, str], base: Path, head: Path) -> list[str]:
    """Return the benchmarks whose test is another one. `paths` are of the head's files."""
    home = head.resolve()
    files: dict[Path, list[str]] = {}
    for name, path in paths.items():
        files.setdefault(Path(path).resolve(), []).append(name)
    return [
        name
        for path, names in files.items()
        if path.is_relative_to(home)
        for name in rewritten(names, base / path.relative_to(home), path)
    ]


def about_tests(altered: Collection[str], moved: Collection[str]) -> Iterator[str]:
    """Yield which benchmarks ask something else than in the base: both sides run the head's tests.

    Parameters
    ----------
    altered
        Those whose test has been rewritten.
    moved
        Those whose name stands for other parameters.
    """
    if altered:
        yield (
            "this change rewrites benchmarks, and both sides ran what it makes of them: "
            f"{', '.join(altered)}"
        )
    if moved:
        yield (
            "the names of these stand for something else in the base, and both sides ran what "
            f"they are in the head: {', '.join(moved)}"
        )


def about_filters(who: str, altered: Sequence[str]) -> Iterator[str]:
    """Yield which files of a side are not what git has."""
    if altered:
        more = f" and {len(altered) - SHOWN} more" if len(altered) > SHOWN else ""
        yield (
            f"files of the {who} are not what git has: filters or attributes of git changed them: "
            f"{', '.join(altered[:SHOWN])}{more}"
        )


def about_dependencies(base: Path, head: Path, folders: Iterable[str] = (".",)) -> Iterator[str]:
    """Yield which lock files and which declared dependencies differ.

    Arms share what is installed here, unless each has an environment of its own.

    Parameters
    ----------
    base, head
        The trees.
    folders
        Where to look in each.
    """
    differing = [
        *(name for one in folders for name in _differing_locks(base, head, one)),
        *(name for one in folders for name in _differing_requirements(base, head, one)),
    ]
    for name in differing:
        yield (
            f"{name} differs, and both sides ran with what is installed here; --isolated gives "
            "each its own"
        )


def _differing_locks(base: Path, head: Path, folder: str) -> Iterator[str]:
    trees = base / folder, head / folder
    found = {
        path.relative_to(tree).as_posix()
        for tree in trees
        for pattern in REQUIREMENTS
        for path in tree.glob(pattern)
    }
    for name in (*LOCKS, *sorted(found)):
        before, after = (content(tree / name) for tree in trees)
        if before != after:
            yield Path(folder, name).as_posix()


def _differing_requirements(base: Path, head: Path, folder: str) -> Iterator[str]:
    before, after = requirements(base / folder), requirements(head / folder)
    for place in dict.fromkeys([*before, *after]):
        if before.get(place) != after.get(place):
            file, _, key = place.partition(": ")
            yield f"{key} of {Path(folder, file).as_posix()}"


def about_placement(limits: Mapping[str, float], placement: Placement | None) -> Iterator[str]:
    """Yield warnings for sides whose compiled code differs.

    Parameters
    ----------
    limits
        From where on a slowdown counts, by benchmark.
    placement
        The bounds of a self-test; None where there is none.
    """
    if placement is None:
        yield (
            "the compiled code of the two sides differs: its place in memory alone may change the "
            "time of a benchmark of less than a microsecond by some percent"
        )
        return
    if placement.elsewhere:
        yield (
            "the compiled code of the two sides differs: the limits for the effect of its place "
            "in memory were measured on another machine"
        )
    large = [f"{name} ({one:.1%})" for name in limits if (one := placement.bound(name)) > LARGE]
    if large:
        yield (
            "the place of compiled code in memory alone can change these by more than "
            f"{LARGE:.0%}, and slowdowns up to what stands in brackets are tolerated: "
            f"{', '.join(large)}"
        )


def about_code(base: Arm, head: Arm) -> Iterator[str]:
    """Yield that there was no other code to measure, where that is so."""
    if is_alike(base.modules, head.modules):
        yield "the code of both sides, as it is installed, is the same"


def is_rebuilt(base: Arm, head: Arm) -> bool:
    """Tell whether the compiled code of both sides differs."""
    return bool(differing(base.modules, head.modules))
