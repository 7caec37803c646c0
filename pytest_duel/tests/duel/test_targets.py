"""Targets: their verdicts, what is measured for them, how they are saved, and what the docs say.

The docs' table is held against `data/targets/table.md`. After a change that is meant, write it
anew and look at the difference before you commit it::

    UPDATE_GOLDEN=1 pytest pytest_duel/tests/duel/test_targets.py
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import places
from few_blocks import one_by_one
from places import TOY
from pytest_duel.catalogue.model import Target
from pytest_duel.duel.targets import Met, arrange, choose, decide, judge, measure, name_of
from pytest_duel.duel.targets_text import TargetsError, load, needed, render
from pytest_duel.formats import FORMATS
from pytest_duel.gate.collect import collect
from pytest_duel.gate.measure import checked_answers
from pytest_duel.gate.plan import plan
from pytest_duel.gate.prepare import Prepared
from pytest_duel.gate.settings import Settings
from pytest_duel.paired.arms.recipe import Recipe
from pytest_duel.paired.checking import Checked
from pytest_duel.paired.contests import Arm
from pytest_duel.paired.pytest_client import Suite
from pytest_duel.statistics.paired import estimate
from pytest_duel.support.exit_codes import Exit
from simulated import Noise, heavy_tails, normal, outliers, slow_processes
from simulated_targets import (
    BLOCKS,
    DATA,
    NUMBA,
    RUST,
    TARGETS,
    WRONG,
    drawn,
    judged_targets,
)
from toy_project import project

GOLDEN = places.DATA / "targets" / "table.md"
REGENERATE = "UPDATE_GOLDEN"

# Verdicts.


def verdicts(target: Target, truth: float, noise: Noise, trials: int = 400) -> Counter[str]:
    """Return how often which verdict is given where the ratio is `truth`."""
    rng = np.random.default_rng(8)
    blocks = noise(rng, (trials, BLOCKS), 0.02)
    return Counter(decide(target, estimate(np.log(truth) + one)) for one in blocks)


AT_LEAST = Target("clear", NUMBA, RUST, (5,), at_least=2.0)
AT_MOST = Target("clear", NUMBA, RUST, (5,), at_most=2.0)
NOISES = (normal, heavy_tails, outliers, slow_processes)


@pytest.mark.parametrize("noise", NOISES)
def test_what_is_plainly_beyond_a_target_is_met_and_what_is_short_of_it_missed(
    noise: Noise,
) -> None:
    for target, truth in (AT_LEAST, 2.2), (AT_MOST, 1.8):
        assert verdicts(target, truth, noise)[Met.MET] > 380
    for target, truth in (AT_LEAST, 1.8), (AT_MOST, 2.2):
        assert verdicts(target, truth, noise)[Met.MISSED] > 380


@pytest.mark.parametrize("noise", NOISES)
def test_what_is_just_at_a_target_is_open(noise: Noise) -> None:
    # A two-sided interval of 95 % leaves 2.5 % on either side: 10 of 400, give or take.
    for target in AT_LEAST, AT_MOST:
        found = verdicts(target, 2.0, noise)
        assert max(found[Met.MET], found[Met.MISSED]) < 24


def test_a_single_block_decides_nothing() -> None:
    for target in AT_LEAST, AT_MOST:
        for ratio in 0.01, 100.0:
            assert decide(target, estimate([np.log(ratio)])) is Met.OPEN


def test_every_row_has_a_verdict_and_what_is_not_measured_is_an_error() -> None:
    found = judged_targets()
    said = {row.name.removeprefix("clear, "): row.word for row in found.rows}
    assert said == {
        "uniform: numba / rust, n = 5": "met",
        "uniform: numba / rust, n = 1,000": "missed",
        "uniform: numba / rust, n = 100,000": "open",
        "uniform: numba / rust, geometric mean": "met",
        "uniform: rust / floor, n = 5": "met",
        "rust: tied / uniform, n = 5": "error",
        "rust: tied / uniform, n = 1,000": "missed",
    }
    assert found.rows[5].note == next(iter(WRONG.values()))
    mean = found.rows[3].data
    assert mean["low"] < (6.5 * 1.6) ** 0.5 < mean["high"]


@pytest.mark.parametrize(("ratio", "word", "code"), [
    (2.5, "met", Exit.PASS),
    (2.0, "open", Exit.INCONCLUSIVE),
    (1.5, "missed", Exit.REGRESSION),
])  # fmt: skip
def test_the_exit_code_is_that_of_the_gravest(ratio: float, word: str, code: Exit) -> None:
    own = (AT_LEAST, Target("clear", RUST, RUST, (7,), at_most=2.0))
    measured = drawn(
        own, lambda name: ratio if "numba" in name else 1.0, np.random.default_rng(5), sd=0.05
    )
    found = judge(own, measured, BLOCKS, DATA)
    assert (found.word, found.exit) == (word, code)
    assert [row.word for row in found.rows] == [word, "met"]


def test_a_mean_without_one_of_its_sizes_is_an_error() -> None:
    own = (Target("clear", NUMBA, RUST, (5, 7), at_least=2.0, mean=True),)
    five, seven = (name_of(own[0].cases(n)) for n in (5, 7))
    measured = drawn(own, lambda name: 9.0, np.random.default_rng(1), errors={seven: "it died"})
    (row,) = judge(own, measured, BLOCKS, DATA).rows
    assert row.exit is Exit.ERROR
    assert row.note == f"{seven}: it died"
    assert five in measured.differences


def test_a_block_that_is_not_in_all_contests_is_in_no_mean() -> None:
    # When enough blocks are in, others are at work, and end halfway.
    own = (Target("clear", NUMBA, RUST, (5, 7), at_least=2.0, mean=True),)
    measured = drawn(own, lambda name: 3.0, np.random.default_rng(1), sd=0.0)
    measured.differences[name_of(own[0].cases(5))].append(9.0)
    (row,) = judge(own, measured, BLOCKS, DATA).rows
    assert row.data["ratio"] == pytest.approx(3.0)
    assert len(row.data["blocks"]) == BLOCKS


# What is measured.


def toy_targets() -> list[Target]:
    def of(slow: str, fast: str, over: str = "mixed", **more: Any) -> Target:
        return Target("scale", (slow, over), (fast, "mixed"), (9000,), **more)

    return [
        of("plain", "quick", at_most=50.0),
        of("plain", "plain", "positive", at_most=50.0),
        of("plain", "even", at_least=50.0),
        of("one-ulp", "quick", at_most=50.0),
        of("plain", "empty", at_least=0.01),
    ]


@pytest.fixture
def ready(tmp_path: Path) -> Prepared:
    """Return the toy on both arms, and the plan of its targets."""
    folder, scratch = tmp_path / "toy", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    shutil.copy(TOY / "toy_catalogue.py", folder / "conftest.py")
    shutil.copy(TOY / "toy_suite.py", folder / "test_toy.py")
    tests, arm = Suite(folder, scratch), Arm("toy")
    found = {
        name: replace(one, marker={**one.marker, "cpus": 99}) if "even" in name else one
        for name, one in collect(arm, tests, "the toy").benchmarks.items()
    }
    own = arrange(toy_targets(), project().catalogue)(plan(found, found, Settings(), Settings()))
    tests = replace(tests, arguments=("test_toy.py",), benchmarks=tuple(own.run))
    return Prepared(arm, arm, tests, own, Settings(), "", 1.0, Recipe())


def test_targets_are_measured_in_pairs_and_wrong_answers_are_not_timed(ready: Prepared) -> None:
    said: list[str] = []

    def begin(line: str) -> Callable[[int], None]:
        said.append(line)
        return lambda done: None

    found = measure(ready, checked_answers(ready, said.append), 2, 0, begin)
    judgement = judge(toy_targets(), found, 2, DATA)
    words = {row.group: (row.word, row.note) for row in judgement.rows}
    assert words["scale, mixed: plain / quick"] == ("met", "")
    # Two scenarios give two answers, which are both right; a floor gives none.
    assert words["scale, plain: positive / mixed"] == ("met", "")
    assert words["scale, mixed: plain / empty"] == ("met", "")
    word, note = words["scale, mixed: one-ulp / quick"]
    assert word == "error"
    assert "one-ulp disagrees with plain" in note
    word, note = words["scale, mixed: plain / even"]
    assert word == "error"
    assert "it needs 99 cores" in note
    assert "measuring 3 pairs, a block on 1 CPU ..." in said


def test_answers_that_differ_between_a_pair_are_not_timed(
    ready: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_by_one(monkeypatch)
    pairs = {name: replace(one, alike=True) for name, one in ready.own.pairs.items()}
    found = measure(
        replace(ready, own=replace(ready.own, pairs=pairs)), Checked(), 1, 0,
        lambda _: lambda done: None,
    )  # fmt: skip
    different = {name for name, why in found.errors.items() if "different answers" in why}
    assert different == {
        "scale[plain-positive-9000] / scale[plain-mixed-9000]",
        "scale[one-ulp-mixed-9000] / scale[quick-mixed-9000]",
        "scale[plain-mixed-9000] / scale[empty-mixed-9000]",
    }


def test_targets_are_chosen_by_pattern() -> None:
    assert choose(TARGETS, []) == list(TARGETS)
    assert {one.name for one in choose(TARGETS, ["*floor", "clear, rust:*"])} == {
        "clear, uniform: rust / floor", "clear, rust: tied / uniform",
    }  # fmt: skip
    with pytest.raises(TargetsError, match=r"no target matches 'x': choose from clear, unif"):
        choose(TARGETS, ["*", "x"])


# How they are saved, and what the docs say.


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "targets.json"
    path.write_text(FORMATS["json"](judged_targets()), encoding="utf-8")
    return path


def test_the_docs_table_reads_as_agreed(saved: Path) -> None:
    text = render(load(saved)) + "\n"
    if os.environ.get(REGENERATE):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_what_a_ratio_has_to_be_is_said() -> None:
    assert needed(5.0, None) == "≥ 5"
    assert needed(None, 1.3) == "≤ 1.3"


def test_the_saved_file_says_where_it_was_measured(saved: Path) -> None:
    data = load(saved)
    assert {name: data[name] for name in DATA} == DATA
    assert data["taken"] == BLOCKS
    for one in data["cases"]:
        if one["verdict"] != "error":
            assert len(one["blocks"]) == BLOCKS
            assert one["low"] <= one["high"]


@pytest.mark.parametrize(("change", "message"), [
    ({"schema": 2}, "has schema 2; this version reads 1"),
    ({"command": "gate"}, "holds no judged targets"),
    ({"taken": None}, "holds no judged targets"),
])  # fmt: skip
def test_a_foreign_file_is_refused(saved: Path, change: dict[str, Any], message: str) -> None:
    data = json.loads(saved.read_text(encoding="utf-8")) | change
    kept = {key: value for key, value in data.items() if value is not None}
    saved.write_text(json.dumps(kept), encoding="utf-8")
    with pytest.raises(TargetsError, match=message):
        load(saved)


@pytest.mark.parametrize("content", ["", "{", "[]", "7"])
def test_a_truncated_file_is_refused(saved: Path, content: str) -> None:
    saved.write_text(content, encoding="utf-8")
    with pytest.raises(TargetsError, match=r"targets\.json (cannot be read|holds no judged)"):
        load(saved)
    with pytest.raises(TargetsError, match="cannot be read"):
        load(saved.parent / "missing.json")
