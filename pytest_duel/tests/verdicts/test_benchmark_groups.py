"""Benchmarks in groups, and which of some alternatives is the fastest.

What is printed is held against files in `data/groups`. After a change that is meant, write them
anew and look at the difference before you commit it::

    UPDATE_GOLDEN=1 pytest pytest_duel/tests/verdicts/test_groups.py
"""

import os
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.plugin import pytest_benchmark_group_stats

from places import DATA
from pytest_duel.results import runs
from pytest_duel.results.benchmarks import Benchmark
from pytest_duel.results.runs import Run
from pytest_duel.verdicts import groups, groups_text
from pytest_duel.verdicts.fastest import Outcome, outcomes
from pytest_duel.verdicts.groups import GroupError, Timed
from pytest_duel.verdicts.parameters import Value, parameters, traits
from stock_files import document, times

GOLDEN = DATA / "groups"
REGENERATE = "UPDATE_GOLDEN"
SORTS = [
    times("t.py::test_a[10-up]", 1e-6, group="sort", params={"n": 10, "kind": "up"}),
    times("t.py::test_a[10-down]", 2e-6, group="sort", params={"n": 10, "kind": "down"}),
    times("t.py::test_b[10-up]", 3e-6, group="sort", params={"n": 10, "kind": "up"}),
    times("u.py::test_b[99-up]", 4e-6, group="other", params={"n": 99, "kind": "up"}),
]


def run_of(*benchmarks: dict[str, Any]) -> Run:
    return runs.from_json(document(*benchmarks))


def timed(*found: Run) -> list[Timed]:
    return groups.timed(found)


@pytest.mark.parametrize(
    "by",
    [
        "group", "name", "func", "fullname", "fullfunc", "param", "param:n", "param:kind,func",
        "group,param:n",
    ],
)  # fmt: skip
def test_groups_are_those_of_pytest_benchmark(by: str) -> None:
    expected = pytest_benchmark_group_stats(None, [dict(one) for one in SORTS], by)
    found = groups.grouped(timed(run_of(*SORTS)), groups.grouping(by))
    assert {one.name: {t.benchmark.id for t in one.members} for one in found} == {
        name: {one["fullname"] for one in own} for name, own in expected
    }
    assert all(one.is_choice for one in found)


def test_without_words_a_group_is_what_the_tests_call_one_and_else_a_file() -> None:
    alone = times("u.py::test_alone", 5e-6)
    found = groups.grouped(timed(run_of(*SORTS[:3], alone)))
    assert [(one.name, one.is_choice, len(one.members)) for one in found] == [
        ("sort", True, 3),
        ("u.py", False, 1),
    ]


def test_benchmarks_without_the_parameter_are_no_alternatives() -> None:
    found = groups.grouped(timed(run_of(*SORTS, times("u.py::test_x", 5e-6))), ("param:n",))
    assert [(one.name, one.is_choice) for one in found][-1] == ("no group", False)


@pytest.mark.parametrize("word", ["fun", "", "param:", "group,", "Group"])
def test_a_word_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(GroupError, match="is none of group, name, func"):
        groups.grouping(word)


def test_a_parameter_that_no_benchmark_has_is_named_with_those_there_are() -> None:
    with pytest.raises(GroupError, match=r"no benchmark .* 'm'; there are n, kind"):
        groups.grouped(timed(run_of(*SORTS)), ("param:m",))


@pytest.mark.parametrize(
    ("param", "params", "expected"),
    [
        ("10-up", {"n": 10, "kind": "up"}, {"n": Value("10", 10.0), "kind": Value("up")}),
        ("n=10", {"n": 10}, {"n": Value("10", 10.0)}),
        ("kind=up", {"kind": "upwards"}, {"kind": Value("up")}),
        ("True", {"checked": True}, {"checked": Value("True")}),
        ("a-b", {"name": "a-b"}, {"name": Value("a-b")}),
        ("a-b-c", {"x": "a-b", "y": "c"}, {"x": Value("a-b"), "y": Value("c")}),
        ("f", {"call": "UNSERIALIZABLE[<function f at 0x7f>]"}, {"call": Value("f")}),
        (
            "a-b-c",
            {"x": "UNSERIALIZABLE[<class 'A'>]", "y": 5},
            {"x": Value("<class 'A'>"), "y": Value("5", 5.0)},
        ),
        (
            "msgspec-json-up-100k",
            {"impl": "msgspec-json", "spec": "UNSERIALIZABLE[...]", "count": 100_000},
            {
                "impl": Value("msgspec-json"),
                "spec": Value("up"),
                "count": Value("100,000", 100_000.0),
            },
        ),
        ("200", None, {"param": Value("200", 200.0)}),
        ("two", {}, {"param": Value("two")}),
        ("nan", None, {"param": Value("nan")}),
        ("big", {"n": 10**400}, {"n": Value("big")}),
        ("", {"name": ""}, {"name": Value("(empty)")}),
        (None, None, {}),
    ],
)
def test_values_are_called_as_in_the_id(
    param: str | None, params: dict[str, Any] | None, expected: dict[str, Value]
) -> None:
    assert parameters(Benchmark("t.py::test_x", param=param, params=params or {})) == expected


