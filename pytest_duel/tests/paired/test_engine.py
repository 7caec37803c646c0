"""The paired engine: its schedule, and workers that misbehave.

Most of it runs against sides that only pretend, so that what they say and when is known.
"""

import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from subprocess import Popen
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from pytest_duel.paired import block, cores, engine, pytest_client, sampling
from pytest_duel.paired.block import Block
from pytest_duel.paired.channel import Channel
from pytest_duel.paired.client import (
    LEAST_PATIENCE,
    TIMEOUT,
    HangError,
    SideError,
    Waits,
    patience,
)
from pytest_duel.paired.contests import Arm, Contest
from pytest_duel.paired.cores import lanes
from pytest_duel.paired.engine import Engine
from pytest_duel.paired.in_turns import TurnsBlock
from pytest_duel.paired.measurements import Measurements
from pytest_duel.paired.pytest_client import PytestSide, Suite, pytest_workers
from pytest_duel.paired.schedule import FEW_QUADS, QUADS, Budget
from pytest_duel.paired.sides import Launch, Launched, Sides
from pytest_duel.paired.surroundings import surrounded
from pytest_duel.support import processes, system
from strangers import arm, copied

CALL = 1e-4
"""Seconds that a call of a pretence takes."""
TALKS = """
import json, os, sys, time
reads, writes = map(int, os.environ["PYTEST_DUEL_CHANNEL"].split(","))
hear, say = os.fdopen(reads), os.fdopen(writes, "w")
def answer(text):
    hear.readline()
    print(text, file=say, flush=True)
"""
"""What a program needs to talk as a worker does."""


def measured(
    launch: Launch, contests: list[Contest], blocks: int = 2, block: type[Block] = Block
) -> Measurements:
    for found in Engine(launch, contests, seed=1, block=block).blocks():
        if found.blocks == blocks:
            return found
    raise AssertionError("there are always more blocks")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Popen[str]]]:
    """Return the processes that are started, in the end of which none is left."""
    own: list[Popen[str]] = []
    start = processes.start

    def noted(*arguments: Any, **options: Any) -> Popen[str]:
        own.append(start(*arguments, **options))
        return own[-1]

    monkeypatch.setattr(processes, "start", noted)
    yield own
    assert own
    assert all(one.returncode is not None for one in own)


# Workers.


def side(script: str, scratch: Path) -> PytestSide:
    """Return a worker whose process runs another program."""
    program = sys.executable, "-c", TALKS + script
    return PytestSide(Arm("toy"), Suite(scratch, scratch), before=program)


@pytest.mark.parametrize(("script", "message"), [
    ("sys.exit(7)", "toy ended with exit code 7"),
    ("answer('hello')", "toy sent garbage: 'hello'"),
    ("answer('[1]')", r"toy sent garbage: '\[1\]'"),
    ("answer('[' * 100000)", "toy sent garbage: '"),
    ("time.sleep(60)", "toy did not answer in 0 s"),
    ("answer(json.dumps({'error': 'no such test'}))", "toy: no such test"),
])  # fmt: skip
def test_a_worker_that_misbehaves_is_named(script: str, message: str, tmp_path: Path) -> None:
    with closing(side(script, tmp_path)) as worker, pytest.raises(SideError, match=message):
        worker.ask({"do": "hello"}, timeout=0.4 if "sleep" in script else 30)


def test_what_a_worker_says_last_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = Channel.receive

    def slow(own: Channel) -> str:
        time.sleep(0.3)
        return receive(own)

    monkeypatch.setattr(Channel, "receive", slow)
    monkeypatch.setattr(pytest_client, "DRAINING", 30.0)  # the machine may be busy
    with closing(side("answer('{}')", tmp_path)) as worker:
        assert worker.ask({"do": "hello"}) == {}


WAITS = "answer('{}'); time.sleep(60)"


def test_closing_a_side_ends_its_process(tmp_path: Path) -> None:
    worker = side(WAITS, tmp_path)
    assert worker.ask({"do": "hello"}) == {}
    worker.close(0.0)
    with pytest.raises(SideError, match="toy was ended by SIGKILL"):
        worker.ask({"do": "time"})


