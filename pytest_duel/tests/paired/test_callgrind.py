"""Counting instructions: the same number every time, and a reason where there is none."""

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from pytest_duel.paired import callgrind
from pytest_duel.paired.callgrind import Counted, CountError, compare, count, unavailable
from pytest_duel.paired.engine import Arm

CATALOGUE = "laborious:catalogue"

LABORIOUS = '''
"""A project that adds up numbers, with backends that do not all live to see the sum."""

import os
import signal
import time

from pytest_duel.catalogue.model import Backend, Catalogue, Kernel, Scenario


def once(numbers):
    return sum(numbers)


def twice(numbers):
    return sum(numbers) + sum(numbers)


def dies(numbers):
    os.write(2, b"these were its last words\\n")
    os.kill(os.getpid(), signal.SIGILL)


def dies_under_valgrind(numbers):
    if "vgpreload" in os.environ.get("LD_PRELOAD", ""):
        dies(numbers)


def hangs(numbers):
    time.sleep(600)


def chats(numbers):
    print("{}")
    return sum(numbers)


def marks(numbers):
    os.getpgid(0)


def backend(call):
    return Backend(call.__name__, lambda: {"add": call, "stopwatch": call})


def absent():
    raise ImportError("absent is not installed: get it\\nfrom the shop")


def numbers(n, items, seed):
    return [(range(seed, seed + n),)] * items


def catalogue():
    backends = [*map(backend, (once, twice, dies, dies_under_valgrind, hangs, chats, marks))]
    return Catalogue(
        reference="once",
        kernels={
            "add": Kernel("add", ("sum",)),
            "stopwatch": Kernel("stopwatch", (), self_timed=True),
        },
        backends={one.name: one for one in [*backends, Backend("absent", absent)]},
        scenarios={
            "many": Scenario("many", numbers, seed=1000),  # no small numbers, which Python keeps
            "none": Scenario("none", lambda n, items, seed: [], seed=1),
        },
        sweeps=(),
    )
'''

MakeArm = Callable[[str], Arm]


def case(backend: str, kernel: str = "add", scenario: str = "many") -> tuple[str, str, str, int]:
    return kernel, backend, scenario, 1000


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; nothing may be left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def make_arm(tmp_path: Path) -> MakeArm:
    """Return a function that installs the same code in a folder of the name."""

    def make(name: str) -> Arm:
        home = tmp_path / name
        home.mkdir()
        (home / "laborious.py").write_text(LABORIOUS, encoding="utf-8")
        return Arm(name, (str(home),))

    return make


@pytest.fixture
def arm(make_arm: MakeArm) -> Arm:
    return make_arm("toy")


@pytest.fixture(scope="module")
def valgrind() -> None:
    reason = unavailable()
    if reason:
        pytest.skip(reason)


def test_a_change_is_a_share_of_the_base() -> None:
    assert Counted(200.0, 250.0).change == pytest.approx(0.25)
    assert Counted(200.0, 100.0).change == pytest.approx(-0.5)


@pytest.fixture
def no_valgrind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "platform", "linux")


@pytest.mark.usefixtures("no_valgrind")
def test_missing_valgrind_is_a_reason_for_every_case(arm: Arm, scratch: Path) -> None:
    assert "valgrind is not installed" in str(unavailable())
    with pytest.raises(CountError, match="valgrind is not installed"):
        count(arm, case("once"), CATALOGUE)
    said: list[str] = []
    counted, errors = compare(
        (arm, arm), {"one": case("once"), "two": case("twice")}, CATALOGUE, said.append
    )
    assert (counted, said) == ({}, [])
    assert errors == dict.fromkeys(("one", "two"), unavailable())
    assert list(scratch.iterdir()) == []


def test_other_systems_are_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "on Linux only, and this is darwin" in str(unavailable())


@pytest.mark.parametrize(("script", "reason"), [
    ("echo 'valgrind: failed to start tool callgrind' >&2; exit 1", "exit code 1: .*failed to st"),
    ("kill -ILL $$", "Python died with SIGILL$"),
    ("sleep 60", "Python did not end in 0 s"),
])  # fmt: skip
def test_a_valgrind_that_does_not_work_here_is_a_reason(
    script: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(callgrind, "TRIAL_SECONDS", 0.4 if "sleep" in script else 30.0)
    fake = tmp_path / "valgrind"
    fake.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    fake.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda name: str(fake))
    with pytest.raises(CountError, match=reason):
        raise CountError(unavailable())


@pytest.mark.slow
@pytest.mark.usefixtures("valgrind")
def test_equal_code_gives_equal_counts_wherever_it_lies(make_arm: MakeArm, scratch: Path) -> None:
    first = count(make_arm("here"), case("once"), CATALOGUE)
    again = count(make_arm("there"), case("once"), CATALOGUE)
    assert again.per_call == pytest.approx(first.per_call, rel=1e-4)
    # Adding up a thousand numbers takes a thousand steps, and a million would be too many.
    assert 1e3 < first.per_call < 1e6
    assert list(scratch.iterdir()) == []