def test_a_name_that_would_move_the_cursor_does_not() -> None:
    own = traits(Benchmark("t.py::test\x1b[2J", param="\u202ex", params={"k": 1}))
    assert all(value.text.isprintable() for value in own.values())


def outcome(*found: Run, by: str = "group") -> Outcome:
    (only,) = outcomes(groups.grouped(timed(*found), groups.grouping(by)))
    return only


def two(a: float, b: float, **more: Any) -> Run:
    return run_of(
        times("t.py::test_a", a, group="g", **more), times("t.py::test_b", b, group="g", **more)
    )


def winner(found: Outcome) -> str | None:
    (race,) = found.races
    return found.name(race.winner) if race.winner else None


def test_one_process_calls_a_plain_lead_only() -> None:
    # Another process of the same code may be as far off as a busy machine makes it.
    assert winner(outcome(two(3e-6, 1e-6))) == "test_b"
    assert winner(outcome(two(2e-6, 1e-6))) is None


def test_one_process_calls_nothing_that_the_fastest_rounds_do_not_show() -> None:
    slow = times("t.py::test_a", 3e-6, group="g")
    slow["stats"]["data"][0] = slow["stats"]["min"] = 1e-6
    mean = sum(slow["stats"]["data"]) / len(slow["stats"]["data"])
    slow["stats"] |= {"mean": mean, "stddev": 6.1e-7}
    del slow["stats"]["data"]
    assert winner(outcome(run_of(slow, times("t.py::test_b", 1e-6, group="g")))) is None


def test_a_single_round_calls_nothing() -> None:
    once = {"median": 2e-6, "mean": 2e-6, "min": 2e-6, "max": 2e-6, "stddev": 0.0, "rounds": 1}
    slow = times("t.py::test_a", 2e-6, group="g") | {"stats": once}
    found = outcome(run_of(slow, times("t.py::test_b", 1e-6, group="g")))
    assert winner(found) is None
    assert found.races[0].lead is None


def test_several_processes_call_a_small_lead_that_all_of_them_show() -> None:
    speeds = (1.0, 1.4, 0.8, 1.2, 1.1)
    drifting = [two(1.06e-6 * speed, 1e-6 * speed * (1 + 0.001 * speed)) for speed in speeds]
    assert winner(outcome(*drifting)) == "test_b"
    apart = [two(1.06e-6 * speed, 1e-6 / speed) for speed in speeds]
    assert winner(outcome(*apart)) is None


def test_the_first_of_several_processes_is_the_one_that_leads() -> None:
    """By the middle process it would be the other one, with a lead below 1."""
    speeds = ((1.0, 1.1), (1.0, 1.1), (3.0, 1.1))
    (race,) = outcome(*(two(a * 1e-6, b * 1e-6) for a, b in speeds)).races
    assert race.order[0].benchmark.name == "test_b"
    assert race.lead
    assert race.lead.value == pytest.approx(race.order[1].time / race.order[0].time)
    assert race.lead.value > 1


def identical(rng: np.random.Generator, *, leads: float = 1.0, noise: float = 0.08) -> Run:
    """Return a process of twelve groups of two, each benchmark with noise of its own."""
    own = [
        times(f"t.py::test_{name}[{at}]", 1e-6 * by * rng.lognormal(0, noise), group=str(at))
        for at in range(12)
        for name, by in (("a", 1.0), ("b", leads))
    ]
    return run_of(*own)