def test_who_waits_for_a_side_that_another_closes_hears_of_it(tmp_path: Path) -> None:
    worker = side(WAITS, tmp_path)
    assert worker.ask({"do": "hello"}) == {}
    heard: list[str] = []

    def wait() -> None:
        with pytest.raises(SideError) as caught:
            worker.ask({"do": "time"})
        heard.append(str(caught.value))

    waiting = threading.Thread(target=wait)
    waiting.start()
    worker.close(0.0)
    waiting.join(60)
    assert len(heard) == 1
    assert "toy was ended" in heard[0]


def flat(home: Path) -> tuple[Launch, Contest]:
    """Return what starts workers of a toy, and one of its benchmarks against itself."""
    project = copied("flat", home / "toy")
    own = arm("toy", project)
    tests = Suite(project, home, ("benchmarks",))
    return pytest_workers(tests), Contest("benchmarks/test_toy.py::test_busy", (own, own))


def test_extra_work_is_seen(tmp_path: Path) -> None:
    launch, busy = flat(tmp_path)
    # Twice the calls, and one block of two is enough, so that no machine is too noisy to see it.
    slow = Contest(busy.name, busy.arms, extra=1.0, alike=False)
    assert max(measured(launch, [slow]).differences[busy.name]) > 0.2


def test_whichever_contest_a_process_opens_first_may_take_as_long_as_the_slowest() -> None:
    own = Waits()
    assert own.opening("two") == TIMEOUT
    own.opened("one", 1.0)  # it compiled what both use
    assert own.opening("two") == TIMEOUT
    own.opened("two", 0.001)
    assert own.opening("one") == own.opening("two") == patience(1.0)


def test_once_an_answer_has_not_come_first_answers_are_waited_for_as_the_slowest() -> None:
    own = Waits()
    own.hung()
    assert own.opening("one") == own.calling() == LEAST_PATIENCE
    own.called(2.0)
    own.opened("one", 1.0)
    assert own.opening("two") == own.calling() == patience(2.0)


@pytest.mark.parametrize("stop", [GeneratorExit, KeyboardInterrupt])
def test_who_stops_early_leaves_no_process(
    stop: type[BaseException], started: list[Popen[str]], tmp_path: Path
) -> None:
    launch, busy = flat(tmp_path)
    blocks = Engine(launch, [busy], 1).blocks()
    next(blocks)
    with pytest.raises(stop):
        blocks.throw(stop)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal to one thread")
