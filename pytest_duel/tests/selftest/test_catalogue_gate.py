"""What a gate measures: of two source trees, and on a toy with the real engine."""

import json
from collections.abc import Sequence
from dataclasses import astuple, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from places import TOY
from pytest_duel.catalogue import collect
from pytest_duel.catalogue.model import Case
from pytest_duel.paired import sampling
from pytest_duel.paired.client import catalogue_workers
from pytest_duel.paired.engine import Arm, Engine
from pytest_duel.paired.install import Checkout
from pytest_duel.paired.sampling import Looks
from pytest_duel.selftest import catalogue_gate as gate
from pytest_duel.selftest.catalogue_gate import NULL, GateError, Scope
from pytest_duel.selftest.catalogue_judgement import judge
from pytest_duel.selftest.catalogue_settings import Settings, SettingsError
from pytest_duel.statistics.paired import Verdict
from pytest_duel.support.exit_codes import Exit
from simulated_gate import SETTINGS
from simulated_project import API, IN_NUMBA, IN_RUST, LIBRARY, project

TOY_CATALOGUE = "toy_catalogue:pytest_duel_catalogue"
REAL = project()

RUST = [f"clear[rust-uniform-{n}]" for n in (5, 50, 200)]
NUMBA = [f"clear[numba-uniform-{n}]" for n in (5, 50)]
NUMPY = "clear[numpy-uniform-50]"
COLD = "cold_start[rust-empty-1]"
IDS = (*RUST, *NUMBA, NUMPY, COLD, "train[rust-bidding-5]")
GATED = ("clear[rust-*]", "clear[numba-*]", NUMPY)


class Pair:
    """A base and a head with what `collection` is to find in them."""

    def __init__(self, home: Path) -> None:
        self.ids: dict[Path, tuple[str, ...]] = {}
        self.base, self.head = self._checkout(home / "base"), self._checkout(home / "head")
        self.settings = Settings(GATED)

    def _checkout(self, home: Path) -> Checkout:
        found = Checkout(Arm(home.name, ()), home / "tree", home / "code")
        self.ids[found.tree] = IDS
        found.tree.mkdir(parents=True)
        for name in (API, IN_NUMBA, IN_RUST, LIBRARY):
            self.write(found, name, "as ever")
        self.gate_of(found, GATED)
        return found

    def write(self, where: Checkout, name: str, content: str = "changed") -> None:
        path = where.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def gate_of(self, where: Checkout, cases: Sequence[str], more: str = "") -> None:
        text = f"[tool.pytest-duel]\nbenchmarks = {json.dumps(cases)}\n{more}"
        (where.tree / "pyproject.toml").write_text(text, encoding="utf-8")

    def suite(self, where: Checkout, name: str, content: str = "changed") -> None:
        path = where.tree / "bench" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def scope(
        self, floors: dict[str, float] | None = None, threshold: float | None = None
    ) -> Scope:
        return gate.scope(self.base, self.head, self.settings, REAL, floors or {}, threshold)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """Return two source trees that are the same, to be changed."""
    made = Pair(tmp_path)
    monkeypatch.setattr(collect, "case_ids", lambda tree, name, suites: made.ids[tree])
    return made


def test_where_no_code_differs_nothing_is_measured(pair: Pair) -> None:
    found = pair.scope()
    assert found.measured == {}
    assert set(found.same) == {*RUST, *NUMBA, NUMPY}
    assert (found.new, found.gone, found.removed) == ((), (), ())
    assert (found.fresh, found.warnings, found.rebuilt) == ({}, (), False)


@pytest.mark.parametrize("name", ["scenarios.py", "backends.py", "gate.py", "commands/gate.py"])
def test_where_the_benchmarks_differ_all_cases_have_to_be_right(pair: Pair, name: str) -> None:
    for side in pair.base, pair.head:
        (side.tree / "bench" / "commands").mkdir(parents=True)
        pair.suite(side, name, side.tree.parent.name)
        pair.suite(side, "registry.py", "as ever")
    found = pair.scope()
    assert found.measured == {}
    assert set(found.fresh) == {*RUST, *NUMBA, NUMPY}
    (warning,) = found.warnings
    assert "alters the benchmarks or the gate itself" in warning
    assert warning.endswith(f": bench/{name}")
    pair.write(pair.head, IN_NUMBA)
    found = pair.scope()
    assert {*found.measured, *found.fresh} == {*RUST, *NUMBA, NUMPY}
    assert not {*found.measured} & {*found.fresh}


