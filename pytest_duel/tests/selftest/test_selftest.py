"""A self-test's file: how it is kept, and what one of a catalogue says.

What it says is held against `data/selftest/report.md`. After a change that is meant, write it
anew and look at the difference before you commit it::

    UPDATE_GOLDEN=1 pytest pytest_duel/tests/selftest/test_selftest.py
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from places import DATA
from pytest_duel.selftest import stock
from pytest_duel.selftest.records import (
    ALPHA,
    SCHEMA,
    Kind,
    Rate,
    Report,
    SelftestError,
    Trial,
    caught,
    caught_beyond_bounds,
    exits,
    load,
    measuring_code,
    placement_bounds,
    smallest_caught,
    stock_alarms,
    stock_caught,
)
from pytest_duel.selftest.report import quote, render
from pytest_duel.selftest.trials import MEASURING
from pytest_duel.support.exit_codes import Exit

GOLDEN = DATA / "selftest" / "report.md"
REGENERATE = "UPDATE_GOLDEN"

MACHINE = {
    "cores": 2,
    "usable_cores": 2,
    "virtualisation": "kvm",
    "versions": {"python": "3.11.7", "numpy": "2.4.6", "package": None},
}
COMMIT = {"id": "0123456789abcdef", "dirty": True}
KEY = {
    "cases": ["a", "b", "c", "d"], "threshold": 0.02, "alpha": 0.01, "looks": [12, 24, 48],
    "code": measuring_code(MEASURING),
}  # fmt: skip


# What is kept.


def report(path: Path, **changes: Any) -> Report:
    return Report(path, KEY | changes, MACHINE, COMMIT)


def test_a_report_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    first = report(path)
    assert not path.exists()  # nothing to keep yet
    first.add({"kind": Kind.SAME, "index": 0, "exit": 0})
    when = first.data["when"]
    again = report(path)
    assert again.has(Kind.SAME, 0)
    assert not again.has(Kind.SAME, 1)
    assert not again.has(Kind.SLOWED, 0)
    again.add({"kind": Kind.SLOWED, "index": 0, "exit": 0})
    assert load(path)["when"] == when
    assert [one["kind"] for one in load(path)["trials"]] == ["same", "slowed"]


def test_a_report_of_something_else_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    report(path).add({"kind": Kind.SAME, "index": 0})
    before = path.read_bytes()
    for other, reason in (
        (
            {"threshold": 0.03},
            r"report\.json holds trials with other .* threshold was 0\.02 and is",
        ),
        ({"code": "0123"}, "the measuring code has changed"),
        ({"looks": [12]}, r"looks was \[12, 24, 48\] and is \[12\]"),
    ):
        with pytest.raises(SelftestError, match=reason):
            report(path, **other)
    with pytest.raises(SelftestError, match=r"of another machine.*: cores was 2 and is 4"):
        Report(path, KEY, MACHINE | {"cores": 4}, COMMIT)
    with pytest.raises(
        SelftestError, match=r"of another machine.*: numpy was '2\.4\.6' and is '3'"
    ):
        Report(path, KEY, MACHINE | {"versions": {"numpy": "3"}}, COMMIT)
    assert path.read_bytes() == before


def test_a_report_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.json"
    own = report(path)
    own.add({"kind": Kind.SAME, "index": 0})
    before = path.read_bytes()

    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        own.add({"kind": Kind.SAME, "index": 1})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


WHOLE = {"schema": SCHEMA, "when": "", "key": {}, "machine": {}, "commit": {}, "trials": []}
NO_REPORTS = {
    "empty": ("", "cannot be read"),
    "truncated": (json.dumps(WHOLE)[:-9], "cannot be read"),
    "foreign": ('{"benchmarks": []}', "is no self-test"),
    "a list": ("[1]", "is no self-test"),
    "newer": (json.dumps(WHOLE | {"schema": SCHEMA + 1}), f"schema {SCHEMA + 1}; this version"),
    "odd schema": (json.dumps(WHOLE | {"schema": None}), "schema None"),
}


@pytest.mark.parametrize("kind", NO_REPORTS)
def test_a_file_that_is_no_report_is_named_with_what_is_wrong(kind: str, tmp_path: Path) -> None:
    content, reason = NO_REPORTS[kind]
    path = tmp_path / "some report.json"
    path.write_text(content, encoding="utf-8")
    for read in load, report:
        with pytest.raises(SelftestError) as raised:
            read(path)
        assert str(path) in str(raised.value)
        assert reason in str(raised.value)


def test_a_missing_report_is_named(tmp_path: Path) -> None:
    with pytest.raises(SelftestError, match=r"none\.json cannot be read"):
        load(tmp_path / "none.json")


# What the trials say.


def judged(kind: Kind, index: int, /, code: Exit = Exit.PASS, **cases: tuple[float, str]) -> Trial:
    """Return a trial as it is saved; cases are (change or extra work, verdict)."""
    return {
        "kind": str(kind),
        "index": index,
        "exit": int(code),
        "word": code.name.lower(),
        "blocks": 12,
        "seconds": 40.0 + index,
        "errors": {},
        "tripped": [],
        "cases": {
            name: {
                "extra": share if kind in (Kind.SLOWED, Kind.REBUILT_SLOWED) else 0.0,
                "threshold": 0.02,
                "verdict": verdict,
                "change": share,
                "low": share - 0.005,
                "high": share + 0.005,
                "blocks": 12,
                "seconds": 1e-6,
            }
            for name, (share, verdict) in cases.items()
        },
    }


SAME, SLOWER, OPEN = "no change", "regression", "inconclusive"


def run_of(**times: float) -> stock.Run:
    return {name: {"min": 0.9 * time, "mean": time} for name, time in times.items()}


def trials() -> list[Trial]:
    found = [judged(Kind.PLACEMENT, 0, a=(0.01, SAME), b=(0.001, SAME))]
    found += [judged(Kind.PLACEMENT, 1, a=(0.03, SLOWER), b=(-0.001, SAME))]
    found += [judged(Kind.SAME, index, a=(0.0, SAME)) for index in range(18)]
    found += [judged(Kind.SAME, 18, Exit.REGRESSION, a=(0.03, SLOWER))]
    found += [judged(Kind.SAME, 19, Exit.INCONCLUSIVE, a=(0.02, OPEN))]
    found += [judged(Kind.REBUILT, index, a=(0.01, SAME)) for index in range(5)]
    for index in range(20):
        three = (0.03, SLOWER if index < 18 else OPEN)
        found.append(
            judged(
                Kind.SLOWED, index, Exit.REGRESSION,
                a=(0.0, SAME), b=three, c=(0.05, SLOWER), d=(0.10, SLOWER),
            )
        )  # fmt: skip
    for index, (again, slowed) in enumerate([(1.0, 1.1), (1.06, 1.1), (0.9, 0.99), (1.0, 1.04)]):
        runs = [run_of(a=1.0, b=1.0), run_of(a=again, b=1.0), run_of(a=again, b=slowed)]
        extra = {"b": 0.05}
        found.append({"kind": "stock", "index": index, "extra": extra, "runs": runs})
    return found


def data(own: list[Trial]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "when": "2026-11-23T03:18:25+00:00",
        "key": KEY,
        "machine": MACHINE,
        "commit": COMMIT,
        "trials": own,
    }


def test_a_rate_has_the_interval_of_a_textbook() -> None:
    # Clopper and Pearson's interval, as Wikipedia and most textbooks have it for these.
    assert Rate(0, 10).interval == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert Rate(2, 10).interval == pytest.approx((0.0252, 0.5561), abs=1e-4)
    assert Rate(20, 20).interval == pytest.approx((0.8316, 1.0), abs=1e-4)
    assert Rate(1, 100).interval == pytest.approx((0.00025, 0.0545), abs=1e-4)
    assert Rate(3, 4).value == 0.75


def test_no_trials_say_nothing() -> None:
    assert np.isnan(Rate(0, 0).value)
    assert Rate(0, 0).interval == (0.0, 1.0)
    assert not caught([])
    assert not placement_bounds([])
    assert smallest_caught([]) is None
    assert quote(data([]), MACHINE) == ""
    assert "2 cores, kvm" in render(data([]))


def test_exits_are_counted_by_kind() -> None:
    found = exits(trials(), Kind.SAME)
    assert {code: (rate.happened, rate.of) for code, rate in found.items()} == {
        Exit.PASS: (18, 20),
        Exit.REGRESSION: (1, 20),
        Exit.ERROR: (0, 20),
        Exit.INCONCLUSIVE: (1, 20),
    }
    assert exits(trials(), Kind.REBUILT)[Exit.PASS] == Rate(5, 5)


def test_what_is_caught_is_counted_by_slowdown() -> None:
    assert caught(trials()) == {
        0.0: Rate(0, 20),
        0.03: Rate(18, 20),
        0.05: Rate(20, 20),
        0.10: Rate(20, 20),
    }
    assert smallest_caught(trials()) == 0.05


def test_a_slowdown_counts_only_where_all_larger_ones_are_caught() -> None:
    told = Exit.REGRESSION
    own = judged(Kind.SLOWED, 0, told, a=(0.03, SLOWER), b=(0.05, OPEN), c=(0.10, SLOWER))
    assert smallest_caught([own]) == 0.10
    assert smallest_caught([own, judged(Kind.SLOWED, 1, told, d=(0.10, OPEN))]) is None
    assert smallest_caught([judged(Kind.SLOWED, 0, told, a=(0.0, SLOWER))]) is None


def test_a_floor_is_what_two_wheels_may_differ_by() -> None:
    changes = {
        "a": [0.01, 0.03, 0.02, -0.01, 0.0, 0.04, 0.02],
        "b": [0.001, -0.001, 0.0, 0.002, 0.0, 0.0, -0.002],
    }
    own = [
        judged(Kind.PLACEMENT, index, a=(one, SAME), b=(other, SAME))
        for index, (one, other) in enumerate(zip(*changes.values(), strict=True))
    ]
    found = placement_bounds(own)
    # With the base, eight draws: Student's t at 1 - 0.01 / 2 with seven degrees of freedom.
    for name, drawn in changes.items():
        spread = np.std(np.log1p([0.0, *drawn]), ddof=1)
        assert found[name] == pytest.approx(np.expm1(2**0.5 * 3.4995 * spread), rel=1e-4)
    assert placement_bounds(own[1:]) == {}  # too few to tell
    assert placement_bounds(trials()) == {}  # two wheels and the base tell nothing of their spread
    others = [judged(Kind.REBUILT, place, a=(0.01, SAME)) for place in range(5)]
    assert placement_bounds(others) == {}


def test_two_more_wheels_hardly_differ_by_more_than_the_floor() -> None:
    rng = np.random.default_rng(5)
    names, beyond, gates = "abcd", 0, 2000
    for _ in range(gates):
        draws = np.exp(rng.normal(0.0, 0.02, (len(names), 10)))
        changes = draws[:, 1:8] / draws[:, :1] - 1  # against the base
        own = []
        for index, row in enumerate(changes.T):
            cases = {name: (float(row[place]), SAME) for place, name in enumerate(names)}
            own.append(judged(Kind.PLACEMENT, index, Exit.PASS, **cases))
        known = placement_bounds(own)
        new = draws[:, 9] / draws[:, 8] - 1
        beyond += any(new[place] > known[name] for place, name in enumerate(names))
    assert 0.3 * ALPHA < beyond / gates < 1.7 * ALPHA


def test_what_is_caught_beyond_the_floors_is_counted_apart() -> None:
    own = [
        judged(Kind.REBUILT_SLOWED, 0, Exit.REGRESSION, a=(0.06, SLOWER), b=(0.0, SAME)),
        judged(Kind.REBUILT_SLOWED, 1, Exit.INCONCLUSIVE, a=(0.04, SLOWER), b=(0.0, SAME)),
    ]
    # The second gate was void: what it says of a case tells nobody.
    assert caught_beyond_bounds(own) == {True: Rate(1, 2), False: Rate(0, 2)}


def test_the_stock_rules_are_held_against_the_same_truth() -> None:
    # Of four pairs of the same runs a is 6 % slower in one; b is slowed by more than 5 % in three.
    for rule in "min:5%", "mean:5%":
        assert stock_alarms(trials(), rule) == Rate(1, 4)
        assert stock_caught(trials(), rule) == {0.0: Rate(0, 4), 0.05: Rate(2, 4)}


def test_the_report_is_as_it_was() -> None:
    text = render(data(trials()))
    if os.environ.get(REGENERATE):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_a_gate_quotes_it_and_says_where_it_was_measured() -> None:
    here = quote(data(trials()), MACHINE)
    assert here == (
        "self-test on this machine (2026-11-23, 4 benchmarks): a false alarm in 1 of 20 "
        "[0.1%, 24.9%] gates; 3% caught in 18 of 20 [68.3%, 98.8%]; 5% caught in 20 of 20 "
        "[83.2%, 100.0%]; "
        "10% caught in 20 of 20 [83.2%, 100.0%]"
    )
    there = quote(data(trials()), MACHINE | {"cores": 64})
    assert there == here.replace("this machine", "another machine")


@pytest.mark.parametrize("code", [{"code": "0123456789abcdef"}, {}])
def test_a_gate_says_where_its_self_test_is_of_other_code(code: Mapping[str, str]) -> None:
    own = data(trials())
    key = {name: one for name, one in KEY.items() if name != "code"}
    there = quote(own | {"key": {**key, **code}}, MACHINE)
    here = quote(own, MACHINE)
    assert there == here.replace("this machine", "this machine, of other measuring code")


# The stock tool.


def test_a_rule_flags_what_pytest_benchmark_would() -> None:
    before = {name: {"min": 1.0, "mean": 2.0} for name in "abc"}
    after = {
        "a": {"min": 1.04, "mean": 2.2},
        "b": {"min": 1.06, "mean": 2.0},
        "c": {"min": 0.5, "mean": 1.0},
    }
    assert stock.flagged(before, after, "min:5%") == {"b"}
    assert stock.flagged(before, after, "mean:5%") == {"a"}
    assert stock.flagged(before, before, "min:5%") == set()