def test_an_interrupt_ends_workers_that_hang(
    tmp_path: Path, started: list[Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copied("served", tmp_path / "toy")
    monkeypatch.setenv("TOY_BROKEN", str(project))
    asked = threading.Event()

    class Watched(PytestSide):
        def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
            if request["do"] == "time":
                asked.set()
            return super().ask(request, timeout)

    def interrupt() -> None:
        asked.wait(60)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(pytest_client, "PytestSide", Watched)
    own = arm("toy", project)
    hangs = Contest("tests/test_faults.py::test_hangs", (own, own))
    tests = Suite(project, tmp_path, ("tests/test_faults.py",))
    blocks = Engine(pytest_workers(tests), [hangs], 1).blocks()
    # What is started in the background by a shell ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            next(blocks)
    finally:
        signal.signal(signal.SIGINT, before)


# The schedule, and answers that make no sense.


class Pretence:
    """A side that answers at once, and remembers what it was asked."""

    asked: ClassVar[list[tuple[str, Mapping[str, Any]]]]
    """Who, and what."""
    limits: ClassVar[list[tuple[str, str | None, float]]]
    """What, of which contest, and how long the answer is waited for."""
    alive: ClassVar[int]

    def __init__(self, name: str) -> None:
        self.name = name
        self.cpus: list[int] = []
        type(self).alive += 1

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        self.asked.append((self.name, request))
        self.limits.append((request["do"], request.get("name"), timeout))
        self.cpus = request.get("cpus", self.cpus)
        return self.answer(request)

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        match request["do"]:
            case "open":
                return {"calls": 1, "limit": None, "answers": None}
            case "time":
                return {"seconds": CALL * request["calls"] * (1 + request["extra"])}
        return {}

    def dismiss(self) -> None:
        pass

    def close(self, seconds: float = 0.0) -> None:
        type(self).alive -= 1


def pretend(
    monkeypatch: pytest.MonkeyPatch, cpus: int = 1, kind: type[Pretence] = Pretence
) -> Launch:
    """Return what starts sides that pretend, on a machine of so many cores."""
    Pretence.asked, Pretence.limits, kind.alive = [], [], 0
    monkeypatch.setattr(engine, "lanes", lambda: list(range(cpus)))
    monkeypatch.setattr(engine, "usable_cpus", lambda: list(range(cpus)))
    monkeypatch.setattr(engine, "pinned", lambda others: nullcontext())
    return lambda arm, cpus: Launched(kind(arm.name), {"do": "hello", "cpus": list(cpus)})


def contest(name: str, extra: float = 0.0, **more: Any) -> Contest:
    return Contest(name, (Arm("A"), Arm("B")), extra, **more)


def schedule(launch: Launch, seed: int, blocks: int) -> list[tuple[str, Mapping[str, Any]]]:
    Pretence.asked = []
    measured_by_seed = Engine(launch, [contest("one"), contest("two")], seed)
    for found in measured_by_seed.blocks():
        if found.blocks == blocks:
            break
    return Pretence.asked


def test_both_arms_of_a_block_get_what_is_drawn_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = pretend(monkeypatch)
    started: list[Arm] = []

    def launch(arm: Arm, cpus: Sequence[int]) -> Launched:
        started.append(arm)
        return plain(arm, cpus)

    own = Engine(
        launch, [contest("one")], 1, most=3, draw=lambda arm, block: surrounded(arm, 7, block)
    )
    for _ in own.blocks():
        pass
    drawn = [{*arm.environment.items()} for arm in started]
    assert drawn[0::2] == drawn[1::2]
    assert len({frozenset(one) for one in drawn}) == 3
    assert {arm.name for arm in started[:2]} == {"A", "B"}
    given = surrounded(Arm("A", environment={"PYTHONHASHSEED": "0"}), 7, 1)
    assert given.environment["PYTHONHASHSEED"] == "0"  # what an arm says of itself counts


def test_quads_are_balanced_and_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = schedule(pretend(monkeypatch), 1, 10)
    timed = [(name, one) for name, one in asked if one["do"] == "time"]
    # Calibration comes first, and its calls are fewer than those of a batch.
    least = max(one["calls"] for _, one in timed)
    batches = [(name, one) for name, one in timed if one["calls"] == least]
    quads = [batches[place : place + 4] for place in range(0, len(batches), 4)]
    assert len(quads) == 10 * 2 * QUADS
    for quad in quads:
        assert len({one["name"] for _, one in quad}) == 1
    orders = ["".join(name for name, _ in quad) for quad in quads]
    assert set(orders) == {"ABBA", "BAAB"}
    assert 0.4 < orders.count("ABBA") / len(orders) < 0.6


def test_either_arm_and_either_contest_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = schedule(pretend(monkeypatch), 1, 100)
    opened = [(name, one["name"]) for name, one in asked if one["do"] == "open"]
    firsts = opened[::2]
    assert len(firsts) == 200
    assert 70 < sum(name == "A" for name, _ in firsts) < 130
    assert 35 < sum(name == "one" for _, name in firsts[::2]) < 65


def test_the_seed_makes_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = pretend(monkeypatch)
    assert schedule(launch, 1, 3) == schedule(launch, 1, 3)
    assert schedule(launch, 1, 3) != schedule(launch, 2, 3)


def test_answers_are_compared_once_and_processes_are_fresh_in_every_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = schedule(pretend(monkeypatch), 1, 3)
    assert [one["digest"] for _, one in asked if one["do"] == "open"] == [True] * 4 + [False] * 8
    assert sum(one["do"] == "hello" for _, one in asked) == 3 * 2
    assert Pretence.alive == 0


def test_answers_to_two_questions_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    class Differing(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "open":
                return super().answer(request) | {
                    "answers": self.name if request["digest"] else None
                }
            return super().answer(request)

    launch = pretend(monkeypatch, kind=Differing)
    found = measured(launch, [contest("alike"), contest("other", alike=False)], 1)
    assert "different answers" in found.errors["alike"]
    assert list(found.differences) == ["other"]


def cpus_of(contests: list[Contest], blocks: int) -> dict[str, set[tuple[int, ...]]]:
    """Return which CPUs the sides of each contest were pinned to."""
    found: dict[str, set[tuple[int, ...]]] = {one.name: set() for one in contests}

    class Pinned(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "time":
                found[request["name"]].add(tuple(self.cpus))
            return super().answer(request)

    with pytest.MonkeyPatch.context() as patch:
        result = measured(pretend(patch, 3, Pinned), contests, blocks)
    assert Pinned.alive == 0
    for name, why in result.errors.items():
        assert why == "it needs 4 cores, and can be pinned to 3", name
        assert not found.pop(name)
    return found


def test_both_arms_share_as_many_cpus_as_a_contest_needs() -> None:
    plain = contest("one")
    assert cpus_of([plain], 30)["one"] <= {(0,), (1,), (2,)}
    # The third core cannot hold a block of two, so it is left alone.
    assert cpus_of([plain, contest("two", cpus=2)], 6) == {"one": {(0,)}, "two": {(0, 1)}}
    assert cpus_of([contest("three", cpus=3)], 2) == {"three": {(0, 1, 2)}}


def test_a_contest_that_needs_more_cpus_than_there_are_fails_alone() -> None:
    found = cpus_of([contest("one"), contest("four", cpus=4)], 30)
    assert list(found) == ["one"]
    assert found["one"] <= {(0,), (1,), (2,)}


def test_the_difference_is_the_extra_work(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = pretend(monkeypatch)
    for found in Engine(launch, [contest("one"), contest("two", 0.25)], 1).blocks():
        assert found.differences == {
            "one": [pytest.approx(0.0)],
            "two": [pytest.approx(np.log(1.25))],
        }
        assert found.seconds == {"one": [pytest.approx(CALL)], "two": [pytest.approx(CALL)]}
        break


def test_arms_that_take_turns_do_the_same_calls_one_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alive = []

    class Alone(Pretence):
        def __init__(self, name: str) -> None:
            super().__init__(name)
            alive.append(Alone.alive)

    launch = pretend(monkeypatch, 2, Alone)
    pairs = [contest("one"), contest("two", 0.25)]
    for found in Engine(launch, pairs, 1, block=TurnsBlock).blocks():
        if found.blocks == 20:
            break
    assert set(alive) == {1}
    assert found.differences["two"] == pytest.approx([np.log(1.25)] * 20)
    calls = {
        arm: [(one["name"], one["calls"]) for name, one in Pretence.asked
              if name == arm and one["do"] == "time"]
        for arm in ("A", "B")
    }  # fmt: skip
    assert calls["A"] == calls["B"]
    starts = [name for name, one in Pretence.asked if one["do"] == "hello"]
    assert {*starts[::2]} == {"A", "B"}


@pytest.mark.parametrize("lasts", [1e-9, 0.3])
def test_calls_are_planned_by_how_long_they_last_where_the_test_times_a_part_of_them(
    lasts: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OfItsOwnCount(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            told = super().answer(request)
            return {**told, "lasted": lasts * request["calls"]} if "seconds" in told else told

    launch = pretend(monkeypatch, kind=OfItsOwnCount)
    found = measured(launch, [contest("one")], 1)
    assert found.seconds["one"] == pytest.approx([CALL])
    calls = [one["calls"] for _, one in Pretence.asked if one["do"] == "time"]
    assert (max(calls) == 1) == (lasts > 0.1)
    assert (len(calls) < 20) == (lasts > 0.1)


@pytest.mark.parametrize("block", [Block, TurnsBlock])
def test_set_up_counts_for_waits_and_for_the_budget(
    block: type[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    lasts = 2.0

    class SetUp(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            match request["do"]:
                case "open":
                    return {"calls": 1, "limit": 1000, "answers": None}
                case "time":
                    calls = request["calls"]
                    return {"seconds": 1e-6 * calls, "lasted": lasts * calls}
            return {}

    launch = pretend(monkeypatch, kind=SetUp)
    budget = Budget(seconds=1200.0, blocks=10)
    own = Engine(launch, [contest("one")], 1, budget, block, most=1)
    for _ in own.blocks():
        pass
    assert own.measured.differences == {"one": [0.0]}
    calls = [one["calls"] for _, one in Pretence.asked if one["do"] == "time"]
    waits = [limit for do, _, limit in Pretence.limits if do == "time"]
    assert all(limit > lasts * number for limit, number in zip(waits, calls, strict=True))
    assert budget.share / 2 < lasts * sum(calls) <= budget.share + 2 * lasts


@pytest.mark.parametrize("slower", [1.0, 3.0, 1000.0])
def test_an_arm_that_is_far_slower_does_not_make_its_turn_endless(
    slower: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Uneven(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "time" and self.name == "B":
                return {"seconds": slower * CALL * request["calls"]}
            return super().answer(request)

    launch = pretend(monkeypatch, kind=Uneven)
    found = measured(launch, [contest("one")], 1, TurnsBlock)
    assert found.differences["one"] == pytest.approx([np.log(slower)])
    batches = [name for name, one in Pretence.asked if one["do"] == "time"]
    assert (batches.count("B") < batches.count("A")) == (slower > 100)


@pytest.mark.parametrize(("block", "known"), [(Block, {(CALL, 40.0)}),
                                               (TurnsBlock, {(40.0, 40.0)})])  # fmt: skip
def test_how_long_calls_take_is_told_where_the_budget_is_too_small(
    block: type[Block], known: set[tuple[float, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Slow(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "time" and (self.name == "B" or block is TurnsBlock):
                return {"seconds": 40.0 * request["calls"]}
            return super().answer(request)

    launch = pretend(monkeypatch, kind=Slow)
    measuring = Engine(launch, [contest("one")], 1, Budget(10.0), block, most=1)
    for _ in measuring.blocks():
        pass
    assert set(measuring.measured.unaffordable) == {"one"}
    assert set(measuring.measured.slow_calls.values()) == known


def test_in_turns_a_slow_head_is_held_against_the_base_before_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "time" and self.name == "B":
                return {"seconds": 40.0 * request["calls"]}
            return super().answer(request)

    known: set[tuple[float, ...]] = set()
    for seed in range(12):  # either arm comes first
        launch = pretend(monkeypatch, kind=Slow)
        one = Engine(launch, [contest("one")], seed, Budget(10.0), TurnsBlock, most=1)
        for _ in one.blocks():
            pass
        known |= set(one.measured.slow_calls.values())
        done = [request["do"] for _, request in Pretence.asked]
        assert done.count("open") == done.count("close") == 2
    assert known == {(CALL, 40.0)}


GARBAGE: list[tuple[str, dict[str, Any]]] = [
    ("open", {}),
    ("open", {"calls": 1, "limit": "few", "answers": None}),
    ("open", {"calls": 1, "limit": None, "answers": [1]}),
    ("time", {}),
    ("time", {"seconds": -1.0}),
    ("time", {"seconds": None}),
    ("time", {"seconds": "soon"}),
    ("time", {"seconds": float("nan")}),
    ("time", {"seconds": float("inf")}),
]


@pytest.mark.parametrize(("do", "reply"), GARBAGE)
def test_an_answer_without_sense_fails_its_contest_only(
    do: str, reply: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if (request["do"], request.get("name")) == (do, "odd"):
                return reply
            return super().answer(request)

    found = measured(pretend(monkeypatch, kind=Odd), [contest("odd"), contest("even")], 3)
    assert set(found.errors) == {"odd"}
    assert "garbage" in found.errors["odd"]
    assert {name: len(own) for name, own in found.differences.items()} == {"even": 3}
    assert Odd.alive == 0


@pytest.mark.parametrize("seconds", [0, 1e-320])
@pytest.mark.parametrize("own", [Block, TurnsBlock])
def test_a_timer_that_does_not_move_is_told(
    seconds: float, own: type[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Coarse(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if (request["do"], request.get("name")) == ("time", "odd"):
                return {"seconds": seconds}
            return super().answer(request)

    asked = [contest("odd"), contest("even")]
    measuring = Engine(pretend(monkeypatch, kind=Coarse), asked, 1, block=own, most=2)
    found = list(measuring.blocks())[-1]
    assert found.errors["odd"].startswith("the benchmark's timer did not move during a call: a ")
    assert len(found.differences["even"]) == 2


def test_a_slow_call_is_repeated_in_one_block_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "time":
                return {"seconds": 3.0 * request["calls"]}
            return super().answer(request)

    launch = pretend(monkeypatch, kind=Slow)
    for _ in Engine(launch, [contest("one")], 1, Budget(180.0, blocks=2), most=2).blocks():
        pass
    calls = [do for do, _, _ in Pretence.limits].count("time")
    assert calls == 2 * (2 + 2 * FEW_QUADS) + 2 * (1 + 2 * FEW_QUADS)


def test_a_worker_that_cannot_be_started_fails_its_contests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unborn(Pretence):
        def __init__(self, name: str) -> None:
            raise OSError("no more processes")

    found = measured(pretend(monkeypatch, kind=Unborn), [contest("one")], 1)
    assert found.errors == {"one": "no more processes"}


def test_what_fails_on_one_core_is_forgotten_on_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    known = threading.Event()

    class Uneven(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "open" and request["name"] == "odd":
                if self.cpus == [0]:
                    raise SideError("it died here")
                known.wait(60)  # the other core is still at it when this is known
            return super().answer(request)

    launch = pretend(monkeypatch, 2, Uneven)
    for found in Engine(launch, [contest("odd"), contest("even")], 1).blocks():
        known.set()
        assert found.errors == {"odd": "it died here"}
        assert list(found.differences) == ["even"]
        assert len(found.differences["even"]) == found.blocks
        if found.blocks == 6:
            break
    assert Uneven.alive == 0


def test_no_other_block_waits_for_what_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    failed, done = threading.Event(), threading.Event()
    asked: list[list[int]] = []

    class Late(Sides):
        def __init__(self, launch: Launch, cpus: Sequence[int]) -> None:
            super().__init__(launch, cpus)
            assert list(cpus) == [0] or failed.wait(60)

    class Uneven(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if (request["do"], request.get("name")) == ("open", "odd"):
                asked.append(self.cpus)
                raise SideError("it hangs")
            return super().answer(request)

        def close(self, seconds: float = 0.0) -> None:
            super().close(seconds)
            if self.cpus == [0]:  # the first block is not in before the second is
                failed.set()
                done.wait(60)
            else:
                done.set()

    launch = pretend(monkeypatch, 2, Uneven)
    monkeypatch.setattr(engine, "Sides", Late)
    found = measured(launch, [contest("odd"), contest("even")], 2)
    assert asked == [[0]]
    assert found.errors == {"odd": "it hangs"}
    assert len(found.differences["even"]) == 2


def test_no_block_begins_once_all_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dead(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            raise SideError("it died")

    own = Engine(pretend(monkeypatch, kind=Dead), [contest("one"), contest("two")], 1)
    assert [found.blocks for found in own.blocks()] == [1]
    assert own.measured.errors == {"one": "it died", "two": "it died"}


@pytest.mark.parametrize(("opening", "call", "open_limit", "time_limit"), [
    (0.001, 1e-6, 10.0, 10.0),
    (2.0, 1e-6, 60.0, 10.0),
    (50.0, 1.0, 120.0, 30.0),
    (50.0, 9.0, 120.0, 120.0),
])  # fmt: skip
def test_an_answer_is_waited_for_as_long_as_it_may_take(
    opening: float,
    call: float,
    open_limit: float,
    time_limit: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]

    class Slow(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "open":
                now[0] += opening
            if request["do"] == "time":
                return {"seconds": call * request["calls"]}
            return super().answer(request)

    launch = pretend(monkeypatch, kind=Slow)
    monkeypatch.setattr(block, "time", SimpleNamespace(monotonic=lambda: now[0]))
    measured(launch, [contest("one")], 2)
    limits = {do: [own for what, _, own in Pretence.limits if what == do]
              for do in ("open", "time")}  # fmt: skip
    # The very first may compile; from then on it is known how long that takes.
    assert limits["open"] == pytest.approx([TIMEOUT, *[open_limit] * 3])
    # So it is with a call, once the benchmark is calibrated.
    assert limits["time"][0] == TIMEOUT
    assert limits["time"][-1] == pytest.approx(time_limit)


@pytest.mark.parametrize("block", [Block, TurnsBlock])
def test_ten_that_hang_cost_one_long_wait(
    block: type[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hanging(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "time" and request["name"] != "fine":
                raise HangError(f"{self.name} hangs")
            return super().answer(request)

    ten = [f"hangs {number}" for number in range(10)]
    asked = [contest(name) for name in ("fine", *ten)]
    told: list[str] = []
    launch = pretend(monkeypatch, kind=Hanging)
    own = Engine(launch, asked, 1, block=block, most=2, tell=lambda name, why: told.append(name))
    found = list(own.blocks())[-1]
    assert found.errors.keys() == {*ten}
    assert sorted(told) == sorted(ten)
    assert len(found.differences["fine"]) == 2
    waits = [own for do, name, own in Pretence.limits if do == "time" and name != "fine"]
    assert waits == [TIMEOUT, *[LEAST_PATIENCE] * 9]


def test_more_work_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "time":
                return {"seconds": float(request["calls"])}
            return super().answer(request)

    measured(pretend(monkeypatch, kind=Slow), [contest("one", extra=1.0)], 1)
    limits = {own for what, _, own in Pretence.limits if what == "time"}
    assert limits == {TIMEOUT, 30.0, 60.0}


def test_what_is_dropped_is_measured_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    launch = pretend(monkeypatch)
    own = Engine(launch, [contest(name) for name in ("one", "two", "three")], 1)
    own.give_up({"three": "it is wrong"})
    for found in own.blocks():
        if found.blocks == 2:
            own.drop({"one"})
        if found.blocks == 5:
            break
    assert {name: len(values) for name, values in own.measured.differences.items()} == {
        "one": 2,
        "two": 5,
    }
    assert own.measured.errors == {"three": "it is wrong"}


def test_an_engine_without_contests_ends_whoever_waits_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launch = pretend(monkeypatch)
    for thresholds in {}, {"gone": 0.02}:
        found = sampling.sample(
            Engine(launch, [], 1),
            thresholds,
            {},
            60.0,
            lambda progress: None,
        )
        assert not found.estimates
        assert not found.verdicts
    assert Pretence.asked == []


@pytest.mark.parametrize(("siblings", "expected"), [
    ({0: "0", 1: "1"}, [0, 1]),
    ({0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"}, [0, 2]),
    ({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}, [0, 1]),
    ({cpu: str(cpu) for cpu in range(9)}, [0, 1, 2, 3]),
    ({0: None, 1: None}, [0, 1]),
])  # fmt: skip
def test_blocks_side_by_side_share_no_core(
    siblings: Mapping[int, str | None],
    expected: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cores, "usable_cpus", lambda: sorted(siblings))
    monkeypatch.setattr(system, "HERE", system.Tree(tmp_path))
    for cpu, said in siblings.items():
        if said is not None:
            path = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
            path.parent.mkdir(parents=True)
            path.write_text(f"{said}\n")
    assert lanes() == expected
