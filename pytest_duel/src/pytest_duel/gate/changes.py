"""Differences between two trees that matter to a gate: settings, lock files, compiled code."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_duel.gate.settings import Settings
from pytest_duel.paired.arms.compiled import differing
from pytest_duel.paired.contests import Arm

LOCKS = (
    "constraints.txt", "requirements.txt", "uv.lock", "poetry.lock", "pdm.lock", "pixi.lock",
    "Pipfile.lock", "pylock.toml",
)  # fmt: skip
"""Files that pin what is installed beside the code."""
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
    before: Settings | None, after: Settings, compared: Collection[str] = ()
) -> Iterator[str]:
    """Yield which of the gate's settings a change alters.

    `compared` are those of which the stricter of both sides counts.
    """
    if before is None:
        return
    for key, value in vars(after).items():
        if getattr(before, key) != value:
            held = "; the stricter of both sides counts" if key in compared else ""
            yield f"this change alters the gate's own setting {key!r}{held}"


def about_drivers(base: Path, head: Path, loaded: Sequence[str] = ()) -> Iterator[str]:
    """Yield which files differ that run by themselves in the processes of both sides.

    Parameters
    ----------
    base, head
        The trees.
    loaded
        Files of the head's that tests import, or that are plugins of pytest.
    """
    names = {
        path.relative_to(tree).as_posix() for tree in (base, head) for path in tree.rglob(DRIVER)
    }
    home = head.resolve()
    files = (Path(one).resolve() for one in loaded)
    names |= {one.relative_to(home).as_posix() for one in files if one.is_relative_to(home)}
    changed = [name for name in sorted(names) if _content(base / name) != _content(head / name)]
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


def altered(paths: Mapping[str, str], base: Path, head: Path) -> frozenset[str]:
    """Return the benchmarks whose test file differs. `paths` are of the head's files."""
    files = {name: Path(path).resolve() for name, path in paths.items()}
    return frozenset(
        name
        for name, path in files.items()
        if path.is_relative_to(head) and _content(path) != _content(base / path.relative_to(head))
    )


def about_filters(who: str, altered: Sequence[str]) -> Iterator[str]:
    """Yield which files of a side are not what git has."""
    if altered:
        more = f" and {len(altered) - SHOWN} more" if len(altered) > SHOWN else ""
        yield (
            f"files of the {who} are not what git has: filters or attributes of git changed them: "
            f"{', '.join(altered[:SHOWN])}{more}"
        )


def about_locks(base: Sequence[Path], head: Sequence[Path]) -> Iterator[str]:
    """Yield which lock files differ, of folders of either tree that belong together.

    Arms share what is installed here, unless each has an environment of its own.
    """
    for one, other in zip(base, head, strict=True):
        for name in LOCKS:
            if _content(one / name) != _content(other / name):
                yield (
                    f"{name} differs, and both sides ran with what is installed here; --isolated "
                    "gives each its own"
                )


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


def is_rebuilt(base: Arm, head: Arm) -> bool:
    """Tell whether the compiled code of both sides differs."""
    return bool(differing(base.modules, head.modules))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
