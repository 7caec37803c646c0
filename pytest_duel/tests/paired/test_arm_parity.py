"""Holding arms against the reference, with workers that die, hang or print garbage."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from places import TOY
from pytest_duel.catalogue.model import Case
from pytest_duel.paired import client, parity
from pytest_duel.paired.client import TIMEOUT, SideError
from pytest_duel.paired.engine import Arm
from pytest_duel.paired.parity import AGAIN_SECONDS, SECONDS, check

MORTAL = '''
"""The toy, with a backend that takes its process with it."""

import os
from dataclasses import replace

from pytest_duel.catalogue.model import Backend
from toy_catalogue import pytest_duel_catalogue


def dies(values, factor=2.0):
    os.write(2, b"these were its last words\\n")
    os._exit(7)


def catalogue():
    toy = pytest_duel_catalogue()
    mortal = Backend("dies", lambda: {"scale": dies})
    return replace(toy, backends={**toy.backends, "dies": mortal})
'''


def case(backend: str, kernel: str = "scale", n: int = 9000) -> Case:
    return Case(kernel, backend, "mixed", n)


def test_a_backend_that_kills_its_worker_fails_its_cases_only(tmp_path: Path) -> None:
    (tmp_path / "mortal.py").write_text(MORTAL, encoding="utf-8")
    arm = Arm(
        "toy",
        (
            str(tmp_path),
            str(TOY),
        ),
    )
    good = [case("quick"), case("even"), case("quick", "scale_all")]
    bad = [case("dies"), case("dies", n=100), case("one-ulp")]
    both = check([(arm, [*good, *bad]), (arm, good)], "mortal:catalogue")
    for found, wrong in zip(both, (bad, []), strict=True):
        assert set(found.wrong) == {one.id for one in wrong}
        assert found.calls > 0
    for one in bad[:2]:
        assert "toy died with exit code 7: these were its last words" in both[0].wrong[one.id]
    assert "one-ulp disagrees with plain" in both[0].wrong[bad[2].id]


class Pretence:
    """A worker that answers at once; each of them is asked for one check only."""

    alive: ClassVar[int]
    closed: ClassVar[threading.Event]
    asked: ClassVar[list[tuple[list[str], float]]]
    """Which backends were to be checked, and within how many seconds."""
    answer: ClassVar[Callable[[list[str]], dict[str, Any]]]

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        type(self).alive += 1

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        if request["do"] == "hello":
            assert request["cpus"] == []
            return {}
        names = [one[1] for one in request["cases"]]
        self.asked.append((names, timeout))
        return type(self).answer(names)

    def close(self) -> None:
        type(self).alive -= 1
        self.closed.set()


@pytest.fixture
def pretence(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Pretence]]:
    """Return the workers, none of which is left in the end."""
    Pretence.alive, Pretence.asked, Pretence.closed = 0, [], threading.Event()
    monkeypatch.setattr(client, "Side", Pretence)
    yield Pretence
    assert Pretence.alive == 0


ARM = Arm("toy", ())
FINE: dict[str, Any] = {"calls": 5, "wrong": {}}


def hangs(names: list[str]) -> dict[str, Any]:
    raise SideError("toy did not answer in 120 s")


def has_no_memory(names: list[str]) -> dict[str, Any]:
    raise OSError("no more processes")


@pytest.mark.parametrize(("fault", "reason"), [
    (hangs, "did not answer"),
    (has_no_memory, "no more processes"),
    (lambda names: {}, "wrong"),
    (lambda names: {"wrong": 7, "calls": 1}, "attribute"),
    (lambda names: {"wrong": {}, "calls": "many"}, "many"),
    (lambda names: {"wrong": {}, "calls": None}, "NoneType"),
    (lambda names: {"wrong": {}, "calls": float("inf")}, "infinity"),
])  # fmt: skip
def test_who_is_at_fault_is_found_with_fresh_workers(
    pretence: type[Pretence], fault: Callable[[list[str]], dict[str, Any]], reason: str
) -> None:
    pretence.answer = staticmethod(lambda names: fault(names) if "bad" in names else FINE)
    cases = [case("good"), case("bad"), case("bad", n=5), case("other"), case("bad", "scale_all")]
    (found,) = check([(ARM, cases)], "no:catalogue")
    assert set(found.wrong) == {one.id for one in cases if one.backend == "bad"}
    assert all("the parity check failed" in why and reason in why for why in found.wrong.values())
    assert found.calls == 2 * FINE["calls"]
    assert pretence.asked == [
        ([one.backend for one in cases], SECONDS),
        (["good"], AGAIN_SECONDS),
        (["bad", "bad"], AGAIN_SECONDS),
        (["other"], AGAIN_SECONDS),
        (["bad"], AGAIN_SECONDS),
    ]
    assert AGAIN_SECONDS < SECONDS


def test_a_worker_that_fails_once_blames_nobody(pretence: type[Pretence]) -> None:
    pretence.answer = staticmethod(lambda names: hangs(names) if len(names) == 2 else FINE)
    (found,) = check([(ARM, [case("good"), case("bad")])], "no:catalogue")
    assert found.wrong == {}


def test_where_all_goes_well_nobody_is_asked_twice(pretence: type[Pretence]) -> None:
    pretence.answer = staticmethod(lambda names: FINE)
    found = check([(ARM, [case("good"), case("bad")]), (ARM, [])], "no:catalogue")
    assert [one.calls for one in found] == [5, 0]
    assert [names for names, _ in pretence.asked] == [["good", "bad"]]


def test_an_interrupt_ends_all_workers(
    pretence: type[Pretence], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = threading.Event()

    def wait(names: list[str]) -> dict[str, Any]:
        begun.set()
        assert Pretence.closed.wait(60)
        return hangs(names)

    class Interrupted(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **options: Any) -> Any:
            super().submit(*arguments, **options)
            assert begun.wait(60)
            raise KeyboardInterrupt

    pretence.answer = staticmethod(wait)
    monkeypatch.setattr(parity, "ThreadPoolExecutor", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        check([(ARM, [case("good"), case("bad")])], "no:catalogue")
    assert len(pretence.asked) == 1  # nobody is asked again
