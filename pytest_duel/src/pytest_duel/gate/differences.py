"""What differs between both sides of a gate besides the code that is measured."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pytest_duel.gate import changes, stricter
from pytest_duel.gate import settings as gate_settings
from pytest_duel.gate.changes import Placement
from pytest_duel.gate.collect import Collected
from pytest_duel.gate.placing import Placing
from pytest_duel.gate.plan import Plan
from pytest_duel.gate.question import Question
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.arms.modules import suggested
from pytest_duel.paired.contests import Arm
from pytest_duel.support.errors import DuelError


def noted(
    found: Plan,
    question: Question,
    before: Settings | None,
    arms: tuple[Arm, Arm],
    trees: tuple[Path, Path],
    placing: Placing,
) -> Plan:
    """Return the plan with what else differs between both sides."""
    bounds: dict[str, float] = {}
    after = gate_settings.read(trees[1])
    given = [key for key, value in question.overrides.items() if value is not None]
    warnings = [
        *found.warnings,
        *changes.about_settings(before, after, stricter.COMPARED, [*given, "install"]),
    ]
    if "install" not in given:
        ways = zip((before or Settings(), after), trees, strict=True)
        warnings += changes.about_install(*(own.install or suggested(tree) for own, tree in ways))
    unheard = [name for name in found.gone if name in after.removed]
    if unheard:
        warnings.append(
            "this change adds benchmarks to `removed`, which counts only from the next change on; "
            f"to accept their removal now, use --accept: {', '.join(unheard)}"
        )
    if before is None:
        warnings.append(
            "the base's own settings cannot be used, so it is not known what its gate measured"
        )
    if placing.why_not:
        warnings.append(
            f"{placing.reason}, and native code cannot be placed anew for each block: "
            f"{placing.why_not}"
        )
    if placing.placements is None and changes.is_rebuilt(*arms):
        measured = placement(question, after, before, trees)
        warnings += changes.about_placement(found.thresholds, measured)
        own = measured or Placement()
        bounds = {name: own.bound(name) for name in found.thresholds}
    relevant = {name: one for name, one in bounds.items() if one > found.thresholds[name]}
    return replace(found, placement_bounds=relevant, warnings=tuple(warnings))


def noted_of_dependencies(
    found: Plan, roots: tuple[Path, Path], project: Path, packages: Sequence[str]
) -> Plan:
    """Return the plan with what differs of the dependencies that both sides share.

    Parameters
    ----------
    found
        The plan.
    roots
        Both trees, of all of the repository: a workspace has one lock file at its top.
    project
        The folder of the project there.
    packages
        The folders to install, in that.
    """
    own = [os.path.normpath(project / name) for name in packages]
    folders = dict.fromkeys([str(project), *map(str, project.parents), *own])
    more = changes.about_dependencies(*roots, list(folders))
    return replace(found, warnings=(*found.warnings, *more))


def noted_of_tests(
    found: Plan, theirs: Collected | None, own: Collected, trees: tuple[Path, Path]
) -> Plan:
    """Return the plan with what differs in the tests of both sides, and in pytest's settings."""
    paths = {name: one.path for name, one in found.measured.items()}
    warnings = (
        *found.warnings,
        *changes.about_tests(changes.altered(paths, *trees), found.notes),
        *changes.about_drivers(*trees, own.drivers, own.tests, set(paths.values())),
        *changes.about_pytest(theirs.settings if theirs else None, own.settings),
    )
    return replace(found, warnings=warnings)


def placement(
    question: Question, asked: Settings, before: Settings | None, trees: tuple[Path, Path]
) -> Placement | None:
    """Return the placement bounds that the self-tests of both sides allow."""
    files = (before or Settings()).selftest, asked.selftest
    found = []
    for file, tree in zip(files, trees, strict=True):
        if file is None or question.placement is None:
            return None
        is_versioned = any((one / file).is_file() for one in trees)
        if is_versioned and not (tree / file).is_file():
            return None  # a change brings it, or takes it away
        try:
            found.append(question.placement(tree if is_versioned else question.folder, file))
        except DuelError:
            if tree == trees[1]:
                raise
            return None  # the base's cannot be mended by a change, and allows nothing
    return stricter.placement_of_both(head=found[1], base=found[0])
