"""A gate of any project, from its start to its end: trees, installs, collecting, measuring."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pytest_duel.catalogue.project import FILE
from pytest_duel.gate import changes, findings, stricter
from pytest_duel.gate import settings as gate_settings
from pytest_duel.gate.changes import Placement
from pytest_duel.gate.collect import Collected, collect
from pytest_duel.gate.plan import Plan, contests, null_name, plan
from pytest_duel.gate.settings import Settings, SettingsError
from pytest_duel.paired import callgrind
from pytest_duel.paired.arms import installing, trees, untouched
from pytest_duel.paired.arms.dependencies import search_path
from pytest_duel.paired.arms.inner_tests import inner_tests
from pytest_duel.paired.arms.installing import InstallError, Recipe
from pytest_duel.paired.arms.isolation import carried_harness, environment
from pytest_duel.paired.arms.trees import Repository
from pytest_duel.paired.arms.untouched import snapshot
from pytest_duel.paired.checking import Checked, check
from pytest_duel.paired.engine import Arm, Block, Engine, lanes
from pytest_duel.paired.in_turns import TurnsBlock
from pytest_duel.paired.pytest_client import Suite, pytest_workers
from pytest_duel.paired.sampling import LEAST, LOOKS, Progress, Sampled, sample
from pytest_duel.paired.schedule import Budget
from pytest_duel.statistics.paired import Decide, decide
from pytest_duel.support.errors import DuelError
from pytest_duel.support.scratch import scratch as scratch_folder
from pytest_duel.support.units import duration
from pytest_duel.verdicts.model import Judgement

T = TypeVar("T")
Announce = Callable[[str], None]
BASE, HEAD = "base", "head"
"""Names of the folders, as long as each other: the length of a path moves what lies behind it."""


@dataclass(frozen=True)
class Question:
    """What a user asks."""

    folder: Path
    """Of the project."""
    base: str | None
    """The revision to start from; None is the working tree."""
    head: str | None = None
    """The revision to judge; None is the working tree."""
    paths: tuple[str, ...] = ()
    """Tests to collect, as pytest takes them; none is all, or the files that the settings name."""
    selection: tuple[str, ...] = ()
    """More of pytest's arguments: ``-k``, ``-m``."""
    only: tuple[str, ...] = ()
    """Patterns of names."""
    threshold: float | None = None
    overrides: Mapping[str, object] = field(default_factory=dict)
    """Settings given by hand."""
    accepted: tuple[str, ...] = ()
    """Benchmarks that are meant to be gone."""
    isolated: bool = False
    """Each arm has a virtual environment of its own, with the dependencies that it declares."""
    requirements: tuple[str, ...] = ()
    """What else that has, for the tests."""
    placement: Callable[[Path, str], Placement] | None = None
    """Reads what a saved self-test says of the place of compiled code: from a folder, and the
    file within."""
    counts: bool = False
    """Count instructions as well."""
    own: Mapping[str, "Own"] = field(default_factory=dict)
    """What only one arm has in its environment: `BASE`'s or `HEAD`'s."""
    names: Mapping[str, str] = field(default_factory=lambda: {BASE: "the base", HEAD: "the head"})
    """What messages call the arms."""
    seed: int = 0
    arrange: Callable[[Plan], Plan] = field(default=lambda plan: plan)
    """Makes what is measured out of what both arms have."""


@dataclass(frozen=True)
class Own:
    """What one arm is isolated with."""

    python: str = sys.executable
    requirements: tuple[str, ...] = ()


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
    """How both were installed."""


def run(question: Question, announce: Announce) -> Judgement:
    """Measure, and return what was found.

    Raises
    ------
    DuelError
        Where anything is missing that a gate needs.
    """
    with prepared(question, announce) as ready:
        checked = checked_answers(ready, announce)
        announce(intention(ready))
        sampled = None
        if ready.own.measured:
            sampled = measure(ready, checked, question.seed, announce)
        own = ready.own
        if question.counts and sampled:
            own = replace(own, notes=_with_counts(ready, sampled, announce))
        return findings.judge(own, sampled, ready.title, ready.settings, checked)