def test_a_text_beside_the_benchmarks_is_none_of_them(pair: Pair) -> None:
    pair.suite(pair.head, "README.md")
    found = pair.scope()
    assert (found.fresh, found.warnings) == ({}, ())


def test_cases_whose_code_differs_are_measured_and_some_others_are_controls(pair: Pair) -> None:
    pair.write(pair.head, IN_NUMBA)
    found = pair.scope()
    assert list(found.cases) == NUMBA
    assert len(found.controls) == min(gate.CONTROLS, len([*RUST, NUMPY]))
    assert {*found.controls, *found.same} == {*RUST, NUMPY}
    assert found.cases[NUMBA[0]] == Case("clear", "numba", "uniform", 5)


def test_a_case_of_several_threads_gets_as_many_cpus(pair: Pair) -> None:
    parallel = "clear_batch[rust-parallel-uniform-5]"
    for side in pair.base, pair.head:
        pair.ids[side.tree] = (*IDS, parallel)
    pair.settings = Settings((parallel, RUST[0]))
    pair.write(pair.head, IN_RUST)
    found = gate.contests(pair.scope(), pair.base.arm, pair.head.arm)
    assert {one.name.removeprefix(NULL): one.cpus for one in found} == {parallel: 2, RUST[0]: 1}


def test_controls_are_few_and_the_others_are_named(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "CONTROLS", 1)
    pair.write(pair.head, IN_NUMBA)
    found = pair.scope()
    assert len(found.controls) == 1
    assert len(found.same) == len([*RUST, NUMPY]) - 1
    assert {*found.controls, *found.same} == {*RUST, NUMPY}


def test_a_file_that_is_new_or_gone_is_a_difference(pair: Pair) -> None:
    (pair.head.code / IN_NUMBA).unlink()
    assert list(pair.scope().cases) == NUMBA
    pair.write(pair.base, "package/helper.py")
    found = pair.scope()
    assert set(found.cases) == {*RUST, *NUMBA, NUMPY}
    assert (found.controls, found.same) == ({}, ())


def test_an_id_that_only_the_base_has_is_gone_unless_that_is_accepted(pair: Pair) -> None:
    pair.ids[pair.head.tree] = tuple(one for one in IDS if not one.startswith("train"))
    assert pair.scope().gone == ("train[rust-bidding-5]",)
    pair.settings = gate.accepting(pair.settings, ["train[rust-bidding-5]", "not[even-there-1]"])
    found = pair.scope()
    assert (found.gone, found.removed) == ((), ("train[rust-bidding-5]",))
    assert found.warnings == ()


def test_an_end_that_is_accepted_of_what_is_still_there_is_warned_of(pair: Pair) -> None:
    pair.settings = gate.accepting(pair.settings, [RUST[0], "not[even-there-1]", COLD])
    (warning,) = pair.scope().warnings
    assert "still there" in warning
    assert warning.endswith(f": {RUST[0]}, {COLD}")
    # Gated no more, so that the end of this one is what is accepted.
    pair.settings = replace(pair.settings, benchmarks=GATED[:-1], removed=(NUMPY,))
    assert pair.scope().warnings == ()


def test_accepting_adds_to_what_the_project_accepts() -> None:
    own = replace(SETTINGS, removed=("a",))
    assert gate.accepting(own, ["b"]).removed == ("a", "b")
    assert own.removed == ("a",)


def test_an_id_that_only_the_head_has_is_new(pair: Pair) -> None:
    pair.ids[pair.base.tree] = IDS[1:]
    pair.gate_of(pair.base, [NUMPY])
    found = pair.scope()
    assert found.new == (RUST[0],)
    assert found.gone == ()


def test_a_renamed_case_is_gone_and_new(pair: Pair) -> None:
    pair.ids[pair.head.tree] = (*IDS[:-1], "train[rust-bidding-6]")
    found = pair.scope()
    assert (found.gone, found.new) == (("train[rust-bidding-5]",), ("train[rust-bidding-6]",))


def test_a_case_that_the_gate_no_longer_measures_is_gone(pair: Pair) -> None:
    pair.settings = replace(pair.settings, benchmarks=GATED[:-1])
    assert pair.scope().gone == (NUMPY,)
    pair.settings = gate.accepting(pair.settings, [NUMPY])
    found = pair.scope()
    assert (found.gone, found.removed) == ((), (NUMPY,))


@pytest.mark.parametrize(
    "content", ["", "not TOML", "[tool.pytest-duel]\nbenchmarks = ['old[*]']\n"]
)
def test_a_base_whose_gate_does_not_work_loses_no_case(pair: Pair, content: str) -> None:
    (pair.base.tree / "pyproject.toml").write_text(content, encoding="utf-8")
    found = pair.scope()
    assert found.gone == ()
    assert "the base's own gate cannot be used" in found.warnings[0]
    (pair.base.tree / "pyproject.toml").unlink()
    found = pair.scope()
    assert found.gone == ()
    assert "has no table [tool.pytest-duel]" in found.warnings[0]


