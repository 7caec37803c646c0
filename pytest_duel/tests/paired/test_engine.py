"""The paired engine: its schedule, and workers that misbehave.

Most of it runs against sides that only pretend, so that what they say and when is known.
"""

import io
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from subprocess import Popen
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from places import TOY
from pytest_duel.paired import client, engine, sampling
from pytest_duel.paired.client import TIMEOUT, Side, SideError, _pump, catalogue_workers
from pytest_duel.paired.engine import Arm, Contest, Engine, Measurements, lanes
from pytest_duel.paired.schedule import QUADS
from pytest_duel.support import processes, system

CATALOGUE = "toy_catalogue:pytest_duel_catalogue"
WORKERS = catalogue_workers(CATALOGUE)
PLAIN = ("scale", "plain", "mixed", 9000)

HELLO = 'import sys; sys.stdin.readline(); print("{}", flush=True); '

MORE = '''
import time
from dataclasses import replace

from pytest_duel.catalogue.model import Backend, Scenario
from toy_catalogue import pytest_duel_catalogue


def catalogue():
    """Return the toy's, with a backend that hangs and a scenario without calls."""
    toy = pytest_duel_catalogue()
    hangs = Backend("hangs", lambda: {"scale": lambda values: time.sleep(600)})
    nothing = Scenario("nothing", lambda n, items, seed: [], seed=1)
    return replace(
        toy,
        backends={**toy.backends, "hangs": hangs},
        scenarios={**toy.scenarios, "nothing": nothing},
    )
'''


def side(script: str) -> Side:
    return Side("toy", {}, (sys.executable, "-c", script))


def arm(*folders: Path, name: str = "toy") -> Arm:
    return Arm(
        name,
        (
            *map(str, folders),
            str(TOY),
        ),
    )


def against(backend: str, *folders: Path, scenario: str = "mixed") -> Contest:
    """Hold a backend against the plain one, which it follows in the name of the contest."""
    case = ("scale", "plain", scenario, 9000)
    return Contest(backend, (arm(*folders), arm(*folders)), (case, (case[0], backend, *case[2:])))


def measured(contests: list[Contest], blocks: int = 2, catalogue: str = CATALOGUE) -> Measurements:
    for found in Engine(catalogue_workers(catalogue), contests, seed=1).blocks():
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


@pytest.mark.parametrize(("script", "message"), [
    ("import sys; sys.exit(7)", "toy died with exit code 7"),
    ("import sys; sys.stdin.readline(); print('hello')", "toy printed garbage: 'hello'"),
    ("import sys; sys.stdin.readline(); print('[1]')", r"toy printed garbage: '\[1\]'"),
    ("import sys; sys.stdin.readline(); print('[' * 100000)", "toy printed garbage: '"),
    ("import time; time.sleep(60)", "toy did not answer in 0 s"),
    ("import sys; sys.stdin.readline(); print('{\"error\": \"no such case\"}')", "toy: no such"),
])  # fmt: skip
def test_a_worker_that_misbehaves_is_named(script: str, message: str) -> None:
    worker = side(script)
    try:
        with pytest.raises(SideError, match=message):
            worker.ask({"do": "hello"}, timeout=0.4 if "sleep" in script else 30)
    finally:
        worker.close()


def test_closing_a_side_ends_its_process() -> None:
    worker = side(HELLO + "import time; time.sleep(60)")
    assert worker.ask({"do": "hello"}) == {}
    worker.close()
    with pytest.raises(SideError, match="died"):
        worker.ask({"do": "time"})


def test_who_waits_for_a_side_that_another_closes_hears_of_it() -> None:
    worker = side(HELLO + "import time; time.sleep(60)")
    assert worker.ask({"do": "hello"}) == {}
    heard: list[str] = []

    def wait() -> None:
        with pytest.raises(SideError) as caught:
            worker.ask({"do": "time"})
        heard.append(str(caught.value))

    waiting = threading.Thread(target=wait)
    waiting.start()
    worker.close()
    waiting.join(60)
    assert len(heard) == 1
    assert "toy died" in heard[0]


def test_a_pipe_that_is_closed_under_its_reader_ends_the_talk() -> None:
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    stream = io.StringIO("one\n")
    stream.close()
    _pump(stream, lines)
    assert lines.get_nowait() == ""


def test_each_block_gives_one_difference_and_faults_fail_their_contest_only(
    started: list[Popen[str]],
) -> None:
    faults = ("one-ulp", "absent", "panics", "nobody")
    found = measured([against("plain"), *map(against, faults), against("quick"), against("empty")])
    assert {name: len(values) for name, values in found.differences.items()} == {
        "plain": 2,
        "quick": 2,
        "empty": 2,
    }
    assert np.isfinite([*found.differences["plain"], *found.seconds["plain"]]).all()
    assert set(found.errors) == set(faults)
    assert "different answers" in found.errors["one-ulp"]
    assert "absent is not installed" in found.errors["absent"]
    assert "died" in found.errors["panics"]
    assert "nobody" in found.errors["nobody"]