def called(*found: Run) -> list[bool]:
    return [one.races[0].winner is not None for one in outcomes(groups.grouped(timed(*found)))]


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_of_identical_alternatives_none_is_called_faster(processes: int) -> None:
    rng = np.random.default_rng([5, processes])
    found = [called(*(identical(rng) for _ in range(processes))) for _ in range(30)]
    assert sum(map(any, found)) <= 2  # 5 % is the level for all groups of a report together


def test_two_processes_call_what_twelve_groups_show_together() -> None:
    rng = np.random.default_rng(6)
    found = called(*(identical(rng, leads=1.5, noise=0.03) for _ in range(2)))
    assert sum(found) >= 11
    # Alone, two processes of two benchmarks say next to nothing.
    lone = [two(1.5e-6 * by, 1e-6 / by) for by in (1.03, 0.97)]
    assert winner(outcome(*lone)) is None


def test_alternatives_that_no_process_has_timed_both_are_not_compared() -> None:
    lone = [
        run_of(times("t.py::test_a", 2e-6, group="g")),
        run_of(times("t.py::test_b", 1e-6, group="g")),
    ]
    found = outcome(*lone)
    assert winner(found) is None
    assert groups_text.sentence(found.races[0], found) == (
        "test_b and test_a are not compared: no process has timed both"
    )


def three(a: float, b: float, c: float) -> Run:
    names = {"a": a, "b": b, "c": c}
    return run_of(*(times(f"t.py::test_{k}", v * 1e-6, group="g") for k, v in names.items()))


def test_the_fastest_must_beat_each_of_the_others_and_not_the_next_one_alone() -> None:
    """The third is slower on the whole, but was the fastest in one of five processes."""
    found = outcome(*(three(1.0 + 0.001 * i, 1.1, c) for i, c in enumerate((2, 2, 2, 2, 0.5))))
    (race,) = found.races
    assert [found.name(one) for one in race.order] == ["test_a", "test_b", "test_c"]
    assert winner(found) is None
    assert groups_text.sentence(race, found) == "test_a and test_c are too close to call"


def test_one_that_was_timed_once_is_not_called_slower() -> None:
    single = {"median": 9e-6, "mean": 9e-6, "min": 9e-6, "max": 9e-6, "stddev": 0.0, "rounds": 1}
    found = outcome(
        run_of(
            times("t.py::test_a", 1e-6, group="g"),
            times("t.py::test_b", 3e-6, group="g"),
            times("t.py::test_c", 9e-6, group="g") | {"stats": single},
        )
    )
    assert winner(found) is None
    assert groups_text.sentence(found.races[0], found) == (
        "test_a and test_c are not compared: one was timed once"
    )


def crossing() -> Run:
    """Return a run in which one function is faster at few and another at many."""
    own = [
        times(f"t.py::test_{name}[{n}]", per * n + start, group="sort", params={"n": n})
        for name, per, start in (("quick", 1e-9, 1e-6), ("simple", 9e-9, 1e-8))
        for n in (10, 120, 1000, 10000)
    ]
    return run_of(*own)


def test_numbers_are_sizes_and_names_are_alternatives() -> None:
    found = outcome(crossing())
    assert [dict(one.at)["n"].number for one in found.races] == [10, 120, 1000, 10000]
    called = [found.name(one.winner) if one.winner else None for one in found.races]
    assert called == ["test_simple", None, "test_quick", "test_quick"]


def test_a_group_of_one_is_no_contest() -> None:
    assert outcome(run_of(times("t.py::test_a", 1e-6, group="g"))).races == ()


PRINTED = {
    "one-process": ([crossing()], ()),
    "several": ([two(2e-6 * drift, 1e-6 * drift) for drift in (1, 1.02, 0.97)], ()),
    "files": (
        [
            run_of(
                times("tests/test_a.py::test_short", 3e-7),
                times("tests/test_a.py::test_long[" + "x" * 90 + "]", 0.25, params={"k": "x"}),
                times("tests/test_b.py::test_other", 12e-6),
            )
        ],
        (),
    ),
    "by-function": ([run_of(*SORTS)], ("func",)),
}


@pytest.mark.parametrize("name", PRINTED)
def test_what_is_printed_is_as_it_was(name: str) -> None:
    found, by = PRINTED[name]
    text = (
        groups_text.render(groups.grouped(timed(*found), by), groups_text.Look(len(found))) + "\n"
    )
    path = GOLDEN / f"{name}.txt"
    if REGENERATE in os.environ:
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
