"""Histories whose truth is known: what the machine did is not blamed on a commit."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from pytest_duel.catalogue.model import Case
from pytest_duel.history import judgement
from pytest_duel.history.commits import Log
from pytest_duel.history.drift import steadiest
from pytest_duel.history.history import ALPHA, Settings
from pytest_duel.history.trends import History, Series
from pytest_duel.results import runs
from pytest_duel.results.entries import BLOCKS
from pytest_duel.results.index import Entry, entry_of
from pytest_duel.results.runs import RunError
from simulated import CASES, MACHINE
from simulated_history import (
    FEW,
    Truth,
    documents,
    entries,
    name_of,
    read,
    steady,
    step,
)
from stock_files import document as stock
from stock_files import entry as stock_entry

RUST = Case("clear", "rust", "uniform", 200)


def changed(history: History) -> dict[str, list[tuple[str, str]]]:
    """Return the commit ranges that hold a change point, by case."""
    return {
        one.case.id: [(change.before.id, change.after.id) for change in one.changes]
        for one in history.series
        if one.changes
    }


def of(history: History, case: Case) -> Series:
    (found,) = [one for one in history.series if one.case == case]
    return found


def test_a_slower_backend_is_found_at_its_commit_on_a_machine_that_drifts() -> None:
    history = read(entries(30, step(20, 1.1), cases=CASES))
    slow = {case.id for case in CASES if case.backend == "rust"}
    assert set(changed(history)) == slow
    assert {place for found in changed(history).values() for place in found} == {
        (name_of(19), name_of(20))
    }
    assert of(history, RUST).changes[0].change == pytest.approx(0.1, abs=0.02)


def test_what_six_commits_cannot_show_is_not_called_steady_and_the_mean_finds_it() -> None:
    history = read(entries(6, step(3, 1.2), runs=3, noise=0.03, cases=CASES))
    slow = [one for one in history.series if one.backend == "rust" and not one.changes]
    assert slow
    assert not any(history.steady(one) for one in slow)
    assert all(one.visible > 0.2 for one in slow)
    (mean,) = [one for one in history.together if one.changes]
    assert (mean.backend, mean.kernel) == ("rust", "clear")
    (change,) = mean.changes
    assert (change.before.id, change.after.id) == (name_of(2), name_of(3))
    assert change.change == pytest.approx(0.2, abs=0.03)


def test_what_many_commits_would_have_shown_is_steady() -> None:
    history = read(entries(30, runs=3, noise=0.01))
    assert all(history.steady(one) for one in (*history.series, *history.together))


def test_means_of_cases_rarely_change_where_nothing_did() -> None:
    flagged = [
        any(one.changes for one in read(entries(number, seed=seed)).together)
        for number in (6, 20)
        for seed in range(40)
    ]
    assert sum(flagged) <= stats.binom.ppf(0.999, len(flagged), ALPHA)


def test_a_mean_stands_at_every_commit_of_its_cases_and_has_no_control() -> None:
    saved = documents(8, noise=0.001)
    for one in saved[:2]:  # the larger case came later
        one["benchmarks"] = [b for b in one["benchmarks"] if b["extra_info"]["n"] == 5]
    history = read(list(map(entry, saved)))
    control = history.series[0].control
    assert {one.backend for one in history.together} == {
        name for name in ("numpy", "numba", "rust", "floor") if name != control
    }
    assert {len(one.commits) for one in history.together} == {8}
    assert all(one.relative == pytest.approx(1, abs=0.01) for one in history.together)


def slow_machine(commit: int, case: Case) -> float:
    return 1.4 if commit >= 15 else 1.0


def test_a_slow_machine_is_no_slow_commit_thanks_to_the_control() -> None:
    found = entries(30, slow_machine, drift=0.02)
    assert changed(read(found)) == {}
    raw = changed(read(found, Settings(control=("none",))))
    assert set(raw) == {case.id for case in FEW}


def test_nothing_changed_is_rarely_blamed_on_a_commit() -> None:
    flagged = [bool(changed(read(entries(20, seed=seed)))) for seed in range(60)]
    assert sum(flagged) <= 60 * ALPHA


def test_a_single_noisy_run_is_no_change_point() -> None:
    def once(commit: int, case: Case) -> float:
        return 3.0 if commit == 12 and case == RUST else 1.0

    for at in (steady, once):
        assert changed(read(entries(24, at))) == {}


def test_runs_of_a_commit_are_used_together() -> None:
    alone, together = (
        read(entries(16, step(8, 1.08), runs=number, noise=0.04)) for number in (1, 15)
    )
    assert not changed(alone)
    assert set(changed(together)) == {case.id for case in FEW if case.backend == "rust"}
    assert of(together, RUST).runs == (15,) * 16
    # One run of three that is far off does not move its commit.
    odd = documents(1, runs=3, noise=0.0, drift=0.0)
    odd[0]["benchmarks"][FEW.index(RUST)]["stats"]["median"] *= 5
    (one,) = [s for s in read(list(map(entry, odd))).series if s.case == RUST]
    assert one.relative[0] == pytest.approx(3e-6)


def in_blocks(
    commits: int, factor: Callable[[int, int], float], *, number: int = 9, blocks: int = 3
) -> list[Entry]:
    """Return a run of each commit, of benchmarks that belong to no sweep, in blocks.

    Each block has a speed of its own, and `factor` times of (commit, block) for the first one.
    """
    rng = np.random.default_rng(7)
    found = []
    for commit in range(commits):
        drifts = np.exp(rng.normal(0, 0.2, blocks))
        own = []
        for at in range(number):
            noise = np.exp(rng.normal(0, 0.01, blocks))
            slower = [factor(commit, block) if at == 0 else 1.0 for block in range(blocks)]
            data = [time for one in 1e-6 * drifts * noise * slower for time in (one, one, one)]
            stats = {
                "median": float(np.median(data)), "mean": float(np.mean(data)), "min": min(data),
                "max": max(data), "stddev": float(np.std(data, ddof=1)), "rounds": len(data),
                "data": data,
            }  # fmt: skip
            own.append(
                stock_entry(f"a.py::test_{at}", stats=stats, extra_info={BLOCKS: [3] * blocks})
            )
        info = {
            "id": name_of(commit),
            "dirty": False,
            "time": f"2026-11-{commit + 1:02}T00:00:00Z",
        }
        found.append(entry(stock(*own, commit_info=info)))
    return found


def test_each_block_of_a_run_is_held_against_its_own_control() -> None:
    slow = in_blocks(12, lambda commit, block: 1.2 if commit >= 6 else 1.0)
    history = read(slow)
    assert set(changed(history)) == {"a.py::test_0"}
    (one,) = [series for series in history.series if series.changes]
    assert one.changes[0].change == pytest.approx(0.2, abs=0.02)
    assert one.runs == (1,) * 12
    assert one.processes == (3,) * 12
    # A commit's noise is that of its blocks, not that of the machine's speed between them.
    assert np.log(one.relative[:6]).std() < 0.02
    assert not history.lonely


def test_a_block_that_is_slow_moves_its_commit_by_nothing() -> None:
    odd = in_blocks(12, lambda commit, block: 2.0 if commit >= 6 and block == 0 else 1.0)
    assert changed(read(odd)) == {}


def test_blocks_are_no_more_runs_where_nothing_takes_the_machine_out() -> None:
    few = in_blocks(12, lambda commit, block: 1.0, number=3)
    history = read(few)
    assert {one.control for one in history.series} == {None}
    assert history.lonely


def entry(saved: dict[str, Any]) -> Entry:
    return entry_of(runs.from_json(saved), Path("run.json"))


def test_single_runs_are_warned_of() -> None:
    said = "most commits have a single run"
    assert said in read(entries(9)).warnings[0]
    assert read(entries(9, runs=3)).warnings == read(entries(2)).warnings == ()


def test_a_rate_of_false_alarms_is_promised_only_where_it_holds() -> None:
    alone, together = (
        " ".join(judgement.judge(read(entries(9, runs=runs))).notes) for runs in (1, 3)
    )
    assert "5% of such tables" not in alone
    assert "is not known: most commits have a single run" in alone
    assert "5% of such tables" in together


def test_machines_are_kept_apart() -> None:
    other = {**MACHINE, "node_hash": "def"}
    fast = entries(12, noise=0.005)
    slow = entries(12, lambda commit, case: 2.0, noise=0.005, machine=other, seed=1)
    turns = [one for pair in zip(fast, slow, strict=True) for one in pair]
    history = read(turns)
    assert [dict(one)["node_hash"] for one in history.machines] == ["abc", "def"]
    assert len(history.series) == 2 * len(FEW)
    assert changed(history) == {}
    assert {len(one.commits) for one in history.series} == {12}
    merged = read(turns, Settings(ignore=frozenset({"node_hash"})))
    assert len(merged.machines) == 1
    assert {one.runs for one in merged.series} == {(2,) * 12}


def test_commits_stand_in_the_order_of_their_ancestry() -> None:
    found = entries(20, step(10, 1.2))
    order = tuple(name_of(number) for number in range(20))
    log = Log(order, dict.fromkeys(order, 0), {order[10]: "Slow it down"})
    # Clocks say the opposite.
    found = [
        replace(one, committed=f"2026-01-{28 - int(one.commit[:2], 16):02}T00:00:00Z")
        for one in found
    ]
    history = read(found[::-1], log=log)
    (change,) = of(history, RUST).changes
    assert (change.before.id, change.after.id) == (order[9], order[10])
    assert change.after.subject == "Slow it down"
    assert [one.id for one in of(history, RUST).commits] == list(order)
    (backwards,) = of(read(found), RUST).changes
    assert (backwards.before.id, backwards.after.id) == (order[10], order[9])


def test_a_change_between_two_branches_is_told() -> None:
    found = entries(12, step(6, 1.3), runs=3)
    order = tuple(map(name_of, range(12)))
    straight = {one: order[:at][-1:] for at, one in enumerate(order)}
    branched = {**straight, order[6]: order[:1]}
    for parents, parted in ((straight, False), (branched, True)):
        log = Log(order, dict.fromkeys(order, 0), parents=parents)
        (change,) = of(read(found, log=log), RUST).changes
        assert change.parted is parted
    said = judgement.judge(read(found, log=log)).rows
    assert any("these are of two branches" in row.note for row in said)


def test_uncommitted_changes_are_a_revision_of_their_own() -> None:
    saved = documents(2)
    saved[1]["commit_info"] = {**saved[0]["commit_info"], "dirty": True}
    names = [one.name for one in of(read(list(map(entry, saved))), RUST).commits]
    assert names == ["0101010101", "0101010101+"]


def test_what_else_changed_there_is_said() -> None:
    newer = {**MACHINE, "versions": {"python": "3.11.7", "numpy": "2.5.0"}}
    saved = documents(20, step(10, 1.3))
    for one in saved[10:]:
        one["machine_info"] = newer
    (change,) = of(read(list(map(entry, saved))), RUST).changes
    assert change.other == ("versions: numpy 2.4.6 → 2.5.0",)


def test_a_control_that_changed_itself_is_suspected() -> None:
    history = read(entries(30, step(20, 1.3, "numba")), Settings(control=("numba",)))
    place = f"{name_of(19)[:10]} .. {name_of(20)[:10]}"
    assert any(
        f"at {place} most cases of all other backends became faster: more likely numba" in one
        for one in history.warnings
    )
    # Left alone, it takes another.
    free = read(entries(30, step(20, 1.3, "numba")))
    assert of(free, RUST).control != "numba"
    assert not any("control" in one for one in free.warnings)


def test_a_drift_is_told_from_steps() -> None:
    def drifts(commit: int, case: Case) -> float:
        return 1.01**commit if case.backend == "rust" else 1.0

    history = read(entries(30, drifts, runs=3, noise=0.01))
    mean = next(one for one in history.together if one.backend == "rust")
    for one in (of(history, RUST), mean):
        assert one.gradual, one.changes
    for truth in (step(10, 1.2), steady):
        assert not any(one.gradual for one in read(entries(30, truth, runs=3)).series)


def slow_from_ten(commit: int, case: Case) -> float:
    return 1.5 if commit >= 10 else 1.0


def test_the_floor_is_a_third_witness_where_two_backends_compete() -> None:
    cases = [case for case in FEW if case.backend != "rust"]
    history = read(entries(24, slow_from_ten, runs=3, cases=cases, drift=0.02))
    assert history.series[0].control in ("numpy", "numba")
    assert changed(history) == {}
    assert history.warnings == ()
    blamed = read(entries(24, step(10, 1.3, "numba"), runs=3, cases=cases))
    assert {one.control for one in blamed.series} == {"numpy"}
    assert set(changed(blamed)) == {case.id for case in cases if case.backend == "numba"}


@pytest.mark.parametrize("seed", range(8))
def test_backends_that_move_together_are_told_from_those_that_do_not(seed: int) -> None:
    def both(commit: int, case: Case) -> float:
        return 1.1 if commit >= 15 and case.backend in ("rust", "numba") else 1.0

    history = read(entries(30, both, runs=3, seed=seed, noise=0.01))
    assert {one.control for one in history.series} == {"numpy"}
    assert {name.partition("[")[2].partition("-")[0] for name in changed(history)} == {
        "rust", "numba",
    }  # fmt: skip
    (said,) = history.warnings
    assert "numba and rust became slower against numpy and floor" in said
    assert "these may have become faster instead; see --control" in said


def test_a_kernel_without_three_backends_is_raw_and_said() -> None:
    cases = [case for case in FEW if case.backend in ("numba", "rust")]
    history = read(entries(12, cases=cases))
    assert {one.control for one in history.series} == {None}
    assert any("no control for clear" in one for one in history.warnings)
    assert np.array_equal(of(history, RUST).raw, of(history, RUST).relative)


def test_runs_that_cannot_be_compared_are_left_out_and_said() -> None:
    saved = documents(20, step(10, 1.3))
    for one in saved[:3]:  # an older pool, whose times are others
        for benchmark in one["benchmarks"]:
            benchmark["extra_info"]["distinct"] = 8
            benchmark["stats"]["median"] *= 9
    lacking = saved[5]["benchmarks"]
    saved[5]["benchmarks"] = [b for b in lacking if b["extra_info"]["backend"] == "rust"]
    del saved[7]["commit_info"]["id"]
    history = read(list(map(entry, saved)))
    found = of(history, RUST)
    assert [one.id for one in found.commits] == [
        name_of(at) for at in range(3, 20) if at not in (5, 7)
    ]
    assert [(one.before.id, one.after.id) for one in found.changes] == [(name_of(9), name_of(10))]
    said = "\n".join(history.warnings)
    assert "1 run left out: the commit is not known" in said
    assert "3 runs timed cases on other inputs" in said
    assert "clear: 1 run without the control left out" in said


def test_nothing_to_read_and_an_unknown_control_are_errors() -> None:
    with pytest.raises(RunError, match="no run says which commit"):
        read([])
    with pytest.raises(RunError, match="--control: no run has a benchmark that matches 'gpu'"):
        read(entries(2), Settings(control=("gpu",)))


def test_times_that_cannot_be_read_do_not_stop_it() -> None:
    saved = documents(3)
    saved[1]["commit_info"]["time"] = "yesterday"
    assert len(of(read(list(map(entry, saved))), RUST).commits) == 3


@pytest.mark.parametrize(
    ("floor", "control"),
    [([0, 0, 0, 0], "a"), ([0, 0, 1, 1], "b"), ([np.nan] * 4, None)],
)
def test_a_witness_tells_which_of_two_changed(floor: list[float], control: str | None) -> None:
    moved = {"a": [0, 0, 0, 0.1], "b": [0, 0, 1, 1], "floor": floor}
    found = {name: np.array(own, float) for name, own in moved.items()}
    assert steadiest(found, {"floor"}) == control


@pytest.mark.parametrize(
    ("moved", "control"),
    [
        ({"a": [0, 0, 0, 0], "b": [0, 0.1, 0, 0.1], "c": [0, 0, 0.5, 0.5]}, "a"),
        ({"a": [0, 0, 9, 9], "b": [0, 0.1, 0.1, 0], "c": [5, 0.1, 0, 0]}, "b"),
        ({"a": [0, 1, 2], "b": [0, 1, 2]}, None),
        ({"a": [0, np.nan], "b": [np.nan, 0], "c": [0, 0]}, None),
    ],
)
def test_the_control_keeps_closest_to_the_others(
    moved: dict[str, list[float]], control: str | None
) -> None:
    assert steadiest({name: np.array(own, float) for name, own in moved.items()}) == control


def test_the_documents_are_what_pytest_benchmark_saves() -> None:
    # A check of the simulation: what is JSON here comes back as it was.
    saved = documents(2, raw=True)
    assert json.loads(json.dumps(saved)) == saved
    truth: Truth = step(0, 2.0)
    assert truth(0, RUST) == 2.0