@contextmanager
def prepared(question: Question, announce: Announce) -> Iterator[Prepared]:
    """Yield what is to be measured; everything written for it goes when the context ends."""
    repository = trees.repository(question.folder)
    commits = tuple(
        None if one is None else trees.commit_of(one, repository)
        for one in (question.base, question.head)
    )
    with scratch_folder() as scratch:
        base_tree, head_tree, filtered = _exported(repository, commits, scratch)
        start, end = (
            said(name, commit)
            for name, commit in zip((question.base, question.head), commits, strict=True)
        )
        title = f"{end} against {start if start != end else 'itself'}"
        asked = gate_settings.read(head_tree)
        before = _settings_before(base_tree, announce)
        settings = _settings(question, asked, before or Settings())
        if question.counts and settings.in_turns:
            raise SettingsError(
                "--counts runs a process of each side at once, and `in_turns` lets only one live: "
                "leave --counts out"
            )
        packages = _packages(settings, asked, question, (base_tree, head_tree))
        announce(f"pytest-duel: {title}")
        recipe = Recipe(
            packages,
            settings.install or installing.suggested(head_tree),
            trees.version(repository),
        )
        places = Places(
            scratch,
            isolated=question.isolated,
            requirements=question.requirements,
            own=question.own,
            names=question.names,
        )
        paths = question.paths or _files(settings, before)
        # The base first, by its own code alone; then nobody may write to it any more.
        base = _arm(BASE, base_tree, recipe, places, announce)
        own_tests = Suite(
            base_tree,
            scratch,
            inner=inner_tests(base_tree, recipe.packages, base.modules),
            path=_path(question, repository, scratch / BASE, base),
        )
        theirs = _collected_base(question, paths, base, own_tests)
        watched = [snapshot(folder) for folder in _folders(base, base_tree)]
        head = _arm(HEAD, head_tree, recipe, places, announce)
        watched += [
            snapshot(folder, only_code=folder == head_tree) for folder in _folders(head, head_tree)
        ]
        tests = Suite(
            head_tree,
            scratch,
            inner=inner_tests(head_tree, recipe.packages, head.modules),
            path=_path(question, repository, scratch / HEAD, base, head),
        )
        announce("collecting the benchmarks of both ...")
        chosen = (*question.selection, *_present(paths, head_tree))
        own, seconds = _timed(
            lambda: collect(head, tests.restricted(chosen), question.names[HEAD])
        )
        called = {
            base_tree: f"the tree of {question.names[BASE]}",
            head_tree: f"the tree of {question.names[HEAD]}",
        }
        untouched.check(watched, called)
        found = plan(
            own.benchmarks, theirs.benchmarks if theirs else {},
            replace(settings, threshold=asked.threshold), before or Settings(),
            question.only, question.threshold,
        )  # fmt: skip
        found = question.arrange(found)
        found = _noted(found, question, before, (base, head), (base_tree, head_tree))
        driven = [
            *changes.about_drivers(base_tree, head_tree, own.drivers),
            *changes.about_pytest(theirs.settings if theirs else None, own.settings),
        ]
        paths_of = {name: one.path for name, one in found.measured.items()}
        found = replace(
            found,
            warnings=(*filtered, *found.warnings, *driven),
            altered=changes.altered(paths_of, base_tree, head_tree),
        )
        yield Prepared(
            base, head, _for_workers(tests, own, found), found, settings, title, seconds, recipe
        )
        untouched.check(watched, called)


def _folders(arm: Arm, tree: Path) -> list[Path]:
    """Return the folders of an arm: its tree, and where its modules are installed."""
    homes = [Path(one) for one in arm.modules.values()]
    return list(dict.fromkeys([tree, *(one for one in homes if not one.is_relative_to(tree))]))


def checked_answers(ready: Prepared, announce: Announce) -> Checked:
    """Let both arms check the answers of the benchmarks that ask for it."""
    names = [name for name, one in ready.own.run.items() if one.is_checked]
    if not names:
        return Checked()
    announce(f"checking the answers of {len(names)} benchmarks on both sides ...")
    together = not ready.settings.in_turns
    found = check((ready.base, ready.head), ready.tests, names, together=together)
    announce(f"  {len(found.reasons)} are wrong ({duration(found.seconds)})")
    return found


