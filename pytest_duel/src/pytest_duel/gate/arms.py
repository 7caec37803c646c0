"""Installing both arms of a gate, and telling the user of it."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pytest_duel.gate.question import Announce, Own, Question
from pytest_duel.paired.arms.cache import cache_folder
from pytest_duel.paired.arms.dependencies import search_path
from pytest_duel.paired.arms.installing import install
from pytest_duel.paired.arms.isolation import carried_harness, environment
from pytest_duel.paired.arms.recipe import InstallError, Recipe
from pytest_duel.paired.arms.trees import Repository
from pytest_duel.paired.contests import Arm
from pytest_duel.support.units import duration


@dataclass(frozen=True)
class Places:
    """Where and how arms are installed."""

    scratch: Path
    isolated: bool = False
    requirements: tuple[str, ...] = ()
    own: Mapping[str, Own] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """The names of the arms in messages."""


def installed_arm(
    name: str, tree: Path, recipe: Recipe, places: Places, announce: Announce
) -> Arm:
    """Install a side, and return it."""
    called = places.names.get(name, name)
    announce(f"installing {called} ...")
    harness: tuple[str, ...] = ()
    started = time.monotonic()
    try:
        _check_within(places.scratch / name, tree, recipe.packages)
        if places.isolated:
            own = places.own.get(name, Own())
            recipe = replace(recipe, python=own.python)
            more = (*places.requirements, *own.requirements)
            python = environment(places.scratch / f"{name}-env", tree, recipe, more)
            recipe = replace(recipe, python=python)
            harness = (carried_harness(places.scratch / f"{name}-harness"),)
        found = install(tree, recipe, cache_folder(), places.scratch / name)
    except InstallError as error:
        raise InstallError(f"{called} cannot be installed: {error}") from None
    how = f"{found.how}, in an environment of its own" if places.isolated else found.how
    took = duration(time.monotonic() - started)
    announce(f"  {', '.join(found.modules)}: {how} ({took})")
    return Arm(
        called.removeprefix("the "),
        modules=found.modules,
        python=recipe.python,
        harness=harness,
    )


def _check_within(exported: Path, tree: Path, packages: Sequence[str]) -> None:
    """Refuse folders that lie outside of what was exported: they are the same on both sides."""
    for name in packages:
        if not (tree / name).resolve().is_relative_to(exported.resolve()):
            raise InstallError(
                f"packages: {name!r} leads out of the repository, so both sides would have the "
                "same code; name a folder of it, relative to the project's"
            )


def folders_of(arm: Arm, tree: Path) -> list[Path]:
    """Return the folders of an arm: its tree, and where its modules are installed."""
    homes = [Path(one) for one in arm.modules.values()]
    return list(dict.fromkeys([tree, *(one for one in homes if not one.is_relative_to(tree))]))


def path_of(question: Question, repository: Repository, tree: Path, *arms: Arm) -> tuple[str, ...]:
    """Return where workers find dependencies besides what is installed."""
    if question.isolated:
        return ()
    modules = {name for arm in arms for name in arm.modules}
    return search_path(os.environ.get("PYTHONPATH", ""), repository.root, tree, modules)