@pytest.mark.parametrize(("own", "given", "limits"), [
    ("threshold = 0.01", None, [0.01, 0.01]),
    ("threshold = 0.04", None, [0.03, 0.04]),
    ("threshold = 0.06", None, [0.03, 0.05]),
    ('thresholds = {"*-5]" = 0.001, "*-50]" = 0.5}', None, [0.001, 0.05]),
    ("threshold = 0.01", 0.03, [0.03, 0.03]),
    ('thresholds = {"*-5]" = 0.5, "*-50]" = 0.001}', 0.03, [0.03, 0.001]),
])  # fmt: skip
def test_a_change_cannot_loosen_its_own_gate(
    pair: Pair, own: str, given: float | None, limits: list[float]
) -> None:
    pair.gate_of(pair.base, GATED, own)
    pair.settings = replace(pair.settings, threshold=0.03, thresholds={"clear[rust-*-50]": 0.05})
    found = pair.scope(threshold=given)
    assert [found.limit(name) for name in RUST[:2]] == limits
    said = " ".join(one for one in found.warnings if "held to those of the base" in one)
    pairs = zip(RUST[:2], limits, (0.03, 0.05), strict=True)
    assert [name for name in RUST[:2] if name in said] == [
        name for name, limit, asked in pairs if limit < asked
    ]
    assert any("alters the gate's own setting" in one for one in found.warnings)


def test_a_threshold_of_a_case_that_is_new_is_the_heads(pair: Pair) -> None:
    pair.ids[pair.base.tree] = IDS[1:]
    pair.settings = replace(pair.settings, thresholds={RUST[0]: 0.05})
    assert pair.scope().limit(RUST[0]) == 0.05


def test_a_pattern_of_the_gate_that_matches_nothing_is_an_error(pair: Pair) -> None:
    pair.settings = Settings((*GATED, "clear[gold-*]"))
    with pytest.raises(SettingsError, match=r"no case matches 'clear\[gold-\*\]'"):
        pair.scope()


@pytest.mark.parametrize("name", [COLD, "unheard[of-anywhere-1]"])
def test_what_times_itself_or_is_unknown_cannot_be_gated(pair: Pair, name: str) -> None:
    pair.ids[pair.head.tree] = (*IDS, name) if name not in IDS else IDS
    pair.settings = Settings((*GATED, name))
    with pytest.raises(GateError) as caught:
        pair.scope()
    assert str(caught.value).startswith(f"{name} cannot be gated")


FLOORS = {RUST[0]: 0.05, RUST[1]: 0.01, NUMBA[0]: 0.05}


def test_placement_raises_a_threshold_where_the_wheel_differs(pair: Pair) -> None:
    pair.write(pair.head, LIBRARY)
    pair.write(pair.head, IN_NUMBA)
    found = pair.scope(FLOORS)
    # numba's code does not come from the wheel, and the floor of the second is below 2 %.
    assert found.floors == {RUST[0]: 0.05}
    assert found.rebuilt
    assert "no self-test tells" in found.warnings[0]
    assert found.warnings[0].endswith(f" {RUST[2]}")
    assert found.thresholds == dict.fromkeys([*RUST, *NUMBA, NUMPY], 0.02)
    assert [found.limit(name) for name in RUST] == [0.05, 0.02, 0.02]


def test_placement_is_no_excuse_where_the_wheel_is_the_same(pair: Pair) -> None:
    pair.write(pair.head, IN_RUST)
    found = pair.scope(FLOORS)
    assert list(found.cases) == RUST
    assert found.floors == {}
    assert set(found.thresholds.values()) == {0.02}
    assert (found.rebuilt, found.warnings) == (False, ())


def test_what_placement_may_hide_is_said(pair: Pair) -> None:
    pair.write(pair.head, LIBRARY)
    pair.settings = replace(pair.settings, selftest="selftest.json")
    floors = dict.fromkeys(RUST, 0.04)
    assert not any("placement alone" in one for one in pair.scope(floors).warnings)
    (said,) = [one for one in pair.scope(floors | {RUST[1]: 0.07}).warnings if "tolerated" in one]
    assert said.endswith(f"tolerated: {RUST[1]} (7.0%)")
    (pair.head.tree / "selftest.json").write_text("{}", encoding="utf-8")
    assert any("selftest.json differs" in one for one in pair.scope(floors).warnings)
    assert not any("selftest.json differs" in one for one in pair.scope().warnings)
    (pair.base.tree / "selftest.json").write_text("{}", encoding="utf-8")
    assert not any("selftest.json differs" in one for one in pair.scope(floors).warnings)


