"""Preparing a gate: both trees, their settings, both arms, and the benchmarks that both have."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pytest_duel.catalogue.project import FILE
from pytest_duel.gate import changes, groups, stricter
from pytest_duel.gate import settings as gate_settings
from pytest_duel.gate.arms import Places, folders_of, installed_arm, path_of
from pytest_duel.gate.collect import IGNORED, Benchmark, Collected, CollectError, collect
from pytest_duel.gate.differences import noted, noted_of_dependencies, noted_of_tests
from pytest_duel.gate.placing import Placing, placing
from pytest_duel.gate.plan import Plan, plan
from pytest_duel.gate.question import BASE, HEAD, Announce, Question
from pytest_duel.gate.settings import Settings, SettingsError
from pytest_duel.gate.siblings import Siblings
from pytest_duel.paired.arms import trees, untouched
from pytest_duel.paired.arms.inner_tests import inner_tests
from pytest_duel.paired.arms.modules import suggested
from pytest_duel.paired.arms.recipe import Recipe
from pytest_duel.paired.arms.trees import Repository
from pytest_duel.paired.arms.untouched import snapshot
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.paired.sampling import Sampled
from pytest_duel.support.scratch import scratch as scratch_folder

T = TypeVar("T")


@dataclass(frozen=True)
class Prepared:
    """Two arms that are installed, and what their tests are."""

    base: Arm
    head: Arm
    tests: Suite
    """The head's, which drive both."""
    own: Plan
    settings: Settings
    title: str
    collecting: float
    """Seconds that a worker takes to begin."""
    recipe: Recipe
    """How the head was installed."""
    placing: Placing = field(default_factory=Placing)
    theirs: Suite | None = None
    """The base's own tests of what is measured; None where it has none."""
    siblings: Siblings | None = None
    """Tells of code that is the working tree's on both sides; None where both are that tree."""

    def shared(self, sampled: Sampled | None) -> tuple[str, ...]:
        """Return warnings of code of the repository that is the working tree's on both sides."""
        later = sampled.measured.elsewhere if sampled else {}
        return self.siblings.warned(later) if self.siblings else ()

    def in_block(self, arm: Arm, block: int) -> Arm:
        """Return an arm with its native code where it lies in a block."""
        placements = self.placing.placements
        return placements.of(arm, block) if placements else arm


@contextmanager
def prepared(question: Question, announce: Announce) -> Iterator[Prepared]:
    """Yield both arms and the plan. All files written for it are removed at the end."""
    repository = trees.repository(question.folder)
    commits = tuple(
        None if one is None else trees.commit_of(one, repository)
        for one in (question.base, question.head)
    )
    with scratch_folder() as scratch:
        base_tree, head_tree, filtered = _exported(repository, commits, scratch)
        _check_paths(question, (base_tree, head_tree))
        title = _title(question, commits)
        asked = gate_settings.read(head_tree)
        before = _settings_before(base_tree, announce)
        settings = _settings(question, asked, before or Settings())
        announce(f"pytest-duel: {title}")
        how = settings.install or suggested(head_tree)
        needed = settings.packages if question.overrides.get("packages") else asked.packages
        packages = _packages(settings, head_tree, needed)
        recipe = Recipe(packages, how, trees.version(repository))
        of_base = replace(recipe, packages=_packages(settings, base_tree))
        places = Places(
            scratch,
            isolated=question.isolated,
            requirements=question.requirements,
            own=question.own,
            names=question.names,
        )
        paths = question.paths or _files(settings, before)
        # The base comes first: only its own code has run by then, and nothing may change it later.
        base = installed_arm(BASE, base_tree, of_base, places, announce)
        path = path_of(question, repository, scratch / BASE, base)
        own_tests = _tests(question, base_tree, base, of_base, path, scratch)
        theirs = _collected_base(question, paths, base, own_tests)
        watched = [snapshot(folder) for folder in folders_of(base, base_tree)]
        head = installed_arm(HEAD, head_tree, recipe, places, announce)
        watched += [
            snapshot(folder, only_code=folder == head_tree)
            for folder in folders_of(head, head_tree)
        ]
        path = path_of(question, repository, scratch / HEAD, base, head)
        tests = _tests(question, head_tree, head, recipe, path, scratch)
        announce("collecting the benchmarks of both sides ...")
        chosen = _present(paths, head_tree)
        own, seconds = _timed(
            lambda: collect(head, tests.restricted(chosen), question.names[HEAD])
        )
        called = {
            base_tree: f"the tree of {question.names[BASE]}",
            head_tree: f"the tree of {question.names[HEAD]}",
        }
        untouched.check(watched, called)
        if not question.is_narrowed:
            groups.check(asked, (own, theirs))
        own = groups.limited(own, asked)
        theirs = groups.limited(theirs, before or Settings()) if theirs else None
        found = plan(
            own.benchmarks, theirs.benchmarks if theirs else {},
            replace(settings, threshold=asked.threshold), before or Settings(),
            question.only, question.threshold, question.accepted,
            is_narrowed=question.is_narrowed,
        )  # fmt: skip
        found = question.arrange(found)
        arms, both = (base, head), (base_tree, head_tree)
        placed = placing(
            arms, both, tests, settings.placements, question.seed, announce,
            apart=found.has_pairs,
        )  # fmt: skip
        found = noted(found, question, before, arms, both, placed)
        if not question.isolated:
            roots = scratch / BASE, scratch / HEAD
            found = noted_of_dependencies(found, roots, repository.project, settings.packages)
        driven = noted_of_tests(found, theirs, own, (base_tree, head_tree))
        siblings = _siblings(question, (theirs, own), repository, scratch, packages)
        found = replace(driven, warnings=(*filtered, *driven.warnings))
        yield Prepared(
            base, head, _for_workers(tests, own, found.run), found, settings, title, seconds,
            recipe, placed, _of_base(own_tests, theirs, found), siblings,
        )  # fmt: skip
        untouched.check(watched, called)


