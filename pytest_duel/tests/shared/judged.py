"""Judgements of every command, of runs and blocks whose truth is known."""

import numpy as np

from pytest_duel.catalogue.model import Case
from pytest_duel.compare.comparison import compare
from pytest_duel.compare.judgement import Fail, judge
from pytest_duel.gate.findings import judge as judge_gate
from pytest_duel.results import runs
from pytest_duel.verdicts.model import Judgement
from simulated import CATALOGUE, MACHINE, SECTION, document, run_of, times_of
from simulated_gate import SETTINGS, TITLE, gated, plan_of

FAILS = (Fail.REGRESSION, Fail.MISSING)

CASES = tuple(
    Case("clear", name, "uniform", n) for n in (5, 200) for name in ("numpy", "numba", "rust")
)
SLOW = Case("clear", "rust", "uniform", 200)
GONE = Case("clear", "floor", "uniform", 5)
ADDED = Case("clear", "floor", "uniform", 200)


def several(by: float = 1.0, noise: float = 0.0005) -> Judgement:
    """Compare five runs with five, in which one case may be slower."""
    rng = np.random.default_rng(20)
    old = [run_of(times_of(rng, cases=CASES, noise=noise)) for _ in range(5)]
    new = [
        run_of(
            times_of(rng, cases=CASES, noise=noise, factor=lambda c: by if c == SLOW else 1.0),
            commit="2" * 40,
        )
        for _ in range(5)
    ]
    return judge(compare(old, new, CATALOGUE), old, new, FAILS)


def messy() -> Judgement:
    """Compare one run with one of another machine, with cases gone and new."""
    rng = np.random.default_rng(21)
    old = [run_of(times_of(rng, cases=(*CASES, GONE)))]
    machine = {
        **MACHINE,
        "cpu": {"brand_raw": "Another CPU"},
        "versions": {"python": "3.13.1", "numpy": "2.4.6"},
    }
    section = {
        **SECTION,
        "build_info": {"profile": "debug", "version": "0.1.0"},
        "missing": {"gpu": "no driver\nand more"},
    }
    saved = document(
        times_of(
            rng, cases=(*CASES, ADDED), noise=0.002,
            factor=lambda c: 1.5 if c.backend == "rust" else 1.2,
        ),
        machine=machine, section=section, commit="2" * 40, raw=False,
    )  # fmt: skip
    saved["commit_info"]["dirty"] = True
    saved["benchmarks"][0]["extra_info"]["seed"] = 9
    new = [runs.from_json(saved)]
    return judge(compare(old, new, CATALOGUE), old, new, FAILS)


def two_backends() -> Judgement:
    """Compare runs in which nothing can be the control."""
    rng = np.random.default_rng(22)
    cases = [case for case in CASES if case.backend != "numpy"]
    old, new = ([run_of(times_of(rng, cases=cases, noise=0.01)) for _ in "123"] for _ in "12")
    return judge(compare(old, new, CATALOGUE), old, new, FAILS)


NUMBA, *RUST, PUBLIC = (
    "clear[numba-uniform-50]",
    *(f"clear[rust-uniform-{n}]" for n in (5, 50, 200, 1000)),
    "clear[public-uniform-5]",
)
QUOTE = "self-test on this machine: 0 false alarms in 100 gates, at most 3.6 % [95 %]"


def gate_regression() -> Judgement:
    """Judge a gate that found something of everything but a benchmark that is wrong."""
    plan = plan_of(
        [*RUST, PUBLIC, NUMBA], placement_bounds={RUST[2]: 0.065, RUST[3]: 0.1},
        skipped={"bench/test_clear.py::clear[numpy-uniform-50]": "too slow"},
        new=("bench/test_clear.py::clear[rust-uniform-7]",),
        gone=("bench/test_train.py::train[rust-bidding-5]",),
        removed=("bench/test_train.py::train[rust-bidding-50]",),
        nulls=(RUST[0], RUST[3]), notes={RUST[0]: "instructions +4.81%"},
    )  # fmt: skip
    return gated(
        plan, {RUST[0]: 0.05, RUST[1]: -0.12, RUST[2]: 0.04}, noise={PUBLIC: 0.2}, quote=QUOTE
    )


def gate_void() -> Judgement:
    """Judge a gate on a machine on which equal code differs."""
    wrong = f"head: {RUST[0]}: price is 3.0 where the reference has 2.5"
    return gated(
        plan_of([*RUST, PUBLIC, NUMBA], nulls=(RUST[0], RUST[3])),
        {"A/A " + RUST[3]: 0.04, RUST[2]: 0.06},
        wrong={RUST[0]: wrong, "A/A " + RUST[0]: wrong},
    )


def gate_idle() -> Judgement:
    """Judge a gate in which no benchmark is on both sides."""
    return judge_gate(
        plan_of([], new=tuple(f"bench/test_clear.py::{name}" for name in RUST)),
        None,
        TITLE,
        SETTINGS,
    )