def test_the_larger_of_a_cases_own_threshold_and_its_floor_counts(pair: Pair) -> None:
    pair.write(pair.head, LIBRARY)
    pair.settings = replace(pair.settings, thresholds={RUST[0]: 0.08, RUST[1]: 0.001})
    pair.gate_of(pair.base, GATED, "threshold = 0.5")
    pair.settings = replace(pair.settings, threshold=0.02)
    found = pair.scope(FLOORS)
    assert found.floors == {RUST[1]: 0.01}
    assert [found.limit(name) for name in RUST] == [0.08, 0.01, 0.02]


def test_a_restricted_gate_measures_fewer_cases_and_forgives_nothing(pair: Pair) -> None:
    pair.write(pair.head, IN_RUST)
    pair.ids[pair.head.tree] = IDS[:-1]
    whole = pair.scope()
    found = gate.restricted(whole, ["clear[rust-uniform-5*]", NUMPY])
    assert list(found.cases) == [RUST[0], RUST[1]]
    assert found.controls == whole.controls
    assert found.gone == whole.gone == ("train[rust-bidding-5]",)
    with pytest.raises(GateError, match=r"--only: no case matches 'gold\[\*\]', of"):
        gate.restricted(whole, ["gold[*]"])
    idle = gate.restricted(whole, [NUMPY])
    assert (dict(idle.cases), dict(idle.controls), idle.same) == ({}, {}, (NUMPY,))


def test_a_gate_can_be_restricted_to_a_case_that_is_new(pair: Pair) -> None:
    pair.ids[pair.base.tree] = IDS[1:]
    pair.gate_of(pair.base, [NUMPY])
    pair.write(pair.head, IN_RUST)
    found = gate.restricted(pair.scope(), [RUST[0]])
    assert (dict(found.cases), list(found.fresh), found.same) == ({}, [RUST[0]], ())
    assert found.new == (RUST[0],)


@given(names=st.lists(st.text(), unique=True), number=st.integers(0, 12))
def test_a_spread_is_a_part_in_the_same_order(names: list[str], number: int) -> None:
    found = gate.spread(names, number)
    assert len(found) == min(number, len(names))
    assert found == [name for name in names if name in found]


@given(st.integers(1, 200), st.integers(1, 12))
def test_a_spread_is_even(length: int, number: int) -> None:
    names = [str(place) for place in range(length)]
    places = [*map(int, gate.spread(names, number)), length]
    gaps = [after - before for before, after in pairwise(places)]
    assert max(gaps) - min(gaps) <= 1
    assert places[0] == 0


def toy_arm(name: str) -> Arm:
    return Arm(name, (str(TOY),))


def toy_case(backend: str) -> Case:
    return Case("scale", backend, "mixed", 9000)


def toy_scope(*backends: str, controls: Sequence[str] = ()) -> Scope:
    cases, others = (
        {one.id: one for one in map(toy_case, names)} for names in (backends, controls)
    )
    return Scope(cases, others, (), dict.fromkeys([*cases, *others], 0.02), {})


BASE, HEAD = toy_arm("base"), toy_arm("head")


def test_contests_are_the_cases_the_controls_and_the_base_against_itself() -> None:
    scope = toy_scope("plain", "quick", "even", controls=["compiled"])
    plain = toy_case("plain")
    found = {one.name: one for one in gate.contests(scope, BASE, HEAD, {plain.id: 0.05})}
    pairs = {name: one for name, one in found.items() if not name.startswith(NULL)}
    assert list(pairs) == list(scope.measured)
    assert {one.arms for one in pairs.values()} == {(BASE, HEAD)}
    assert {name: one.extra for name, one in pairs.items() if one.extra} == {plain.id: 0.05}
    nulls = [one for name, one in found.items() if name not in pairs]
    assert len(nulls) == gate.NULLS
    assert {(one.arms, one.extra) for one in nulls} == {((BASE, BASE), 0.0)}
    assert all(one.cases == (astuple(scope.measured[one.name.removeprefix(NULL)]),) * 2
               for one in nulls)  # fmt: skip