def test_extra_work_is_seen() -> None:
    # Twice the calls, so that no machine is too noisy to see it.
    slow = Contest("slow", (arm(), arm()), (PLAIN, PLAIN), extra=1.0)
    assert min(measured([slow]).differences["slow"]) > 0.2


class Hasty(Side):
    """Does not wait long for what is known to hang."""

    def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
        return super().ask(request, 0.5 if request.get("name") == "hangs" else timeout)


def test_a_case_that_hangs_or_has_no_calls_is_named(
    tmp_path: Path, started: list[Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "more.py").write_text(MORE, encoding="utf-8")
    monkeypatch.setattr(client, "Side", Hasty)
    empty = Contest("empty", (arm(tmp_path),) * 2, (("scale", "plain", "nothing", 4),) * 2)
    contests = [against("hangs", tmp_path), empty, against("quick", tmp_path)]
    found = measured(contests, 1, "more:catalogue")
    assert set(found.differences) == {"quick"}
    assert "the case has no calls" in found.errors["empty"]
    assert "toy did not answer in" in found.errors["hangs"]


@pytest.mark.parametrize("stop", [GeneratorExit, KeyboardInterrupt])
def test_who_stops_early_leaves_no_process(
    stop: type[BaseException], started: list[Popen[str]]
) -> None:
    blocks = Engine(WORKERS, [against("quick")], 1).blocks()
    next(blocks)
    with pytest.raises(stop):
        blocks.throw(stop)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a signal to one thread")
def test_an_interrupt_ends_workers_that_hang(
    tmp_path: Path, started: list[Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "more.py").write_text(MORE, encoding="utf-8")
    asked = threading.Event()

    class Watched(Side):
        def ask(self, request: Mapping[str, Any], timeout: float = TIMEOUT) -> dict[str, Any]:
            if request.get("case", ())[1:2] == ["hangs"]:
                asked.set()
            return super().ask(request, timeout)

    def interrupt() -> None:
        asked.wait(60)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    monkeypatch.setattr(client, "Side", Watched)
    blocks = Engine(catalogue_workers("more:catalogue"), [against("hangs", tmp_path)], 1).blocks()
    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        next(blocks)


# The schedule, and answers that make no sense.


class Pretence:
    """A side that answers at once, and remembers what it was asked."""

    asked: ClassVar[list[tuple[str, Mapping[str, Any]]]]
    """Who, and what."""
    limits: ClassVar[list[tuple[str, str | None, float]]]
    """What, of which contest, and how long the answer is waited for."""
    alive: ClassVar[int]

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
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
                return {"seconds": 1e-4, "answers": None}
            case "time":
                return {"seconds": 1e-4 * request["calls"] * (1 + request["extra"])}
        return {}

    def close(self) -> None:
        type(self).alive -= 1


def pretend(monkeypatch: pytest.MonkeyPatch, cpus: int = 1, kind: type = Pretence) -> None:
    Pretence.asked, Pretence.limits, kind.alive = [], [], 0  # type: ignore[attr-defined]
    monkeypatch.setattr(client, "Side", kind)
    monkeypatch.setattr(engine, "lanes", lambda: list(range(cpus)))
    monkeypatch.setattr(engine, "usable_cpus", lambda: list(range(cpus)))
    monkeypatch.setattr(engine, "pinned", lambda others: nullcontext())


def contest(name: str, extra: float = 0.0, **more: Any) -> Contest:
    arms = Arm("A", ("a",)), Arm("B", ("b",))
    return Contest(name, arms, (("scale", name, "mixed", 4),) * 2, extra, **more)


def schedule(seed: int, blocks: int) -> list[tuple[str, Mapping[str, Any]]]:
    Pretence.asked = []
    measured_by_seed = Engine(WORKERS, [contest("one"), contest("two")], seed)
    for found in measured_by_seed.blocks():
        if found.blocks == blocks:
            break
    return Pretence.asked


def test_quads_are_balanced_and_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    timed = [(name, one) for name, one in schedule(1, 10) if one["do"] == "time"]
    quads = [timed[place : place + 4] for place in range(0, len(timed), 4)]
    assert len(quads) == 10 * 2 * QUADS
    for quad in quads:  # all four do the same calls
        assert len({(one["name"], one["calls"], one["start"]) for _, one in quad}) == 1
    orders = ["".join(name for name, _ in quad) for quad in quads]
    assert set(orders) == {"ABBA", "BAAB"}
    assert 0.4 < orders.count("ABBA") / len(orders) < 0.6


def test_either_arm_and_either_contest_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    opened = [(name, one["name"]) for name, one in schedule(1, 100) if one["do"] == "open"]
    firsts = opened[::2]
    assert len(firsts) == 200
    assert 70 < sum(name == "A" for name, _ in firsts) < 130
    assert 35 < sum(name == "one" for _, name in firsts[::2]) < 65


def test_the_seed_makes_the_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    assert schedule(1, 3) == schedule(1, 3)
    assert schedule(1, 3) != schedule(2, 3)


def test_answers_are_compared_once_and_processes_are_fresh_in_every_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend(monkeypatch)
    asked = schedule(1, 3)
    assert [one["digest"] for _, one in asked if one["do"] == "open"] == [True] * 4 + [False] * 8
    assert sum(one["do"] == "hello" for _, one in asked) == 3 * 2
    assert Pretence.alive == 0


def test_answers_to_two_questions_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    class Differing(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "open":
                return {"seconds": 1e-4, "answers": self.name if request["digest"] else None}
            return super().answer(request)

    pretend(monkeypatch, kind=Differing)
    found = measured([contest("alike"), contest("other", alike=False)], 1)
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
        pretend(patch, 3, Pinned)
        result = measured(contests, blocks)
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
    pretend(monkeypatch)
    for found in Engine(WORKERS, [contest("one"), contest("two", 0.25)], 1).blocks():
        assert found.differences == {
            "one": [pytest.approx(0.0)],
            "two": [pytest.approx(np.log(1.25))],
        }
        assert found.seconds == {"one": [pytest.approx(1e-4)], "two": [pytest.approx(1e-4)]}
        break


GARBAGE: list[tuple[str, dict[str, Any]]] = [
    ("open", {}),
    ("open", {"seconds": 0.0, "answers": None}),
    ("open", {"seconds": float("nan"), "answers": None}),
    ("open", {"seconds": 1e-320, "answers": None}),
    ("open", {"seconds": "soon", "answers": None}),
    ("open", {"seconds": 1e-4, "answers": [1]}),
    ("time", {}),
    ("time", {"seconds": 0}),
    ("time", {"seconds": -1.0}),
    ("time", {"seconds": None}),
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

    pretend(monkeypatch, kind=Odd)
    found = measured([contest("odd"), contest("even")], 3)
    assert set(found.errors) == {"odd"}
    assert "garbage" in found.errors["odd"]
    assert {name: len(own) for name, own in found.differences.items()} == {"even": 3}
    assert Odd.alive == 0


def test_a_worker_that_cannot_be_started_fails_its_contests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Unborn(Pretence):
        def __init__(self, name: str, environment: Mapping[str, str]) -> None:
            raise OSError("no more processes")

    pretend(monkeypatch, kind=Unborn)
    found = measured([contest("one")], 1)
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

    pretend(monkeypatch, 2, Uneven)
    for found in Engine(WORKERS, [contest("odd"), contest("even")], 1).blocks():
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

    class Late(engine.Sides):
        def __init__(self, launch: engine.Launch, cpus: Sequence[int]) -> None:
            super().__init__(launch, cpus)
            assert list(cpus) == [0] or failed.wait(60)

    class Uneven(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if (request["do"], request.get("name")) == ("open", "odd"):
                asked.append(self.cpus)
                raise SideError("it hangs")
            return super().answer(request)

        def close(self) -> None:
            super().close()
            if self.cpus == [0]:  # the first block is not in before the second is
                failed.set()
                done.wait(60)
            else:
                done.set()

    pretend(monkeypatch, 2, Uneven)
    monkeypatch.setattr(engine, "Sides", Late)
    found = measured([contest("odd"), contest("even")], 2)
    assert asked == [[0]]
    assert found.errors == {"odd": "it hangs"}
    assert len(found.differences["even"]) == 2


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
                return {"seconds": call, "answers": None}
            return super().answer(request)

    pretend(monkeypatch, kind=Slow)
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: now[0]))
    measured([contest("one")], 2)
    limits = {do: [own for what, _, own in Pretence.limits if what == do]
              for do in ("open", "time")}  # fmt: skip
    # The very first may compile; from then on it is known how long that takes.
    assert limits["open"] == pytest.approx([TIMEOUT, *[open_limit] * 3])
    assert limits["time"] == pytest.approx([time_limit] * len(limits["time"]))


def test_more_work_may_take_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(Pretence):
        def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
            if request["do"] == "open":
                return {"seconds": 1.0, "answers": None}
            return super().answer(request)

    pretend(monkeypatch, kind=Slow)
    measured([contest("one", extra=1.0)], 1)
    assert {own for what, _, own in Pretence.limits if what == "time"} == {30.0, 60.0}


def test_what_is_dropped_is_measured_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch)
    own = Engine(WORKERS, [contest(name) for name in ("one", "two", "three")], 1)
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
    pretend(monkeypatch)
    for thresholds in {}, {"gone": 0.02}:
        found = sampling.sample(
            Engine(WORKERS, [], 1),
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
    monkeypatch.setattr(engine, "usable_cpus", lambda: sorted(siblings))
    monkeypatch.setattr(system, "HERE", system.Tree(tmp_path))
    for cpu, said in siblings.items():
        if said is not None:
            path = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"
            path.parent.mkdir(parents=True)
            path.write_text(f"{said}\n")
    assert lanes() == expected