def _with_counts(ready: Prepared, sampled: Sampled, announce: Announce) -> dict[str, str]:
    """Return the notes of the plan, and what counting instructions gave."""
    names = list(sampled.estimates)
    counted, errors = callgrind.compare((ready.base, ready.head), ready.tests, names, announce)
    said = {name: f"instructions {one.change:+.2%}" for name, one in counted.items()}
    said |= {name: f"instructions not counted: {why}" for name, why in errors.items()}
    return {**ready.own.notes} | {
        name: "; ".join(filter(None, [ready.own.notes.get(name, ""), one]))
        for name, one in said.items()
    }


def measure(
    ready: Prepared,
    checked: Checked,
    seed: int | str,
    announce: Announce,
    *,
    extra: Mapping[str, float] | None = None,
    judge: Decide = decide,
) -> Sampled:
    """Sample until every benchmark is decided, or the budget is spent.

    Parameters
    ----------
    ready
        Both arms.
    checked
        What the arms answered.
    seed
        Of the order.
    announce
        Told how far it is.
    extra
        More work for the head, by benchmark, as a share.
    judge
        Makes verdicts of estimates.
    """
    pairs = contests(ready.own, ready.base, ready.head, extra)
    budget = Budget(
        seconds=ready.settings.budget,
        lanes=_lanes(ready),
        blocks=LOOKS[0],
        least=LEAST,
        benchmarks=len(pairs),
        overhead=(4 if ready.own.nulls else 2) * ready.collecting,  # workers begin in turns
    )
    block = TurnsBlock if ready.settings.in_turns else Block
    engine = Engine(pytest_workers(ready.tests), pairs, seed, budget, block)
    engine.give_up(dict(wrong_contests(ready, checked)))
    limits = {name: ready.own.limit(name) for name in ready.own.thresholds}
    nulls = {null_name(name): ready.own.thresholds[name] for name in ready.own.nulls}

    def tell(now: Progress) -> None:
        announce(
            f"block {now.blocks}: {now.undecided} of {len(ready.own.measured)} benchmarks "
            f"undecided after {now.elapsed:.0f} s, at most {now.left:.0f} s left"
        )

    return sample(engine, limits, nulls, ready.settings.budget, tell, judge)


def _lanes(ready: Prepared) -> int:
    """Return how many blocks run side by side."""
    return 1 if ready.settings.in_turns else len(lanes())


def wrong_contests(ready: Prepared, checked: Checked) -> Iterator[tuple[str, str]]:
    """Yield the names of contests that must not be timed, and why."""
    base, head = (checked.wrong.get(arm.name, {}) for arm in (ready.base, ready.head))
    for name in ready.own.measured:
        pair = ready.own.pair(name)
        reason = head.get(pair.second.name) or base.get(pair.first.name)
        if reason:
            yield name, reason
        if pair.first.name in base:
            yield null_name(name), base[pair.first.name]


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


def said(revision: str | None, commit: str | None) -> str:
    """Return what a revision is called, or the working tree."""
    return "the working tree" if commit is None else f"{revision} ({commit[:10]})"


def _settings(question: Question, asked: Settings, before: Settings) -> Settings:
    given = {key: value for key, value in question.overrides.items() if value is not None}
    settings = stricter.settings_of_both(asked, before, given)
    return replace(settings, removed=(*settings.removed, *question.accepted))


def _packages(
    settings: Settings, asked: Settings, question: Question, trees: tuple[Path, Path]
) -> tuple[str, ...]:
    """Return the folders to install: what only the base names counts as long as both have it."""
    if question.overrides.get("packages"):
        return settings.packages
    return tuple(
        name
        for name in settings.packages
        if name in asked.packages or all((tree / name).is_dir() for tree in trees)
    )


def _placement(
    question: Question, asked: Settings, before: Settings | None, trees: tuple[Path, Path]
) -> Placement | None:
    """Return what the place of code may give, as far as the self-tests of both sides allow it."""
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


def _present(paths: Sequence[str], tree: Path) -> list[str]:
    """Return the paths that a tree has, or all of them, so that pytest says what is missing."""
    found = [path for path in paths if (tree / path.partition("::")[0]).exists()]
    return found or list(paths)