def test_a_case_that_is_twice_as_slow_is_caught_on_a_toy(monkeypatch: pytest.MonkeyPatch) -> None:
    # Twice the calls, so that no machine is too noisy to see it.
    monkeypatch.setattr(sampling, "Looks", partial(Looks, looks=(3, 6)))
    scope = toy_scope("plain", controls=["even"])
    slow, control = toy_case("plain").id, toy_case("even").id
    parity = gate.check(scope, (BASE, HEAD), TOY_CATALOGUE)
    assert parity.wrong == {}
    assert parity.calls > 0
    engine = Engine(
        catalogue_workers(TOY_CATALOGUE), gate.contests(scope, BASE, HEAD, {slow: 1.0}), 0
    )
    seen: list[sampling.Progress] = []
    sampled = gate.measure(scope, engine, SETTINGS, seen.append)
    assert sampled.verdicts == {slow: Verdict.REGRESSION}
    assert set(sampled.nulls) == {control, NULL + slow, NULL + control}
    assert sampled.measured.errors == {}
    assert [one.undecided for one in seen] == [1] * len(seen)
    # A busy machine may trip a null, which voids the gate; that is tested with its judgement.
    untripped = replace(sampled, tripped=())
    found = judge(scope, untripped, parity, "a toy", 0.02, {}, "")
    assert found.rows[0].exit is Exit.REGRESSION
    assert found.exit is Exit.REGRESSION


def test_backends_that_are_wrong_are_not_timed_but_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "Looks", partial(Looks, looks=(2,)))
    wrong = ("one-ulp", "absent", "panics")
    scope = toy_scope("quick", *wrong)
    parity = gate.check(scope, (BASE, HEAD), TOY_CATALOGUE)
    assert set(parity.wrong) == {toy_case(name).id for name in wrong}
    for name, reason in (
        ("one-ulp", "scaled"),
        ("absent", "absent is not installed"),
        ("panics", "Panic"),
    ):
        assert parity.wrong[toy_case(name).id].startswith("head: ")
        assert reason in parity.wrong[toy_case(name).id]
    engine = gate.engine(scope, BASE, HEAD, parity, TOY_CATALOGUE, 0)
    assert not {one.name.removeprefix(NULL) for one in engine.contests} & set(parity.wrong)
    sampled = gate.measure(scope, engine, SETTINGS, lambda _: None)
    rows = {row.name: row for row in judge(scope, sampled, parity, "a toy", 0.02, {}, "").rows}
    for case in map(toy_case, wrong):
        assert rows[case.id].exit is Exit.ERROR
        assert rows[case.id].note == parity.wrong[case.id]


EMPTY = '''
"""The toy, one of whose scenarios has nothing to offer at some size."""

from dataclasses import replace

from toy_catalogue import pytest_duel_catalogue


def catalogue():
    toy = pytest_duel_catalogue()
    mixed = toy.scenarios["mixed"]
    make = lambda n, items, seed: [] if n == 9000 else mixed.make(n, items, seed)
    return replace(toy, scenarios={**toy.scenarios, "mixed": replace(mixed, make=make)})
'''


def test_a_case_whose_pool_is_empty_is_wrong_wherever_it_is_checked(tmp_path: Path) -> None:
    (tmp_path / "emptied.py").write_text(EMPTY, encoding="utf-8")
    arms = tuple(
        Arm(
            name,
            (
                str(tmp_path),
                str(TOY),
            ),
        )
        for name in ("base", "head")
    )
    empty = [toy_case(name) for name in ("plain", "quick", "empty")]
    whole = replace(toy_case("quick"), n=4)
    measured = toy_scope("plain")
    fresh = {one.id: one for one in (*empty[1:], whole)}
    parity = gate.check(replace(measured, fresh=fresh), (arms[0], arms[1]), "emptied:catalogue")
    assert set(parity.base) == {empty[0].id}
    assert set(parity.head) == {one.id for one in empty}
    assert all("its pool is empty" in why for why in parity.wrong.values())
    lone = (empty[1].id, whole.id)
    idle = replace(toy_scope(), fresh=fresh)
    for scope in replace(idle, new=lone), replace(idle, same=lone):
        rows = judge(scope, None, parity, "a toy", 0.02, {}, "").rows
        assert [row.exit for row in rows] == [Exit.PASS, Exit.ERROR]
        assert (rows[1].name, rows[1].note) == (empty[1].id, parity.head[empty[1].id])


def test_an_arm_that_does_not_start_makes_all_its_cases_wrong() -> None:
    scope = toy_scope("plain", "quick")
    broken = Arm("broken", ("/nowhere",))
    parity = gate.check(scope, (broken, HEAD), TOY_CATALOGUE)
    assert set(parity.wrong) == set(scope.cases)
    assert all("broken: ModuleNotFoundError" in reason for reason in parity.wrong.values())