@pytest.mark.slow
@pytest.mark.usefixtures("valgrind")
def test_two_arms_are_compared_and_faults_fail_their_case_only(
    make_arm: MakeArm, scratch: Path
) -> None:
    said: list[str] = []
    names = ("once", "twice", "chats", "dies_under_valgrind", "marks", "absent", "nobody")
    cases = {name: case(name) for name in names}
    cases["stopwatch"] = case("once", kernel="stopwatch")
    cases["none"] = case("once", scenario="none")
    base, head = make_arm("base"), make_arm("head")
    laborious = Path(head.paths[0]) / "laborious.py"
    laborious.write_text(LABORIOUS.replace("seed + n", "seed + n + n // 10"), encoding="utf-8")
    counted, errors = compare((base, head), cases, CATALOGUE, said.append)
    assert set(counted) == {"once", "twice", "chats"}
    assert counted["twice"].base == pytest.approx(2 * counted["once"].base, rel=0.02)
    assert counted["once"].change == pytest.approx(0.1, abs=0.01)
    died = "under valgrind died with SIGILL: .*these were its last words"
    for name, reason in {
        "dies_under_valgrind": died,
        "marks": "did not see the loops",
        "absent": "ImportError: absent is not installed",
        "nobody": "KeyError: 'nobody'",
        "stopwatch": "stopwatch times itself",
        "none": "the pool of none at 1000 is empty",
    }.items():
        with pytest.raises(CountError, match=reason):
            raise CountError(errors.pop(name))
    assert errors == {}
    assert len(said) == 2 * len(cases)
    assert list(scratch.iterdir()) == []


@pytest.fixture
def untouched_valgrind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let valgrind seem to be there: what fails without it never gets as far as starting it."""
    monkeypatch.setattr(callgrind, "unavailable", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda name: "no such valgrind")


@pytest.mark.usefixtures("untouched_valgrind")
def test_a_program_that_dies_without_valgrind_says_so(arm: Arm) -> None:
    with pytest.raises(CountError, match=r"^toy died with SIGILL: these were its last words$"):
        count(arm, case("dies"), CATALOGUE)


@pytest.mark.parametrize("reply", [
    '{"calls": [1, 1]}', '{"calls": [2, 1]}', '{"calls": [0, 1]}', '{"calls": [null, 1]}',
    '{"calls": [Infinity, NaN]}', '{"calls": [1]}', '{"calls": 7}', '{"calls": ["a", "b"]}',
    '{}', '[]', "7", "", "[" * 100_000,
])  # fmt: skip
def test_a_reply_without_sense_fails_its_case_only(
    reply: str, arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(command: Sequence[str], environment: Mapping[str, str], name: str, *_: object) -> str:
        home = next((one for one in command if one.startswith("--callgrind-out-file=")), None)
        if home:
            counted(Path(home.partition("=")[2]), 100, 200, 300)
        return reply if "odd" in command[-1] else '{"calls": [1, 2]}'

    monkeypatch.setattr(callgrind, "unavailable", lambda: None)
    monkeypatch.setattr(shutil, "which", lambda name: "valgrind")
    monkeypatch.setattr(callgrind, "_run", run)
    cases = {"odd": case("odd"), "even": case("even")}
    found, errors = compare((arm, arm), cases, CATALOGUE, lambda _: None)
    assert found == {"even": Counted(100.0, 100.0)}
    assert set(errors) == {"odd"}
    assert "toy printed garbage" in errors["odd"]


def counted(path: Path, *totals: int) -> None:
    """Write what callgrind would."""
    for mark, total in enumerate(totals, 1):
        path.with_name(f"{path.name}.{mark}").write_text(f"totals: {total}\n", encoding="ascii")


@pytest.mark.parametrize("content", [
    b"totals: 200\n\xff\xfe\n", b"\xff\xfe", b"totals: 300\n", b"totals: " + b"9" * 5000 + b"\n",
])  # fmt: skip
def test_a_file_of_callgrind_without_sense_is_a_reason(content: bytes, tmp_path: Path) -> None:
    counted(tmp_path / "counts", 100, 200, 300)
    assert callgrind._loops(tmp_path) == (200, 300)
    (tmp_path / "counts.2").write_bytes(content)
    if content.startswith(b"totals: 200\n"):  # what matters can be read
        assert callgrind._loops(tmp_path) == (200, 300)
        return
    with pytest.raises(CountError, match="did not see the loops"):
        callgrind._loops(tmp_path)


@pytest.mark.usefixtures("untouched_valgrind")
def test_whatever_goes_wrong_with_a_count_fails_its_case_only(
    arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = {
        "a": ZeroDivisionError("no calls"),
        "b": TypeError("no number"),
        "c": OSError("full"),
    }

    def fail(arm: Arm, case: Sequence[object], *_: object) -> callgrind.Count:
        if case[1] in faults:
            raise faults[str(case[1])]
        return callgrind.Count((1, 2), (10, 30))

    monkeypatch.setattr(callgrind, "count", fail)
    cases = {name: case(name) for name in "abcd"}
    found, errors = compare((arm, arm), cases, CATALOGUE, lambda _: None)
    assert found == {"d": Counted(20.0, 20.0)}
    assert set(errors) == {"a", "b", "c"}
    assert "no calls" in errors["a"]


@pytest.mark.usefixtures("untouched_valgrind")
def test_a_program_that_hangs_is_ended(
    arm: Arm, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callgrind, "SECONDS", 0.4)
    with pytest.raises(CountError, match="toy did not end in 0 s"):
        count(arm, case("hangs"), CATALOGUE)
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("untouched_valgrind")
def test_an_interrupt_ends_what_is_running(
    arm: Arm, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(callgrind, "usable_cpus", lambda: [0, 1, 2])  # two for what hangs
    cases = {"hangs": case("hangs"), "fails": case("nobody")}
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        compare((arm, arm), cases, CATALOGUE, interrupt)
    assert time.monotonic() - started < 60  # not the ten minutes that they would take
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("untouched_valgrind")
def test_another_thread_can_give_a_count_up(arm: Arm, scratch: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(CountError, match="given up"):
        count(arm, case("hangs"), CATALOGUE, stop)
    assert list(scratch.iterdir()) == []