def _noted(
    found: Plan,
    question: Question,
    before: Settings | None,
    arms: tuple[Arm, Arm],
    trees: tuple[Path, Path],
) -> Plan:
    """Return the plan with what else differs between both sides."""
    floors: dict[str, float] = {}
    after = gate_settings.read(trees[1])
    warnings = [*found.warnings, *changes.about_settings(before, after, stricter.COMPARED)]
    unheard = [name for name in found.gone if name in after.removed]
    if unheard:
        warnings.append(
            "this change itself names benchmarks in `removed`, which counts from the next change "
            f"on (--accept-removal counts now): {', '.join(unheard)}"
        )
    if before is None:
        warnings.append(
            "the base's own settings cannot be used, so nobody knows what its gate measured"
        )
    if not question.isolated:
        warnings += changes.about_locks(trees[:1], trees[1:])
    if changes.is_rebuilt(*arms):
        placement = _placement(question, after, before, trees)
        warnings += changes.about_placement(found.thresholds, placement)
        own = placement or Placement()
        floors = {name: own.floor(name) for name in found.thresholds}
    relevant = {name: one for name, one in floors.items() if one > found.thresholds[name]}
    return replace(found, floors=relevant, warnings=tuple(warnings))


@dataclass(frozen=True)
class Places:
    """What arms are installed into, beside their folders."""

    scratch: Path
    isolated: bool = False
    requirements: tuple[str, ...] = ()
    own: Mapping[str, Own] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    """What messages call the arms."""


def _arm(name: str, tree: Path, recipe: Recipe, places: Places, announce: Announce) -> Arm:
    called = places.names.get(name, name)
    announce(f"installing {called} ...")
    harness: tuple[str, ...] = ()
    started = time.monotonic()
    try:
        if places.isolated:
            own = places.own.get(name, Own())
            recipe = replace(recipe, python=own.python)
            more = (*places.requirements, *own.requirements)
            python = environment(places.scratch / f"{name}-env", tree, recipe, more)
            recipe = replace(recipe, python=python)
            harness = (carried_harness(places.scratch / f"{name}-harness"),)
        found = installing.install(tree, recipe, installing.cache_folder())
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


def _path(question: Question, repository: Repository, tree: Path, *arms: Arm) -> tuple[str, ...]:
    """Return where workers find dependencies besides what is installed."""
    if question.isolated:
        return ()
    modules = {name for arm in arms for name in arm.modules}
    return search_path(os.environ.get("PYTHONPATH", ""), repository.root, tree, modules)


def _collected_base(
    question: Question, paths: Sequence[str], base: Arm, tests: Suite
) -> Collected | None:
    """Return what the base's own tests have; None where it has none of them.

    Of a file that it has, it may lack a test, which pytest would call an error: so the whole file
    is collected, and then the tests are chosen.
    """
    asked = [path.partition("::") for path in paths]
    files = [file for file, _, _ in asked if (tests.folder / file).exists()]
    if paths and not files:
        return None
    chosen = tests.restricted((*question.selection, *dict.fromkeys(files)))
    found = collect(base, chosen, question.names[BASE])
    return found.within([(tests.folder / file, inner) for file, _, inner in asked])


def _for_workers(tests: Suite, own: Collected, found: Plan) -> Suite:
    """Return the tests as workers need them: only the files that hold a benchmark."""
    files = list(dict.fromkeys(one.path for one in found.run.values()))
    where = [f"--rootdir={own.rootdir}", *(["-c", own.inifile] if own.inifile else [])]
    return replace(tests.restricted([*where, *files]), benchmarks=tuple(found.run))


def intention(ready: Prepared) -> str:
    """Say what will be measured, and for how long."""
    files = {one.file for one in ready.own.measured.values()}
    return (
        f"measuring {len(ready.own.measured)} benchmarks of {len(files)} files in pairs, "
        f"{_lanes(ready)} at a time, for at most some {ready.settings.budget:.0f} s; "
        f"a block begins in {duration(ready.collecting)}"
    )


def _timed(call: Callable[[], T]) -> tuple[T, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started