def _exported(
    repository: Repository, commits: Sequence[str | None], scratch: Path
) -> tuple[Path, Path, list[str]]:
    """Write both trees; return the project's folder in either, and what filters have altered."""
    folders = scratch / BASE, scratch / HEAD
    filtered: list[str] = []
    for name, commit, folder in zip((BASE, HEAD), commits, folders, strict=True):
        altered = trees.export(repository, commit, folder)
        filtered += changes.about_filters(name, altered)
    base, head = (folder / repository.project for folder in folders)
    return base, head, filtered


def _title(question: Question, commits: Sequence[str | None]) -> str:
    start, end = map(said, (question.base, question.head), commits)
    return f"{end} against {start if start != end else 'itself'}"


def said(revision: str | None, commit: str | None) -> str:
    """Return what a revision is called, or the working tree."""
    return "the working tree" if commit is None else f"{revision} ({commit[:10]})"


def _settings(question: Question, asked: Settings, before: Settings) -> Settings:
    given = {key: value for key, value in question.overrides.items() if value is not None}
    settings = stricter.settings_of_both(asked, before, given)
    if question.counts and settings.in_turns:
        raise SettingsError(
            "--counts needs a process of each side at the same time, and `in_turns` allows only "
            "one: leave --counts out"
        )
    return settings


def _packages(settings: Settings, tree: Path, needed: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the folders that a side installs: of what either side names, those that it has.

    Those in `needed` are to be there, and so are all where it has none.
    """
    found = [name for name in settings.packages if name in needed or (tree / name).is_dir()]
    return tuple(found) or settings.packages


def _settings_before(base_tree: Path, announce: Announce) -> Settings | None:
    try:
        return gate_settings.read(base_tree, f"the base's {FILE}")
    except SettingsError as error:
        announce(f"the base's own settings cannot be used: {error}")
        return None


def _files(settings: Settings, before: Settings | None) -> tuple[str, ...]:
    """Return the files to collect, where the settings of both sides name all of them."""
    own, theirs = settings.files, before.files if before else ()
    return tuple(dict.fromkeys([*own, *theirs])) if own and theirs else ()


def _check_paths(question: Question, trees: Sequence[Path]) -> None:
    """Refuse a path that neither side has: what it was meant to name would not be measured."""
    for path in question.paths:
        if not any(_has(tree, path) for tree in trees):
            sides = " nor ".join(question.names[side] for side in (BASE, HEAD))
            raise CollectError(f"neither {sides} has {path.partition('::')[0]!r}; {IGNORED}")


def _has(tree: Path, path: str) -> bool:
    """Tell whether a tree has the file or folder of a test."""
    return (tree / path.partition("::")[0]).exists()


def _present(paths: Sequence[str], tree: Path) -> list[str]:
    """Return the paths that a tree has; if none, all of them, so that pytest reports them."""
    return [path for path in paths if _has(tree, path)] or list(paths)


def _tests(
    question: Question, tree: Path, arm: Arm, recipe: Recipe, path: tuple[str, ...], scratch: Path
) -> Suite:
    """Return the tests of a tree, in which `arm` is installed."""
    inner = inner_tests(tree, recipe.packages, arm.modules)
    return Suite(tree, scratch, inner=inner, path=path, selection=question.selection)


def _collected_base(
    question: Question, paths: Sequence[str], base: Arm, tests: Suite
) -> Collected | None:
    """Return the benchmarks of the base's own tests; None if it has none of the files.

    The base may have a file and lack a test in it, which pytest would call an error. So the whole
    file is collected, and then the tests are chosen.
    """
    asked = [path.partition("::") for path in paths]
    files = [file for file, _, _ in asked if (tests.folder / file).exists()]
    if paths and not files:
        return None
    chosen = tests.restricted(list(dict.fromkeys(files)))
    found = collect(base, chosen, question.names[BASE])
    return found.within([(tests.folder / file, inner) for file, _, inner in asked])


def _siblings(
    question: Question,
    collected: Sequence[Collected | None],
    repository: Repository,
    scratch: Path,
    packages: tuple[str, ...],
) -> Siblings | None:
    """Return what tells of code that both sides have from the working tree."""
    if question.base is None and question.head is None:
        return None
    loaded = {name: file for one in collected if one for name, file in one.elsewhere.items()}
    return Siblings(repository, (scratch / BASE, scratch / HEAD), packages, loaded)


def _of_base(tests: Suite, theirs: Collected | None, found: Plan) -> Suite | None:
    """Return the base's own tests of what is measured, as workers need them."""
    known = theirs.benchmarks if theirs else {}
    run = {name: known[name] for name in found.measured if name in known}
    return _for_workers(tests, theirs, run) if theirs and run else None


def _for_workers(tests: Suite, own: Collected, run: Mapping[str, Benchmark]) -> Suite:
    """Return the tests as workers need them: only the files that hold a benchmark."""
    files = list(dict.fromkeys(one.path for one in run.values()))
    where = [f"--rootdir={own.rootdir}", *(["-c", own.inifile] if own.inifile else [])]
    return replace(tests.restricted([*where, *files]), benchmarks=tuple(run))


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started
