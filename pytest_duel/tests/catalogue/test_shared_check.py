"""A check that two processes share finds what one alone finds, whatever becomes of the other."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_duel.catalogue import answers, parity, shared_check
from pytest_duel.catalogue.answers import Answers
from pytest_duel.catalogue.model import (
    Arguments,
    Backend,
    Case,
    Catalogue,
    Example,
    Kernel,
    Scenario,
)
from pytest_duel.catalogue.parity import Checker, Part, Report
from pytest_duel.catalogue.shared_check import Share

CASES = [
    Case("sum", "loose", "rare", 1),
    *(
        Case(kernel, name, "ones", n)
        for kernel in ("sum", "twice")
        for name in ("slow", "fast", "wrong")
        for n in (1, 2, 3)
    ),
]
EXAMPLES = [Example("two", lambda: ((np.full(2, 2.0),), {}))]


def total(values: Any) -> tuple[float]:
    return (float(np.sum(values)),)


def wrong(values: Any) -> tuple[float]:
    """Return a sum that is wrong for three units."""
    return (float(np.sum(values)) + (len(values) == 3),)


CALLS: dict[tuple[str, str], Callable[..., Any]] = {
    (kernel, name): wrong if name in ("wrong", "loose") else total
    for kernel in ("sum", "twice")
    for name in ("slow", "fast", "wrong", "loose")
}
CATALOGUE = Catalogue(
    reference="slow",
    kernels={
        name: Kernel(name, outputs=("total",), adversarial=lambda: EXAMPLES)
        for name in ("sum", "twice")
    },
    backends={
        **{name: Backend(name, dict) for name in ("slow", "fast", "wrong")},
        "loose": Backend("loose", dict, domain=frozenset({"rare"}), survives=frozenset()),
    },
    scenarios={
        "ones": Scenario("ones", lambda *_: [], seed=1),
        "rare": Scenario("rare", lambda *_: [], seed=1, traits=frozenset({"rare"})),
    },
    sweeps=(),
)


def pool(case: Case) -> Sequence[Arguments]:
    return [(np.ones(case.n),), (np.full(case.n, 0.5),)]


def checker(file: Path | None = None) -> Checker:
    return Checker(CATALOGUE, CALLS, pool, Answers(file))


PARTS = parity.parts(CATALOGUE, CASES, CALLS)


def said(report: Report) -> dict[str, Any]:
    """Return a report; how often a wrong backend is asked is told by whoever asks first."""
    calls = {key: one for key, one in report.checked.items() if key[1] != "wrong"}
    return dataclasses.asdict(dataclasses.replace(report, checked=calls))


def alone() -> dict[str, Any]:
    return said(checker().check_all(PARTS))


@pytest.mark.parametrize("taken", [0, 1, len(PARTS) // 2, len(PARTS)])
def test_both_together_find_what_one_alone_finds(taken: int, tmp_path: Path) -> None:
    share = Share(tmp_path)
    shared_check.check_some(checker(), PARTS[:taken], share)
    assert said(shared_check.check_all(checker(), PARTS, share, lambda: True)) == alone()


def test_no_part_is_checked_twice(tmp_path: Path) -> None:
    checked: list[Part] = []

    class Counting(Checker):
        def check(self, part: Part) -> Report:
            checked.append(part)
            if len(checked) == 2:  # meanwhile the other process does what is left
                shared_check.check_some(Counting(CATALOGUE, CALLS, pool, Answers()), PARTS, share)
            return super().check(part)

    share = Share(tmp_path)
    own = Counting(CATALOGUE, CALLS, pool, Answers())
    shared_check.check_all(own, PARTS, share, lambda: True)
    assert sorted(one.name for one in checked) == sorted(one.name for one in PARTS)


def test_what_a_process_has_taken_that_died_is_checked_here(tmp_path: Path) -> None:
    share = Share(tmp_path)
    assert all(share.takes(part) for part in PARTS[::2])
    assert said(shared_check.check_all(checker(), PARTS, share, lambda: False)) == alone()


def test_a_process_that_hangs_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_check, "LONGEST", 0.0)
    share = Share(tmp_path)
    assert share.takes(PARTS[0])
    assert said(shared_check.check_all(checker(), PARTS, share, lambda: True)) == alone()


def test_what_the_reference_has_answered_elsewhere_is_kept_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "ASKED_AGAIN", 10**9)
    share, file = Share(tmp_path), tmp_path / "kept.json"
    shared_check.check_some(checker(), PARTS, share)
    own = checker(file)
    shared_check.check_all(own, PARTS, share, lambda: True)
    own.answers.save()
    again = checker(file)
    assert said(again.check_all(PARTS)) == alone()
    assert not again.answers.new.keys() - Answers(file)._kept.keys()


def test_parts_have_names_of_their_own() -> None:
    assert {part.asks for part in PARTS} == set(parity.Asks)
    assert len({part.name for part in PARTS}) == len(PARTS)
